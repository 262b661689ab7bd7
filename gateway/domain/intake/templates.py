"""Empty sheets to fill in: Chinese headings, the form of every column explained."""

import csv
import io
from typing import Literal

import xlsxwriter

from gateway.domain.entry import FieldSpec
from gateway.domain.intake.datasets import Dataset, dataset_of
from gateway.domain.intake.sheet import EXPLANATION

_FORMS: dict[str, tuple[str, str]] = {
    "line": ("文字", "Text"),
    "text": ("文字,可多行", "Text, lines allowed"),
    "name": ("营业执照上的全称", "Full name on the licence"),
    "person": ("一个人的姓名", "Name of one person"),
    "uscc": ("18位统一社会信用代码,按文本填写", "18 characters, entered as text"),
    "mobile": ("11位手机号码,每格一个", "11 digits, one a cell"),
    "phone": ("区号-号码-分机,如0769-12345678-801", "Area code-number-extension"),
    "email": ("电子邮箱地址,每格一个", "E-mail address, one a cell"),
    "wechat": ("微信号", "WeChat id"),
    "id_no": ("证件号码,按文本填写", "Document number, entered as text"),
    "date": ("日期,如2026-03-05", "Date as 2026-03-05"),
    "amount": (
        "人民币金额,如1,200.50或12万元;列名可写单位,如(万元)",
        "CNY; the heading may name a unit",
    ),
    "number": ("数值", "Number"),
    "integer": ("整数", "Whole number"),
    "enum": ("单选", "One of"),
    "enums": ("多选,以顿号分隔", "Several of, separated by commas"),
    "staff": ("工号,多人以顿号分隔", "Staff numbers, separated by commas"),
    "json": ("JSON", "JSON"),
}


def explanation(kind: str) -> list[tuple[str, str, str, str, str, str]]:
    """One line a column of `kind`: heading, English name, required, form, form in English, allowed values."""
    dataset = dataset_of(kind)
    return [
        (
            spec.zh,
            spec.en,
            "必填" if _required(dataset, spec) else "选填",
            _FORMS[spec.kind][0],
            _FORMS[spec.kind][1],
            "、".join(option.zh for option in spec.options),
        )
        for spec in dataset.specs
    ]


def _required(dataset: Dataset, spec: FieldSpec) -> bool:
    return spec == dataset.keys[0] or (spec.required and spec.group == dataset.groups[0])


def template(kind: str, form: Literal["csv", "xlsx"]) -> bytes:
    """An empty sheet of `kind` with all its columns. Unknown kinds: `Problem(UNKNOWN_DATASET)`.

    CSV is UTF-8 with a byte order mark; XLSX has an explaining sheet, text columns for codes and telephone numbers, and
    lists to choose from.
    """
    dataset = dataset_of(kind)
    return _csv(dataset) if form == "csv" else _xlsx(dataset)


def _csv(dataset: Dataset) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([spec.zh for spec in dataset.specs])
    return ("\ufeff" + out.getvalue()).encode()


_TEXT_KINDS = frozenset(["uscc", "mobile", "phone", "id_no", "staff", "wechat"])
_LAST_ROW = 1_048_575


def _xlsx(dataset: Dataset) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    must = book.add_format({"bold": True, "bg_color": "#FFE699", "border": 1})
    may = book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1})
    text = book.add_format({"num_format": "@"})
    sheet = book.add_worksheet("数据")
    sheet.freeze_panes(1, 0)
    for index, spec in enumerate(dataset.specs):
        sheet.set_column(index, index, 22, text if spec.kind in _TEXT_KINDS else None)
        required = _required(dataset, spec)
        sheet.write_string(0, index, spec.zh + ("*" if required else ""), must if required else may)
        words = [option.zh for option in spec.options]
        if spec.kind == "enum" and len(",".join(words)) <= 255:  # the limit of a list inside a rule
            sheet.data_validation(1, index, _LAST_ROW, index, {"validate": "list", "source": words})
    notes = book.add_worksheet(EXPLANATION)
    notes.set_column(0, 5, 30)
    notes.write_row(0, 0, ["列名", "Column", "是否必填", "填写要求", "Form", "可选值"], must)
    for line, cells in enumerate(explanation(dataset.kind), start=1):
        notes.write_row(line, 0, cells)
    book.close()
    return out.getvalue()
