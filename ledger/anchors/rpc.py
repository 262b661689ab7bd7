"""Talking to a chain's node: JSON-RPC as one function, so that a node, a test chain and a broken line are the same
thing.

Only a dozen methods are used, and nothing of a block but its number, hash, parent and time: so the long `extraData` of
proof-of-authority chains, over which client libraries stumble, is never looked at.
"""

import asyncio
import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ledger.errors import LedgerError

# (method, parameters) -> result; `RpcError` when the node refuses, `OSError` or `TimeoutError` when it does not answer
Rpc = Callable[[str, Sequence[Any]], Awaitable[Any]]

_MAX_ANSWER = 32 * 1024 * 1024


class RpcError(LedgerError):
    """The node answered with an error."""

    def __init__(self, code: int, message: str, data: str = "") -> None:
        super().__init__(f"node error {code}: {message[:200]}")
        self.code = code
        self.message = message
        self.data = data


def http_rpc(url: str, patience: float = 10.0) -> Rpc:
    """JSON-RPC over HTTP(S) to one node; `patience` in seconds for each call. The address may hold a secret: never
    shown.
    """
    if not url.startswith(("http://", "https://")):
        raise LedgerError("the address of a node begins with http:// or https://")
    numbers = itertools.count(1)

    def call(method: str, parameters: Sequence[Any]) -> Any:
        body = {"jsonrpc": "2.0", "id": next(numbers), "method": method, "params": list(parameters)}
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - checked above
        try:
            with urllib.request.urlopen(request, timeout=patience) as answer:  # noqa: S310
                raw = answer.read(_MAX_ANSWER)
        except urllib.error.HTTPError as error:
            raise OSError(f"the node answered with status {error.code}") from None
        except urllib.error.URLError as error:
            raise OSError(f"the node cannot be reached: {type(error.reason).__name__}") from None
        try:
            value = json.loads(raw)
        except ValueError:
            raise OSError("the node answered with something that is no JSON") from None
        refused = value.get("error")
        if refused:
            raise RpcError(int(refused.get("code", 0)), str(refused.get("message", "")), str(refused.get("data", "")))
        return value.get("result")

    async def rpc(method: str, parameters: Sequence[Any]) -> Any:
        return await asyncio.to_thread(call, method, parameters)

    return rpc


def number(value: Any) -> int:
    """A quantity, whether the node writes it as 0x... or a client library has read it already."""
    return int(value, 16) if isinstance(value, str) else int(value)


def hexed(value: Any) -> str:
    """Bytes or hexadecimal text as lowercase hexadecimal text with 0x."""
    if isinstance(value, str):
        return value.lower() if value.startswith("0x") else "0x" + value.lower()
    return "0x" + bytes(value).hex()


def unhexed(value: Any) -> bytes:
    """The bytes behind hexadecimal text, or bytes as they are."""
    return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(value)
