"""Tiles: where a hash lives, the paths of files, entry bundles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle
from ledger.errors import LedgerError, MalformedError
from ledger.tiles import (
    TilePath,
    decode_bundle,
    encode_bundle,
    entries_path,
    node_in,
    parse_path,
    paths_between,
    split_hashes,
    tile_path,
    widths_at,
)


def test_published_paths() -> None:
    """Vectors of Tessera's api/layout and of the tlog-tiles text."""
    assert tile_path(15, 455_667) == "tile/15/x455/667"
    assert tile_path(15, 123_456_789, 41) == "tile/15/x123/x456/789.p/41"
    assert tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert entries_path(1, 1) == "tile/entries/001.p/1"
    assert entries_path(123_456_789) == "tile/entries/x123/x456/789"
    assert parse_path("tile/15/x123/x456/789.p/41") == TilePath(15, 123_456_789, 41)
    assert parse_path("tile/entries/x123/x456/789") == TilePath(None, 123_456_789)


def test_published_shape_of_seventy_thousand() -> None:
    assert [widths_at(70_000, level) for level in (0, 1, 2, 3)] == [(273, 112), (1, 17), (0, 1), (0, 0)]
    assert [widths_at(256, level) for level in (0, 1, 2)] == [(1, 0), (0, 1), (0, 0)]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoint/",
        "tile/0/x001/x234/067.p/",
        "tile/0/x001/x234/067.p",
        "tile/0/x001/x234",
        "tile/64/000",
        "tile/00/000",
        "tile/-1/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/x000/000",
        "tile/0/0000",
        "tile/0/00",
        "tile/0/001/002",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/../checkpoint",
        "tile/entries/x000/001",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/" + "x999/" * 12 + "999",
        "tile/0/000\n",
    ],
)
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(MalformedError):
        parse_path(path)


@given(st.integers(0, 63), st.integers(0, 2**62), st.integers(1, 256))
def test_paths_read_back(level: int, index: int, width: int) -> None:
    assert parse_path(tile_path(level, index, width)) == TilePath(level, index, width)
    assert parse_path(entries_path(index, width)) == TilePath(None, index, width)


@given(st.integers(0, 200_000), st.integers(0, 70_000))
def test_what_a_mirror_fetches_is_what_exists(old: int, more: int) -> None:
    new = old + more
    paths = paths_between(old, new)
    assert len(paths) == len(set(paths))
    for path in paths:
        found = parse_path(path)
        assert found.available(new)
        assert not found.available(old)
    with pytest.raises(MalformedError):
        paths_between(new + 1, new)


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_bundles_read_back(entries: list[bytes]) -> None:
    raw = encode_bundle(entries)
    assert decode_bundle(raw) == entries
    if raw:
        with pytest.raises(MalformedError):
            decode_bundle(raw + b"\0")
        with pytest.raises(MalformedError):
            decode_bundle(raw + b"\0\x05abc")


def test_tiles_that_lack_what_they_should_hold() -> None:
    leaves = [merkle.leaf_hash(bytes([i])) for i in range(4)]
    node = node_in({(0, 0): b"".join(leaves)})
    assert node(2, 0) == merkle.root_of(leaves)
    with pytest.raises(LedgerError, match="tile/0/000 lacks hashes 4 to 7"):
        node(2, 1)
    for raw in (b"", bytes(31), bytes(257 * 32)):
        with pytest.raises(MalformedError):
            split_hashes(raw)
