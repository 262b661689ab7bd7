"""Frozen sealed records: one a format version and suite. Every later release must open every file here.

`python -m tests.sealing.fixtures` writes files that are missing and never touches one that is there.
"""

import json
from pathlib import Path
from typing import Any

from gateway.keys.file import FileProvider
from gateway.keys.suites import SUITES
from gateway.sealing.envelope import Place, seal
from gateway.sealing.groupkey import GroupKey

HERE = Path(__file__).parent / "fixtures"
FORMAT = 1
PLACE = Place("visit", "2b0c1e77-5f43-4d0b-8f5d-6f4a7c9e2d10", "visit", "unit-07", 5, 2)
VALUES: dict[str, Any] = {
    "memo": "客户计划三季度扩产,询问设备租赁。", "date": "2026-03-05", "amount": 1_250_000_00,
    "staff": ["0012", "0345"], "follow_up": None, "signed": True,
}  # fmt: skip
PASSPHRASE = "a passphrase of no secret"


def group_key(suite: str) -> GroupKey:
    size = next(known.key_bytes for known in SUITES.values() if known.name == suite)
    return GroupKey.of(
        lineage="a1b2c3d4e5f60718", version=3, suite=suite, owner=PLACE.owner, compartment=PLACE.compartment,
        use="seal", secret=bytes(range(100, 100 + size)),
    )  # fmt: skip


def main() -> None:
    HERE.mkdir(exist_ok=True)
    for suite in SUITES.values():
        path = HERE / f"sealed-v{FORMAT}-{suite.name.lower()}.json"
        if not path.exists():
            key = group_key(suite.name)
            sealed = seal(key, PLACE, VALUES)
            body = {"group_key": key.secret.hex(), "blob": sealed.blob.hex(), "wrapped": sealed.wrapped.hex()}
            path.write_text(json.dumps(body, indent=1) + "\n")
        file = HERE / f"key-file-v{FORMAT}-{suite.name.lower()}.json"
        if not file.exists():
            provider = FileProvider.create(file, lambda: PASSPHRASE, suite=suite)
            provider.rotate()
            wrapped = provider.wrap(bytes(range(32)), b"a frozen context")
            (HERE / f"root-wrap-v{FORMAT}-{suite.name.lower()}.hex").write_text(wrapped.hex() + "\n")
            (HERE / f".{file.name}.lock").unlink()


if __name__ == "__main__":
    main()
