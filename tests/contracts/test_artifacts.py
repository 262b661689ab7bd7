"""The committed artifacts: what they are, and that they are what the sources compile to."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import contracts

HOME = Path(contracts.__file__).parent
SCRIPT = HOME.parent / "scripts" / "contracts.py"
TOOLS = Path(os.environ.get("LIANQIAO_CONTRACT_TOOLS", Path(tempfile.gettempdir()) / "lianqiao-contract-tools"))
needs_tools = pytest.mark.skipif(
    not (TOOLS / "installed.json").exists(), reason="the pinned npm tools are not installed: scripts/contracts.py check"
)


@pytest.mark.parametrize("name", contracts.NAMES)
def test_an_artifact_says_how_it_was_made(name: str) -> None:
    made = contracts.artifact(name)
    assert made["contractName"] == name
    assert made["compiler"].startswith("0.8.26+")
    assert made["settings"]["evmVersion"] == "paris"
    assert re.fullmatch("0x[0-9a-f]+", made["bytecode"])
    assert len(made["deployedBytecode"]) // 2 < 24_576  # EIP-170
    assert {x["type"] for x in made["abi"]} >= {"constructor", "function", "event", "error"}


def test_an_unknown_name() -> None:
    with pytest.raises(KeyError):
        contracts.artifact("../package")


def opcodes(code: bytes) -> set[int]:
    """The instructions, without what PUSH carries."""
    found, at = set(), 0
    while at < len(code):
        found.add(code[at])
        at += 1 + (code[at] - 0x5F if 0x60 <= code[at] <= 0x7F else 0)
    return found


@pytest.mark.parametrize("name", contracts.NAMES)
def test_the_bytecode_runs_on_paris(name: str) -> None:
    """No PUSH0 (shanghai), TLOAD, TSTORE or MCOPY (cancun): consortium chains may not know them."""
    code = bytes.fromhex(contracts.artifact(name)["deployedBytecode"][2:])
    assert not opcodes(code) & {0x5F, 0x5C, 0x5D, 0x5E}
    # nothing can replace the code or destroy the contract
    assert not opcodes(code) & {0xF4, 0xFF, 0xF2}


def test_every_function_event_and_error_is_described() -> None:
    for file in sorted((HOME / "src").glob("*.sol")):
        lines = file.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            if re.match(
                r"\s*(function|event|error|struct|constructor|contract|library|bytes32 public|uint256 public)\b", line
            ):
                assert lines[number - 1].strip().startswith("///") or "/// @dev" in "".join(
                    lines[number - 3 : number]
                ), f"{file.name}:{number + 1} has no NatSpec: {line.strip()}"


def test_the_gas_snapshot_covers_the_unit_tests() -> None:
    listed = set(re.findall(r":(\w+)\(", (HOME / "gas-snapshot.txt").read_text()))
    written = set()
    for file in (HOME / "test").glob("*.t.sol"):
        written |= set(re.findall(r"function (test(?!Fuzz)\w+)\(", file.read_text(encoding="utf-8")))
    assert listed == written


@needs_tools
@pytest.mark.evm
def test_a_recompilation_gives_the_same_bytes() -> None:
    command = [sys.executable, str(SCRIPT), "check", "--tools", str(TOOLS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "equal a recompilation" in done.stdout


@needs_tools
@pytest.mark.evm
@pytest.mark.deep
def test_forge_is_content() -> None:
    command = [sys.executable, str(SCRIPT), "test", "--tools", str(TOOLS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_artifacts_are_canonical_files() -> None:
    for name in contracts.NAMES:
        text = (HOME / "abi" / f"{name}.json").read_text(encoding="utf-8")
        assert json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n" == text
