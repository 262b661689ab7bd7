"""The tree: published vectors, the definition, and proofs that must not verify."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle
from ledger.errors import VerificationError

# RFC 6962 as tested by Certificate Transparency implementations: leaves, and the roots of sizes 1 to 8
LEAVES = [
    bytes.fromhex(x)
    for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
H_5F = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
H_BC = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
H_0E = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
PROBES = json.loads((Path(__file__).parent / "merkle_probes.json").read_text())
# twelve-byte roots are refused here although their verifier lets them pass: a hash has 32 bytes
STRICTER = {"additional/sizes-are-equal-one-and-proof-is-empty"}


def leaf_hashes(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(i).encode()) for i in range(count)]


def definition(leaves: list[bytes]) -> bytes:
    """MTH as RFC 9162, 2.1.1 writes it down."""
    if not leaves:
        return merkle.EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return merkle.node_hash(definition(leaves[:k]), definition(leaves[k:]))


def path_definition(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH as RFC 9162, 2.1.3.1 writes it down."""
    if len(leaves) == 1:
        return []
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if m < k:
        return [*path_definition(m, leaves[:k]), definition(leaves[k:])]
    return [*path_definition(m - k, leaves[k:]), definition(leaves[:k])]


def subproof_definition(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF as RFC 9162, 2.1.4.1 writes it down."""
    if m == len(leaves):
        return [] if whole else [definition(leaves)]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if m <= k:
        return [*subproof_definition(m, leaves[:k], whole), definition(leaves[k:])]
    return [*subproof_definition(m - k, leaves[k:], False), definition(leaves[:k])]


def test_published_roots() -> None:
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    hashes = [merkle.leaf_hash(leaf) for leaf in LEAVES]
    assert [merkle.root_of(hashes[: n + 1]).hex() for n in range(8)] == ROOTS


def test_published_proofs() -> None:
    hashes = [merkle.leaf_hash(leaf) for leaf in LEAVES]
    assert [h.hex() for h in merkle.inclusion_proof(hashes, 0, 8)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        H_5F,
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [h.hex() for h in merkle.inclusion_proof(hashes, 1, 5)] == [ROOTS[0], H_5F, H_BC]
    assert [h.hex() for h in merkle.consistency_proof(hashes, 6, 8)] == [
        H_0E,
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        ROOTS[3],
    ]
    assert [h.hex() for h in merkle.consistency_proof(hashes, 2, 5)] == [H_5F, H_BC]
    assert [h.hex() for h in merkle.consistency_proof(hashes, 6, 7)] == [
        H_0E,
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        ROOTS[3],
    ]


@pytest.mark.parametrize("probe", PROBES["inclusion"], ids=lambda p: p[0])
def test_inclusion_probes(probe) -> None:
    _, index, size, leaf, path, root, wrong = probe
    arguments = (bytes.fromhex(leaf), index, size, [bytes.fromhex(h) for h in path], bytes.fromhex(root))
    if not wrong:
        merkle.verify_inclusion(*arguments)
        return
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(*arguments)


@pytest.mark.parametrize("probe", PROBES["consistency"], ids=lambda p: p[0])
def test_consistency_probes(probe) -> None:
    name, old, new, path, old_root, new_root, wrong = probe
    arguments = (old, new, [bytes.fromhex(h) for h in path], bytes.fromhex(old_root), bytes.fromhex(new_root))
    if not wrong and name not in STRICTER:
        merkle.verify_consistency(*arguments)
        return
    with pytest.raises(VerificationError):
        merkle.verify_consistency(*arguments)


def test_all_small_trees_follow_the_definition() -> None:
    leaves = leaf_hashes(34)
    for size in range(1, 34):
        part = leaves[:size]
        root = definition(part)
        assert merkle.root_of(part) == root
        for index in range(size):
            path = merkle.inclusion_proof(part, index, size)
            assert path == path_definition(index, part)
            merkle.verify_inclusion(part[index], index, size, path, root)
        for old in range(1, size):
            proof = merkle.consistency_proof(part, old, size)
            assert proof == subproof_definition(old, part, True)
            merkle.verify_consistency(old, size, proof, definition(part[:old]), root)
        merkle.verify_consistency(0, size, [], merkle.EMPTY_ROOT, root)


@given(st.integers(1, 90), st.data())
def test_growing_in_any_steps_gives_one_tree(size: int, data) -> None:
    leaves, tree, at = leaf_hashes(size), merkle.CompactRange(), 0
    while at < size:
        step = data.draw(st.integers(0, size - at))
        tree, done = tree.extend(leaves[at : at + step])
        for level, index, value in done:
            assert value == merkle.root_of(leaves[index << level : (index + 1) << level])
        at += step
        if step == 0:
            tree, _ = tree.extend(leaves[at : at + 1])
            at += 1
        assert merkle.CompactRange.decode(tree.size, tree.encode()) == tree
    assert tree.root() == definition(leaves)


@given(st.integers(2, 60), st.data())
def test_no_changed_proof_verifies(size: int, data) -> None:
    leaves = leaf_hashes(size)
    root = merkle.root_of(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion_proof(leaves, index, size)
    for wrong in _mangled(path, data):
        with pytest.raises(VerificationError):
            merkle.verify_inclusion(leaves[index], index, size, wrong, root)
    other = data.draw(st.integers(0, 200).filter(lambda i: i != index))
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(leaves[index], other, size, path, root)
    old = data.draw(st.integers(1, size - 1))
    proof = merkle.consistency_proof(leaves, old, size)
    for wrong in _mangled(proof, data):
        with pytest.raises(VerificationError):
            merkle.verify_consistency(old, size, wrong, merkle.root_of(leaves[:old]), root)
    with pytest.raises(VerificationError):
        merkle.verify_consistency(old, size, proof, merkle.root_of(leaves[:old]), leaves[0] if size > 1 else b"")


def _mangled(path: list[bytes], data) -> list[list[bytes]]:
    at = data.draw(st.integers(0, len(path) - 1))
    bit = data.draw(st.integers(0, 255))
    flipped = bytearray(path[at])
    flipped[bit // 8] ^= 1 << bit % 8
    return [
        path[:-1],
        [*path, path[0]],
        [*path[:at], bytes(flipped), *path[at + 1 :]],
        [*path[:at], path[at][:31], *path[at + 1 :]],
    ]


def test_a_range_that_is_none() -> None:
    assert merkle.hash_of(0, 0, lambda level, index: b"") == merkle.EMPTY_ROOT
    for size, hashes in [(-1, ()), (1, ()), (3, (bytes(32),)), (1, (bytes(31),))]:
        with pytest.raises(ValueError, match="no compact range"):
            merkle.CompactRange(size, hashes)
    for begin, end in [(1, 3), (2, 6)]:
        with pytest.raises(ValueError, match="no subtree"):
            merkle.perfect_nodes(begin, end)
    for old, new in [(3, 2), (-1, 2)]:
        with pytest.raises(ValueError, match="no proof"):
            merkle.consistency_ranges(old, new)
        with pytest.raises(VerificationError):
            merkle.verify_consistency(old, new, [], bytes(32), bytes(32))
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_ranges(2, 2)
    with pytest.raises(VerificationError):
        merkle.verify_consistency(0, 2, [], bytes(32), bytes(32))
    with pytest.raises(VerificationError):
        merkle.verify_consistency(2, 2, [], bytes(32), merkle.EMPTY_ROOT)


def test_the_roots_of_the_go_checksum_database() -> None:
    """golang.org/x/mod: RecordHash("hello world") is the leaf hash of RFC 6962."""
    import base64

    assert base64.b64encode(merkle.leaf_hash(b"hello world")).decode() == "TszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0="
