"""Whether a request is complete: every rule of the form that needs no person to judge it, all at once."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.domain.access.form import USES, AccessRequest
from gateway.domain.access.route import unaskable
from gateway.domain.access.words import form_error
from gateway.domain.catalogue import Catalogue, DataItem, held_outside
from gateway.domain.grading import Grading, default_grading
from gateway.domain.text import find_flaw, squeeze
from gateway.errors import FieldError, declare

INVALID_REQUEST = declare(
    "invalid-access-request", "invalid",
    zh="访问申请不完整或不符合要求", en="The access request is incomplete or breaks a rule",
    remedy_zh="请按所列字段补正后提交", remedy_en="Mend the fields listed and submit again",
)  # fmt: skip

MIN_REASON: Final = 20
MAX_TEXT: Final = 4_000
MAX_ROWS: Final = 1_000_000
MAX_SCOPE: Final = 10_000
_TEXTS: Final = ("reason", "scenario", "legal_basis", "project_ref", "crossing_ref", "assessment_ref", "safety_officer")


@dataclass(frozen=True, slots=True)
class FormContext:
    """What the form is checked against. `purposes` and `fields` None: not checked here.

    `fields`: item code -> the field names that it has. `owners`: item code -> units that own the records in question.
    `licensed_channel`: banks may be given model output (credit reporting licence, 征信业务管理办法).
    """

    catalogue: Catalogue
    now: int
    grading: Grading = field(default_factory=default_grading)
    purposes: Collection[str] | None = None
    fields: Mapping[str, Collection[str]] | None = None
    owners: Mapping[str, Collection[str]] | None = None
    licensed_channel: bool = False


def check_form(request: AccessRequest, context: FormContext) -> tuple[FieldError, ...]:
    """Everything that is wrong with the form; empty when it may be submitted."""
    known = [item for code in request.asked.codes if (item := context.catalogue.find(code))]
    return tuple(error for check in _CHECKS for error in check(request, known, context))


def is_meaningful(text: str) -> bool:
    """Whether `text` says something: at least 20 characters without blanks, and not one phrase over and over.

    Fewer than six different characters, or a pattern of up to a third of its length repeated throughout, says nothing.
    """
    dense = squeeze(text)
    if len(dense) < MIN_REASON or len(set(dense)) < 6:
        return False
    return not any(
        all(dense[i] == dense[i - period] for i in range(period, len(dense)))
        for period in range(1, len(dense) // 3 + 1)
    )


def _texts(request: AccessRequest, items: list[DataItem], context: FormContext) -> Iterator[FieldError]:
    for name in _TEXTS:
        text = getattr(request, name)
        if len(text) > MAX_TEXT:
            yield form_error(name, "too-long", limit=MAX_TEXT)
        elif flaw := find_flaw(text, lines=True):
            yield flaw.error(name)
    if len(request.reason) <= MAX_TEXT and not is_meaningful(request.reason):
        yield form_error("reason", "reason-too-thin", limit=MIN_REASON)
    if not squeeze(request.scenario[:MAX_TEXT]):
        yield form_error("scenario", "missing-value")
    if not 0 < request.pledge_signed_at <= context.now:
        yield form_error("pledge_signed_at", "pledge-missing")


def _purpose(request: AccessRequest, items: list[DataItem], context: FormContext) -> Iterator[FieldError]:
    if not request.purpose or (context.purposes is not None and request.purpose not in context.purposes):
        yield form_error("purpose", "unknown-purpose")
        return
    for item in items:
        if not item.allows_purpose(request.purpose):
            yield form_error("purpose", "purpose-not-allowed", item=item.code)


def _items(request: AccessRequest, items: list[DataItem], context: FormContext) -> Iterator[FieldError]:
    codes = request.asked.codes
    if not codes:
        yield form_error("items", "missing-value")
    if len(set(codes)) != len(codes):
        yield form_error("items", "duplicate-item")
    for index, asked in enumerate(request.asked.items, start=1):
        if context.catalogue.find(asked.code) is None:
            yield form_error("items", "unknown-item", index=index)
            continue
        known = context.fields.get(asked.code, ()) if context.fields is not None else None
        if not asked.fields or len(set(asked.fields)) != len(asked.fields):
            yield form_error("fields", "missing-fields", item=asked.code)
        elif known is not None and not set(asked.fields) <= set(known):
            yield form_error("fields", "unknown-field", item=asked.code)
    grantee = request.grantee
    yield from unaskable(items, partner=grantee.partner, unit=request.requester_unit, owners=context.owners)
    # Boundary of credit reporting (征信业务管理办法): raw items and yes/no go to banks, scores do not.
    if grantee.institution_kind == "bank" and not context.licensed_channel:
        for item in items:
            if item.group == "model_output":
                yield form_error("items", "credit-reporting-boundary", item=item.code)


def _scope(request: AccessRequest, items: list[DataItem], context: FormContext) -> Iterator[FieldError]:
    scope = request.asked.scope
    if not scope:
        yield form_error("scope", "scope-missing")
    if sum(len(values) for values in (scope.clients, scope.tags, scope.parks)) > MAX_SCOPE:
        yield form_error("scope", "scope-too-large", limit=MAX_SCOPE)
    if not 1 <= request.asked.row_cap <= MAX_ROWS:
        yield form_error("row_cap", "bad-row-cap", limit=MAX_ROWS)
    for name in ("use_limit", "rate_per_hour"):
        limit = getattr(request.asked, name)
        if limit is not None and limit < 1:
            yield form_error(name, "bad-limit")


def _uses(request: AccessRequest, items: list[DataItem], context: FormContext) -> Iterator[FieldError]:
    uses = set(request.asked.uses)
    if not uses or not uses <= set(USES):
        yield form_error("uses", "bad-use")
        return
    for item in items:
        barred = uses - context.grading.rules[item.level].uses
        if barred:
            listed = ", ".join(sorted(barred))
            yield form_error("uses", "use-barred-by-level", item=item.code, level=item.label, uses=listed)


def _term(request: AccessRequest, items: list[DataItem], context: FormContext) -> Iterator[FieldError]:
    days = request.asked.term_days
    if days < 1:
        yield form_error("term_days", "bad-limit")
    elif items:
        longest = context.grading.max_term_days(item.level for item in items)
        if days > longest:
            yield form_error("term_days", "term-too-long", limit=longest)


def _basis(request: AccessRequest, items: list[DataItem], context: FormContext) -> Iterator[FieldError]:
    personal = [item for item in items if item.personal]
    partner = request.grantee.partner
    provided = any(partner or held_outside(item) for item in personal)  # from one handler to another
    if personal and squeeze(request.legal_basis[:MAX_TEXT]) in ("", "none"):  # PIPL, art. 13
        yield form_error("legal_basis", "basis-missing")
    if provided and not request.consents:  # PIPL, art. 23
        yield form_error("consents", "consent-missing")
    if personal and partner and not squeeze(request.assessment_ref[:MAX_TEXT]):  # PIPL, art. 55
        yield form_error("assessment_ref", "assessment-missing")
    if partner and not squeeze(request.safety_officer[:MAX_TEXT]):  # Network Data Security Regulation, art. 12
        yield form_error("safety_officer", "officer-missing")
    lacking = [item.code for item in items if item.needs_authorisation]
    if lacking and not request.consents:
        yield form_error("consents", "authorisation-missing", item=", ".join(lacking))


_Check = Callable[[AccessRequest, list[DataItem], FormContext], Iterator[FieldError]]
_CHECKS: Final[tuple[_Check, ...]] = (_purpose, _texts, _items, _scope, _uses, _term, _basis)
