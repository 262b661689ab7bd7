"""Sealing beside its peers: the same eight-field records, sealed and opened, in one process and one run.

`run(short)` returns rows {name, ours, against, against_name, unit, ratio, target, met, note}; a ratio above 1 is better
for us. A peer that is not installed has no ratio and says so. Trust the ratios of one run, not the absolute numbers.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from gateway.keys.suites import AES_256_GCM, AES_256_GCM_SIV, SM4_GCM, Suite
from gateway.sealing.blind import blind_token
from gateway.sealing.envelope import Place, open_, open_many, seal, unwrap_data_key, wrap_data_key
from gateway.sealing.groupkey import GroupKey
from gateway.sealing.payload import Receiver, open_bytes, seal_bytes
from gateway.sealing.payload_keys import PrivateKey
from policies.decision import Allowed, Obligations
from policies.vocabulary import Resource

GROUPS = {
    "contact": ("name", "mobile", "email"),
    "cooperation": ("business_type", "amount", "agreement"),
    "visit": ("date", "memo"),
}
FIELDS = tuple(field for group in GROUPS.values() for field in group)


def records(count: int) -> list[dict[str, str]]:
    """Synthetic records of eight text fields, about 260 bytes of values each."""
    return [
        {
            "name": f"联系人{n:05d}", "mobile": f"1380000{n % 10000:04d}", "email": f"contact{n:06d}@client.example",
            "business_type": "设备融资租赁", "amount": str(1_000_000 + n),
            "agreement": f"框架协议 {n}, 三年期, 按季付息",
            "date": "2026-03-05",
            "memo": f"第{n}次拜访:客户计划三季度扩产两条产线,询问租赁与股权质押的组合方案,"
            "约定下月回访并补充材料。",
        }
        for n in range(count)
    ]  # fmt: skip


def rate(work: Callable[[], None], count: int, short: bool) -> float:
    """How many a second of processor time: the median of several passes over `count`. Everything here is one thread."""
    passes = []
    for _ in range(3 if short else 7):
        # Processor time: what else runs on the machine must not favour one side.
        start = time.process_time()
        work()
        passes.append(count / (time.process_time() - start))
    return statistics.median(passes)


def group_key(suite: Suite, compartment: str) -> GroupKey:
    """A group key for the bench."""
    return GroupKey.of(
        lineage="00" * 8, version=1, suite=suite.name, owner="u", compartment=compartment, use="seal",
        secret=os.urandom(suite.key_bytes),
    )  # fmt: skip


def decision(compartment: str, names: frozenset[str]) -> Allowed:
    """An allowing decision about these records, as the verbs hand it to `open_`."""
    resource = Resource(compartment, names, frozenset(FIELDS))
    return Allowed("d", "r", "allowed", "e", "read", "p", resource, Obligations())


def ours(data: list[dict[str, str]], suite: Suite, split: bool, short: bool) -> float:
    """Seal and open every record, each (record, compartment) under a data key of its own, decisions checked."""
    groups = GROUPS if split else {"all": FIELDS}
    keys = {group: group_key(suite, group) for group in groups}
    names = [f"record-{n}" for n in range(len(data))]
    allowed = {group: decision(group, frozenset(names)) for group in groups}

    def work() -> None:
        for name, values in zip(names, data, strict=True):
            for group, fields in groups.items():
                place = Place("records", name, group, "u", 1)
                sealed = seal(keys[group], place, {field: values[field] for field in fields})
                open_(keys[group], sealed, place, allowed[group])

    return rate(work, len(data), short)


def _tink(data: list[dict[str, str]], split: bool, short: bool) -> float:
    """Tink's envelope: a new data key inside every ciphertext, wrapped by a local key-encryption key."""
    import orjson
    import tink
    from tink import aead

    aead.register()
    local = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM).primitive(aead.Aead)
    envelope = aead.KmsEnvelopeAead(aead.aead_key_templates.AES256_GCM, local)
    groups = GROUPS if split else {"all": FIELDS}

    def work() -> None:
        for n, values in enumerate(data):
            for group, fields in groups.items():
                bound = f"records|record-{n}|{group}|u|1".encode()
                sealed = envelope.encrypt(orjson.dumps({field: values[field] for field in fields}), bound)
                orjson.loads(envelope.decrypt(sealed, bound))

    return rate(work, len(data), short)


def _fernet(data: list[dict[str, str]], short: bool) -> float:
    from cryptography.fernet import Fernet

    box = Fernet(Fernet.generate_key())

    def work() -> None:
        for values in data:
            for value in values.values():
                box.decrypt(box.encrypt(value.encode())).decode()

    return rate(work, len(data), short)


def _encrypted_type(data: list[dict[str, str]], short: bool) -> float:
    from sqlalchemy import String
    from sqlalchemy.dialects.sqlite.pysqlite import dialect
    from sqlalchemy_utils.types.encrypted.encrypted_type import AesGcmEngine, StringEncryptedType

    column, spoken = StringEncryptedType(String, "a key of the bench", AesGcmEngine), dialect()

    def work() -> None:
        for values in data:
            for value in values.values():
                column.process_result_value(column.process_bind_param(value, spoken), spoken)

    return rate(work, len(data), short)


def _mongo(data: list[dict[str, str]], short: bool) -> float:
    import bson
    from pymongocrypt.mongocrypt import MongoCryptOptions
    from pymongocrypt.synchronous.explicit_encrypter import ExplicitEncrypter
    from pymongocrypt.synchronous.state_machine import MongoCryptCallback

    class Keys(MongoCryptCallback):  # type: ignore[misc]
        stored: bytes = b""

        def kms_request(self, kms_context: Any) -> None: ...
        def collection_info(self, database: Any, filter: Any) -> Any: ...
        def mark_command(self, database: Any, cmd: Any) -> Any: ...

        def fetch_keys(self, filter: Any) -> Iterator[bytes]:
            yield self.stored

        def insert_data_key(self, data_key: bytes) -> Any:
            self.stored = data_key
            return bson.decode(data_key)["_id"]

        def bson_encode(self, doc: Any) -> bytes:
            return bytes(bson.encode(doc))

        def close(self) -> None: ...

    callback = Keys()
    options = MongoCryptOptions({"local": {"key": os.urandom(96)}}, bypass_encryption=True)
    encrypter = ExplicitEncrypter(callback, options)
    key_id, algorithm = bytes(encrypter.create_data_key("local")), "AEAD_AES_256_CBC_HMAC_SHA_512-Random"

    def work() -> None:
        for values in data:
            for value in values.values():
                encrypter.decrypt(encrypter.encrypt(bson.encode({"v": value}), algorithm, key_id))

    return rate(work, len(data), short)


def _aws(data: list[dict[str, str]], short: bool) -> float:
    import aws_encryption_sdk
    import orjson
    from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
    from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
    from aws_cryptographic_material_providers.mpl.models import AesWrappingAlg, CreateRawAesKeyringInput

    client = aws_encryption_sdk.EncryptionSDKClient(
        commitment_policy=aws_encryption_sdk.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    )
    ring = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig()).create_raw_aes_keyring(
        input=CreateRawAesKeyringInput(
            key_namespace="bench", key_name="bench", wrapping_key=os.urandom(32),
            wrapping_alg=AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
        )
    )  # fmt: skip
    algorithm = aws_encryption_sdk.identifiers.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY

    def work() -> None:
        for n, values in enumerate(data):
            context = {"record": f"record-{n}"}
            sealed, _ = client.encrypt(
                source=orjson.dumps(values), keyring=ring, encryption_context=context, algorithm=algorithm
            )
            client.decrypt(source=sealed, keyring=ring, encryption_context=context)

    return rate(work, len(data), True)


def _pgcrypto(data: list[dict[str, str]], short: bool) -> float:
    """pgp_sym_encrypt and decrypt (authenticated) in SQL; the psql URL is in LIANQIAO_BENCH_PGCRYPTO. Wall time."""
    url = os.environ["LIANQIAO_BENCH_PGCRYPTO"]
    count = len(data)
    columns = ",".join(f"v{n} text" for n in range(8))
    sealed = ",".join(f"pgp_sym_encrypt(v{n},'key','cipher-algo=aes256,s2k-mode=1') v{n}" for n in range(8))
    opened = ",".join(f"max(length(pgp_sym_decrypt(v{n},'key')))" for n in range(8))
    rows = ",".join(
        "(" + ",".join("'" + value.replace("'", "''") + "'" for value in each.values()) + ")" for each in data
    )
    script = (
        f"CREATE EXTENSION IF NOT EXISTS pgcrypto; CREATE TEMP TABLE a({columns}); INSERT INTO a VALUES {rows};\n"
        f"\\timing on\nCREATE TEMP TABLE b AS SELECT {sealed} FROM a;\nSELECT {opened} FROM b;"
    )
    done = subprocess.run(["psql", "-qX", url], input=script, capture_output=True, text=True, check=True)
    spent = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("Time:")]
    return count / (sum(spent) / 1000)


def _row(
    name: str, unit: str, mine: float, against_name: str = "", peer: Callable[[], float] | None = None,
    target: float | None = None,
) -> dict[str, Any]:  # fmt: skip
    against, note = None, ""
    if peer is not None:
        try:
            against = peer()
        except (ImportError, KeyError, FileNotFoundError) as error:
            note = f"not compared: {type(error).__name__} {error}"
    ratio = mine / against if against else None
    return {
        "name": name, "ours": round(mine, 1), "against": round(against, 1) if against else None,
        "against_name": against_name, "unit": unit, "ratio": round(ratio, 2) if ratio else None, "target": target,
        "met": None if ratio is None or target is None else ratio >= target, "note": note,
    }  # fmt: skip


def _bulk(data: list[dict[str, str]], short: bool) -> float:
    key, names = group_key(AES_256_GCM, "all"), [f"record-{n}" for n in range(len(data))]
    rows = []
    for name, values in zip(names, data, strict=True):
        place = Place("records", name, "all", "u", 1)
        rows.append((seal(key, place, values), place))
    allowed = decision("all", frozenset(names))
    return rate(lambda: void(open_many({key.key_id: key}, rows, allowed)), len(data), short)


def void(_: object) -> None:
    """Nothing."""


def _rewrap(suite: Suite, count: int, short: bool) -> float:
    old, new = group_key(suite, "all"), group_key(suite, "all")
    wrapped = [wrap_data_key(old, os.urandom(suite.key_bytes), f"record-{n}", "all", 1) for n in range(count)]

    def work() -> None:
        for n, each in enumerate(wrapped):
            wrap_data_key(new, unwrap_data_key(old, each, f"record-{n}", "all", 1), f"record-{n}", "all", 1)

    return rate(work, count, short)


def _payload(kind: str, signer: str, body: bytes, short: bool) -> float:
    key, signing = PrivateKey.new(kind), PrivateKey.new(signer)  # type: ignore[arg-type]
    to, known = [Receiver("one", key.public())], [signing.public()]
    times = 10 if short else 50

    def work() -> None:
        for _ in range(times):
            open_bytes(seal_bytes(body, {"rows": 1000}, to, "us", signing), [key], known)

    return rate(work, times, short)


def _jwe(body: bytes, short: bool) -> float:
    from joserfc.jwk import KeySet, OKPKey

    from gateway.sealing.jwe import jwe_open, jwe_seal

    key, signing = OKPKey.generate_key("X25519", {"kid": "one"}), OKPKey.generate_key("Ed25519", {"kid": "us"})
    times = 5 if short else 20

    def work() -> None:
        for _ in range(times):
            jwe_open(*jwe_seal(body, {"rows": 1000}, [key], "us", signing), key, KeySet([signing]))

    return rate(work, times, short)


def run(short: bool) -> list[dict[str, Any]]:
    """All rows; `short` takes seconds, the long run about a minute."""
    data = records(1_000 if short else 10_000)
    few = data[: 200 if short else 1_000]
    unit = "records/s sealed and opened"
    one, three = ours(data, AES_256_GCM, False, short), ours(data, AES_256_GCM, True, short)
    body = json.dumps(records(1_000), ensure_ascii=False).encode()
    hpke = _payload("x25519", "ed25519", body, short)
    index = GroupKey.of(lineage="00" * 8, version=1, suite="AES-256-GCM", owner="", compartment="contact", use="index",
                        secret=bytes(32))  # fmt: skip
    numbers = [values["mobile"] for values in data]

    def token(number: str) -> bytes | None:
        return blind_token(index, "mobile", "mobile", number, 12)

    rows = [
        _row("one blob a record", unit, one, "Tink KmsEnvelopeAead", lambda: _tink(data, False, short), 1.5),
        _row("three compartments, three data keys", unit, three, "Tink KmsEnvelopeAead, three blobs",
             lambda: _tink(data, True, short), 2.0),
        _row("three compartments against eight fields", unit, three, "Fernet", lambda: _fernet(few, short), 1.0),
        _row("three compartments against eight fields", unit, three, "sqlalchemy-utils AesGcmEngine",
             lambda: _encrypted_type(few, short), 1.0),
        _row("three compartments against eight fields", unit, three, "libmongocrypt explicit",
             lambda: _mongo(few, short), 1.0),
        _row("one blob a record", unit, one, "AWS ESDK raw AES keyring", lambda: _aws(few[:100], short), 1.0),
        _row("three compartments against eight fields", unit, three, "pgcrypto pgp_sym",
             lambda: _pgcrypto(few, short), 1.0),
        _row("GCM-SIV suite, three compartments", unit, ours(data, AES_256_GCM_SIV, True, short), "our AES-256-GCM",
             lambda: three),
        _row("SM4-GCM suite, three compartments", unit, ours(few, SM4_GCM, True, short), "our AES-256-GCM",
             lambda: three, 0.25),
        _row("bulk open, one compartment", "records/s opened", _bulk(data, short)),
        _row("rewrap, AES-256-GCM", "data keys/s", _rewrap(AES_256_GCM, len(data), short)),
        _row("rewrap, SM4-GCM", "data keys/s", _rewrap(SM4_GCM, len(few), short)),
        _row("blind index", "tokens/s", rate(lambda: void([token(each) for each in numbers]), len(data), short)),
        _row("payload of 1000 rows, HPKE", "payloads/s sealed and opened", hpke, "our JWE", lambda: _jwe(body, short)),
        _row("payload of 1000 rows, hybrid post-quantum", "payloads/s sealed and opened",
             _payload("mlkem768-x25519", "ed25519", body, short), "our HPKE", lambda: hpke),
    ]  # fmt: skip
    try:
        gm = _payload("sm2", "sm2-sign", body, short)
        rows.append(_row("payload of 1000 rows, GM", "payloads/s sealed and opened", gm, "our HPKE", lambda: hpke))
    except Exception as error:  # the GM extra is optional
        rows.append(_row("payload of 1000 rows, GM", "payloads/s sealed and opened", 0.0) | {"note": str(error)})
    return rows


if __name__ == "__main__":
    for row in run("--short" in sys.argv):
        print(json.dumps(row, ensure_ascii=False))
