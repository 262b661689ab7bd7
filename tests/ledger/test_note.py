"""Signed notes, checkpoints, cosignatures and policies: published vectors first, then what must be refused."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger import checkpoint, cosignature, note, policy
from ledger.errors import LedgerError, MalformedError, VerificationError
from tests.ledger.conftest import NOW, ORIGIN, signer

DASH = "\u2014"
C2SP_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = f"This is an example message.\n\n{DASH} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = f"{GO_TEXT}\n{DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
TESSERA_15 = "example.com/log/testdata\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n"


def test_published_notes() -> None:
    for vkey, text in [(C2SP_VKEY, C2SP_NOTE), (GO_VKEY, GO_NOTE)]:
        verifier = cosignature.parse_verifier(vkey)
        assert verifier.vkey() == vkey
        opened, good = note.open_note(text, [verifier])
        assert opened.encode() == text
        assert [s.name for s in good] == [verifier.name]


def test_published_cosignature() -> None:
    """Also checked with another implementation (tlog-scales)."""
    cosigner = cosignature.Cosigner("witness.example.com/w1", bytes(range(32)))
    assert cosigner.vkey() == "witness.example.com/w1+a0059f11+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    signature = cosigner.sign(TESSERA_15, 1_679_315_147_999_999)
    assert signature.line() == (
        f"{DASH} witness.example.com/w1 oAWfEQAAAABkGFDLo0vvaVMnQBetpNUCKKILroiWxoSAyyV9iB/cgczFo9ONQdSuKdatX9+k2ggtjAKaVSHrTWaVvipK5HiRqnepAA==\n"
    )
    assert cosignature.seconds_of(signature) == 1_679_315_147
    assert cosigner.verifier.verify(TESSERA_15, signature.payload)
    assert not cosigner.verifier.verify(TESSERA_15.replace("15", "16"), signature.payload)
    assert not cosigner.verifier.verify(TESSERA_15, signature.payload[:-1])
    late = b"\xff" * 8 + signature.payload[8:]
    assert not cosigner.verifier.verify(TESSERA_15, late)
    with pytest.raises(MalformedError):
        cosignature.seconds_of(note.Signature("x", bytes(4), late))
    with pytest.raises(MalformedError):
        cosignature.seconds_of(note.Signature("x", bytes(4), bytes(8)))


def test_mldsa_is_a_second_signature_under_the_same_text() -> None:
    quantum = cosignature.MldsaSigner(ORIGIN, bytes(range(32)))
    text = checkpoint.Checkpoint(ORIGIN, 7, bytes(32)).text()
    signed = note.sign_note(text, [signer(), quantum], NOW)
    verifier = cosignature.parse_verifier(quantum.vkey())
    assert verifier.vkey() == quantum.vkey()
    for one in (signer().verifier, verifier):
        checkpoint.open_checkpoint(signed, [one])
    payload = quantum.sign(text, NOW).payload
    assert len(payload) == 8 + 2420
    assert cosignature.mldsa_message("w", checkpoint.Checkpoint("o", 7, bytes(32)), 5) == (
        b"subtree/v1\n\0" + b"\x01w" + (5).to_bytes(8) + b"\x01o" + bytes(8) + (7).to_bytes(8) + bytes(32)
    )
    assert not verifier.verify(text, payload[:-1])
    assert not verifier.verify(text, b"\xff" * 8 + payload[8:])
    assert not verifier.verify(text, payload[:-1] + bytes([payload[-1] ^ 1]))
    assert not verifier.verify("no checkpoint\n", payload)
    with pytest.raises(MalformedError):
        cosignature.mldsa_message("w" * 256, checkpoint.Checkpoint("o", 7, bytes(32)), 5)
    with pytest.raises(MalformedError):
        cosignature.MldsaVerifier("w", bytes(5))


def test_keys_have_one_text_form() -> None:
    key = signer()
    again = note.Ed25519Signer.from_skey(key.skey())
    assert (again.vkey(), again.skey(), again.name, again.key_id) == (key.vkey(), key.skey(), key.name, key.key_id)
    vkey, skey = key.vkey(), key.skey()
    wrong_id = vkey.replace(key.key_id.hex(), "00000000")
    for text in ["", "a", "a+b", wrong_id, vkey + "=", vkey[:-1], "a b+" + vkey.split("+", 1)[1], vkey.upper()]:
        with pytest.raises(MalformedError):
            cosignature.parse_verifier(text)
    for kind, public in [(0x02, bytes(32)), (0xFF, b"x"), (0x01, bytes(31)), (0x04, bytes(33)), (0x06, bytes(32))]:
        with pytest.raises(MalformedError):
            cosignature.parse_verifier(note.encode_vkey("a", kind, public))
    with pytest.raises(MalformedError):
        note.decode_vkey("a+" + note.key_id("a", 1, b"").hex() + "+AQ==")
    for text in ["", skey[1:], skey.replace(key.key_id.hex(), "00000000"), skey[:-8], skey + "A"]:
        with pytest.raises(MalformedError):
            note.Ed25519Signer.from_skey(text)
    for name in ["", "a b", "a+b", "a\u2003b", "a\nb", "\x85", "a\ud800"]:
        with pytest.raises(MalformedError):
            note.check_name(name)


GOOD = note.sign_note("text\n\nmore\n", [signer()], NOW)
LINE = GOOD.split("\n\n")[-1]


def test_a_text_may_hold_empty_lines() -> None:
    assert note.parse_note(GOOD).text == "text\n\nmore\n"
    assert note.parse_note(GOOD.encode()) == note.parse_note(GOOD)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "text\n",
        "text\n\n",
        GOOD[:-1],
        GOOD + "\n",
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("text", "te\txt"),
        GOOD.replace("text", "te\0xt"),
        GOOD.replace(DASH, "-"),
        GOOD.replace(DASH + " ", DASH + "  "),
        GOOD.replace("=\n", "\n"),
        GOOD.replace("=\n", "==\n"),
        GOOD.replace("=\n", "= \n"),
        "text" + GOOD[GOOD.index("\n\n" + DASH) :].removeprefix("\n"),
        f"text\n\n{DASH} name AAAAAA==\n",
        "text\n\n" + LINE * 101,
        f"text\n\n{DASH} na\u2028me {note.b64(bytes(68))}\n",
        GOOD + "trailing\n",
        "x" * 1_000_001,
        b"\xff\xfe",
        "\ud800" + GOOD,
    ],
)
def test_notes_that_are_none(wrong: str | bytes) -> None:
    with pytest.raises(MalformedError):
        note.parse_note(wrong)


def test_texts_that_cannot_be_signed() -> None:
    for text in ["", "no newline", "tab\t\n"]:
        with pytest.raises(MalformedError):
            note.sign_note(text, [signer()], NOW)


def test_who_is_believed() -> None:
    known, unknown = signer(), signer("somebody.else")
    both = note.sign_note("text\n", [unknown, known, known], NOW)
    _, good = note.open_note(both, [known.verifier])
    assert [s.key_id for s in good] == [known.key_id]
    with pytest.raises(VerificationError, match="known signature"):
        note.open_note(note.sign_note("text\n", [unknown], NOW), [known.verifier])
    with pytest.raises(VerificationError, match="known signature"):
        note.open_note(both, [])
    broken = both.replace("text", "next")
    with pytest.raises(VerificationError, match=f"signature of {known.name}: expected valid"):
        note.open_note(broken, [known.verifier])


@given(st.binary(max_size=120) | st.text(max_size=120).map(lambda s: s.encode("utf-8", "replace")))
def test_parsers_answer_or_refuse(raw: bytes) -> None:
    """Whatever comes in: a value that encodes to the same bytes, or a refusal that says what was wrong."""
    for parse in (note.parse_note, policy.parse_policy, checkpoint.parse_signed):
        try:
            value = parse(raw)
        except MalformedError:
            continue
        if isinstance(value, note.Note):
            assert value.encode().encode() == raw


@given(st.integers(0, len(GOOD.encode()) - 1), st.integers(0, 7))
def test_no_note_survives_one_changed_bit(at: int, bit: int) -> None:
    raw = bytearray(GOOD.encode())
    raw[at] ^= 1 << bit
    with pytest.raises(LedgerError):
        note.open_note(bytes(raw), [signer().verifier])


def root64(size: int = 32) -> str:
    return base64.b64encode(bytes(size)).decode()


@pytest.mark.parametrize(
    "wrong",
    [
        f"Log\n123\n{root64()}",
        "Head\n9944\n",
        f"\n9944\n{root64()}\n",
        f"Log\nbananas\n{root64()}\n",
        f"Log\n-34\n{root64()}\n",
        f"Log\n+34\n{root64()}\n",
        f"Log\n034\n{root64()}\n",
        f"Log\n 34\n{root64()}\n",
        f"Log\n3438945738945739845734895735\n{root64()}\n",
        f"Log\n{2**63}\n{root64()}\n",
        f"Log\n\u0663\n{root64()}\n",
        "Log\n123\nThisIsn'tBase64\n",
        f"Log\n123\n{root64(31)}\n",
        f"Log\n123\n{root64(33)}\n",
        f"Log\n123\n{root64()[:-1]}\n",
        f"Log\n123\n{root64()}\nextension\n",
        f"Log\n123\n{root64()}\n\n",
    ],
)
def test_checkpoints_that_are_none(wrong: str) -> None:
    with pytest.raises(MalformedError):
        checkpoint.parse_checkpoint(wrong)


def test_checkpoints_keep_their_bounds() -> None:
    edge = checkpoint.Checkpoint("Log", 2**63 - 1, bytes(32))
    assert checkpoint.parse_checkpoint(edge.text()) == edge
    for size, root in [(-1, bytes(32)), (2**63, bytes(32)), (1, bytes(31))]:
        with pytest.raises(MalformedError):
            checkpoint.Checkpoint("Log", size, root)


def test_one_log_cannot_speak_for_another() -> None:
    other = signer("log.example.test/other")
    text = checkpoint.Checkpoint(ORIGIN, 3, bytes(32)).text()
    with pytest.raises(VerificationError):
        checkpoint.open_checkpoint(note.sign_note(text, [other], NOW), [other.verifier, signer().verifier])
    empty = checkpoint.Checkpoint(ORIGIN, 0, bytes(32)).text()
    with pytest.raises(VerificationError, match="empty tree"):
        checkpoint.open_checkpoint(note.sign_note(empty, [signer()], NOW), [signer().verifier])


def witness(number: int) -> cosignature.Cosigner:
    return cosignature.Cosigner(f"witness.example.test/{number}", bytes([number]) * 32)


def policy_text(quorum: str = "both") -> str:
    lines = [f"log {signer().vkey()} https://log.example.test/"]
    lines += [f"witness x{i} {witness(i).vkey()}" for i in (1, 2, 3)]
    lines += [f"witness y{i} {witness(i).vkey()} https://y.example.test/" for i in (4, 5)]
    lines += ["group x 2 x1 x2 x3", "group y any y4 y5", "group both all x y", f"quorum {quorum}"]
    return "\n".join(lines) + "\n"


def test_a_policy_asks_for_its_quorum() -> None:
    trust = policy.parse_policy(policy_text())
    assert policy.parse_policy(trust.encode()) == trust
    text = checkpoint.Checkpoint(ORIGIN, 3, bytes(32)).text()

    def by(*numbers: int) -> str:
        return note.sign_note(text, [signer(), *(witness(i) for i in numbers)], NOW)

    for enough in [(1, 2, 4), (2, 3, 5), (1, 2, 3, 4, 5), (3, 1, 5)]:
        signed, seen = trust.open(by(*enough))
        assert signed.size == 3
        assert len(seen) == len(enough)
        assert {c.seconds for c in seen} == {NOW // 1_000_000}
    for too_few in [(), (1, 2), (1, 4), (4, 5), (1, 1, 4)]:
        with pytest.raises(VerificationError, match="witness quorum: expected 2 of x, y"):
            trust.open(by(*too_few))
    stranger = by(1, 2, 4, 6)
    assert len(trust.open(stranger)[1]) == 3
    lying = by(1, 2, 4).replace("\n3\n", "\n4\n")
    with pytest.raises(VerificationError):
        trust.open(lying)
    forged = note.sign_note(text.replace("\n3\n", "\n4\n"), [witness(5)], NOW).split("\n\n")[1]
    with pytest.raises(VerificationError, match="cosignature of y5"):
        trust.open(by(1, 2, 4) + forged)
    assert policy.parse_policy(policy_text("none")).open(by())[1] == ()
    assert policy.parse_policy(policy_text("x1")).met_by({"x1"})
    assert policy.parse_policy(policy_text("x1")).needed() == "x1"
    assert policy.parse_policy(policy_text("none")).needed() == "none"


@pytest.mark.parametrize(
    "line",
    [
        "quorum both",
        "log",
        "log nonsense",
        "log {log}",
        "log {x} a b",
        "witness none {fresh}",
        "witness x1 {fresh}",
        "witness x9 {x}",
        "witness x9 {ed}",
        "witness {fresh}",
        "group z 1",
        "group z 3 x1 x2",
        "group z 0 fresh",
        "group z 01 fresh",
        "group z all unknown",
        "group z all x1",
        "group z any z",
        "group none any fresh",
        "group x any fresh",
        "group z any\u00a0fresh",
        "group z any none",
        "something else",
        "witness\u2003w {other}",
    ],
)
def test_policies_that_are_none(line: str) -> None:
    line = line.format(
        log=signer().vkey(),
        x=witness(1).vkey(),
        fresh=witness(9).vkey(),
        ed=signer("w", 9).vkey(),
        other=witness(8).vkey(),
    )
    text = policy_text() + f"witness fresh {witness(7).vkey()}\n"
    policy.parse_policy(text)
    with pytest.raises(MalformedError):
        policy.parse_policy(text + line + "\n")


def test_policies_have_one_quorum_named_before() -> None:
    for text in ["", "quorum unknown\n", b"\xff"]:
        with pytest.raises(MalformedError):
            policy.parse_policy(text)
    assert policy.parse_policy("# a comment\n \t\n  # another\n\tquorum \t none \n").quorum == "none"


def test_seeds_are_the_raw_key() -> None:
    raw = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
    assert note.public_of(raw) == signer().verifier.public
