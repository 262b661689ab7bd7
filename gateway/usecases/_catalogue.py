"""The catalogue as a process holds it between two versions, and how its items are shown."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from gateway.domain.catalogue import Catalogue, DataItem
from gateway.domain.entry import fields_of
from gateway.domain.grading import default_grading
from gateway.errors import NOT_FOUND, Problem
from gateway.runtime import Gateway
from gateway.schemas.catalogue import FieldOut, ItemOut
from gateway.store import catalogue as store
from gateway.store.db import Tx
from policies.purposes import Purposes, read_purposes
from policies.texts import PURPOSES, parse_yaml
from policies.vocabulary import MoveObject, Object


class Snapshot:
    """One version of the catalogue, laid out so that a page and a search cost about the same however large it is.

    Items stand by code. The texts that searches look in are one string, so that a word is found at the speed of the
    machine; items of one mode, level, owner or group are listed beforehand.
    """

    __slots__ = ("_blob", "_codes", "_items", "_listed", "_starts", "_texts", "catalogue", "scheme")

    def __init__(self, catalogue: Catalogue, scheme: str, texts: Mapping[str, str]) -> None:
        self.catalogue, self.scheme = catalogue, scheme
        self._items = sorted(catalogue, key=lambda item: item.code)
        self._codes = [item.code for item in self._items]
        self._texts = [texts[code].replace("\n", " ") for code in self._codes]
        # UTF-8, whose bytes search several times faster than wide characters and match at character borders only.
        encoded = [text.encode() for text in self._texts]
        self._blob = b"\n".join(encoded)
        self._starts = [0, *accumulate(len(text) + 1 for text in encoded)]
        self._listed: dict[tuple[str, object], list[int]] = {}
        for place, item in enumerate(self._items):
            for name in ("mode", "level", "group", "owner_unit", "owner_zh", "owner_en"):
                self._listed.setdefault((name, getattr(item, name)), []).append(place)

    @property
    def version(self) -> int:
        return self.catalogue.version

    def matching(
        self, words: Sequence[str], *, after: str | None, owner: str, mode: str | None, level: int | None, group: str
    ) -> Iterator[DataItem]:
        """The items above `after` that pass every filter and contain every word, by code; lazily."""
        filters = (("mode", mode), ("level", level), ("group", group or None))
        lists = [self._listed.get((name, value), []) for name, value in filters if value is not None]
        if owner:
            named = {
                place
                for name in ("owner_unit", "owner_zh", "owner_en")
                for place in self._listed.get((name, owner), ())
            }
            lists.append(sorted(named))
        start = 0 if after is None else bisect_right(self._codes, after)
        if lists:
            shortest = min(lists, key=len)
            others = [frozenset(each) for each in lists if each is not shortest]
            places: Iterable[int] = (
                place for place in shortest[bisect_left(shortest, start) :] if all(place in each for each in others)
            )
        elif words:
            places = self._with_word(max(words, key=len), start)
        else:
            places = range(start, len(self._items))
        return (self._items[place] for place in places if all(word in self._texts[place] for word in words))

    def _with_word(self, word: str, start: int) -> Iterator[int]:
        """The places from `start` on whose text contains the word."""
        place, sought = start, word.encode()
        while place < len(self._items):
            at = self._blob.find(sought, self._starts[place])
            if at < 0:
                return
            place = bisect_right(self._starts, at) - 1
            yield place
            place += 1


async def snapshot(gw: Gateway, tx: Tx) -> Snapshot:
    """The catalogue as it stands in this transaction. Raises `Problem(not-found)` while none was loaded.

    Kept in the process until a transaction sees another version, so that a page costs one row.
    """
    head = await store.find_head(tx)
    if head is None:
        raise Problem(NOT_FOUND, detail_zh="尚未导入数据清单", detail_en="no catalogue was loaded yet")
    kept: Snapshot | None = gw.state.get("catalogue")
    if kept is None or kept.version != head.version:
        items = await store.list_items(tx)
        texts = await store.search_texts(tx)
        kept = Snapshot(Catalogue(tuple(items), head.version), head.scheme, texts)
        gw.state["catalogue"] = kept
    return kept


def purposes_of(gw: Gateway) -> Purposes:
    """The purposes that go with the rules in force."""
    loaded = gw.policy.loaded
    kept: tuple[str, Purposes] | None = gw.state.get("purposes")
    if kept is None or kept[0] != loaded.epoch:
        kept = (loaded.epoch, read_purposes(parse_yaml(PURPOSES, loaded.texts.files[PURPOSES])))
        gw.state["purposes"] = kept
    return kept[1]


def object_of(item: DataItem) -> Object:
    """The entry of an item, as the rules see it; the name of a unit of the firm is its institution's here."""
    return Object(
        mode=item.mode, group=item.group, level=item.level, owner=item.owner_unit, owner_institution="firm",
        personal=item.personal, sensitive=item.sensitive, discoverable=item.discoverable, readable=item.readable,
    )  # fmt: skip


def move_of(item: DataItem, *, proposer: str = "", state: str = "") -> MoveObject:
    """An item as a workflow rule sees it."""
    return MoveObject(
        "catalogue", state=state, proposer=proposer, owner_unit=item.owner_unit, level=item.level,
        personal=item.personal,
    )  # fmt: skip


def item_out(item: DataItem, waiting: Iterable[str] = ()) -> ItemOut:
    """The item as it goes over the wire."""
    longest = default_grading().max_term_days([item.level])
    return ItemOut(
        code=item.code, name_zh=item.name_zh, name_en=item.name_en, owner_unit=item.owner_unit, owner_zh=item.owner_zh,
        owner_en=item.owner_en, steward=item.steward, group=item.group, level=item.level, mode=item.mode,
        personal=item.personal, sensitive=item.sensitive, discoverable=item.discoverable, readable=item.readable,
        organisations_only=item.organisations_only, allowed_purposes=item.allowed_purposes,
        legal_basis=item.legal_basis, retention=item.retention, source=item.source, version=item.version,
        fields=tuple(FieldOut(name=f.name, zh=f.zh, en=f.en, kind=f.kind) for f in fields_of(item.code)),
        max_term_days=longest if item.mode == "approval_gated" else None, waiting_change=item.code in waiting,
    )  # fmt: skip
