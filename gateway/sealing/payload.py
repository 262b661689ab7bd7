"""Payloads that only their receivers can read: encrypted once, for any number of partners, signed, in one stream.

The content key is wrapped for each receiver (HPKE, RFC 9180; or SM2). The content is cut into chunks, each sealed with
its number and whether it is the last: nothing can be dropped, moved or appended. The signature covers every byte before
it and is checked before anything is decrypted. Byte by byte: docs/formats/payload.md.
"""

import base64
import hashlib
import io
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes

from gateway.errors import Problem, declare
from gateway.keys.suites import AES_256_GCM, SM4_GCM, TAG_BYTES, Suite
from gateway.sealing.payload_keys import (
    ENCRYPTION,
    PAYLOAD_KEY_INVALID,
    PayloadBroken,
    PrivateKey,
    PublicKey,
)

PAYLOAD_NOT_FOR_US = declare(
    "payload-not-for-this-key", "invalid",
    zh="该数据包不是加密给此密钥的", en="The payload was not encrypted to this key",
    remedy_zh="请使用登记给发送方的密钥;若已更换密钥,请用旧密钥打开",
    remedy_en="Use the key that the sender has on file, or the older one",
)  # fmt: skip
PAYLOAD_SENDER_UNKNOWN = declare(
    "payload-sender-unknown", "invalid",
    zh="无法确认发送方:签名密钥未登记", en="The sender cannot be confirmed: its signing key is not on file",
    remedy_zh="请先核对并登记发送方的签名公钥", remedy_en="Check the sender's signing key and put it on file first",
)  # fmt: skip

CHUNK = 64 * 1024
_MAGIC, _FORMAT = b"LP", 1
_HEAD = struct.Struct(">2sBBI")
_LAST = 1 << 31
_MAX_HEADER = 1 << 20
_MAX_RECIPIENTS = 1000
_NONCE_PREFIX = 7
_READ = 1 << 20


@dataclass(frozen=True, slots=True)
class PayloadSuite:
    """A set of algorithms: `id` stands in the file, receivers' keys have kind `receiver`, the signer's of `signer`."""

    id: int
    name: str
    receiver: str
    signer: str
    content: Suite


SUITES: dict[int, PayloadSuite] = {
    suite.id: suite
    for suite in (
        PayloadSuite(1, "hpke-x25519", "x25519", "ed25519", AES_256_GCM),
        PayloadSuite(2, "hpke-mlkem768-x25519", "mlkem768-x25519", "ed25519", AES_256_GCM),
        PayloadSuite(3, "gm-sm2", "sm2", "sm2-sign", SM4_GCM),
    )
}


@dataclass(frozen=True, slots=True)
class Receiver:
    """A partner and the key that it has on file."""

    id: str
    key: PublicKey


@dataclass(frozen=True, slots=True)
class Opened:
    """What a payload says of itself once its signature is good: sender, receivers, `content` (request, grant ...)."""

    suite: str
    sender: str
    signing_key: str
    receivers: tuple[str, ...]
    content: Mapping[str, Any]


class _Tee:
    """Counts and digests what is written, so that the signature covers exactly what is in the file."""

    def __init__(self, out: BinaryIO, suite: Suite) -> None:
        self._out = out
        self._digest = _digest(suite)

    def write(self, data: bytes) -> None:
        self._digest.update(data)
        self._out.write(data)

    def digest(self) -> bytes:
        return _finished(self._digest)


def _digest(suite: Suite) -> Any:
    return hashes.Hash(hashes.SM3()) if suite.gm else hashlib.sha256()


def _finished(digest: Any) -> bytes:
    return bytes(digest.finalize() if isinstance(digest, hashes.Hash) else digest.digest())


def suite_for(receivers: Sequence[Receiver]) -> PayloadSuite:
    """The suite that all receivers' keys are of. Raises `Problem(payload-key-invalid)` for none or a mixture."""
    kinds = {receiver.key.kind for receiver in receivers}
    if not receivers or len(receivers) > _MAX_RECIPIENTS or len(kinds) != 1 or not kinds <= ENCRYPTION:
        raise Problem(PAYLOAD_KEY_INVALID, detail_en="receivers need encryption keys of one and the same kind")
    return next(suite for suite in SUITES.values() if suite.receiver in kinds)


def _info(core: bytes, key_id: str) -> bytes:
    return b"lianqiao payload key 1\x00" + hashlib.sha256(core).digest() + key_id.encode()


def _signed(digest: bytes) -> bytes:
    return b"lianqiao payload signature 1\x00" + digest


def seal_payload(
    out: BinaryIO,
    data: Iterable[bytes],
    content: Mapping[str, str | int],
    receivers: Sequence[Receiver],
    sender: str,
    signer: PrivateKey,
) -> bytes:
    """`data`, in pieces of any size, stands sealed in `out` for `receivers`; returns the digest that was signed.

    `content` says what it is (request, grant, data set, purpose, rows ...); it is readable by whoever carries the
    payload and bound to it, so it holds no protected value. Needs memory for one chunk only.
    """
    suite = suite_for(receivers)
    if signer.kind != suite.signer:
        raise Problem(PAYLOAD_KEY_INVALID, detail_en=f"the suite {suite.name} is signed with {suite.signer}")
    prefix, content_key = os.urandom(_NONCE_PREFIX), os.urandom(suite.content.key_bytes)
    core = orjson.dumps(
        {
            "chunk": CHUNK,
            "content": dict(content),
            "nonce": base64.b64encode(prefix).decode(),
            "receivers": [{"id": receiver.id, "key": receiver.key.key_id} for receiver in receivers],
            "sender": {"id": sender, "key": signer.public().key_id},
            "suite": suite.name,
            "v": _FORMAT,
        },
        option=orjson.OPT_SORT_KEYS,
    )
    wrapped = [receiver.key.wrap(content_key, _info(core, receiver.key.key_id)) for receiver in receivers]
    head = _HEAD.pack(_MAGIC, _FORMAT, suite.id, len(core)) + core
    head += b"".join(len(each).to_bytes(2, "big") + each for each in wrapped)
    tee = _Tee(out, suite.content)
    tee.write(head)
    aead, bound = suite.content.aead(content_key), suite.content.digest(head)
    for number, (chunk, last) in enumerate(_chunks(data)):
        sealed = aead.encrypt(_nonce(prefix, number, last), chunk, bound)
        tee.write((len(sealed) | (_LAST if last else 0)).to_bytes(4, "big") + sealed)
    digest = tee.digest()
    signature = signer.sign(_signed(digest))
    out.write(len(signature).to_bytes(2, "big") + signature)
    return digest


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    # STREAM (Hoang, Reyhanitabar, Rogaway, Vizar 2015): prefix, counter, and one byte for the end.
    return prefix + number.to_bytes(4, "big") + bytes([last])


def _chunks(data: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """`data` in chunks of one size, each with whether it is the last; at least one, possibly empty."""
    held = bytearray()
    for piece in data:
        held += piece
        # One byte more than a chunk is needed to know that it is not the last.
        while len(held) > CHUNK:
            yield bytes(held[:CHUNK]), False
            del held[:CHUNK]
    yield bytes(held), True


@dataclass(frozen=True, slots=True)
class _Head:
    suite: PayloadSuite
    core: bytes
    fields: Mapping[str, Any]
    prefix: bytes
    wrapped: tuple[bytes, ...]
    raw: bytes


def _exactly(source: BinaryIO, size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise PayloadBroken("it is cut short")
    return data


def _read_head(source: BinaryIO) -> _Head:
    """The header. Raises `PayloadBroken` for anything that `seal_payload` does not write."""
    fixed = _exactly(source, _HEAD.size)
    magic, form, suite_id, size = _HEAD.unpack(fixed)
    if magic != _MAGIC or form != _FORMAT or suite_id not in SUITES or size > _MAX_HEADER:
        raise PayloadBroken("it is not a payload of a known format")
    core, suite = _exactly(source, size), SUITES[suite_id]
    try:
        fields = orjson.loads(core)
        prefix = base64.b64decode(fields["nonce"], validate=True)
        names = [str(each["id"]) + str(each["key"]) for each in fields["receivers"]]
        well = (
            fields["suite"] == suite.name
            and fields["v"] == _FORMAT
            and fields["chunk"] == CHUNK
            and len(prefix) == _NONCE_PREFIX
            and 0 < len(names) <= _MAX_RECIPIENTS
            and isinstance(fields["content"], dict)
            and isinstance(fields["sender"]["id"], str)
            and isinstance(fields["sender"]["key"], str)
        )
    except (ValueError, KeyError, TypeError):
        well = False
    if not well:
        raise PayloadBroken("its header is malformed")
    raw, wrapped = [fixed, core], []
    for _ in names:
        length = _exactly(source, 2)
        wrapped.append(_exactly(source, int.from_bytes(length, "big")))
        raw += [length, wrapped[-1]]
    return _Head(suite, core, fields, prefix, tuple(wrapped), b"".join(raw))


def _frames(source: BinaryIO) -> Iterator[tuple[bytes, bool, bytes]]:
    """(frame as it stands, whether it is the last, sealed chunk)."""
    last = False
    while not last:
        length = _exactly(source, 4)
        number = int.from_bytes(length, "big")
        last, size = bool(number & _LAST), number & ~_LAST
        if not TAG_BYTES <= size <= CHUNK + TAG_BYTES or (not last and size != CHUNK + TAG_BYTES):
            raise PayloadBroken("a chunk has an impossible length")
        sealed = _exactly(source, size)
        yield length + sealed, last, sealed


def check_payload(source: BinaryIO, senders: Sequence[PublicKey]) -> Opened:
    """What the payload says of itself, when its signature is by one of `senders` and every byte is there.

    Reads from the present position to the end. Raises `PayloadBroken`, `Problem(payload-sender-unknown)`.
    """
    return _checked(source, senders)[1]


def _checked(source: BinaryIO, senders: Sequence[PublicKey]) -> tuple[_Head, Opened]:
    head = _read_head(source)
    digest = _digest(head.suite.content)
    digest.update(head.raw)
    for frame, _, _ in _frames(source):
        digest.update(frame)
    signature = _exactly(source, int.from_bytes(_exactly(source, 2), "big"))
    if source.read(1):
        raise PayloadBroken("something follows its end")
    key_id = head.fields["sender"]["key"]
    signer = next((key for key in senders if key.key_id == key_id), None)
    if signer is None:
        raise Problem(PAYLOAD_SENDER_UNKNOWN)
    if signer.kind != head.suite.signer:
        raise PayloadBroken("it is signed with a key of another suite")
    signer.verify(signature, _signed(_finished(digest)))
    return head, Opened(
        head.suite.name, head.fields["sender"]["id"], key_id,
        tuple(each["id"] for each in head.fields["receivers"]), head.fields["content"],
    )  # fmt: skip


def open_payload(source: BinaryIO, out: BinaryIO, keys: Sequence[PrivateKey], senders: Sequence[PublicKey]) -> Opened:
    """The content stands in `out`, and what the payload says of itself is returned.

    `source` is read twice (it must be seekable): first every byte is checked against the signature of one of `senders`,
    then it is decrypted with whichever of `keys` it was encrypted to. Raises `PayloadBroken`,
    `Problem(payload-sender-unknown)`, `Problem(payload-not-for-this-key)`; what was written to `out` is then worthless.
    """
    start = source.tell()
    checked, opened = _checked(source, senders)
    source.seek(start)
    head = _read_head(source)
    if head.raw != checked.raw:
        raise PayloadBroken("it changed while it was read")
    aead = head.suite.content.aead(_content_key(head, keys))
    bound = head.suite.content.digest(head.raw)
    for number, (_, last, sealed) in enumerate(_frames(source)):
        try:
            out.write(aead.decrypt(_nonce(head.prefix, number, last), sealed, bound))
        except InvalidTag:
            raise PayloadBroken("a chunk was changed or moved") from None
    return opened


def _content_key(head: _Head, keys: Sequence[PrivateKey]) -> bytes:
    held = {key.public().key_id: key for key in keys if key.kind == head.suite.receiver}
    for receiver, wrapped in zip(head.fields["receivers"], head.wrapped, strict=True):
        key = held.get(receiver["key"])
        if key is not None:
            content_key = key.unwrap(wrapped, _info(head.core, receiver["key"]))
            if len(content_key) != head.suite.content.key_bytes:
                raise PayloadBroken("the content key has the wrong length")
            return content_key
    raise Problem(PAYLOAD_NOT_FOR_US)


def seal_bytes(
    data: bytes, content: Mapping[str, str | int], receivers: Sequence[Receiver], sender: str, signer: PrivateKey
) -> bytes:
    """`seal_payload` for something small."""
    out = io.BytesIO()
    seal_payload(out, [data], content, receivers, sender, signer)
    return out.getvalue()


def open_bytes(data: bytes, keys: Sequence[PrivateKey], senders: Sequence[PublicKey]) -> tuple[bytes, Opened]:
    """`open_payload` for something small."""
    out = io.BytesIO()
    opened = open_payload(io.BytesIO(data), out, keys, senders)
    return out.getvalue(), opened


def pieces(source: BinaryIO) -> Iterator[bytes]:
    """A file in pieces, for `seal_payload`."""
    while piece := source.read(_READ):
        yield piece
