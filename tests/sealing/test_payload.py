"""Payloads: whole, in order, from whom they say, for whom they name; in every suite, and in no other case."""

import io
import os
import tracemalloc
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, KeySet, OKPKey

from gateway.errors import Problem
from gateway.sealing.jwe import jwe_open, jwe_seal
from gateway.sealing.payload import (
    CHUNK,
    SUITES,
    Receiver,
    check_payload,
    open_bytes,
    open_payload,
    pieces,
    seal_bytes,
    seal_payload,
)
from gateway.sealing.payload_keys import Kind, PayloadBroken, PrivateKey, PublicKey, parse_private, parse_public

CONTENT = {"request": "r-1", "grant": "g-1", "dataset": "records", "purpose": "credit-review", "rows": 3}
NAMES = [suite.name for suite in SUITES.values()]


class Party:
    """A partner and its keys, in one suite."""

    def __init__(self, name: str, suite: str) -> None:
        found = next(each for each in SUITES.values() if each.name == suite)
        self.name = name
        self.key = PrivateKey.new(found.receiver)  # type: ignore[arg-type]
        self.signer = PrivateKey.new(found.signer)  # type: ignore[arg-type]

    @property
    def receiver(self) -> Receiver:
        return Receiver(self.name, self.key.public())


@pytest.fixture(params=NAMES)
def suite(request: pytest.FixtureRequest) -> str:
    if request.param.startswith("gm"):
        pytest.importorskip("gmssl_pyx")
    name: str = request.param
    return name


def sealed_by(sender: Party, data: bytes, *to: Party) -> bytes:
    return seal_bytes(data, CONTENT, [party.receiver for party in to], sender.name, sender.signer)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_every_receiver_opens_it_and_learns_from_whom_it_is(suite: str, size: int) -> None:
    sender, one, two = Party("sender", suite), Party("one", suite), Party("two", suite)
    data = os.urandom(size)
    sealed = sealed_by(sender, data, one, two)
    for party in (one, two):
        plain, opened = open_bytes(sealed, [party.key], [sender.signer.public()])
        assert plain == data
        assert (opened.suite, opened.sender, opened.receivers) == (suite, "sender", ("one", "two"))
        assert opened.content == CONTENT
        assert opened.signing_key == sender.signer.public().key_id
    assert check_payload(io.BytesIO(sealed), [sender.signer.public()]).content == CONTENT


def test_nobody_else_opens_it(suite: str) -> None:
    sender, one, other = Party("sender", suite), Party("one", suite), Party("other", suite)
    sealed = sealed_by(sender, b"data", one)
    assert b"data" not in sealed.split(b"}", 5)[-1]
    with pytest.raises(Problem) as caught:
        open_bytes(sealed, [other.key], [sender.signer.public()])
    assert caught.value.code.name == "payload-not-for-this-key"


def test_a_sender_that_is_not_on_file_is_not_believed(suite: str) -> None:
    sender, one, other = Party("sender", suite), Party("one", suite), Party("other", suite)
    for known in ([], [other.signer.public()], [sender.key.public()]):
        with pytest.raises(Problem) as caught:
            open_bytes(sealed_by(sender, b"data", one), [one.key], known)
        assert caught.value.code.name == "payload-sender-unknown"


def test_after_a_change_of_key_old_payloads_open_with_the_old_one(suite: str) -> None:
    sender, old, new = Party("sender", suite), Party("one", suite), Party("one", suite)
    first, second = sealed_by(sender, b"1", old), sealed_by(sender, b"2", new)
    for sealed, data in ((first, b"1"), (second, b"2")):
        assert open_bytes(sealed, [new.key, old.key], [sender.signer.public()])[0] == data


def test_a_changed_byte_anywhere_is_refused_before_anything_is_decrypted(suite: str) -> None:
    sender, one = Party("sender", suite), Party("one", suite)
    sealed = sealed_by(sender, b"data" * 20, one)
    step = 1 if len(sealed) < 900 else 7
    for position in range(0, len(sealed), step):
        broken = sealed[:position] + bytes([sealed[position] ^ 0x10]) + sealed[position + 1 :]
        out = io.BytesIO()
        with pytest.raises(Problem):
            open_payload(io.BytesIO(broken), out, [one.key], [sender.signer.public()])
        assert out.getvalue() == b""


def test_every_truncation_and_any_appendix_is_refused(suite: str) -> None:
    sender, one = Party("sender", suite), Party("one", suite)
    sealed = sealed_by(sender, b"data", one)
    for changed in [*(sealed[:n] for n in range(0, len(sealed), 5)), sealed[:-1], sealed + b"\0", sealed + sealed]:
        with pytest.raises(PayloadBroken):
            open_bytes(changed, [one.key], [sender.signer.public()])


def resigned(sealed: bytes, sender: Party, change: object) -> bytes:
    """`sealed` with its frames changed and signed anew: what a sender (or a thief of its signing key) could do."""
    from gateway.sealing.payload import _digest, _finished, _frames, _read_head, _signed

    source = io.BytesIO(sealed)
    head = _read_head(source)
    frames = change([frame for frame, _, _ in _frames(source)])  # type: ignore[operator]
    body = head.raw + b"".join(frames)
    digest = _digest(head.suite.content)
    digest.update(body)
    signature = sender.signer.sign(_signed(_finished(digest)))
    return body + len(signature).to_bytes(2, "big") + signature


def last_of(frame: bytes) -> bytes:
    return bytes([frame[0] | 0x80]) + frame[1:]


@pytest.mark.parametrize(
    "change",
    [
        lambda frames: [frames[1], frames[0], *frames[2:]],
        lambda frames: [frames[0], *frames[2:]],
        lambda frames: [frames[0], last_of(frames[1])],
        lambda frames: [frames[0], frames[0], *frames[1:]],
        lambda frames: [last_of(frames[0])],
    ],
    ids=["swapped", "dropped", "cut", "repeated", "first only"],
)
def test_chunks_cannot_be_moved_dropped_or_ended_early_even_under_a_good_signature(suite: str, change: object) -> None:
    sender, one = Party("sender", suite), Party("one", suite)
    sealed = sealed_by(sender, os.urandom(3 * CHUNK), one)
    assert open_bytes(resigned(sealed, sender, lambda frames: frames), [one.key], [sender.signer.public()])
    with pytest.raises(PayloadBroken):
        open_bytes(resigned(sealed, sender, change), [one.key], [sender.signer.public()])


def test_a_header_of_another_payload_does_not_fit_even_under_a_good_signature(suite: str) -> None:
    """The key that was wrapped for one header cannot be put under another one, e.g. another purpose."""
    sender, one = Party("sender", suite), Party("one", suite)
    sealed = sealed_by(sender, b"data", one)
    other = sealed.replace(b"credit-review", b"credit-sellin")
    with pytest.raises(PayloadBroken):
        open_bytes(resigned(other, sender, lambda frames: frames), [one.key], [sender.signer.public()])


def test_the_content_key_itself_is_bound_to_the_header(suite: str) -> None:
    from gateway.sealing.payload import _info, _read_head

    sender, one = Party("sender", suite), Party("one", suite)
    head = _read_head(io.BytesIO(sealed_by(sender, b"data", one)))
    key_id = one.key.public().key_id
    assert one.key.unwrap(head.wrapped[0], _info(head.core, key_id))
    for core, name in ((head.core.replace(b"credit-review", b"credit-sellin"), key_id), (head.core, "0" * 16)):
        with pytest.raises(PayloadBroken):
            one.key.unwrap(head.wrapped[0], _info(core, name))


def test_receivers_have_keys_of_one_kind_and_the_signer_is_of_the_suite() -> None:
    one, two = Party("one", "hpke-x25519"), Party("two", "hpke-mlkem768-x25519")
    for receivers in ([], [one.receiver, two.receiver], [Receiver("x", one.signer.public())]):
        with pytest.raises(Problem):
            seal_bytes(b"", CONTENT, receivers, "s", one.signer)
    with pytest.raises(Problem):
        seal_bytes(b"", CONTENT, [one.receiver], "s", one.key)


def test_the_same_data_is_never_sealed_the_same_twice(suite: str) -> None:
    sender, one = Party("sender", suite), Party("one", suite)
    assert sealed_by(sender, b"data", one) != sealed_by(sender, b"data", one)


def test_a_large_file_takes_the_memory_of_a_chunk() -> None:
    sender, one = Party("sender", "hpke-x25519"), Party("one", "hpke-x25519")
    total = 24 * 1024 * 1024

    def source() -> Iterator[bytes]:
        for _ in range(total // (1 << 20)):
            yield bytes(1 << 20)

    class Sink(io.RawIOBase):
        size = 0

        def write(self, data: object) -> int:
            self.size += len(data)  # type: ignore[arg-type]
            return len(data)  # type: ignore[arg-type]

    sink = Sink()
    tracemalloc.start()
    seal_payload(sink, source(), CONTENT, [one.receiver], "sender", sender.signer)  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total < sink.size < total * 1.001
    assert peak < 6 * 1024 * 1024


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=CHUNK + 10), max_size=4))
def test_pieces_of_any_size_come_back_as_one(data: list[bytes]) -> None:
    sender, one = Party("sender", "hpke-x25519"), Party("one", "hpke-x25519")
    out = io.BytesIO()
    seal_payload(out, data, CONTENT, [one.receiver], "sender", sender.signer)
    assert open_bytes(out.getvalue(), [one.key], [sender.signer.public()])[0] == b"".join(data)
    assert b"".join(pieces(io.BytesIO(b"".join(data)))) == b"".join(data)


@settings(max_examples=200)
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_refused_with_a_declared_problem(data: bytes, with_magic: bool) -> None:
    one = Party("one", "hpke-x25519")
    with pytest.raises(Problem):
        open_bytes((b"LP\x01\x01\x00\x00\x00\x10" if with_magic else b"") + data, [one.key], [one.signer.public()])


# --- keys -----------------------------------------------------------------------------------------------------------

KINDS: list[Kind] = ["x25519", "mlkem768-x25519", "sm2", "ed25519", "sm2-sign"]


@pytest.mark.parametrize("kind", KINDS)
def test_keys_have_a_text_form_an_id_and_no_bytes_in_their_repr(kind: Kind) -> None:
    if kind.startswith("sm2"):
        pytest.importorskip("gmssl_pyx")
    key = PrivateKey.new(kind)
    assert parse_private(key.text()) == key
    assert parse_public(key.public().text()) == key.public()
    assert len(key.public().key_id) == 16
    assert key.raw.hex()[:16] not in repr(key)
    assert str(key.raw)[2:12] not in repr(key)
    assert PrivateKey.new(kind).public().key_id != key.public().key_id


@pytest.mark.parametrize(
    "text",
    ["", "lq-pub", "lq-pub:x25519:", "lq-pub:rsa:AAAA", "lq-pub:x25519:*", "lq-key:x25519:" + "A" * 43,
     "lq-pub:x25519:" + "A" * 43, "lq-pub:sm2:" + "A" * 86, "lq-pub:ed25519:AAAA"],
)  # fmt: skip
def test_what_is_no_key_or_a_point_on_no_curve_is_refused_and_not_repeated(text: str) -> None:
    pytest.importorskip("gmssl_pyx")
    with pytest.raises(Problem) as caught:
        parse_public(text)
    assert caught.value.code.name == "payload-key-invalid"
    assert "AAAA" not in str(caught.value)


def test_sm2_signatures_are_verified_by_the_published_example() -> None:
    """GB/T 32918.5-2017, annex A.2: r and s of "message digest" under the default signer id."""
    pytest.importorskip("gmssl_pyx")
    point = (
        "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
        "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
    )
    r = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    s = "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
    der = bytes.fromhex("3046022100" + r + "022100" + s)
    key = PublicKey("sm2-sign", bytes.fromhex(point))
    key.verify(der, b"message digest")
    with pytest.raises(PayloadBroken):
        key.verify(der, b"message digests")
    with pytest.raises(PayloadBroken):
        key.verify(der[:-1] + b"\0", b"message digest")
    with pytest.raises(PayloadBroken):
        key.verify(b"", b"message digest")


def test_sm2_decrypts_the_published_example() -> None:
    """GB/T 32918.5-2017, annex C.2, as DER: point, C3, C2."""
    gm = pytest.importorskip("gmssl_pyx")
    d = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
    x = "04EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73"
    y = "E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0"
    c2, c3 = (
        "21886CA989CA9C7D58087307CA93092D651EFA",
        "59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766",
    )
    body = bytes.fromhex("0220" + x + "022100" + y + "0420" + c3 + "0413" + c2)
    assert gm.sm2_decrypt(d, b"\x30" + bytes([len(body)]) + body) == b"encryption standard"


# --- JOSE -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def jose() -> tuple[OKPKey, OKPKey, ECKey]:
    return (
        OKPKey.generate_key("Ed25519", {"kid": "signer"}),
        OKPKey.generate_key("X25519", {"kid": "one"}),
        ECKey.generate_key("P-256", {"kid": "two"}),
    )


def test_a_partner_with_a_jose_stack_opens_it(jose: tuple[OKPKey, OKPKey, ECKey]) -> None:
    signer, one, two = jose
    data = os.urandom(300_000)
    sealed, signature = jwe_seal(data, CONTENT, [one, two], "sender", signer)
    for key in (one, two):
        plain, header = jwe_open(sealed, signature, key, KeySet([signer]))
        assert plain == data
        assert (header["sender"], header["content"]) == ("sender", CONTENT)


def test_a_changed_or_foreign_jwe_is_refused(jose: tuple[OKPKey, OKPKey, ECKey]) -> None:
    signer, one, two = jose
    sealed, signature = jwe_seal(b"data", CONTENT, [one], "sender", signer)
    stranger = OKPKey.generate_key("Ed25519", {"kid": "signer"})
    other = jwe_seal(b"data", CONTENT, [one], "sender", stranger)
    for arguments in (
        (sealed, signature, two, KeySet([signer])), (sealed, signature, one, KeySet([stranger])),
        (sealed[:-2] + b"  ", signature, one, KeySet([signer])), (sealed, other[1], one, KeySet([signer])),
        (*other, one, KeySet([signer])), (b"{}", signature, one, KeySet([signer])),
    ):  # fmt: skip
        with pytest.raises(PayloadBroken):
            jwe_open(*arguments)
    # a receiver cannot re-sign a changed header: it is inside the authenticated part
    message = orjson.loads(sealed)
    message["ciphertext"] = message["ciphertext"][::-1]
    changed = orjson.dumps(message)
    from hashlib import sha256

    from joserfc import jws

    resigned_by = jws.serialize_compact(
        {"alg": "Ed25519", "kid": "signer"}, sha256(changed).hexdigest(), signer, algorithms=["Ed25519"]
    )
    with pytest.raises(PayloadBroken):
        jwe_open(changed, resigned_by, one, KeySet([signer]))


def test_a_jwe_is_bounded(jose: tuple[OKPKey, OKPKey, ECKey]) -> None:
    signer, one, _ = jose
    with pytest.raises(ValueError, match="16 MiB"):
        jwe_seal(bytes(16 * 1024 * 1024 + 1), CONTENT, [one], "sender", signer)
    with pytest.raises(ValueError, match="receivers"):
        jwe_seal(b"", CONTENT, [], "sender", signer)
