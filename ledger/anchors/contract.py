"""The anchor contract as calls and answers: what to send to it, and how to read what it says. Needs the extra `evm`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, cast

from contracts import artifact
from ledger.anchors.rpc import Rpc, hexed, number, unhexed

NAME = "CheckpointAnchor"


class Sender(Protocol):
    """An account that signs transactions, wherever its key lives."""

    @property
    def address(self) -> str: ...
    def sign(self, transaction: dict[str, Any]) -> tuple[bytes, str]:
        """The raw signed transaction, and its hash as 0x..."""
        ...


class LocalSender:
    """An account whose private key (32 bytes) is held in memory."""

    def __init__(self, key: bytes) -> None:
        from eth_account import Account

        self._account = Account.from_key(key)

    @property
    def address(self) -> str:
        return cast(str, self._account.address)

    def sign(self, transaction: dict[str, Any]) -> tuple[bytes, str]:
        """The raw signed transaction, and its hash."""
        from eth_utils.address import to_checksum_address

        to = {"to": to_checksum_address(transaction["to"])} if "to" in transaction else {}
        signed = self._account.sign_transaction({**transaction, **to})
        return bytes(signed.raw_transaction), hexed(signed.hash)


def keccak(data: bytes) -> bytes:
    """Keccak-256, as the chain computes it."""
    from eth_utils.crypto import keccak as digest

    return bytes(digest(data))


def origin_key(origin: str) -> bytes:
    """How the contract names a log: keccak256 of its origin."""
    return keccak(origin.encode())


@cache
def _signature(name: str) -> tuple[bytes, tuple[str, ...]]:
    for item in artifact(NAME)["abi"]:
        if item["type"] == "function" and item["name"] == name:
            types = tuple(i["type"] for i in item["inputs"])
            return keccak(f"{name}({','.join(types)})".encode())[:4], types
    raise KeyError(name)


def call_data(name: str, *arguments: object) -> bytes:
    """A call of one of the contract's functions."""
    from eth_abi.abi import encode

    selector, types = _signature(name)
    return selector + encode(types, arguments)


def creation_data(admin_delay: int, admin: str) -> bytes:
    """The transaction data that creates the contract. `admin_delay` in seconds."""
    from eth_abi.abi import encode

    return unhexed(artifact(NAME)["bytecode"]) + encode(["uint48", "address"], [admin_delay, admin])


@cache
def error_names() -> dict[str, str]:
    """Selectors of the contract's errors, for messages."""
    named = {}
    for item in artifact(NAME)["abi"]:
        if item["type"] == "error":
            types = ",".join(i["type"] for i in item["inputs"])
            named[hexed(keccak(f"{item['name']}({types})".encode())[:4])] = item["name"]
    return named


@dataclass(frozen=True, slots=True)
class ChainHead:
    """What the contract holds of a log. `at`: seconds, the time of the block."""

    size: int
    at: int
    root: bytes


async def read_head(rpc: Rpc, contract: str, origin: str, block: str = "latest") -> ChainHead:
    """The head that the contract holds; size 0 and a root of zeros for a log that it does not know."""
    from eth_abi.abi import decode

    call = {"to": contract, "data": hexed(call_data("head", origin_key(origin)))}
    raw = unhexed(await rpc("eth_call", [call, block]))
    size, at, root = decode(["uint64", "uint64", "bytes32"], raw)
    return ChainHead(size, at, root)


@dataclass(frozen=True, slots=True)
class AnchoredEvent:
    """One `Anchored` event. `origin_hash` as 0x..."""

    origin_hash: str
    size: int
    root: bytes
    previous_size: int
    block_number: int
    block_hash: str
    tx_hash: str
    log_index: int


@cache
def anchored_topic() -> str:
    """The first topic of `Anchored` events."""
    return hexed(keccak(b"Anchored(bytes32,uint64,bytes32,uint64,bool)"))


def parse_event(raw: dict[str, Any]) -> AnchoredEvent:
    """An `Anchored` event as a node gives it."""
    from eth_abi.abi import decode

    topics = [hexed(t) for t in raw["topics"]]
    root, previous, _ = decode(["bytes32", "uint64", "bool"], unhexed(raw["data"]))
    return AnchoredEvent(
        topics[1],
        int(topics[2], 16),
        root,
        previous,
        number(raw["blockNumber"]),
        hexed(raw["blockHash"]),
        hexed(raw["transactionHash"]),
        number(raw["logIndex"]),
    )


async def read_events(rpc: Rpc, contract: str, first: int, last: int) -> Sequence[AnchoredEvent]:
    """The `Anchored` events of the blocks [first, last]."""
    query = {"address": contract, "fromBlock": hex(first), "toBlock": hex(last), "topics": [anchored_topic()]}
    return [parse_event(raw) for raw in await rpc("eth_getLogs", [query])]
