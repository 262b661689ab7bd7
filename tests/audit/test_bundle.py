"""What an auditor takes away verifies with the ledger alone, and anything changed in it is noticed."""

import asyncio
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from audit.bundle import MANIFEST, RECEIPTS, Manifest, parse_manifest, read_bundle, verify_bundle
from audit.export import bundle_bytes, export_bundle
from audit.search import Wanted
from ledger.errors import LedgerError, MalformedError, VerificationError
from ledger.note import Ed25519Signer
from ledger.policy import parse_policy
from tests.audit.conftest import ORIGIN, Room, event
from tests.audit.test_sealer import trust


async def filled(room: Room, number: int = 12) -> None:
    trail = await room.trail()
    for n in range(number):
        await trail.queue(event(n, actor=f"p-{n % 3}"))
    await room.seal(limit=5)
    await room.seal()


async def bundle(room: Room, **options: object) -> bytes:
    wanted = Wanted(**options)  # type: ignore[arg-type]
    return await bundle_bytes(room.db, room.log, wanted, made_by="p-auditor")


async def test_a_whole_export_verifies_and_is_known_to_be_whole(room: Room) -> None:
    await filled(room)
    raw = await bundle(room)
    check = verify_bundle(io.BytesIO(raw), trust())
    assert (check.events, check.whole, check.manifest.unsealed, check.manifest.faulty) == (12, True, 0, ())
    assert (check.first_at, check.last_at) == (event(0).at, event(11).at)
    shown = [proven.fields for proven in read_bundle(io.BytesIO(raw), trust())]
    assert [fields["actor"] for fields in shown] == [f"p-{n % 3}" for n in reversed(range(12))]
    assert shown[0]["items"] == "INT-CON-001 INT-CON-002"


async def test_a_part_shows_only_the_fields_it_may(sqlite_room: Room) -> None:
    await filled(sqlite_room)
    out = io.BytesIO()
    manifest = await export_bundle(
        sqlite_room.db, sqlite_room.log, Wanted(actor="p-1"), out, made_by="p-auditor", fields=["action", "outcome"]
    )
    assert (manifest.events, manifest.wanted, manifest.fields) == (4, {"actor": "p-1"}, ("action", "outcome"))
    check = verify_bundle(out, trust())
    assert (check.events, check.whole) == (4, False)
    for proven in read_bundle(out, trust()):
        assert proven.fields == {"action": "disclose", "outcome": "allowed"}
    with zipfile.ZipFile(out) as archive:
        assert b"c-1" not in archive.read(RECEIPTS)


async def test_more_events_than_a_tile_holds(sqlite_room: Room) -> None:
    trail = await sqlite_room.trail()
    futures = [trail.queue(event(n)) for n in range(700)]
    for future in futures:
        await future
    await sqlite_room.seal_all()
    check = verify_bundle(io.BytesIO(await bundle(sqlite_room)), trust())
    assert (check.events, check.whole) == (700, True)


async def test_what_cannot_be_proven_is_said(sqlite_room: Room) -> None:
    await filled(sqlite_room)
    await sqlite_room.trails[0].queue(event(50))
    await sqlite_room.run("UPDATE trail_event SET actor = 'p-nobody' WHERE seq = 4")
    await sqlite_room.run("UPDATE trail_event SET details = 'nonsense' WHERE seq = 6")
    check = verify_bundle(io.BytesIO(await bundle(sqlite_room)), trust())
    assert (check.events, check.whole, check.manifest.unsealed) == (10, False, 1)
    assert [(seq, why) for _, seq, why in check.manifest.faulty] == [(6, "UnfitEvent"), (4, "altered")]


async def test_an_empty_bundle_is_a_bundle(sqlite_room: Room) -> None:
    check = verify_bundle(io.BytesIO(await bundle(sqlite_room)), trust())
    assert (check.events, check.whole) == (0, True)


def rewritten(raw: bytes, **members: bytes) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = members.get(name.partition(".")[0], old.read(name))
            if content != b"-":
                new.writestr(name, content)
    return out


async def test_whatever_is_changed_is_noticed(sqlite_room: Room) -> None:
    await filled(sqlite_room)
    raw = await bundle(sqlite_room)
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        receipts, manifest = archive.read(RECEIPTS), archive.read(MANIFEST)
    lines = receipts.splitlines(keepends=True)
    for changed in (
        receipts.replace(b"p-2", b"p-1", 1),
        b"".join(lines[1:]),
        b"".join(lines + lines[:1]),
        b"".join(lines[::-1]),
        receipts[:-1],
        receipts.replace(b"\\n12\\n", b"\\n11\\n", 1),
        b"",
    ):
        assert changed != receipts
        with pytest.raises(LedgerError):
            verify_bundle(rewritten(raw, receipts=changed), trust())
    with pytest.raises(MalformedError, match="holds no"):
        verify_bundle(rewritten(raw, manifest=b"-"), trust())
    for changed in (b"{}", manifest + b" ", manifest.replace(b'"size":12', b'"size":"12"')):
        with pytest.raises(MalformedError):
            verify_bundle(rewritten(raw, manifest=changed), trust())
    with pytest.raises(VerificationError, match="line 1: checkpoint"):
        verify_bundle(rewritten(raw, manifest=manifest.replace(b'"size":12', b'"size":13')), trust())
    stranger = parse_policy(f"log {Ed25519Signer(ORIGIN, bytes(32)).vkey()}\nquorum none\n")
    with pytest.raises(VerificationError):
        verify_bundle(io.BytesIO(raw), stranger)


def test_a_manifest_comes_back_as_it_was() -> None:
    manifest = Manifest(ORIGIN, 1, "p", {"actor": "p", "since": 5}, None, 3, 1, (("s", 2, "altered"),), 9, "00")
    assert parse_manifest(manifest.encode()) == manifest
    value = json.loads(manifest.encode())
    for broken in (
        value | {"more": 1},
        value | {"faulty": [["s", "2", "x"]]},
        {k: v for k, v in value.items() if k != "size"},
    ):
        with pytest.raises(MalformedError):
            parse_manifest(json.dumps(broken, sort_keys=True, separators=(",", ":")).encode())


async def test_the_instructions_in_the_bundle_work_with_the_ledger_alone(sqlite_room: Room, tmp_path: Path) -> None:
    await filled(sqlite_room)
    with zipfile.ZipFile(io.BytesIO(await bundle(sqlite_room))) as archive:
        archive.extractall(tmp_path)
    (tmp_path / "trust.policy").write_text(trust().encode())
    readme = (tmp_path / "README.txt").read_text()
    program = [line[2:] for line in readme.splitlines() if line.startswith("  ") and "/" not in line]
    start = next(n for n, line in enumerate(program) if line.startswith("from ledger"))
    code = "\n".join(
        [
            "import sys",
            *program[start:],
            "assert not {'audit', 'gateway', 'sqlalchemy'} & {m.partition('.')[0] for m in sys.modules}",
        ]
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("'action': 'disclose'") == 12
