"""What proves who a service is: API keys, public keys that sign assertions, the tokens issued for these."""

from gateway.domain import assertion as assertions
from gateway.domain.assertion import PublicKey
from gateway.domain.ids import random_id
from gateway.domain.parties import Person
from gateway.domain.principal import Principal
from gateway.domain.throttle import SECOND
from gateway.domain.tokens import mint
from gateway.errors import CONFLICT, NOT_FOUND, Problem, Refusal, declare
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.base import Done, Page
from gateway.schemas.sessions import (
    ApiKeyCreated,
    ApiKeyOut,
    ClientKeyOut,
    CreateApiKey,
    IssueToken,
    ListApiKeys,
    ListClientKeys,
    RegisterClientKey,
    RevokeApiKey,
    RevokeClientKey,
    TokenOut,
)
from gateway.store import auth as store
from gateway.store import parties, tokens
from gateway.store.tokens import Token
from gateway.usecases._door import door_of
from gateway.usecases._moves import may
from gateway.usecases._parties import end_tokens, thing_of, visible

ONLY_FOR_SERVICES = declare(
    "only-for-services", "invalid",
    zh="只能为本人或服务账户办理", en="Only for oneself or for a service account",
    remedy_zh="请由本人登录后自行新建", remedy_en="Let the person make it, signed in",
)  # fmt: skip

TOKEN_LIFE = 600  # seconds of an access token
_DAY = 86_400 * SECOND
_LIVE_KEYS = 20  # of one account


async def create_api_key(gw: Gateway, by: Principal, ask: CreateApiKey) -> ApiKeyCreated | Refusal:
    """A key of 256 random bits, shown in this answer alone: for oneself, or for a service account one looks after."""
    minted = mint("api_key")
    async with gw.begin() as tx:
        person = await visible(tx, by, ask.person_id or by.id)
        refused = await _looks_after(gw, tx, by, person)
        if refused is not None:
            return refused
        if len(await tokens.list_tokens(tx, person.person_id, kinds=("api_key",), live_at=tx.now)) >= _LIVE_KEYS:
            raise Problem(
                CONFLICT,
                detail_zh=f"至多{_LIVE_KEYS}个有效密钥,请先吊销不用的",
                detail_en=f"at most {_LIVE_KEYS} live keys: revoke one",
            )
        token = Token(
            token_id=random_id(), kind="api_key", person_id=person.person_id, label=ask.label, hint=minted.hint,
            method="issued", must="", source_address="", created_by=by.id, created_at=tx.now, seen_at=tx.now, idle_us=0,
            expires_at=tx.now + ask.days * _DAY,
        )  # fmt: skip
        await tokens.add_token(tx, minted.digest, token)
        tx.record(event_of(by, "api-key:created", tx.now, target_kind="person", target_id=person.person_id,
                           outcome="done", details={"key": token.token_id}))  # fmt: skip
    return ApiKeyCreated(**_api_key(token).model_dump(), api_key=minted.text)


async def list_api_keys(gw: Gateway, by: Principal, ask: ListApiKeys) -> Page[ApiKeyOut] | Refusal:
    """The API keys of oneself or of a service account one looks after, revoked ones included."""
    async with gw.begin() as tx:
        person = await visible(tx, by, ask.person_id or by.id)
        refused = await _looks_after(gw, tx, by, person)
        if refused is not None:
            return refused
        found = await tokens.list_tokens(tx, person.person_id, kinds=("api_key",), after=ask.after, limit=ask.limit + 1)
    items = tuple(_api_key(each) for each in found[: ask.limit])
    return Page[ApiKeyOut](items=items, next=items[-1].key_id if len(found) > ask.limit else None)


async def revoke_api_key(gw: Gateway, by: Principal, ask: RevokeApiKey) -> Done | Refusal:
    """The key no longer counts: one's own, or of an account one looks after, service or person."""
    async with gw.begin() as tx:
        token = await tokens.get_token(tx, ask.key_id)
        if token.kind != "api_key":
            raise Problem(NOT_FOUND)
        person = await visible(tx, by, token.person_id)
        if person.person_id != by.id:
            refused = await may(gw, tx, by, "party:change-user", thing_of(person), person.person_id)
            if refused is not None:
                return refused
        await tokens.set_token_revoked(tx, token.token_id)
        tx.record(event_of(by, "api-key:revoked", tx.now, target_kind="person", target_id=person.person_id,
                           outcome="done", details={"key": token.token_id}))  # fmt: skip
        tx.after_commit(lambda: door_of(gw).forget(person_id=person.person_id))
    return Done(id=token.token_id, state="revoked")


async def register_client_key(gw: Gateway, by: Principal, ask: RegisterClientKey) -> ClientKeyOut | Refusal:
    """Assertions that this key signs are the service account's. Raises `Problem(client-key-refused)`."""
    key = assertions.public_key(ask.jwk)
    async with gw.begin() as tx:
        person = await visible(tx, by, ask.person_id)
        refused = await _looks_after(gw, tx, by, person)
        if refused is not None:
            return refused
        if person.kind != "service":
            raise Problem(ONLY_FOR_SERVICES, field="person_id")
        await store.add_client_key(tx, person.person_id, key, by.id)
        tx.record(event_of(by, "client-key:registered", tx.now, target_kind="person", target_id=person.person_id,
                           outcome="done", details={"kid": key.kid}))  # fmt: skip
        created_at = tx.now
    return ClientKeyOut(
        person_id=person.person_id, kid=key.kid, algorithm=key.algorithm, created_at=created_at, revoked_at=None
    )


async def list_client_keys(gw: Gateway, by: Principal, ask: ListClientKeys) -> Page[ClientKeyOut] | Refusal:
    """The public keys of a service account one looks after, or of the service itself, revoked ones included."""
    async with gw.begin() as tx:
        person = await visible(tx, by, ask.person_id)
        refused = await _looks_after(gw, tx, by, person)
        if refused is not None:
            return refused
        found = await store.list_client_keys(tx, person.person_id)
    return Page[ClientKeyOut](items=tuple(ClientKeyOut.model_validate(dict(row)) for row in found))


async def revoke_client_key(gw: Gateway, by: Principal, ask: RevokeClientKey) -> Done | Refusal:
    """The key signs for nobody any more, and what was issued for it has ended."""
    async with gw.begin() as tx:
        person = await visible(tx, by, ask.person_id)
        refused = await _looks_after(gw, tx, by, person)
        if refused is not None:
            return refused
        if not await store.set_client_keys_revoked(tx, person.person_id, ask.kid):
            raise Problem(NOT_FOUND, field="kid")
        await end_tokens(gw, tx, person.person_id, ("access",))
        tx.record(event_of(by, "client-key:revoked", tx.now, target_kind="person", target_id=person.person_id,
                           outcome="done", details={"kid": ask.kid}))  # fmt: skip
    return Done(id=ask.kid, state="revoked")


async def issue_token(gw: Gateway, by: Principal, ask: IssueToken) -> TokenOut:
    """An access token of ten minutes for the service that signed the assertion. Each assertion counts once.

    Raises `Problem(assertion-refused)`; an unknown client and a wrong signature look alike.
    """
    door_of(gw).count_sign_in(by.source_address)
    read = assertions.read(ask.client_assertion.get_secret_value())
    audiences = frozenset({gw.settings.url, f"{gw.settings.url}/v1/token"})
    minted = mint("access")
    async with gw.begin() as tx:
        person = await parties.find_person_by_login(tx, read.issuer)
        standing = await parties.find_standing(tx, person.person_id) if person and person.kind == "service" else None
        rows = await store.list_client_keys(tx, standing.person.person_id, live=True) if standing else []
        keys = [PublicKey(row["kid"], row["jwk"], row["algorithm"]) for row in rows if read.kid in {"", row["kid"]}]
        if standing is None or not standing.active or not keys:
            raise assertions.refused("签名不符", "the signature does not fit")
        checked = assertions.check(read, keys, audiences, tx.now)
        if not await store.use_assertion(tx, checked.use, checked.expires_at):
            raise assertions.refused("该断言已用过", "this assertion was used before")
        token = Token(
            token_id=random_id(), kind="access", person_id=standing.person.person_id, label="", hint="",
            method="private_key_jwt", must="", source_address=by.source_address[:45],
            created_by=standing.person.person_id, created_at=tx.now, seen_at=tx.now, idle_us=0,
            expires_at=tx.now + TOKEN_LIFE * SECOND,
        )  # fmt: skip
        await tokens.add_token(tx, minted.digest, token)
        tx.record(event_of(by, "token:issued", tx.now, target_kind="person", target_id=standing.person.person_id,
                           outcome="done", details={"token": token.token_id}))  # fmt: skip
    return TokenOut(access_token=minted.text, expires_in=TOKEN_LIFE)


async def _looks_after(gw: Gateway, tx: WriteTx, by: Principal, person: Person) -> Refusal | None:
    """None for oneself, and for a service account that one may change. A person makes its own keys."""
    if person.person_id == by.id:
        return None
    refused = await may(gw, tx, by, "party:change-user", thing_of(person), person.person_id)
    if refused is None and person.kind != "service":
        raise Problem(ONLY_FOR_SERVICES, field="person_id")
    return refused


def _api_key(token: Token) -> ApiKeyOut:
    return ApiKeyOut(
        key_id=token.token_id, person_id=token.person_id, label=token.label, hint=token.hint,
        created_at=token.created_at, seen_at=token.seen_at, expires_at=token.expires_at, revoked_at=token.revoked_at,
    )  # fmt: skip


__all__ = [
    "create_api_key",
    "issue_token",
    "list_api_keys",
    "list_client_keys",
    "register_client_key",
    "revoke_api_key",
    "revoke_client_key",
]
