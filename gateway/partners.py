"""The gateways that watch each other: which logs we witness, who witnesses ours, where heads are anchored."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import httpx2

from gateway.settings import Settings
from ledger.anchors.contract import LocalSender
from ledger.anchors.evm import ChainSettings, EvmAnchor
from ledger.anchors.file import FileAnchor
from ledger.anchors.interface import Anchor
from ledger.cosignature import Cosigner
from ledger.errors import LedgerError
from ledger.log import Log
from ledger.note import Verifier
from ledger.policy import TrustPolicy, parse_policy
from ledger.rollback import Source, witness_source
from ledger.witness import MAX_BODY_BYTES, Witness

Transport = httpx2.AsyncBaseTransport
_PATIENCE = 2.0  # seconds for one request to a witness


def trust_of(settings: Settings) -> TrustPolicy:
    """The policy in `trust_policy`; without one nobody is witnessed, nobody is asked, and no quorum is needed.

    Raises `LedgerError` for a file that is no tlog-policy, `OSError` when it cannot be read: never half a policy.
    """
    if settings.trust_policy is None:
        return TrustPolicy(())
    return parse_policy(settings.trust_policy.read_bytes())


def witness_for(settings: Settings, signer: Cosigner | None, trust: TrustPolicy) -> Witness | None:
    """Our witness for the logs of the policy but our own; None without a witness key."""
    if signer is None:
        return None
    own = {settings.origin, settings.trail_origin}
    names = {line.verifier.name for line in trust.logs} - own
    return Witness([signer], {name: trust.keys_of(name) for name in sorted(names)})


def anchors_for(settings: Settings, logs: Sequence[Log]) -> tuple[Anchor, ...]:
    """The places of the settings where heads are anchored; none by default."""
    places: list[Anchor] = []
    if settings.anchor_file is not None:
        places.append(FileAnchor(settings.anchor_file))
    if settings.anchor_rpc:
        from ledger.anchors.rpc import http_rpc

        assert settings.anchor_key_file is not None  # the settings see to it
        key = bytes.fromhex(settings.anchor_key_file.read_text().strip().removeprefix("0x"))
        chain = ChainSettings(settings.anchor_chain_id, settings.anchor_contract)
        places.append(EvmAnchor(http_rpc(settings.anchor_rpc), chain, LocalSender(key), logs))
    return tuple(places)


async def _exchange(transport: Transport | None, method: str, url: str, body: bytes | None) -> tuple[int, bytes]:
    """One request, its answer cut off at what the protocol may need. `OSError` for whatever does not arrive."""
    try:
        async with (
            httpx2.AsyncClient(
                transport=transport, timeout=_PATIENCE, follow_redirects=False, trust_env=False
            ) as client,
            client.stream(method, url, content=body) as answer,
        ):
            read = b""
            async for part in answer.aiter_bytes():
                read += part
                if len(read) > MAX_BODY_BYTES:
                    raise OSError("the answer is too long")
            return answer.status_code, read
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise OSError(type(error).__name__) from error


def post_by(transport: Transport | None) -> Callable[[str, bytes], Awaitable[tuple[int, bytes]]]:
    """How a checkpoint is submitted; `transport` None: over the network."""

    async def post(url: str, body: bytes) -> tuple[int, bytes]:
        return await _exchange(transport, "POST", url, body)

    return post


def get_by(transport: Transport | None) -> Callable[[str], Awaitable[tuple[int, bytes]]]:
    """How a witness is asked what it has seen; `transport` None: over the network."""

    async def get(url: str) -> tuple[int, bytes]:
        return await _exchange(transport, "GET", url, None)

    return get


async def seen_by_others(
    trust: TrustPolicy, anchors: Sequence[Anchor], keys: Mapping[str, Sequence[Verifier]], transport: Transport | None
) -> dict[str, int]:
    """The largest size of each log of `keys` that a witness or an anchor has seen; who does not answer has no say.

    All are asked at once and before any transaction is open, so that one who is slow delays the start by seconds only.
    """
    get = get_by(transport)

    def sources(origin: str) -> list[Source]:
        asked = [witness_source(get, w.url, origin, keys[origin]) for w in trust.witnesses.values() if w.url]
        return asked + [_anchor_source(anchor, origin) for anchor in anchors]

    async def largest(origin: str) -> int:
        answers = await asyncio.gather(*(_patient(source) for source in sources(origin)))
        return max((0, *answers))

    return dict(zip(keys, await asyncio.gather(*map(largest, keys)), strict=True))


def _anchor_source(anchor: Anchor, origin: str) -> Source:
    async def ask() -> int:
        return await anchor.largest(origin)

    return ask


async def _patient(source: Source) -> int:
    try:
        async with asyncio.timeout(2 * _PATIENCE):
            return await source()
    except (OSError, TimeoutError, LedgerError):
        return 0


def constant(size: int) -> Source:
    """A source that was asked already."""

    async def ask() -> int:
        return size

    return ask


def own_keys(signers: Mapping[str, Sequence[Any]]) -> dict[str, list[Verifier]]:
    """The verifiers of our own signers, by origin."""
    return {origin: [signer.verifier for signer in each] for origin, each in signers.items()}


__all__ = [
    "Transport", "anchors_for", "constant", "get_by", "own_keys", "post_by", "seen_by_others", "trust_of", "witness_for",
]  # fmt: skip
