"""The invented world as sheets: tidy, or as departments and parks really send them."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import BinaryIO, Literal

import xlsxwriter

from gateway.domain.entry import FieldSpec
from gateway.domain.intake.datasets import column_of, dataset_of
from gateway.domain.synthetic.world import SyntheticClient, SyntheticRecord, clients, contacts_of, tenancy_of

Style = Literal["department", "park"]


@dataclass(frozen=True, slots=True)
class Dirt:
    """How often (0..1) a cell or row is made worse. Only `wrong` changes what a row means: it then must be refused."""

    full_width: float = 0.0
    blanks: float = 0.0
    separators: float = 0.0
    dates: float = 0.0
    duplicates: float = 0.0
    empty_rows: float = 0.0
    wrong: float = 0.0
    title: bool = False


CLEAN = Dirt()
DIRTY = Dirt(
    full_width=0.05, blanks=0.08, separators=0.3, dates=0.3, duplicates=0.02, empty_rows=0.01, wrong=0.01, title=True
)

_WIDE = {ord(char): chr(ord(char) + 0xFEE0) for char in "0123456789ABCDEFGHJKLMNPQRTUWXY@.-"}
_DIGIT_KINDS = frozenset(["uscc", "mobile", "email", "staff", "date", "amount"])
_HAN_BLANKS = ("\u3000", "  ", "\u00a0", "\t")


def headings(kind: str, fields: Sequence[FieldSpec], style: Style) -> list[str]:
    """Column names as `style` writes them: the template's, or the first everyday one that reading understands."""
    if style == "department":
        return [spec.zh for spec in fields]
    return [_everyday(kind, spec) for spec in fields]


def _everyday(kind: str, spec: FieldSpec) -> str:
    for alias in spec.aliases:
        column = column_of(kind, alias)
        if column and column.spec == spec:
            return f"{alias}(元)" if spec.kind == "amount" else alias
    return spec.zh


def _used(kind: str) -> list[FieldSpec]:
    unused = {"id_no", "individual_client", "recording", "rent_record", "trading_profile", "pledge", "pledge_amount"}
    unused |= {"purchases", "split", "project_code"}
    if kind == "tenants":  # a park keeps no client categories and no recognition
        unused |= {"client_type", "tier", "pool_tag", "chain_position", "lead_dept", "lead_rm"}
        unused |= {"recognition_status", "recognition_date", "protection_from", "protection_to"}
    return [spec for spec in dataset_of(kind).specs if spec.name not in unused]


Item = SyntheticClient | SyntheticRecord | Sequence[SyntheticRecord]


def _cells(item: Item) -> dict[tuple[str, str], str]:
    """Text by (group, field)."""
    if isinstance(item, SyntheticClient):
        parts = {"client_name": item.card, "enterprise_profile": item.profile}
        return {(group, name): text for group, fields in parts.items() for name, text in fields.items()}
    records = (item,) if isinstance(item, SyntheticRecord) else item
    found = {("client_name", "uscc"): records[0].uscc, ("client_name", "name"): records[0].client_name}
    for record in records:
        found.update({(record.group, name): text for name, text in record.fields.items()})
    return found


def text_rows(
    kind: str, items: Iterable[Item], *, style: Style = "department", dirt: Dirt = CLEAN, seed: int = 0
) -> Iterator[list[str]]:
    """The rows of a sheet of `kind`: perhaps a title, the headings, then the data; records of one item share a row."""
    fields = _used(kind)
    rng = Random(f"{seed}:dirt:{kind}")  # noqa: S311 - repeatable on purpose, protects nothing
    if dirt.title:
        yield [f"{dataset_of(kind).zh}(示例数据)"] + [""] * (len(fields) - 1)
    yield headings(kind, fields, style)
    for item in items:
        cells = _cells(item)
        row = [_soiled(rng, spec, cells.get((spec.group, spec.name), ""), dirt) for spec in fields]
        if dirt.wrong and rng.random() < dirt.wrong:
            row[0] = row[0][:-1] + ("0" if row[0][-1:] != "0" else "1")  # the code's check character
        yield row
        if dirt.duplicates and rng.random() < dirt.duplicates:
            yield list(row)
        if dirt.empty_rows and rng.random() < dirt.empty_rows:
            yield [""] * len(fields)


def _soiled(rng: Random, spec: FieldSpec, text: str, dirt: Dirt) -> str:
    if not text or dirt == CLEAN:
        return text
    if spec.kind == "amount" and rng.random() < dirt.separators:
        text = f"{float(text):,.2f}" if len(text) < 16 else text
        text = rng.choice(("", "￥", "¥ ")) + text
    if spec.kind == "date" and rng.random() < dirt.dates:
        year, month, day = text.split("-")
        form = rng.choice(("{0}/{1}/{2}", "{0}年{1}月{2}日", "{0}.{1}.{2}", "{3}{4}{5}", "{0}-{1}-{2} 00:00:00"))
        text = form.format(year, int(month), int(day), year, month, day)
    if spec.kind in _DIGIT_KINDS and rng.random() < dirt.full_width:
        text = text.translate(_WIDE)
    if rng.random() < dirt.blanks:
        blank = rng.choice(_HAN_BLANKS)
        text = rng.choice((blank + text, text + blank, blank + text + blank))
        if spec.kind == "mobile":
            text = text[:4] + " " + text[4:]
    return text


def write_csv(
    out: BinaryIO, table: Iterable[Sequence[str]], *, encoding: str = "utf-8-sig", delimiter: str = ","
) -> int:
    """Write `table` as CSV with CRLF; the number of rows written. Flat memory; `out` stays open."""
    text = io.TextIOWrapper(out, encoding=encoding, newline="", write_through=False)
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    count = 0
    for row in table:
        writer.writerow(row)
        count += 1
    text.flush()
    text.detach()
    return count


def write_xlsx(out: BinaryIO, table: Iterable[Sequence[str]]) -> int:
    """Write `table` as one sheet of text cells; the number of rows. Flat memory, by way of a temporary file."""
    book = xlsxwriter.Workbook(out, {"constant_memory": True})
    sheet = book.add_worksheet("数据")
    count = 0
    for count, row in enumerate(table, start=1):
        for column, text in enumerate(row):
            if text:
                sheet.write_string(count - 1, column, text)
    book.close()
    return count


def tenant_sheet(count: int, seed: int = 0, *, park: int | None = None) -> Iterator[list[SyntheticRecord]]:
    """Rows of a park's own sheet (`tenants`): place, lease and bills, and a contact person, in one row a tenant."""
    for client in clients(count, seed):
        if client.park and park in (None, client.park.number):
            place = {name: client.profile[name] for name in ("industry", "park", "park_building")}
            profile = SyntheticRecord(client.index, client.uscc, client.name, "enterprise_profile", place)
            yield [profile, tenancy_of(client, seed), next(contacts_of(client, seed))]
