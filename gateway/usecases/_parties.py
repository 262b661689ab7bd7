"""What verbs on people share: rights that end at once, roles that go to the ledger, secrets at rest."""

import secrets

from gateway.domain.ids import random_id
from gateway.domain.parties import Person, Unit, check_roles, clean_email, clean_login, clean_name
from gateway.domain.principal import Principal
from gateway.domain.throttle import SECOND
from gateway.domain.tokens import mint
from gateway.errors import NOT_FOUND, Problem
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.sealing.keyring import INSTALLATION
from gateway.sealing.secret import PARTY_TAG, SIGN_IN, open_secret, seal_secret, secret_key_id
from gateway.store import auth, parties, tokens
from gateway.store.auth import SecondFactor
from gateway.store.db import Tx
from gateway.usecases._door import door_of
from gateway.usecases._entries import enter
from ledger.entry import SECRET_BYTES, Value
from policies.vocabulary import MoveObject

SESSIONS = ("session", "access")
ONE_TIME_LIFE = 3 * 86_400 * SECOND
ALL_TOKENS = ("session", "access", "api_key")


async def end_tokens(gw: Gateway, tx: WriteTx, person_id: str, kinds: tuple[str, ...], but: str = "") -> int:
    """No token of these kinds works from this commit on, `but` excepted; returns how many there were."""
    ended = await tokens.set_tokens_revoked(tx, person_id, kinds=kinds, but=but)
    tx.after_commit(lambda: door_of(gw).forget(person_id=person_id))
    return ended


async def end_credentials(gw: Gateway, tx: WriteTx, person_id: str) -> None:
    """Nothing proves to be this person any more: no token, password, factor, client key or outside identity."""
    await end_tokens(gw, tx, person_id, ALL_TOKENS)
    await tokens.void_one_times(tx, person_id)
    await auth.remove_password(tx, person_id)
    await auth.remove_second_factor(tx, person_id)
    await auth.set_client_keys_revoked(tx, person_id)
    await auth.remove_identities(tx, person_id)


async def new_one_time(tx: Tx, person_id: str, by: str) -> tuple[str, int]:
    """A token with which this person sets a password, once, within three days; and when it runs out."""
    minted, expires_at = mint("one_time"), tx.now + ONE_TIME_LIFE
    await tokens.add_one_time(tx, minted.digest, person_id, by, expires_at)
    return minted.text, expires_at


async def write_membership(gw: Gateway, tx: WriteTx, by: Principal, person: Person) -> str:
    """The roles that `person` holds from now on are committed to on the grants log; returns the entry's identifier."""
    fields: dict[str, Value] = {
        "person": person.person_id, "institution": person.institution_id, "unit": person.unit_id,
        "roles": " ".join(sorted(person.roles)), "changed_by": by.id,
    }  # fmt: skip
    entry_id = await enter(gw, tx, "membership:changed", fields, institutions=[person.institution_id])
    await parties.add_membership(tx, entry_id=entry_id, person=person, changed_by=by.id, at=tx.now)
    return entry_id


async def new_tag_key(gw: Gateway, tx: Tx, institution_id: str) -> bytes:
    """A new key with which `institution_id` finds its entries on the ledger, sealed for the database."""
    key = await gw.keyring.for_sealing(tx, INSTALLATION, PARTY_TAG)
    return seal_secret(key, institution_id, secrets.token_bytes(SECRET_BYTES))


async def seal_factor(gw: Gateway, tx: Tx, person_id: str, secret: str) -> bytes:
    """A second factor's base32 secret, sealed for the database."""
    key = await gw.keyring.for_sealing(tx, INSTALLATION, SIGN_IN)
    return seal_secret(key, person_id, secret.encode())


async def open_factor(gw: Gateway, tx: Tx, person_id: str, factor: SecondFactor) -> str:
    """The base32 secret of a second factor."""
    key = await gw.keyring.for_opening(tx, secret_key_id(factor.sealed))
    return open_secret(key, person_id, factor.sealed).decode()


def new_person(
    tx: WriteTx, *, kind: str, login: str, name: str, unit: Unit, roles: frozenset[str], clearance: int,
    side: str | None = None, trained_until: int = 0, email: str | None = None, staff_no: str | None = None,
    locale: str = "zh",
) -> Person:  # fmt: skip
    """A person that is not stored yet, with its texts checked."""
    return Person(
        person_id=random_id(), kind=kind, login=clean_login(login), name=clean_name(name, "name"),
        email=clean_email(email), staff_no=clean_name(staff_no or "", "staff_no", required=False) or None,
        unit_id=unit.unit_id, institution_id=unit.institution_id, side=side or unit.side, clearance=clearance,
        trained_until=trained_until, state="active", locale=locale, generation=1, created_at=tx.now, updated_at=tx.now,
        roles=roles,
    )  # fmt: skip


async def add_person(gw: Gateway, tx: WriteTx, by: Principal, person: Person) -> None:
    """Stored, with its roles on the grants log. Raises `Problem` when these do not fit institution or each other."""
    institution = await parties.get_institution(tx, person.institution_id)
    check_roles(person.roles, institution.kind, person.kind)
    await parties.add_person(tx, person, by.id)
    if person.roles:
        await write_membership(gw, tx, by, person)


def record(tx: WriteTx, by: Principal, action: str, kind: str, target_id: str, fields: tuple[str, ...] = ()) -> None:
    """`action` is done, and on the trail with this transaction; `fields` are the names of what changed."""
    tx.record(event_of(by, action, tx.now, target_kind=kind, target_id=target_id, outcome="done", fields=fields))


async def visible(tx: Tx, by: Principal, person_id: str) -> Person:
    """The person; to a partner, people of others do not exist: `Problem(not-found)`."""
    person = await parties.get_person(tx, person_id)
    if not by.internal and person.institution_id != by.institution_id:
        raise Problem(NOT_FOUND, field="person_id")
    return person


def thing_of(person: Person) -> MoveObject:
    """The person as the workflow rules see it. Nobody changes oneself: `requester` is who is changed."""
    return MoveObject(kind="party", requester=person.person_id, institution=person.institution_id)
