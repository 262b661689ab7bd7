"""`python -m gateway.domain.synthetic --clients N --out DIR`: write an invented world as sheets."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gateway.domain.synthetic.files import CLEAN, DIRTY, tenant_sheet, text_rows, write_csv, write_xlsx
from gateway.domain.synthetic.world import clients, contacts, cooperations, visits


def _sheets(count: int, seed: int) -> Iterator[tuple[str, str, Iterable[Any]]]:
    yield "clients", "department", clients(count, seed)
    yield "contact", "department", contacts(count, seed)
    yield "cooperation", "department", cooperations(count, seed)
    yield "visit", "department", visits(count, seed)
    yield "tenants", "park", tenant_sheet(count, seed)


def main(arguments: list[str] | None = None) -> int:
    """Write the sheets and print their names and rows; 0 on success."""
    parser = argparse.ArgumentParser(prog="python -m gateway.domain.synthetic", description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", choices=("csv", "xlsx"), default="csv")
    parser.add_argument("--encoding", choices=("utf-8", "utf-8-sig", "gb18030"), default="utf-8-sig")
    parser.add_argument("--dirty", action="store_true", help="as departments and parks really send them")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    dirt = DIRTY if chosen.dirty else CLEAN
    for kind, style, items in _sheets(chosen.clients, chosen.seed):
        table = text_rows(kind, items, style="park" if style == "park" else "department", dirt=dirt, seed=chosen.seed)
        path = chosen.out / f"{kind}.{chosen.format}"
        with path.open("wb") as out:
            written = (
                write_xlsx(out, table) if chosen.format == "xlsx" else write_csv(out, table, encoding=chosen.encoding)
            )
        sys.stdout.write(f"{path}  {written}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
