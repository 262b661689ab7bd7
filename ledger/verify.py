"""Verify offline, from a command line: a receipt, or a whole log in a folder. Standard library and `cryptography`
only.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from ledger.errors import LedgerError, VerificationError
from ledger.folder import LogFolder
from ledger.policy import TrustPolicy, parse_policy
from ledger.receipt import verify_receipt


def main(arguments: Sequence[str], out: TextIO | None = None) -> int:
    """Exit status 0: everything verified. 1: something did not, and it is said what. 2: the input cannot be read."""
    out = out or sys.stdout
    parsed = _parser().parse_args(arguments)
    try:
        trust = parse_policy(Path(parsed.policy).read_bytes())
        if parsed.what == "log":
            _log(Path(parsed.folder), trust, out)
            return 0
        results = [_receipt(Path(name), trust, parsed.allow_unknown_signatures, out) for name in parsed.files]
    except OSError as error:
        out.write(f"无法读取 / cannot read: {error.filename}: {error.strerror}\n")
        return 2
    except LedgerError as error:
        out.write(f"未通过 / NOT VERIFIED: {error}\n")
        return 1
    return 0 if all(results) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lianqiao-verify", description="离线核对回执与账本 / verify offline")
    commands = parser.add_subparsers(dest="what", required=True)
    receipt = commands.add_parser("receipt", help="核对回执 / verify receipts")
    receipt.add_argument("files", nargs="+")
    receipt.add_argument("--allow-unknown-signatures", action="store_true")
    log = commands.add_parser("log", help="核对整本账 / verify a log in a folder")
    log.add_argument("folder")
    for command in (receipt, log):
        command.add_argument("--policy", required=True, help="信任策略文件 / tlog-policy file")
    return parser


def _receipt(file: Path, trust: TrustPolicy, allow_unknown: bool, out: TextIO) -> bool:
    try:
        found = verify_receipt(file.read_bytes(), trust, allow_unknown=allow_unknown)
    except VerificationError as error:
        out.write(f"{file.name}: 未通过 / NOT VERIFIED\n  步骤 / step {error.step}\n")
        out.write(f"  应为 / expected: {_shown(error.expected)}\n  实为 / found: {_shown(error.got)}\n")
        return False
    out.write(f"{file.name}: 已核实 / verified\n")
    for step in found.steps:
        out.write(f"  {step}\n")
    out.write(f"  {found.entry.kind} {found.entry.entry_id} -> {found.origin} #{found.index} / {found.size}\n")
    for witness in found.cosignatures:
        out.write(f"  见证 / witnessed by {witness.witness} at {witness.seconds}\n")
    for name, value in found.fields.items():
        out.write(f"  {name} = {value}\n")
    return True


def _log(folder: Path, trust: TrustPolicy, out: TextIO) -> None:
    found = LogFolder(folder).check(trust)
    witnesses = ", ".join(c.witness for c in found.cosignatures) or "-"
    out.write(f"已核实 / verified: {found.origin}, {found.size} 条 / entries, root {found.root.hex()}\n")
    out.write(f"见证 / witnesses: {witnesses}\n")


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


if __name__ == "__main__":  # pragma: no cover - the archive has a main of its own
    sys.exit(main(sys.argv[1:]))
