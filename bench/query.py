"""A query of 1000 sealed rows, each with a data key of its own, beside the same rows in clear by the driver alone."""

import json
import sys
from typing import Any

from bench._load import Target, interleaved, row
from bench._world import FIVE, FULL_PURPOSE, GROUP, MASKED_PURPOSE, world
from bench.disclose import beside

ROWS = 1000
UNIT = "queries/s"


def run(short: bool) -> list[dict[str, Any]]:
    """SQLite, four connections: all granted fields; five of eight, masked."""
    found = []
    with world(clients_count=700) as here:
        url = here.settings.database_url
        with here.serving() as base, beside(here, url, naive=False) as others:
            clear_base = next(iter(others.values())).base
            for name, purpose, fields, goal in (
                ("all eight granted fields", FULL_PURPOSE, (), 0.7), ("five of eight, masked", MASKED_PURPOSE, FIVE, 0.5),
            ):  # fmt: skip
                ask = {"field_group": GROUP, "purpose": purpose, "limit": ROWS} | ({"fields": fields} if fields else {})
                ours = Target("ours", base, ("/v1/query",), json.dumps(ask), here.token)
                clear = Target("clear", clear_base, (f"/rows/{ROWS}?fields={','.join(fields)}",))
                count = _check(ours, clear, masked=bool(fields))
                reached = interleaved([ours, clear], 4, rounds=3 if short else 9, seconds=2 if short else 4)
                what = f"{count} rows, {name}, SQLite, 4 connections"
                found.append(row(what, UNIT, reached["ours"], reached["clear"], "the same rows in clear", goal))
    return found


def _check(ours: Target, clear: Target, *, masked: bool) -> int:
    """Both sides answer the same records in the same order, and the same values where nothing is masked."""
    mine, theirs = ours.ask()["items"], clear.ask()["items"]
    if [each["record_id"] for each in mine] != [each["record_id"] for each in theirs]:
        raise RuntimeError(f"other records: {len(mine)} and {len(theirs)}")
    for one, other in zip(mine, theirs, strict=True):
        if one["values"].keys() != other["values"].keys():
            raise RuntimeError("other fields")
        hidden = frozenset(one["masked"])
        if (hidden and not masked) or any(
            one["values"][k] != other["values"][k] for k in one["values"].keys() - hidden
        ):
            raise RuntimeError("other values")
    if masked and not any(each["masked"] for each in mine):
        raise RuntimeError("nothing is masked")
    return len(mine)


if __name__ == "__main__":
    print(json.dumps(run("--short" in sys.argv), ensure_ascii=False, indent=1))
