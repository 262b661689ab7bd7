"""Names of organisations: cleaned for keeping, folded for searching, and told from names of natural persons.

A name match is a candidate, never an identity: the code (USCC) or a second field confirms it.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from gateway.domain.problems import field_error
from gateway.domain.text import Flaw, find_flaw, fold
from gateway.domain.uscc import Uscc
from gateway.errors import FieldError, Problem, declare

INVALID_NAME = declare(
    "invalid-organisation-name", "invalid",
    zh="机构名称不正确", en="The name of the organisation is not valid",
    remedy_zh="请填写营业执照上的全称,并删除特殊字符",
    remedy_en="Give the full name of the business licence without special characters",
)  # fmt: skip

MAX_LENGTH = 120

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af〇々"
_USUAL = re.compile(r"[ -~\u4e00-\u9fff]*\Z")
_HAN_RE = re.compile(f"[{_HAN}]")
_BETWEEN_HAN = re.compile(f"(?<=[{_HAN}()]) (?=[{_HAN}()0-9A-Za-z])|(?<=[0-9A-Za-z]) (?=[{_HAN}()])")
_BRACKETS = str.maketrans("[]{}〔〕【】〈〉《》「」『』", "()()()()()()()()")
_DOTS = str.maketrans("•・‧∙⋅․", "······")
_NAME_PUNCTUATION = frozenset(" ()·-&.,'/+!%#:@_*\"’‘“”、。ー—–°№")

# Longest first. The code stands for the form in the key: forms that people swap share one.
_FORMS: tuple[tuple[str, str], ...] = (
    ("股份有限责任公司", "JSC"), ("股份有限公司", "JSC"), ("有限责任公司", "LTD"), ("股份公司", "JSC"),
    ("有限公司", "LTD"), ("合伙企业(有限合伙)", "LP"), ("合伙企业(特殊普通合伙)", "SGP"), ("合伙企业(普通合伙)", "GP"),
    ("(有限合伙)", "LP"), ("(特殊普通合伙)", "SGP"), ("(普通合伙)", "GP"), ("有限合伙企业", "LP"), ("有限合伙", "LP"),
    ("农民专业合作社联合社", "COOPU"), ("农民专业合作社", "COOP"), ("专业合作社", "COOP"), ("股份经济联合社", "RCU"),
    ("股份合作经济联合社", "RCU"), ("经济联合社", "RCU"), ("个人独资企业", "SOLE"), ("(个人独资)", "SOLE"),
    ("合伙企业", "GP"), ("(个体工商户)", ""), ("公司", "CO"),
)  # fmt: skip
_BRANCH = re.compile(r"(?P<head>.+(?:公司|集团))(?P<branch>[^()]{0,20}(?:分公司|营业部|分行|支行|办事处))$")
_TRADES = re.compile(
    "公司|集团|厂|店|行|部|馆|院|所|社|室|坊|铺|场|站|园|中心|超市|市场|工作|经营|商贸|服务|餐|吧|屋|档|摊|庄|轩|阁|楼|堂|斋|居|校"
    "|学|网|队|会|基地|农庄|合作|企业|酒|茶|车|美发|理发|五金|建材|百货|便利|诊|药|水果|蔬菜|维修|快递|物流|电子|科技"
)


@cache
def _words(name: str) -> tuple[str, ...]:
    text = files("gateway.domain").joinpath(f"data/{name}.txt").read_text(encoding="utf-8")
    return tuple(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


@cache
def _simplified() -> dict[int, str]:
    return {ord(pair[0]): pair[1] for pair in _words("traditional")}


@cache
def _regions() -> re.Pattern[str]:
    names = "|".join(sorted(_words("regions"), key=len, reverse=True))
    return re.compile(f"({names})(?:特别行政区|壮族自治区|回族自治区|维吾尔自治区|自治区|省|市)?")


@dataclass(frozen=True, slots=True)
class OrgName:
    """A name taken apart: `region` (short forms, joined), `core`, `form` (a code such as `LTD`), `branch`."""

    region: str
    core: str
    form: str
    branch: str

    @property
    def key(self) -> str:
        """Equal for names that differ only in writing, place of the region, or a form that people swap."""
        return ":".join(part for part in (self.region, self.core, self.form, self.branch) if part)


def foreign_letter(name: str) -> Flaw | None:
    """The first letter that is neither Han, Latin nor a digit: in a registered name it can only be a look-alike."""
    if _USUAL.match(name):
        return None
    for position, char in enumerate(name, start=1):
        if char.isascii() or char in _NAME_PUNCTUATION or _HAN_RE.match(char):
            continue
        script = unicodedata.name(char, "")
        if script.startswith("LATIN ") and "SMALL CAPITAL" not in script and not script.startswith("LATIN LETTER"):
            continue
        return Flaw("look-alike-character", position, f"U+{ord(char):04X}")
    return None


def clean_name(text: str, *, field: str = "name") -> tuple[str, tuple[FieldError, ...], tuple[FieldError, ...]]:
    """The name as it is kept, errors, warnings. With errors the name is empty. Never raises.

    Kept is: NFKC, blanks only between Latin words, brackets full-width where the name is Chinese (as on licences).
    Refused are hidden characters, letters of other scripts that look like Han or Latin ones (Cyrillic, Greek, kana,
    radicals), names without letters or longer than 120 characters. A change beyond width and blanks is a warning.
    """
    folded = fold(text).translate(_BRACKETS).translate(_DOTS)
    if not folded:
        return "", (field_error(field, "missing"),), ()
    found = find_flaw(folded) or foreign_letter(folded)
    if found:
        return "", (found.error(field),), ()
    name = _BETWEEN_HAN.sub("", folded) if _HAN_RE.search(folded) else folded
    if len(name) > MAX_LENGTH:
        return "", (field_error(field, "too-long", limit=MAX_LENGTH),), ()
    if not any(char.isalpha() for char in name):
        return "", (field_error(field, "name-without-letters"),), ()
    if len(name) < 2:
        return "", (field_error(field, "name-too-short"),), ()
    changed = _rewritten(text)
    if _HAN_RE.search(name):
        name = name.replace("(", "（").replace(")", "）")
    return name, (), (field_error(field, "name-changed"),) if changed else ()


def _rewritten(text: str) -> bool:
    """True if folding replaced a character by another one (compatibility forms), beyond width, blanks and brackets."""
    if _USUAL.match(text):
        return False
    for char in text:
        if char.isascii() or "\u4e00" <= char <= "\u9fff" or "\uff01" <= char <= "\uff5e" or char == "\u3000":
            continue
        if not char.isspace() and unicodedata.normalize("NFKC", char) != char:
            return True
    return False


def parse_name(text: str, *, field: str = "name") -> tuple[str, tuple[FieldError, ...]]:
    """The name in `text` and warnings. Raises `Problem(INVALID_NAME)` with the reason and the position."""
    name, errors, warnings = clean_name(text, field=field)
    if errors:
        first = errors[0]
        raise Problem(INVALID_NAME, field=field, detail_zh=first.message_zh, detail_en=first.message_en, errors=errors)
    return name, warnings


def fold_name(text: str) -> str:
    """The name for searching by any part of it: NFKC, simplified characters, lower case, no blanks, half-width."""
    folded = fold(text).translate(_BRACKETS).translate(_DOTS).translate(_simplified()).lower()
    return folded.replace(" ", "")


def take_apart(text: str) -> OrgName:
    """Region, core, legal form and branch of an organisation's name. Total: any text gives a result."""
    name = fold_name(text)
    branch = ""
    found = _BRANCH.match(name)
    if found:
        name, branch = found["head"], found["branch"]
    form = ""
    for ending, code in _FORMS:
        if name.endswith(ending) and len(name) > len(ending):
            name, form = name[: -len(ending)], code
            break
    name, bracketed = _regions_in_brackets(name)
    name, leading = _leading_regions(name)
    core = re.sub(r"[()·\-.,'\"“”‘’、。_]", "", name)
    regions = list(dict.fromkeys(leading + bracketed))
    # A province adds nothing where its city is named; the country says nothing.
    regions = [r for r in regions if r != "中国"] or regions
    if len(regions) > 1 and regions[0] in _PROVINCES:
        regions = regions[1:]
    return OrgName("".join(regions), core, form, branch)


_PROVINCES = frozenset(
    ["河北", "山西", "辽宁", "吉林", "黑龙江", "江苏", "浙江", "安徽", "福建", "江西", "山东", "河南", "湖北", "湖南",
     "广东", "海南", "四川", "贵州", "云南", "陕西", "甘肃", "青海", "台湾", "内蒙古", "广西", "西藏", "宁夏", "新疆"]
)  # fmt: skip


def _regions_in_brackets(name: str) -> tuple[str, list[str]]:
    taken: list[str] = []

    def take(match: re.Match[str]) -> str:
        region = _regions().fullmatch(match[1])
        if region is None:
            return match[1]  # "(集团)" and "集团" are the same
        taken.append(region[1])
        return ""

    return re.sub(r"\(([^()]*)\)", take, name), taken


def _leading_regions(name: str) -> tuple[str, list[str]]:
    taken: list[str] = []
    while len(taken) < 2:
        match = _regions().match(name)
        if match is None or match.end() >= len(name):
            break
        taken.append(match[1])
        name = name[match.end() :]
    return name, taken


def search_key(text: str) -> str:
    """The key under which two spellings of one name meet, e.g. `东莞:华兴电子:LTD`. Compare keys for equality only."""
    return take_apart(text).key


def full_pinyin(text: str) -> str:
    """Toneless pinyin of the Chinese characters, Latin letters and digits as they are, all lower case, nothing else."""
    return "".join(part for part, _ in _syllables(text))


def initials(text: str) -> str:
    """First letters: `东莞证券` gives `dgzq`; Latin letters and digits stay whole."""
    return "".join(part[:1] if han else part for part, han in _syllables(text))


def _syllables(text: str) -> list[tuple[str, bool]]:
    from pypinyin import Style, pinyin  # a quarter of a second of tables: only for those who search

    found: list[tuple[str, bool]] = []
    # A region ends a word: without the cut, 东莞市|长安 is read as 市长|安 (zhang instead of chang).
    for run in re.findall(f"[{_HAN}]+|[a-z0-9]+", _regions().sub(lambda region: f"{region[0]} ", fold_name(text))):
        if run.isascii():
            found.append((run, False))
        else:
            found.extend((syllable[0], True) for syllable in pinyin(run, style=Style.NORMAL, errors="ignore"))
    return [(part, han) for part, han in found if part]


@dataclass(frozen=True, slots=True)
class SearchForms:
    """What is stored beside a name so that it can be found: by part, by key, by initials, by pinyin."""

    folded: str
    key: str
    initials: str
    pinyin: str


def search_forms(text: str) -> SearchForms:
    """All search forms of `text`; the pinyin is made once for both of its uses."""
    syllables = _syllables(text)
    return SearchForms(
        fold_name(text),
        search_key(text),
        "".join(part[:1] if han else part for part, han in syllables),
        "".join(part for part, _ in syllables),
    )


def looks_like_person(text: str) -> bool:
    """True if `text` has the form of a Chinese personal name: a known family name and one or two more characters,
    or a name with a middle dot (`古丽·买买提`)."""
    name = fold_name(text)
    if re.fullmatch(f"[{_HAN}]{{2,10}}·[{_HAN}]{{2,10}}", name):
        return True
    if not re.fullmatch(f"[{_HAN}]{{2,4}}", name):
        return False
    surnames = frozenset(_words("surnames"))
    if name[:2] in surnames and 3 <= len(name) <= 4:
        return True
    return name[0] in surnames and len(name) <= 3


def is_natural_person(text: str, code: Uscc | str = "") -> bool:
    """True if the client's name is, or is likely, the name of a natural person: it stays out of the mandatory register.

    A sole trader (`92...`) counts where its name is a person's name, bare, behind a place, or with `(个体工商户)`;
    a trade in the name (`店`, `厂`, `五金`...) makes it an organisation's name. Without a code a bare personal name
    counts.
    In doubt the answer is True: a name held back can be released by an approval, a name shown cannot be taken back.
    """
    name = fold_name(text).removesuffix("(个体工商户)").removesuffix("个体工商户").removesuffix("(个体户)")
    kind = str(code)[:2]
    if kind != "92":
        return kind in ("", "93") and looks_like_person(name)
    rest, _ = _leading_regions(name)
    rest = re.sub(f"^[{_HAN}]{{2,4}}(?:镇|区|街道|县|村)", "", rest) or rest
    if looks_like_person(name) or looks_like_person(rest):
        return True
    return not _TRADES.search(rest)
