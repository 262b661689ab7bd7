"""The second home of the ledger's heads: compiled contracts, as data. Nothing here runs."""

import json
from functools import cache
from pathlib import Path
from typing import Any

NAMES = ("CheckpointAnchor", "GrantRegistry")


@cache
def artifact(name: str) -> dict[str, Any]:
    """ABI, bytecode and storage layout of a contract, with how it was compiled; `KeyError` for an unknown name.

    The files are what a recompilation of `contracts/src` gives, byte for byte (`scripts/contracts.py check`).
    """
    if name not in NAMES:
        raise KeyError(name)
    text = (Path(__file__).parent / "abi" / f"{name}.json").read_text(encoding="utf-8")
    value: dict[str, Any] = json.loads(text)
    return value
