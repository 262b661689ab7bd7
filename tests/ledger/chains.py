"""Chains for tests: py-evm in process, and anvil as a real node where it is installed."""

import asyncio
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.anchors.contract import LocalSender, call_data, creation_data, keccak
from ledger.anchors.rpc import Rpc, RpcError, hexed, number

TOOLS = Path(os.environ.get("LIANQIAO_CONTRACT_TOOLS", Path(tempfile.gettempdir()) / "lianqiao-contract-tools"))
ANVIL = TOOLS / "node_modules" / ".bin" / "anvil"
ADMIN_KEY = bytes([0xAD]) * 32
KEEPER_KEY = bytes([0xEE]) * 32


class Line:
    """A connection to a node that can be cut, and that counts what goes through."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self.cut = False
        self.lose: set[str] = set()  # methods whose answers are lost after the node acted on them
        self.calls: list[str] = []
        self.twist: dict[str, Callable[[Any], Any]] = {}  # method -> what becomes of the node's answer

    async def __call__(self, method: str, parameters: Sequence[Any]) -> Any:
        self.calls.append(method)
        if self.cut:
            raise ConnectionError("cut")
        answer = await self._rpc(method, parameters)
        if method in self.lose:
            raise TimeoutError
        return self.twist[method](answer) if method in self.twist else answer


def py_evm_rpc() -> Rpc:
    """py-evm in this process, through web3's provider for it."""
    from eth_tester import EthereumTester, PyEVMBackend
    from eth_tester.exceptions import TransactionFailed, TransactionNotFound, ValidationError
    from eth_utils.exceptions import ValidationError as Refused
    from web3 import EthereumTesterProvider, Web3
    from web3.exceptions import Web3Exception

    w3 = Web3(EthereumTesterProvider(EthereumTester(PyEVMBackend())))

    async def rpc(method: str, parameters: Sequence[Any]) -> Any:
        try:
            if method == "eth_getLogs":  # web3 wants to see this one itself
                return w3.eth.get_logs(parameters[0])
            return w3.manager.request_blocking(method, list(parameters))  # type: ignore[arg-type]
        except TransactionNotFound:
            return None
        except (TransactionFailed, ValidationError, Refused, Web3Exception, ValueError) as error:
            raise RpcError(-32000, str(error)) from error

    return rpc


@contextmanager
def anvil(*arguments: str) -> Iterator[str]:
    """A real node on a free port; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(ANVIL), "--port", str(port), "--host", "127.0.0.1", "--silent", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


async def wait_for_receipt(rpc: Rpc, tx_hash: str) -> Any:
    for _ in range(100):
        receipt = await rpc("eth_getTransactionReceipt", [tx_hash])
        if receipt is not None:
            return receipt
        await asyncio.sleep(0.05)
    raise TimeoutError(tx_hash)


async def transact(rpc: Rpc, sender: LocalSender, to: str | None, data: bytes, gas_price: int, value: int = 0) -> Any:
    transaction: dict[str, Any] = {
        "chainId": number(await rpc("eth_chainId", [])),
        "nonce": number(await rpc("eth_getTransactionCount", [sender.address, "latest"])),
        "gas": 3_000_000,
        "gasPrice": gas_price,
        "value": value,
        "data": hexed(data),
    }
    if to:
        transaction["to"] = to
    raw, tx_hash = sender.sign(transaction)
    await rpc("eth_sendRawTransaction", [hexed(raw)])
    receipt = await wait_for_receipt(rpc, tx_hash)
    assert number(receipt["status"]) == 1
    return receipt


async def fund(rpc: Rpc, address: str) -> None:
    """Give an account a coin from one of the node's own accounts."""
    rich = (await rpc("eth_accounts", []))[0]
    transaction = {"from": rich, "to": address, "value": hex(10**18), "gas": hex(100_000)}
    await wait_for_receipt(rpc, hexed(await rpc("eth_sendTransaction", [transaction])))


async def deploy(rpc: Rpc, origins: Sequence[str], gas_price: int) -> str:
    """The anchor contract with these logs open for the keeper; its address."""
    admin, keeper = LocalSender(ADMIN_KEY), LocalSender(KEEPER_KEY)
    if gas_price:
        await fund(rpc, admin.address)
        await fund(rpc, keeper.address)
    receipt = await transact(rpc, admin, None, creation_data(0, admin.address), gas_price)
    contract = str(receipt["contractAddress"])
    role = call_data("grantRole", keccak(b"REGISTRAR_ROLE"), admin.address)
    await transact(rpc, admin, contract, role, gas_price)
    for origin in origins:
        await transact(rpc, admin, contract, call_data("openLog", origin, keeper.address), gas_price)
    return contract
