"""Receipts: what they prove, and that no bit of one can change."""

import subprocess
import sys
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import merkle
from ledger.checkpoint import Checkpoint, SignedCheckpoint
from ledger.cosignature import Cosigner
from ledger.entry import Entry, Opening, commit
from ledger.errors import LedgerError, MalformedError, VerificationError
from ledger.note import sign_note
from ledger.policy import TrustPolicy, parse_policy
from ledger.proof import TlogProof, parse_proof
from ledger.receipt import Receipt, looks_like_receipt, parse_receipt, verify_receipt
from tests.ledger.conftest import NOW, ORIGIN, signer

ID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
WITNESSES = [Cosigner(f"witness.example.test/{i}", bytes([i]) * 32) for i in (1, 2)]
COMMITMENT = commit({"purpose": "P01", "until": 5, "renewable": True}, bytes(32))
ENTRY = Entry("grant:approved", ID, NOW, COMMITMENT.digests)


def trust(quorum: str = "all") -> TrustPolicy:
    lines = [f"log {signer().vkey()}", *(f"witness w{i} {w.vkey()}" for i, w in enumerate(WITNESSES))]
    return parse_policy("\n".join([*lines, f"group g {quorum} w0 w1", "quorum g"]))


def receipt(openings: tuple[Opening, ...] = COMMITMENT.openings, signers: int = 2) -> Receipt:
    leaves = [merkle.leaf_hash(x) for x in (b"a", ENTRY.encode(), b"b", b"c", b"d")]
    checkpoint = Checkpoint(ORIGIN, 5, merkle.root_of(leaves))
    note = sign_note(checkpoint.text(), [signer(), *WITNESSES[:signers]], NOW)
    path = merkle.inclusion_proof(leaves, 1, 5)
    return Receipt(ENTRY.encode(), TlogProof(1, tuple(path), SignedCheckpoint(checkpoint, note)), openings)


@cache
def raw() -> bytes:
    return receipt().encode()


def test_a_receipt_proves_its_entry() -> None:
    assert parse_receipt(raw()) == receipt()
    verified = verify_receipt(raw(), trust())
    assert verified == verify_receipt(receipt(), trust())
    assert verified.entry == ENTRY
    assert (verified.index, verified.origin, verified.size) == (1, ORIGIN, 5)
    assert verified.fields == {"purpose": "P01", "until": 5, "renewable": True}
    assert [s.split(" ")[0] for s in verified.steps] == ["1", "2", "3", "4", "5"]
    assert looks_like_receipt(raw())
    assert not looks_like_receipt(b"[]")
    assert not looks_like_receipt(b"{")


def test_one_field_can_be_shown_without_the_others() -> None:
    one = receipt().showing([o for o in COMMITMENT.openings if o.name == "until"])
    assert verify_receipt(one.encode(), trust()).fields == {"until": 5}
    assert b"P01" not in one.encode()
    assert verify_receipt(receipt(()).encode(), trust()).fields == {}


@settings(max_examples=300)
@given(st.data())
def test_no_bit_of_a_receipt_can_change(data) -> None:
    at, bit = data.draw(st.integers(0, len(raw()) - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(raw())
    changed[at] ^= 1 << bit
    with pytest.raises(VerificationError) as caught:
        verify_receipt(bytes(changed), trust("any"))
    assert caught.value.step[0] in "12345"
    assert "expected" in str(caught.value)


@pytest.mark.deep
def test_every_single_bit_of_a_receipt() -> None:
    for at in range(len(raw())):
        for bit in range(8):
            changed = bytearray(raw())
            changed[at] ^= 1 << bit
            with pytest.raises(VerificationError):
                verify_receipt(bytes(changed), trust("any"))


@settings(max_examples=60)
@given(st.data())
def test_nothing_can_be_cut_or_added(data) -> None:
    at = data.draw(st.integers(0, len(raw()) - 1))
    for changed in (raw()[:at] + raw()[at + 1 :], raw()[:at], raw()[:at] + b"x" + raw()[at:], raw() + b"\n"):
        with pytest.raises(LedgerError):
            verify_receipt(changed, trust())


def wrong_step(made: Receipt, policy: TrustPolicy | None = None) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_receipt(made, policy or trust())
    return str(caught.value)


def test_each_step_names_what_it_wanted() -> None:
    good, other = receipt(), commit({"purpose": "P02"}, bytes(32)).openings[0]
    assert wrong_step(good.showing([other])).startswith(
        "3 the opened fields are those committed to: commitment to purpose"
    )
    unknown = commit({"elsewhere": 1}, bytes(32)).openings[0]
    assert "expected no such field" in wrong_step(good.showing([unknown]))
    assert "witness quorum: expected 2 of w0, w1, got w0" in wrong_step(receipt(signers=1))
    stranger = parse_policy(f"log {signer(seed=9).vkey()}\nquorum none\n")
    assert wrong_step(good, stranger).startswith("4 the log signed the checkpoint")
    half = parse_policy(f"log {signer().vkey()}\nwitness w0 {WITNESSES[0].vkey()}\nquorum w0\n")
    assert "known keys, each once" in wrong_step(good, half)
    assert verify_receipt(good, half, allow_unknown=True).index == 1
    moved = Receipt(good.leaf, TlogProof(2, good.proof.path, good.proof.checkpoint))
    assert wrong_step(moved).startswith("5 the entry is in the tree of the checkpoint: root from inclusion proof")
    swapped = Receipt(
        good.leaf,
        TlogProof(1, good.proof.path, SignedCheckpoint(Checkpoint(ORIGIN, 5, bytes(32)), good.proof.checkpoint.note)),
    )
    assert "checkpoint: expected" in wrong_step(swapped)
    extra = Receipt(good.leaf, TlogProof(1, good.proof.path, good.proof.checkpoint, b"x"))
    assert "extra data" in wrong_step(extra)
    assert wrong_step(Receipt(b"not an entry", good.proof)).startswith("2 the entry is canonical")


@pytest.mark.parametrize(
    "change",
    [
        (b'"format":"lianqiao-receipt@v1"', b'"format":"lianqiao-receipt@v2"'),
        (b'"openings":[', b'"openings":{"a":1},"x":['),
        (b'"openings":[', b'"openings":["a",'),
    ],
)
def test_receipts_that_are_none(change) -> None:
    with pytest.raises(MalformedError):
        parse_receipt(raw().replace(*change))


def test_wrong_members_and_double_openings() -> None:
    with pytest.raises(MalformedError, match="opened twice"):
        parse_receipt(receipt((*COMMITMENT.openings, COMMITMENT.openings[0])).encode())
    for text in (b"[]", b"{}", raw().replace(b'"openings":', b'"openingz":')):
        with pytest.raises(MalformedError, match="exactly the members"):
            parse_receipt(text)
    with pytest.raises(MalformedError, match="wrong type"):
        parse_receipt(b'{"entry":1,"format":"lianqiao-receipt@v1","openings":[],"proof":"x"}')
    assert parse_receipt(raw().decode()) == receipt()


def test_a_proof_alone_travels_too() -> None:
    """C2SP tlog-proof: our text, and the published list of what must not parse."""
    proof = receipt().proof
    assert parse_proof(proof.encode()) == proof
    with_extra = TlogProof(proof.index, proof.path, proof.checkpoint, b"extra information")
    assert parse_proof(with_extra.encode().encode()) == with_extra
    assert with_extra.encode().startswith("c2sp.org/tlog-proof@v1\nextra ZXh0cmEgaW5mb3JtYXRpb24=\nindex 1\n")
    note = proof.checkpoint.note
    for head in [
        "wrong-header\nindex 0",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\nextra !!notbase64!!\nindex 0",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v1\nindex notanumber",
        "c2sp.org/tlog-proof@v1\nindex -5",
        "c2sp.org/tlog-proof@v1\nindex 05",
        "c2sp.org/tlog-proof@v1\nindex 0\n!!notbase64!!",
        "c2sp.org/tlog-proof@v1\nindex 0\n" + "A" * 86 + "==",
        "c2sp.org/tlog-proof@v1\nindex 0" + ("\n" + "A" * 43 + "=") * 64,
        "c2sp.org/tlog-proof@v1\nindex 0\r",
    ]:
        with pytest.raises(MalformedError):
            parse_proof(f"{head}\n\n{note}")
    for text in ["", "c2sp.org/tlog-proof@v1\nindex 0\n" + "a" * 65 * 1024 + "\n", b"\xff", proof.encode()[:-1]]:
        with pytest.raises(MalformedError):
            parse_proof(text)


def test_the_verifier_needs_no_server() -> None:
    """Only the standard library and `cryptography` are loaded with it."""
    code = (
        "import sys, ledger.receipt\n"
        "roots = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(roots & {'sqlalchemy', 'pydantic', 'fastapi', 'gateway', 'orjson', 'yaml'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
