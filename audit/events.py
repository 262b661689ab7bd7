"""What one doing leaves on the trail: who, what, to whom, with which outcome; never a value that was protected.

All text is printable ASCII without blanks: codes, identifiers, addresses. A client's name, a memo or a contact's mobile
number cannot be written here by mistake; what people typed enters as a fingerprint (`token`, `text_details`).
"""

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Outcome = Literal["allowed", "refused", "done", "failed"]
Detail = str | int | bool

OUTCOMES: frozenset[str] = frozenset(get_args(Outcome))
MAX_TOKEN = 200  # characters of one text
MAX_LIST = 8_000  # characters of all items, or of all fields, with the blanks between them
MAX_DETAILS = 32
MAX_INT = 2**53 - 1  # what every reader of JSON agrees on (RFC 8785, 3.2.2.3)

_ACTION = re.compile(r"[a-z][a-z0-9-]{0,39}(:[a-z][a-z0-9-]{0,39})?")
_DETAIL = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TOKENS = re.compile(r"[!-~\x1f]*")
# What must not be here even though it is printable: a mobile number of the mainland, a resident's number
# (GB 11643: areas 1-6 and 8, a date), a mail address.
_PERSONAL = re.compile(
    r"(?<![0-9A-Za-z.-])(?:(?:\+?86)?1[3-9]\d{9}"
    r"|[1-68]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx])(?![0-9A-Za-z.-])"
    r"|[^\x1f@]@[^\x1f@]+\.[A-Za-z]{2}"
)
_DIGITS_TO_ZERO = bytes(0x30 if 0x30 <= c <= 0x39 else c for c in range(256))
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TEXT_COLUMNS = (
    "actor", "actor_unit", "actor_institution", "on_behalf_of", "action", "target_kind", "target_id", "client_id",
    "purpose", "grant_id", "outcome", "rule", "reason", "policy_epoch", "source", "channel", "read_id",
)  # fmt: skip


class UnfitEvent(ValueError):
    """The event holds what may not stand on the trail. Names the column, never the value."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(f"{column}: {why}")
        self.column = column


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One doing, as it will stand on the trail. "" and None mean: does not apply. Raises `UnfitEvent` when unfit.

    `at` is microseconds since the epoch, UTC. `action` is a verb ("disclose", "query", "export") or a subject and what
    became of it ("request:submitted", "grant:revoked", "sign-in:failed"). `outcome`: allowed and refused for decisions,
    done and failed for acts. `items` and `fields` are catalogue codes and field names, `record_count` the rows given or
    touched, `policy_epoch` the rules decided under, `source` the network address, `read_id` ties the events of one read
    together. `details` are few and short: whole numbers, truths and codes.
    """

    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    at: int
    actor: str
    actor_unit: str = ""
    actor_institution: str = ""
    on_behalf_of: str = ""
    action: str
    target_kind: str = ""
    target_id: str = ""
    client_id: str = ""
    items: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    record_count: int | None = None
    purpose: str = ""
    grant_id: str = ""
    outcome: Outcome
    rule: str = ""
    reason: str = ""
    policy_epoch: str = ""
    source: str = ""
    channel: str = ""
    read_id: str = ""
    details: Mapping[str, Detail] = field(default_factory=dict)

    def __post_init__(self) -> None:
        texts = [getattr(self, name) for name in TEXT_COLUMNS]
        try:
            joined = "\x1f".join((self.event_id, *texts, *self.items, *self.fields))
        except TypeError:
            joined = "\x00"
        if (
            not _TOKENS.fullmatch(joined)
            or joined.count("\x1f") != len(texts) + len(self.items) + len(self.fields)
            or _personal(joined)
            or max(map(len, texts)) > MAX_TOKEN
        ):
            self._name_the_unfit()
        if not _UUID4.fullmatch(self.event_id):
            raise UnfitEvent("event_id", "want a random UUID (version 4), lower case")
        if not self.actor:
            raise UnfitEvent("actor", "nobody did it")
        if not _ACTION.fullmatch(self.action):
            raise UnfitEvent("action", "want verb or subject:what-became, lower case")
        if self.outcome not in OUTCOMES:
            raise UnfitEvent("outcome", f"want one of {', '.join(sorted(OUTCOMES))}")
        _whole("at", self.at)
        if self.record_count is not None:
            _whole("record_count", self.record_count)
        for name in ("items", "fields"):
            codes = _codes(name, getattr(self, name))
            if "" in codes or sum(map(len, codes)) + len(codes) > MAX_LIST:
                raise UnfitEvent(name, f"want codes, at most {MAX_LIST} characters together")
        if self.details:
            _check_details(self.details)

    def _name_the_unfit(self) -> None:
        for name in ("event_id", *TEXT_COLUMNS):
            _check_token(name, getattr(self, name))
        for name in ("items", "fields"):
            for code in _codes(name, getattr(self, name)):
                _check_token(name, code)

    def content(self) -> dict[str, Detail]:
        """What the trail commits to, by name: every column that applies, and each detail as `details.<key>`.

        The identifier and the time are not among them: they stand openly in the entry.
        """
        found: dict[str, Detail] = {name: text for name in TEXT_COLUMNS if (text := getattr(self, name))}
        if self.items:
            found["items"] = " ".join(self.items)
        if self.fields:
            found["fields"] = " ".join(self.fields)
        if self.record_count is not None:
            found["record_count"] = self.record_count
        for key, value in self.details.items():
            found["details." + key] = value
        return found


def _personal(text: str) -> bool:
    # Every event passes here: a cheap test first, without which the expression cannot match.
    if b"00000000000" in text.encode().translate(_DIGITS_TO_ZERO) or "@" in text:
        return _PERSONAL.search(text) is not None
    return False


def _codes(column: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, tuple):
        raise UnfitEvent(column, "want a tuple of codes")
    return value


def _whole(column: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_INT:
        raise UnfitEvent(column, "want a whole number from 0 to 2^53 - 1")


def _check_token(column: str, value: object) -> None:
    if not isinstance(value, str):
        raise UnfitEvent(column, "want text")
    if len(value) > MAX_TOKEN:
        raise UnfitEvent(column, f"longer than {MAX_TOKEN} characters")
    if "\x1f" in value or not _TOKENS.fullmatch(value):
        raise UnfitEvent(column, "want printable ASCII without blanks: a code, not a text")
    if _personal(value):
        raise UnfitEvent(column, "looks like a mobile number, a resident's number or a mail address")


def _check_details(details: Mapping[str, Detail]) -> None:
    if len(details) > MAX_DETAILS:
        raise UnfitEvent("details", f"more than {MAX_DETAILS}")
    for key, value in details.items():
        if not _DETAIL.fullmatch(key):
            raise UnfitEvent("details", "want keys in lower snake case")
        if isinstance(value, bool):
            continue
        if isinstance(value, int):
            if abs(value) > MAX_INT:
                raise UnfitEvent(f"details.{key}", "beyond 2^53 - 1")
            continue
        _check_token(f"details.{key}", value)


def token(text: str) -> str:
    """`text` itself where it may stand on the trail, otherwise its fingerprint `sha256:<16 hexadecimal digits>`.

    For what a stranger typed where a code was expected: an attempted login, an item code that does not exist.
    """
    try:
        _check_token("text", text)
    except UnfitEvent:
        return "sha256:" + _fingerprint(text)
    return text


def text_details(name: str, text: str) -> dict[str, Detail]:
    """`{name}_length` and `{name}_digest` of a free text, so that missing, short and repeated texts can be found
    without the text: its characters after NFKC, lower case, without blanks and punctuation, and their fingerprint.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())
    return {f"{name}_length": len(plain), f"{name}_digest": _fingerprint(plain)}


def _fingerprint(text: str) -> str:
    return hashlib.sha256(b"lianqiao trail text\x00" + text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
