"""A published log, made again byte for byte: the test log of Tessera, whose private key is public."""

import hashlib

import pytest

from ledger import merkle
from ledger.cosignature import Cosigner, MldsaSigner
from ledger.note import Ed25519Signer
from ledger.serve import serve
from ledger.sql import SqlLog
from ledger.tiles import encode_bundle, paths_between
from tests.ledger.conftest import NOW

ORIGIN = "example.com/log/testdata"
SKEY = "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg"
VKEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
LEAVES = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eit",
    "nain",
    "ten",
    "ileven",
    "twelf",
    "threeten",
    "fourten",
    "fivten",
]
DASH = "\u2014"
CHECKPOINTS = {
    0: (
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "M9e0lhxJACzE1KoUdqKuPa+9p6R7dSW8BlEvrg/noo8FkGg6PbJoRNOcdjqjOq89wVvTA60eubCc4oufo5BvIVEgtQc=",
    ),
    3: (
        "Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=",
        "M9e0lvAQRtH832pk2RTbeSeZMkp4FZSdJYFBUjO5SKxuRbywPUF3cx+HUrb50kjd3rUWW/fj53Wj1dwcwh9bGQnqVAg=",
    ),
    15: (
        "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=",
        "M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=",
    ),
}
# SHA-256 of every published file: checkpoint.<n>, tile/0/000.p/<n>, tile/entries/000.p/<n>
FILES = {
    "checkpoint.0": "2a88b2fa27d24b7e57d5dcf73ddcad2075198f97879b45eab3aa8520b89944a9",
    "checkpoint.1": "50026db3bdb6b509d7ce2915bc05f3908857acd48621f0a7cac3f65eb117ed9b",
    "checkpoint.2": "4f2622ccd83c224e6d6d5ee2f99319e4224d7f5de3078bf10fdea9c77864833d",
    "checkpoint.3": "88996b7cfd57cebe7c9c34ce35b7d5bd6b7af0d76f7febe687216ab15644d32c",
    "checkpoint.4": "09eeacdca308e7c415e4e9ac26521938d44eaf03b4a8bc4486679cea852b390f",
    "checkpoint.5": "5dccd69f5e3c761bad6225dbde1603bd21bddbb23f4447eba3ec82c8d9002f8a",
    "checkpoint.6": "3da77775077943d2a9bf17712c1df62587f9ad502a5bcd15b5c6abca164d1e20",
    "checkpoint.7": "6787611cbc401f8bfa4075723028d238290a7bf83a604f55827b34e0c067e7c3",
    "checkpoint.8": "abdebb1c8e1c562d5902f106e741e80e430af4bb7fdaf120d9fe4a3419d6adb8",
    "checkpoint.9": "23e1b039edd148ac31cb53b7fbc5bf8678bf9d85010d4f74173743773958b6c1",
    "checkpoint.10": "b7d1118f304887d9c5eee7d9faac64da15a7564f0d14e0d67126c131b5a63f13",
    "checkpoint.11": "335f7c9273127918020204e371682f900da703faa305059e3a6ab2b8e5294ea1",
    "checkpoint.12": "d5c41a56c1a42885ed25fc4b27bdeed95e187ceb5c85a3e552dcdc85ad4c5f85",
    "checkpoint.13": "2d21becfbf9cb3edba3bc6112cbcdab551667aef4d18466def881988a89f8e5f",
    "checkpoint.14": "b5fc2f2e9f6f3a72ab491042cbecd06b4e0a831933ebae386e3f42f37b764d99",
    "checkpoint.15": "aebf6c3251e27b6a4e265cbbcb3036887ba860071e1df9669cd36179ac82eaed",
    "tile/0/000.p/1": "ccfdec58d220e811be8903398a8867fde33e93bba97faecad3315bd7c753bd2f",
    "tile/0/000.p/2": "59e16c84b7f06104607760ad7916b9535d578914c7f29ae5f51ad990e6a66113",
    "tile/0/000.p/3": "6168c234ffb69c4c34476551c18dfc6041752648b15012695bff139659d59c8a",
    "tile/0/000.p/4": "9959e95e8017bc56a4dbaa0afda926b25a7b54c0ca055cff26f1093ab55f2da1",
    "tile/0/000.p/5": "cde9addac215d77831b3c28a05c63ee8679350a51760d2a63885af0d178716eb",
    "tile/0/000.p/6": "1ef4dd027e37c71ac19b68502238c107b0370b6742119c278fddd0a4b75ed350",
    "tile/0/000.p/7": "7294908b09b009d5a476bcd8c2086466c4794ceacbc40f556b32280e1a012db4",
    "tile/0/000.p/8": "92b3acf68d583ef1bfb61cf39bf9e89ff3cbe3e19f39fc698f50c91ab6360e59",
    "tile/0/000.p/9": "0acd41c3ef3e5db1efbcf9952282808aeedd41d12bd410d9e24395a0750e66c0",
    "tile/0/000.p/10": "6dcd13cc0a93d63bf0867206365aaf370de67c8f5488b149bc5e9f3925d86b54",
    "tile/0/000.p/11": "a17105d6da8c53a8051d85b9fbe52dc887478ec71aa61aa6601720b3e385d32f",
    "tile/0/000.p/12": "9b8621625e84f41ca91f60c2c9068eefa2f7df8a4732a3da17c81c7ead22c7b7",
    "tile/0/000.p/13": "e0e226249b7c08f78b9f20f1ec08dc2f625867632c4240e843b091480aa3820b",
    "tile/0/000.p/14": "014a1bdd661336c4d00606431741c06d18fd02e9f5de72e020e794d9c84dfda5",
    "tile/0/000.p/15": "93593af14d2cce39867d2e73fe4ca400a38581605c5c4501a03e752d9b51a130",
    "tile/entries/000.p/1": "217eb5c174b50240976ae2b9b7a2a213c8ebe7f525fde0f0ea7561adcb4794e1",
    "tile/entries/000.p/2": "8d26204429edb13ff9b074af489a8e984bdccb3e0ea2ee1d531d5f19195b7d24",
    "tile/entries/000.p/3": "17872b3223966b3b743f99f79fab73e8d54556aa39adeb6918a5b84da91b9735",
    "tile/entries/000.p/4": "0f19d664a8c5a97ae47831b162c04ed6a68de060759cc19cb82085d9bdc58c7c",
    "tile/entries/000.p/5": "22c2e51f0b2aa8e6a9d3770d59942127a28da1376cfab9bec868c4ada07e83b7",
    "tile/entries/000.p/6": "51c4a9b199a7272c00d56d4f9e7346ca0ab68549ccd076484c7340a61dadb351",
    "tile/entries/000.p/7": "545bd03b5a0b5be95070fa06c2acd61bbb80c80702ca68e130fe06dfa289287b",
    "tile/entries/000.p/8": "a4413f345504eb3637bcab7f9f188baaf7efe71fcd9d05cbf1cb9f850bd23aeb",
    "tile/entries/000.p/9": "eda107446820475a7382b1f3c34e0cb6833cbb976b183dd11de46ba607b9bff8",
    "tile/entries/000.p/10": "81330784e6e1b74137a76d17f894317e622a918a8a91c6c7005f228ae431f488",
    "tile/entries/000.p/11": "e4391087ee6b8f34bb4bdb292a590cbeb410f3ea03e60bb6d04fbd10448b322d",
    "tile/entries/000.p/12": "cbb703dd472823ec9c870229060474365f5f92f7ea1a4587541a72def784e5a3",
    "tile/entries/000.p/13": "0a0c8b26118fd8cc64c942ce11580a967c49bb494b931db9d8040736f4b8596a",
    "tile/entries/000.p/14": "bb309a3d4f081ad2cafac932239a831a22eb8c839497f1d2ec383ef69da23927",
    "tile/entries/000.p/15": "9ac6a9fc9012f2b4d67ac26041933c119e1505defc5c808ed614c5778c9f1716",
}


async def test_all_sixteen_checkpoints_tiles_and_bundles(db) -> None:
    log = SqlLog(ORIGIN, Ed25519Signer.from_skey(SKEY))
    assert log.signers[0].vkey() == VKEY
    made = {}
    async with db.begin() as tx:
        made["checkpoint.0"] = (await log.ensure(tx)).note.encode()
        for number, leaf in enumerate(LEAVES, 1):
            position = await log.append(tx, "word", leaf, leaf.encode())
            made[f"checkpoint.{number}"] = position.checkpoint.note.encode()
            entries = [e.leaf for e in await log.entries(tx, 0, number)]
            made[f"tile/entries/000.p/{number}"] = encode_bundle(entries)
        for width in range(1, 16):  # every historic partial tile is a prefix of what is kept
            made[f"tile/0/000.p/{width}"] = await log.tile(tx, 0, 0, width)
    for size, (root, signature) in CHECKPOINTS.items():
        text = f"{ORIGIN}\n{size}\n{root}\n\n{DASH} {ORIGIN} {signature}\n"
        assert made[f"checkpoint.{size}"].decode() == text
    assert {name: hashlib.sha256(raw).hexdigest() for name, raw in made.items()} == FILES


class Files:
    """Our files, as the other implementation's reader wants them."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def get(self, *path: str) -> bytes | None:
        return self.files.get("/".join(path))


async def test_another_implementation_reads_our_log(sqlite_db) -> None:
    """tlog-scales, an independent reader of tiles, finds the same in our files."""
    reader = pytest.importorskip("tlog_scales.reader")
    signing = pytest.importorskip("tlog_scales.signing")
    quantum = MldsaSigner(ORIGIN, bytes(32))
    log = SqlLog(ORIGIN, Ed25519Signer.from_skey(SKEY), also=[quantum])
    witness = Cosigner("witness.example.test/1", bytes(32))
    count = 70_000
    leaves = [str(i).encode() for i in range(count)]
    async with sqlite_db.begin() as tx:
        await log.ensure(tx)
        await log.integrate(tx, [merkle.leaf_hash(leaf) for leaf in leaves])
        signed = await log.checkpoint(tx)
        await log.cosign(tx, count, [witness.sign(signed.checkpoint.text(), NOW).line()], [witness.verifier])

        async def elsewhere(tx, begin: int, end: int) -> list[bytes]:
            return leaves[begin:end]

        paths = ["checkpoint", *paths_between(0, count)]
        files = {path: (await serve(tx, log, path, elsewhere)).body for path in paths}
        path = await log.prove_inclusion(tx, 300, count)
        proof = await log.prove_consistency(tx, 33_333, count)
    assert len([p for p in paths if p.startswith("tile/0/")]) == 274
    assert [p for p in paths if p.startswith(("tile/1/", "tile/2/"))] == [
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    theirs = reader.TilesReader(Files(files))
    checkpoint = theirs.get_checkpoint()
    theirs.set_size(count)
    assert theirs.calculate_root_hash() == signed.root == checkpoint.root_hash
    assert theirs.get_inclusion_proof(300, count).node_hashes == path
    assert theirs.get_consistency_proof(33_333, count).node_hashes == proof
    assert theirs.get_entry(69_999) == leaves[-1]
    for key in (VKEY, quantum.vkey(), witness.vkey()):
        checkpoint.verify(signing.Vkey.from_string(key))
