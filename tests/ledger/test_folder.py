"""A log in a folder: mirrored by a partner, handed to a regulator, checked without us."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.domain.ids import random_id
from ledger import verify
from ledger.checkpoint import Checkpoint
from ledger.cosignature import Cosigner
from ledger.entry import Entry, commit, party_tag
from ledger.errors import ForkError, LedgerError, MalformedError, NotInLogError, VerificationError
from ledger.export import OBJECTS, export_log, object_of, verifier_archive
from ledger.folder import LogFolder, mirror
from ledger.merkle import leaf_hash
from ledger.note import sign_note
from ledger.policy import parse_policy
from ledger.receipt import Receipt, verify_receipt
from ledger.serve import serve
from ledger.sql import SqlLog
from ledger.tiles import decode_bundle, encode_bundle, parse_path
from tests.ledger.conftest import NOW, ORIGIN, signer

WITNESS = Cosigner("witness.example.test/1", bytes(32))
TRUST = parse_policy(f"log {signer().vkey()}\nwitness w {WITNESS.vkey()}\nquorum none\n")
MINE, THEIRS = b"m" * 32, b"t" * 32


async def grow(db, log: SqlLog, count: int) -> list[str]:
    """Append entries of two partners in turn; returns their ids."""
    ids = []
    async with db.begin() as tx:
        await log.ensure(tx)
        for i in range(count):
            ids.append(random_id())
            tag = party_tag(MINE if i % 2 else THEIRS, ids[-1])
            entry = Entry("grant:approved", ids[-1], NOW + i, commit({"n": i}, bytes(32)).digests, (tag,))
            await log.append(tx, entry.kind, entry.entry_id, entry.encode())
    return ids


def reader(db, log: SqlLog):
    fetched: list[str] = []

    async def fetch(path: str) -> bytes:
        fetched.append(path)
        async with db.read() as tx:
            return (await serve(tx, log, path)).body

    return fetch, fetched


async def test_a_partner_keeps_up(sqlite_db, tmp_path) -> None:
    log, folder = SqlLog(ORIGIN, signer()), LogFolder(tmp_path / "mirror")
    fetch, fetched = reader(sqlite_db, log)
    assert folder.checkpoint() is None
    await grow(sqlite_db, log, 0)
    assert (await mirror(fetch, folder, TRUST, ORIGIN)).size == 0
    ids: list[str] = []
    for more in (3, 250, 3, 0, 300, 1):
        ids += await grow(sqlite_db, log, more)
        fetched.clear()
        found = await mirror(fetch, folder, TRUST, ORIGIN)
        assert found.size == len(ids)
        assert folder.check(TRUST).root == found.root
        assert len(fetched) <= 12
    files = [str(p.relative_to(folder.path)) for p in folder.path.rglob("*") if p.is_file()]
    for path in files:  # nothing superseded is left behind
        assert path == "checkpoint" or parse_path(path).width in (256, 557 % 256, 2)
    mine = dict(folder.mine(MINE))
    assert [json.loads(leaf)["id"] for leaf in mine.values()] == ids_of_odd(ids)
    for index in (0, 300, 556):
        leaf = next(folder.leaves(index, 557))
        folder.prove(index).check(leaf_hash(leaf))
    with pytest.raises(NotInLogError):
        folder.prove(557)


def ids_of_odd(ids: list[str]) -> list[str]:
    """Each batch of `grow` counts from zero: the odd ones of each are ours."""
    mine, at = [], 0
    for more in (3, 250, 3, 0, 300, 1):
        mine += [x for i, x in enumerate(ids[at : at + more]) if i % 2]
        at += more
    return mine


async def test_a_log_that_forgets_is_caught_and_shown(sqlite_db, tmp_path) -> None:
    log, folder = SqlLog(ORIGIN, signer()), LogFolder(tmp_path / "mirror")
    fetch, _ = reader(sqlite_db, log)
    await grow(sqlite_db, log, 5)
    await mirror(fetch, folder, TRUST, ORIGIN)
    before = (folder.path / "checkpoint").read_bytes()
    from ledger.memory import MemoryLog
    from tests.ledger.conftest import NoTx

    for count in (3, 5, 8):  # shorter, as long, longer: each another history under the same key
        other = MemoryLog(ORIGIN, signer())
        await other.ensure(NoTx())
        for i in range(count):
            await other.append(NoTx(), "x", str(i), str(i).encode())

        async def lie(path: str, other=other) -> bytes:
            return (await serve(NoTx(), other, path)).body

        with pytest.raises(ForkError, match="contradicts what it showed before"):
            await mirror(lie, folder, TRUST, ORIGIN)
        assert (folder.path / "checkpoint").read_bytes() == before
        refused = (folder.path / "checkpoint.refused").read_bytes()
        assert TRUST.open(refused)[0].size == count
    assert folder.check(TRUST).size == 5
    with pytest.raises(VerificationError, match="origin"):
        await mirror(fetch, folder, TRUST, "log.example.test/other")


async def test_a_log_that_does_not_serve_what_it_signed(sqlite_db, tmp_path) -> None:
    log, folder = SqlLog(ORIGIN, signer()), LogFolder(tmp_path / "mirror")
    fetch, _ = reader(sqlite_db, log)
    await grow(sqlite_db, log, 3)
    for wrong, error in [
        (b"", LedgerError),
        (b"\0\1x", ForkError),
        (b"\0", MalformedError),
        (b"\0\0" * 300, MalformedError),
    ]:

        async def partly(path: str, wrong=wrong) -> bytes:
            return wrong if path.startswith("tile/entries") else await fetch(path)

        with pytest.raises(error):
            await mirror(partly, folder, TRUST, ORIGIN)
    assert folder.checkpoint() is None


@pytest.fixture
async def bundle(sqlite_db, tmp_path) -> tuple[Path, Receipt]:
    log, path = SqlLog(ORIGIN, signer()), tmp_path / "bundle"
    ids = await grow(sqlite_db, log, 300)
    async with sqlite_db.begin() as tx:
        signed = await log.checkpoint(tx)
        await log.cosign(tx, 300, [WITNESS.sign(signed.checkpoint.text(), NOW).line()], [WITNESS.verifier])
        found = await export_log(tx, log, path, TRUST)
        assert (found.size, [c.witness for c in found.cosignatures]) == (300, ["w"])
        receipt = await log.receipt(tx, ids[7], openings=commit({"n": 7}, bytes(32)).openings)
    return path, receipt


def test_a_regulator_needs_nothing_of_ours(bundle, tmp_path) -> None:
    """The archive in the bundle verifies the bundle, in an interpreter that cannot see this project."""
    path, receipt = bundle
    (path / "receipt.json").write_bytes(receipt.encode())

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-s", "-E", "lianqiao-verify.pyz", *arguments, "--policy", "policy.txt"]
        return subprocess.run(command, cwd=path, capture_output=True, text=True, check=False)

    whole = run("log", ".")
    assert (whole.returncode, whole.stderr) == (0, "")
    assert f"已核实 / verified: {ORIGIN}, 300 条" in whole.stdout
    one = run("receipt", "receipt.json")
    assert one.returncode == 0, one.stdout
    assert "n = 7" in one.stdout
    tile = path / "tile/0/000"
    tile.write_bytes(tile.read_bytes()[:-1] + b"?")
    broken = run("log", ".")
    assert broken.returncode == 1
    assert "tile/0/000: expected" in broken.stdout
    rows = [json.loads(line) for line in (path / "index.jsonl").read_text().splitlines()]
    assert [r["index"] for r in rows] == list(range(300))
    assert {r["object"] for r in rows} == {"登记"}
    assert verifier_archive() == (path / "lianqiao-verify.pyz").read_bytes()


@pytest.mark.parametrize("lost", ["tile/entries/000", "tile/entries/001.p/44", "tile/0/001.p/44", "checkpoint"])
def test_a_bundle_with_a_file_missing(bundle, lost: str) -> None:
    path, _ = bundle
    (path / lost).unlink()
    with pytest.raises(NotInLogError):
        LogFolder(path).check(TRUST)


def test_a_bundle_with_an_entry_too_few(bundle) -> None:
    path, _ = bundle
    file = path / "tile/entries/001.p/44"
    raw = file.read_bytes()
    file.write_bytes(raw[: 2 + int.from_bytes(raw[:2])])
    with pytest.raises(NotInLogError, match="holds 1 entries"):
        LogFolder(path).check(TRUST)


def test_kinds_have_their_object() -> None:
    assert object_of("grant:approved") == object_of("grant.revoked") == "登记"
    assert object_of("something") == "监管"
    assert set(OBJECTS.values()) <= {"主体", "账户", "产品", "转让报告", "登记", "资金结算", "信披", "财务报表", "监管"}


async def test_the_index_of_entries_that_are_not_ours(sqlite_db, tmp_path) -> None:
    log = SqlLog(ORIGIN, signer())
    async with sqlite_db.begin() as tx:
        await log.ensure(tx)
        await log.append(tx, "x", "a", b"not canonical")
        await export_log(tx, log, tmp_path, TRUST)
    assert json.loads((tmp_path / "index.jsonl").read_text()) == {"index": 0, "object": "监管"}


FIXTURES = Path(__file__).parent / "fixtures"
TAMPERED = json.loads((FIXTURES / "tampered.json").read_text())


def test_the_good_fixture_verifies() -> None:
    trust = parse_policy((FIXTURES / "policy.txt").read_bytes())
    assert verify_receipt((FIXTURES / "good.json").read_bytes(), trust).fields == {"purpose": "P01", "level": 3}
    out = io.StringIO()
    policy = ["--policy", str(FIXTURES / "policy.txt")]
    assert verify.main(["receipt", str(FIXTURES / "good.json"), *policy], out) == 0
    assert "见证 / witnessed by park" in out.getvalue()


@pytest.mark.parametrize("name", sorted(TAMPERED))
def test_tampered_fixtures_are_refused_with_the_reason(name: str) -> None:
    """The same files are for the tests of every other verifier (console, partners)."""
    out = io.StringIO()
    policy = ["--policy", str(FIXTURES / "policy.txt")]
    assert verify.main(["receipt", str(FIXTURES / name), *policy], out) == 1
    assert "步骤 / step " + TAMPERED[name] in out.getvalue(), out.getvalue()


def test_every_fixture_is_listed() -> None:
    assert {p.name for p in FIXTURES.glob("tampered-*.json")} == set(TAMPERED)


def test_the_command_checks_a_whole_log(bundle) -> None:
    path, _ = bundle
    out = io.StringIO()
    assert verify.main(["log", str(path), "--policy", str(path / "policy.txt")], out) == 0
    assert "见证 / witnesses: w" in out.getvalue()


async def test_what_is_not_served(sqlite_db) -> None:
    log = SqlLog(ORIGIN, signer())
    async with sqlite_db.begin() as tx:
        await log.ensure(tx)
        await log.integrate(tx, [leaf_hash(b"elsewhere")] * 3)
        assert (await serve(tx, log, "tile/0/000.p/3")).immutable
        assert not (await serve(tx, log, "checkpoint")).immutable
        for path in ("tile/0/000", "tile/0/000.p/4", "tile/1/000.p/1", "tile/entries/000.p/3"):
            with pytest.raises(NotInLogError):
                await serve(tx, log, path)
        with pytest.raises(MalformedError):
            await serve(tx, log, "tile/0/../checkpoint")


async def test_a_folder_of_another_log(sqlite_db, tmp_path) -> None:
    log, other = SqlLog(ORIGIN, signer()), SqlLog("log.example.test/other", signer("log.example.test/other", 8))
    await grow(sqlite_db, log, 3)
    folder = LogFolder(tmp_path)
    fetch, _ = reader(sqlite_db, log)
    await mirror(fetch, folder, TRUST, ORIGIN)
    await grow(sqlite_db, other, 4)
    both = parse_policy(TRUST.encode().replace("quorum", f"log {other.signers[0].vkey()}\nquorum"))
    with pytest.raises(ForkError, match="origin of this folder"):
        await mirror(reader(sqlite_db, other)[0], folder, both, other.origin)
    # entries that are all there, under a checkpoint that says otherwise
    (tmp_path / "checkpoint").write_text(
        sign_note(Checkpoint(ORIGIN, 3, bytes(32)).text(), [signer()], NOW), encoding="utf-8"
    )
    with pytest.raises(VerificationError, match="root of the entries"):
        folder.check(TRUST)


async def test_a_mirror_notices_entries_that_changed(sqlite_db, tmp_path) -> None:
    """The bundle that grew no longer begins with the entries that the mirror holds."""
    log, folder = SqlLog(ORIGIN, signer()), LogFolder(tmp_path)
    fetch, _ = reader(sqlite_db, log)
    await grow(sqlite_db, log, 2)
    await mirror(fetch, folder, TRUST, ORIGIN)
    await grow(sqlite_db, log, 1)

    async def changed(path: str) -> bytes:
        raw = await fetch(path)
        if not path.startswith("tile/entries"):
            return raw
        entries = decode_bundle(raw)
        return encode_bundle([b"another", *entries[1:]])

    with pytest.raises(ForkError, match="entries seen before"):
        await mirror(changed, folder, TRUST, ORIGIN)


def test_the_command_says_what_it_cannot_read(tmp_path) -> None:
    out = io.StringIO()
    assert verify.main(["receipt", "none.json", "--policy", str(tmp_path / "none")], out) == 2
    assert "无法读取 / cannot read" in out.getvalue()
    (tmp_path / "policy").write_text("nonsense")
    assert verify.main(["log", str(tmp_path), "--policy", str(tmp_path / "policy")], out) == 1
    assert "未通过 / NOT VERIFIED" in out.getvalue()
