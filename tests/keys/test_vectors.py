"""The suites against published vectors (NIST, RFC 5869, 8452, 8998, 9106, GB/T 32905, 32907) and against OpenSSL."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from gateway.keys.suites import AES_256_GCM, AES_256_GCM_SIV, SM4_GCM, SUITES, Suite, suite_named

cryptography_vectors = pytest.importorskip("cryptography_vectors")
VECTORS = Path(cryptography_vectors.__file__).parent
H = bytes.fromhex


def blocks(*path: str) -> Iterator[dict[str, str]]:
    """Blank-line separated `name = value` blocks; section heads in brackets are added to each block below them."""
    section: dict[str, str] = {}
    for block in re.split(r"\n\s*\n", VECTORS.joinpath(*path).read_text().replace("\r", "")):
        found: dict[str, str] = {}
        for line in block.splitlines():
            if line.strip() == "FAIL":
                found["FAIL"] = "yes"
            elif not line.startswith("#") and "=" in line:
                name, _, value = line.strip("[] ").partition("=")
                (section if line.startswith("[") else found)[name.strip().lower()] = value.strip()
        if found:
            yield {**section, **found}


def test_nist_gcm_256() -> None:
    sealed = opened = refused = 0
    for vector in blocks("ciphers", "AES", "GCM", "gcmEncryptExtIV256.rsp"):
        if (vector.get("ivlen"), vector.get("taglen")) == ("96", "128"):
            got = AES_256_GCM.seal(H(vector["key"]), H(vector["iv"]), H(vector["pt"]), H(vector["aad"]))
            assert got == H(vector["ct"]) + H(vector["tag"])
            sealed += 1
    for vector in blocks("ciphers", "AES", "GCM", "gcmDecrypt256.rsp"):
        if (vector.get("ivlen"), vector.get("taglen")) != ("96", "128"):
            continue
        arguments = H(vector["key"]), H(vector["iv"]), H(vector["ct"]) + H(vector["tag"]), H(vector["aad"])
        if "FAIL" in vector:
            with pytest.raises(InvalidTag):
                AES_256_GCM.open(*arguments)
            refused += 1
        else:
            assert AES_256_GCM.open(*arguments) == H(vector["pt"])
            opened += 1
    assert (sealed, opened + refused) == (375, 375)
    assert min(opened, refused) > 100


def test_gcm_siv_256_rfc_8452() -> None:
    count = 0
    for vector in blocks("ciphers", "AES", "GCM-SIV", "openssl.txt"):
        if len(vector.get("key", "")) == 64:
            arguments = H(vector["key"]), H(vector["iv"]), H(vector.get("plaintext", "")), H(vector.get("aad", ""))
            assert AES_256_GCM_SIV.seal(*arguments) == H(vector.get("ciphertext", "")) + H(vector["tag"])
            count += 1
    assert count > 20


def test_sm4_gcm_rfc_8998() -> None:
    (vector,) = blocks("ciphers", "SM4", "rfc8998.txt")
    key, iv, aad = H(vector["key"]), H(vector["iv"]), H(vector["aad"])
    text, sealed = H(vector["plaintext"]), H(vector["ciphertext"]) + H(vector["tag"])
    assert SM4_GCM.seal(key, iv, text, aad) == sealed
    assert SM4_GCM.open(key, iv, sealed, aad) == text
    assert sealed.hex().startswith("17f399f08c67d5ee19d0dc9969c4bb7d")


def test_sm4_gb_t_32907_annex_a() -> None:
    key = H("0123456789abcdeffedcba9876543210")
    encryptor = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()
    assert encryptor.update(key) == H("681edf34d206965e86b3e94f536e4246")


@pytest.mark.deep
def test_sm4_a_million_times_gb_t_32907_annex_a() -> None:
    key = block = H("0123456789abcdeffedcba9876543210")
    encryptor = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()
    for _ in range(1_000_000):
        block = encryptor.update(block)
    assert block == H("595298c7c6fd271f0402f804c33d3f66")


def test_sm3_gb_t_32905_and_oscca() -> None:
    count = 0
    for vector in blocks("hashes", "SM3", "oscca.txt"):
        message = H(vector["msg"])[: int(vector["len"]) // 8]
        assert SM4_GCM.digest(message) == H(vector["md"])
        count += 1
    assert count >= 4
    assert SM4_GCM.digest(b"abcd" * 16) == H("debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732")


def test_hkdf_rfc_5869() -> None:
    vectors: list[dict[str, str]] = []
    for block in blocks("KDF", "rfc-5869-HKDF-SHA256.txt"):  # a blank line stands within some cases
        if "count" in block:
            vectors.append({})
        vectors[-1].update(block)
    for vector in vectors:
        salt, info, length = H(vector.get("salt", "")), H(vector.get("info", "")), int(vector["l"])
        derived = HKDF(hashes.SHA256(), length, salt or None, info).derive(H(vector["ikm"]))
        assert derived == H(vector["okm"])
    assert len(vectors) == 3


def test_argon2id_rfc_9106_and_others_with_one_lane() -> None:
    one_lane = 0
    for vector in blocks("KDF", "argon2id.txt"):
        derived = Argon2id(
            salt=H(vector["salt"]), length=int(vector["length"]), iterations=int(vector["iter"]),
            lanes=int(vector["lanes"]), memory_cost=int(vector["memcost"]),
            ad=H(vector["ad"]) if vector.get("ad") else None,
            secret=H(vector["secret"]) if vector.get("secret") else None,
        ).derive(H(vector["pass"]))  # fmt: skip
        assert derived == H(vector["output"])
        one_lane += vector["lanes"] == "1"
    assert one_lane >= 1


OPENSSL = shutil.which("openssl")


@pytest.mark.skipif(OPENSSL is None, reason="the openssl command is not installed")
@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 5000])
def test_openssl_agrees_on_sm3_and_hmac_sm3(size: int) -> None:
    data = os.urandom(size)

    def asked(*arguments: str) -> str:
        assert OPENSSL is not None
        done = subprocess.run([OPENSSL, "dgst", "-sm3", *arguments], input=data, capture_output=True, check=True)
        return done.stdout.decode().split()[-1]

    assert asked() == SM4_GCM.digest(data).hex()
    assert asked("-hmac", "a key") == SM4_GCM.mac(b"a key", data).hex()


@pytest.mark.skipif(OPENSSL is None, reason="the openssl command is not installed")
def test_openssl_agrees_on_sm4_in_counter_mode_which_is_the_cipher_inside_gcm() -> None:
    key, nonce, data = os.urandom(16), os.urandom(12), os.urandom(1000)
    assert OPENSSL is not None
    counter = (nonce + (2).to_bytes(4, "big")).hex()
    command = [OPENSSL, "enc", "-sm4-ctr", "-K", key.hex(), "-iv", counter]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    assert SM4_GCM.seal(key, nonce, data, b"")[:-16] == done.stdout


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda s: s.name)
@given(st.binary(max_size=200), st.binary(max_size=50), st.data())
def test_every_suite_opens_what_it_sealed_and_nothing_else(
    suite: Suite, text: bytes, aad: bytes, data: st.DataObject
) -> None:
    key, nonce = bytes(range(suite.key_bytes)), bytes(12)
    sealed = suite.seal(key, nonce, text, aad)
    assert suite.open(key, nonce, sealed, aad) == text
    position = data.draw(st.integers(0, len(sealed) * 8 - 1))
    changed = bytearray(sealed)
    changed[position // 8] ^= 1 << position % 8
    for other in ((key, nonce, bytes(changed), aad), (key, nonce, sealed, aad + b"\0"), (key, nonce, sealed[:-1], aad),
                  (key, b"\1" + nonce[1:], sealed, aad), (key[::-1], nonce, sealed, aad)):  # fmt: skip
        with pytest.raises(InvalidTag):
            suite.open(*other)


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda s: s.name)
def test_keys_and_nonces_have_exactly_one_length(suite: Suite) -> None:
    for size in (0, 8, 15, 16, 24, 31, 32, 33):
        if size != suite.key_bytes:
            with pytest.raises(ValueError, match="key of"):
                suite.seal(bytes(size), bytes(12), b"", b"")
    for size in (0, 8, 11, 13, 16):
        with pytest.raises(ValueError, match="12 bytes"):
            suite.seal(bytes(suite.key_bytes), bytes(size), b"", b"")


def test_the_numbers_of_the_suites_never_change() -> None:
    assert {number: suite.name for number, suite in SUITES.items()} == {
        1: "AES-256-GCM", 2: "AES-256-GCM-SIV", 0x11: "SM4-GCM",
    }  # fmt: skip
    assert suite_named("SM4-GCM") is SM4_GCM
    with pytest.raises(ValueError, match="known"):
        suite_named("AES-CBC")


def test_hpke_rfc_9180_and_the_hybrid_of_x25519_and_ml_kem() -> None:
    """The vectors have associated data, which the public interface lacks: they go through the function below it."""
    import hashlib
    import json

    from cryptography.hazmat.primitives import hpke
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    decrypt = getattr(hpke.rust_openssl.hpke, "_decrypt_with_aad", None)
    if decrypt is None:
        pytest.skip("this version of the library has no decryption with associated data")
    opened = 0
    for name in ("test-vectors.json", "hpke-pq-test-vectors.json"):
        for vector in json.loads(VECTORS.joinpath("HPKE", name).read_text()):
            identity = vector["mode"], vector["kem_id"], vector["kdf_id"]
            if identity not in {(0, 0x20, 1), (0, 0x647A, 1)} or vector["aead_id"] not in {1, 2, 3}:
                continue
            aead = {1: hpke.AEAD.AES_128_GCM, 2: hpke.AEAD.AES_256_GCM, 3: hpke.AEAD.CHACHA20_POLY1305}[
                vector["aead_id"]
            ]
            secret = H(vector["skRm"])
            key: object = X25519PrivateKey.from_private_bytes(secret)
            kem = hpke.KEM.X25519
            if vector["kem_id"] == 0x647A:
                seeds = hashlib.shake_256(secret).digest(96)
                lattice, curve = (
                    MLKEM768PrivateKey.from_seed_bytes(seeds[:64]),
                    X25519PrivateKey.from_private_bytes(seeds[64:]),
                )
                key, kem = hpke.MLKEM768X25519PrivateKey(lattice, curve), hpke.KEM.MLKEM768_X25519
            first = vector["encryptions"][0]
            sealed = H(vector["enc"]) + H(first["ct"])
            suite = hpke.Suite(kem, hpke.KDF.HKDF_SHA256, aead)
            assert decrypt(suite, sealed, key, H(vector["info"]), H(first["aad"])) == H(first["pt"])
            opened += 1
    assert opened == 4
