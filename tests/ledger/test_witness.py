"""Witnessing: published requests, every status code, races, and logs that ask."""

import asyncio
import hashlib

import pytest
import sqlalchemy as sa

from ledger import merkle
from ledger.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from ledger.cosignature import Cosigner, MldsaSigner, parse_verifier
from ledger.errors import LedgerError, MalformedError
from ledger.memory import MemoryLog
from ledger.note import Ed25519Verifier, parse_note, sign_note
from ledger.policy import parse_policy
from ledger.sql import SqlLog
from ledger.submit import ahead_of_us, ask_witness, ask_witnesses, check_fresh, evidence
from ledger.tables import witness_state
from ledger.witness import SIZE_TYPE, AddCheckpoint, Answer, Witness, origin_hash, parse_add_checkpoint
from tests.ledger.conftest import NOW, ORIGIN, NoTx, signer

DASH = "\u2014"
# the deterministic log of litewitness's own test (FiloSottile/torchwood)
SIGSUM = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
SIGSUM_KEY = Ed25519Verifier(SIGSUM, bytes.fromhex("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f"))
NOTES = {
    1: (
        "KgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=",
    ),
    3: (
        "RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=",
        "UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=",
    ),
    5: (
        "QrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=",
        "UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=",
    ),
}


def vector(number: int) -> str:
    """A hash of that test log: 0x2a, the number, zeros."""
    import base64

    return base64.b64encode(bytes([0x2A, number]) + bytes(30)).decode()


P13 = [vector(1), vector(2)]
P15 = [vector(1), "+fUDV+k970B4I3uKrqJM4aP1lloPZP8mvr2Z4wRw2LI=", vector(4)]
P35 = [vector(2), vector(3), "wgiIFdZfYNv6WU1OllBKsWnLYIS/DBMqt8Uh/S4OukE=", vector(4)]


def published(old: int, proof: list[str], size: int, *, origin: str = SIGSUM, signature: str = "") -> bytes:
    root, good = NOTES[size]
    lines = "".join(f"{h}\n" for h in proof)
    return f"old {old}\n{lines}\n{origin}\n{size}\n{root}\n\n{DASH} {origin} {signature or good}\n".encode()


def witness(number: int = 1, logs=None) -> Witness:
    name = f"witness.example.test/{number}"
    return Witness([Cosigner(name, bytes([number]) * 32)], logs if logs is not None else {SIGSUM: [SIGSUM_KEY]})


async def say(db, who: Witness, body: bytes) -> Answer:
    async with db.begin() as tx:
        return await who.add_checkpoint(tx, body)


async def test_published_exchange(db) -> None:
    """The requests of litewitness's test, in its order, with the status codes that the protocol now has."""
    who = witness()
    steps: list[tuple[bytes, int, str]] = [
        (published(0, [], 1), 200, f"{DASH} witness.example.test/1 "),
        (published(1, P13, 3, signature=NOTES[3][1].replace("6go=", "6gx=")), 400, "canonical"),
        (published(1, P13, 3, signature=NOTES[3][1].replace("UgIom2", "UgIom3")), 403, "invalid"),
        (published(1, P13, 3, origin=SIGSUM[:-1] + "3"), 404, "unknown log"),
        (published(1, [], 3), 422, "proof"),
        (published(1, [P13[0], "KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABAA="], 3), 422, "proof"),
        (published(1, P13, 3), 200, f"{DASH} witness.example.test/1 "),
        (published(1, P15, 5), 409, "3\n"),
        (published(3, P35, 5), 200, f"{DASH} witness.example.test/1 "),
        (published(0, [], 5), 409, "5\n"),
    ]
    for body, status, says in steps:
        answer = await say(db, who, body)
        assert (answer.status, says in answer.body.decode()) == (status, True), answer
        assert (answer.media_type == SIZE_TYPE) == (status == 409)
        assert (answer.evidence is not None) == (status == 422)


async def test_the_other_status_codes(db) -> None:
    key = signer()
    who = witness(logs={ORIGIN: [key.verifier]})
    leaves = [merkle.leaf_hash(bytes([i])) for i in range(6)]

    def body(old: int, size: int, root: bytes | None = None, proof: list[bytes] | None = None, by=key) -> bytes:
        checkpoint = Checkpoint(ORIGIN, size, merkle.root_of(leaves[:size]) if root is None else root)
        way = merkle.consistency_proof(leaves, old, size) if proof is None else proof
        return AddCheckpoint(old, tuple(way), sign_note(checkpoint.text(), [by], NOW)).encode()

    stranger = signer(seed=9)
    assert (await say(db, who, body(0, 3, by=stranger))).status == 403
    assert (await say(db, who, body(0, 0, bytes(32)))).status == 422
    assert (await say(db, who, body(0, 0))).status == 200
    assert (await say(db, who, body(0, 3, proof=[bytes(32)]))).status == 422
    assert (await say(db, who, body(0, 3))).status == 200
    assert (await say(db, who, body(4, 3, proof=[]))).status == 400
    assert (await say(db, who, body(3, 3))).status == 200
    assert (await say(db, who, body(3, 3, bytes(32)))).status == 422
    assert (await say(db, who, body(3, 3, proof=[bytes(32)]))).status == 422
    assert (await say(db, who, body(3, 5, bytes(32)))).status == 422
    assert (await say(db, who, b"nonsense")).status == 400
    for wrong in (b"old 0\n", b"old +1\n\nx", b"old 01\n\nx", b"old 1\nAAAA\n\nx", b"\xff", b"x" * 70_000):
        with pytest.raises(MalformedError):
            parse_add_checkpoint(wrong)
    with pytest.raises(MalformedError, match="more than 63"):
        parse_add_checkpoint(("old 1\n" + vector(1).join(["\n"] * 65) + "\nx").replace("\n\n", "\n", 1).encode())


async def test_monitors_read_what_was_cosigned(db) -> None:
    who = witness(logs={ORIGIN: [signer().verifier]})
    checkpoint = Checkpoint(ORIGIN, 1, merkle.leaf_hash(b""))
    foreign = Cosigner("somebody.example.test", bytes([9]) * 32)
    async with db.begin() as tx:
        assert (await who.checkpoint(tx, origin_hash(ORIGIN))).status == 404
        assert (await who.checkpoint(tx, "0" * 64)).status == 404
        assert await who.seen(tx, ORIGIN) is None
        note = sign_note(checkpoint.text(), [foreign, signer()], NOW)
        assert (await who.add_checkpoint(tx, AddCheckpoint(0, (), note).encode())).status == 200
        answer = await who.checkpoint(tx, hashlib.sha256(ORIGIN.encode()).hexdigest())
        seen = await who.seen(tx, ORIGIN)
    assert answer.status == 200
    assert seen is not None
    assert seen.note.encode() == answer.body
    assert parse_checkpoint(parse_note(answer.body).text) == checkpoint
    open_checkpoint(answer.body, [signer().verifier])
    assert [s.name for s in parse_note(answer.body).signatures] == [ORIGIN, "witness.example.test/1"]


async def test_a_witness_may_sign_with_two_kinds_of_key() -> None:
    name = "witness.example.test/1"
    Witness([Cosigner(name, bytes(32)), MldsaSigner(name, bytes(32))], {})
    with pytest.raises(LedgerError):
        Witness([Cosigner(name, bytes(32)), Cosigner(name + "2", bytes(32))], {})


async def test_no_race_turns_the_witness_back(db) -> None:
    """Twenty requests from one size at once: one moves the state, the others are told, and the state only grows."""
    key, who = signer(), witness(logs={ORIGIN: [signer().verifier]})
    leaves = [merkle.leaf_hash(bytes([i])) for i in range(40)]

    def body(old: int, size: int) -> bytes:
        note = sign_note(Checkpoint(ORIGIN, size, merkle.root_of(leaves[:size])).text(), [key], NOW)
        return AddCheckpoint(old, tuple(merkle.consistency_proof(leaves, old, size)), note).encode()

    assert (await say(db, who, body(0, 10))).status == 200
    answers = await asyncio.gather(*(say(db, who, body(10, 11 + i)) for i in range(20)))
    assert sorted(a.status for a in answers) == [200] + [409] * 19
    won = next(11 + i for i, a in enumerate(answers) if a.status == 200)
    assert {a.body for a in answers if a.status == 409} == {f"{won}\n".encode()}
    async with db.read() as tx:
        assert (await tx.execute(sa.select(witness_state.c.size))).scalar() == won


async def test_two_histories_cannot_both_be_witnessed(db) -> None:
    """A log that shows one history to each of two witnesses finds a quorum of two for neither."""
    key = signer()
    first, second = witness(1, {ORIGIN: [key.verifier]}), witness(2, {ORIGIN: [key.verifier]})
    histories = [[merkle.leaf_hash(x) for x in (b"a", b"b")], [merkle.leaf_hash(x) for x in (b"a", b"c")]]
    notes = [sign_note(Checkpoint(ORIGIN, 2, merkle.root_of(h)).text(), [key], NOW) for h in histories]
    assert (await say(db, first, AddCheckpoint(0, (), notes[0]).encode())).status == 200
    assert (await say(db, second, AddCheckpoint(0, (), notes[1]).encode())).status == 200
    for who, other in ((first, notes[1]), (second, notes[0])):
        answer = await say(db, who, AddCheckpoint(2, (), other).encode())
        assert answer.status == 422
        assert answer.evidence is not None  # signed by the log: it can be shown to anybody


class Network:
    """Two partners' witnesses by their addresses; one of them can be slow, silent or lying."""

    def __init__(self, db, *numbers: int) -> None:
        self.db = db
        self.witnesses = {
            f"https://w{n}.example.test/add-checkpoint": witness(n, {ORIGIN: [signer().verifier]}) for n in numbers
        }
        self.faults: dict[str, object] = {}
        self.calls = 0

    async def post(self, url: str, body: bytes) -> tuple[int, bytes]:
        self.calls += 1
        fault = self.faults.get(url)
        if isinstance(fault, BaseException):
            raise fault
        if isinstance(fault, float):
            await asyncio.sleep(fault)
        if isinstance(fault, tuple):
            return fault
        answer = await say(self.db, self.witnesses[url], body)
        return answer.status, answer.body


def trust(*numbers: int, quorum: str = "all"):
    lines = [f"log {signer().vkey()}"]
    for n in numbers:
        lines.append(
            f"witness w{n} {Cosigner(f'witness.example.test/{n}', bytes([n]) * 32).vkey()} https://w{n}.example.test"
        )
    lines += [f"group g {quorum} " + " ".join(f"w{n}" for n in numbers), "quorum g"]
    return parse_policy("\n".join(lines))


async def test_a_log_collects_its_cosignatures(db, clock) -> None:
    log, network, policy = SqlLog(ORIGIN, signer()), Network(db, 1, 2), trust(1, 2)
    async with db.begin() as tx:
        await log.ensure(tx)
        await log.append(tx, "x", "a", b"a")
    assert {o.verdict for o in await ask_witnesses(db, log, policy, network.post)} == {"cosigned"}
    assert network.calls == 2
    clock.now += 60_000_000
    async with db.begin() as tx:
        assert (await log.cosigned(tx, policy)).size == 1
        found = await evidence(tx, log, policy)
        assert (found.size, found.cosigned_size, found.waiting_since) == (1, 1, None)
        await log.append(tx, "x", "b", b"b")
        await log.append(tx, "x", "c", b"c")
        found = await evidence(tx, log, policy)
    assert (found.size, found.cosigned_size, found.waiting_since) == (3, 1, clock.now)
    check_fresh(found, clock.now + 5_000_000, 5_000_000)
    with pytest.raises(LedgerError, match="from 1 on have waited 6 s"):
        check_fresh(found, clock.now + 6_000_000, 5_000_000)
    outcomes = await ask_witnesses(db, log, policy, network.post)
    assert [(o.verdict, o.size) for o in outcomes] == [("cosigned", 3)] * 2
    assert network.calls == 2 + 4  # each told us first, by 409, what it had seen
    async with db.read() as tx:
        assert (await log.cosigned(tx, policy)).size == 3
        assert (await log.covering(tx, 0, policy)).size == 1
        assert (await evidence(tx, log, policy)).age(clock.now) == 0
        assert (await evidence(tx, log, trust(1, 2, quorum="any"))).cosigned_size == 3
        none = parse_policy(f"log {signer().vkey()}\nquorum none\n")
        assert (await evidence(tx, log, none)).waiting_since is None
        assert (await log.cosigned(tx, none)).size == 3


async def test_witnesses_that_fail_delay_nobody(db) -> None:
    log, network, policy = SqlLog(ORIGIN, signer()), Network(db, 1, 2, 3, 4, 5), trust(1, 2, 3, 4, 5, quorum="any")
    other = Cosigner("witness.example.test/4", bytes([44]) * 32)
    lie = Cosigner("witness.example.test/5", bytes([5]) * 32).sign("another text\n", NOW).line().encode()
    address = "https://w{}.example.test/add-checkpoint".format
    network.faults = {
        address(2): ConnectionError("down"),
        address(3): 30.0,
        address(4): (200, other.sign("x\n", NOW).line().encode()),
        address(5): (200, lie),
    }
    async with db.begin() as tx:
        await log.ensure(tx)
        await log.append(tx, "x", "a", b"a")
    outcomes = {o.witness: o for o in await ask_witnesses(db, log, policy, network.post, 0.2)}
    verdicts = {name: o.verdict for name, o in outcomes.items()}
    assert verdicts == {"w1": "cosigned", "w2": "unreachable", "w3": "unreachable", "w4": "refused", "w5": "refused"}
    assert "by the key we know" in outcomes["w4"].detail
    assert "cosignature" in outcomes["w5"].detail
    async with db.read() as tx:
        assert (await log.cosigned(tx, policy)).size == 1
        assert await log.cosigned(tx, trust(1, 2)) is None
    for answer in [(200, b"\xff"), (200, b"no newline"), (409, b"x\n"), (500, b""), (409, b"0\n")]:
        network.faults[address(2)] = answer
        outcome = await ask_witness(db, log, policy.witnesses["w2"], network.post)
        assert outcome.verdict == "refused"
    network.faults[address(2)] = (409, b"7\n")
    outcome = await ask_witness(db, log, policy.witnesses["w2"], network.post)
    assert ahead_of_us([outcome]) == [outcome]


async def test_a_restored_backup_is_noticed_by_the_witness(db) -> None:
    """The witness has seen three entries; the log, restored, holds two others and learns that it is behind."""
    log, network, policy = SqlLog(ORIGIN, signer()), Network(db, 1), trust(1)
    async with db.begin() as tx:
        await log.ensure(tx)
        for name in "abc":
            await log.append(tx, "x", name, name.encode())
    assert (await ask_witnesses(db, log, policy, network.post))[0].verdict == "cosigned"
    restored = MemoryLog(ORIGIN, signer())
    await restored.ensure(NoTx())
    await restored.append(NoTx(), "x", "a", b"another")
    from tests.ledger.conftest import Clock, NoDatabase

    memory = NoDatabase(Clock())
    outcome = (await ask_witnesses(memory, restored, policy, network.post))[0]
    assert (outcome.verdict, outcome.detail) == ("ahead", "has seen 3")
    for name in "bcd":
        await restored.append(NoTx(), "x", name, name.encode())
    outcome = (await ask_witnesses(memory, restored, policy, network.post))[0]
    assert (outcome.verdict, outcome.detail) == ("refused", "status 422")


def test_the_vkey_of_a_witness_is_of_its_own_kind() -> None:
    assert parse_verifier(Cosigner("w", bytes(32)).vkey()).vkey().split("+", 2)[2].startswith("BD")
