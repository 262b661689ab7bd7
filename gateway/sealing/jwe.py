"""Payloads for partners with a JOSE stack: JWE (RFC 7516) with ECDH-ES+A256KW and A256GCM, signed by a JWS.

Compatibility only, a third larger: one message in memory at a time, at most 16 MiB, no streaming.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey

from gateway.sealing.payload_keys import PayloadBroken

MAX_BYTES = 16 * 1024 * 1024
_ALGORITHMS = ["ECDH-ES+A256KW", "A256GCM"]
_TYPE = "lianqiao-payload+jwe"
JwkKey = OKPKey | ECKey


def _registry() -> jwe.JWERegistry:
    class Bounded(jwe.JWERegistry):
        max_protected_header_length = 64 * 1024
        max_ciphertext_length = 2 * MAX_BYTES
        max_recipients = 1000

    # `content` and `sender` are members of our own in the protected header.
    return Bounded(algorithms=_ALGORITHMS, strict_check_header=False)


def jwe_seal(
    data: bytes, content: Mapping[str, str | int], receivers: Sequence[JwkKey], sender: str, signer: OKPKey
) -> tuple[bytes, str]:
    """(JWE in general JSON serialisation, compact JWS of its SHA-256 by `signer`, an Ed25519 key).

    Receivers are X25519 or P-256 public keys with a `kid`. `content` stands in the protected header, in clear.
    Raises `ValueError` above 16 MiB or without receivers.
    """
    if len(data) > MAX_BYTES or not receivers:
        raise ValueError("a JWE payload has receivers and at most 16 MiB")
    protected = {"enc": "A256GCM", "typ": _TYPE, "content": dict(content), "sender": sender}
    message = jwe.GeneralJSONEncryption(protected, data)
    for receiver in receivers:
        message.add_recipient({"alg": "ECDH-ES+A256KW", "kid": receiver.kid or receiver.thumbprint()}, receiver)
    sealed = orjson.dumps(jwe.encrypt_json(message, None, registry=_registry()), option=orjson.OPT_SORT_KEYS)
    header = {"alg": "Ed25519", "kid": signer.kid or signer.thumbprint(), "typ": _TYPE}
    return sealed, jws.serialize_compact(header, hashlib.sha256(sealed).hexdigest(), signer, algorithms=["Ed25519"])


def jwe_open(sealed: bytes, signature: str, key: JwkKey, sender_keys: KeySet) -> tuple[bytes, dict[str, Any]]:
    """(data, protected header) when the signature is by one of `sender_keys` and `key` is among the receivers.

    The signature is checked first. Raises `PayloadBroken`.
    """
    try:
        signed = jws.deserialize_compact(signature, sender_keys, algorithms=["Ed25519"])
        if signed.payload != hashlib.sha256(sealed).hexdigest().encode():
            raise PayloadBroken("the signature is of another message")
        message = orjson.loads(sealed)
        ours = key.kid or key.thumbprint()
        mine = [each for each in message["recipients"] if each.get("header", {}).get("kid") == ours]
        if len(mine) != 1:
            raise PayloadBroken("it is not encrypted to this key")
        flat: Any = {**{name: value for name, value in message.items() if name != "recipients"}, "recipients": mine}
        opened = jwe.decrypt_json(flat, key, registry=_registry())
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise PayloadBroken(f"the JWE or its signature is not good: {type(error).__name__}") from None
    header = dict(opened.protected)
    if header.get("typ") != _TYPE or header.get("enc") != "A256GCM":
        raise PayloadBroken("it is a JWE of another type")
    return bytes(opened.plaintext or b""), header
