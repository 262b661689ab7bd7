"""Institutions, units, people: what they are, which states follow which, and which roles go together."""

import re
from dataclasses import dataclass, replace
from itertools import combinations

from gateway.domain.text import find_flaw, fold
from gateway.errors import INVALID_INPUT, Problem, declare
from policies.vocabulary import ROLES

WRONG_TRANSITION = declare(
    "wrong-transition", "conflict",
    zh="当前状态不允许此变更", en="This change of state is not possible",
    remedy_zh="请刷新后查看当前状态", remedy_en="Look at the present state again",
)  # fmt: skip
ROLE_NOT_FOR_KIND = declare(
    "role-not-for-institution", "invalid",
    zh="该机构类型不能授予此角色", en="People of this kind of institution cannot hold this role",
    remedy_zh="请查阅角色说明,选择适用于该机构类型的角色",
    remedy_en="Choose a role that exists for this kind of institution",
)  # fmt: skip
ROLES_EXCLUDE = declare(
    "roles-exclude-each-other", "invalid",
    zh="这些角色不得由同一人担任", en="These roles may not be held by one person",
    remedy_zh="请把其中一个角色授予他人(三员分立)",
    remedy_en="Give one of them to somebody else (separation of duties)",
)  # fmt: skip

INSTITUTION_STATES = ("applied", "live", "suspended", "exited")
_INSTITUTION_MOVES = {
    "applied": {"live", "exited"},
    "live": {"suspended", "exited"},
    "suspended": {"live", "exited"},
    "exited": set[str](),
}
PERSON_STATES = ("active", "suspended", "left")
_PERSON_MOVES = {"active": {"suspended", "left"}, "suspended": {"active", "left"}, "left": set[str]()}

_PARTNERS_OWN = frozenset({"partner_user", "partner_admin", "enterprise_rep"})
# A partner owns data, applies for ours and endorses its own people's applications.
PARTNER_ROLES = _PARTNERS_OWN | {"requester", "dept_head", "data_owner"}
FIRM_ROLES = frozenset(ROLES) - _PARTNERS_OWN - {"regulator"}
# Who keeps the keys, the logs or the machines neither judges nor uses data (domain: 三员分立), nor does one of them
# do another's part.
_KEEPERS = frozenset({"sysadmin", "key_custodian", "auditor"})
_DATA = frozenset({"requester", "lead_rm", "dept_head", "data_owner", "compliance", "cco", "pi_officer"})
EXCLUDING = frozenset(
    {frozenset(pair) for pair in combinations(_KEEPERS, 2)}
    | {frozenset({keeper, use}) for keeper in _KEEPERS for use in _DATA}
)

# A machine applies, supplies and reads; it approves nothing and looks after nobody.
SERVICE_ROLES = frozenset({"requester", "lead_rm", "data_steward", "ops", "partner_user"})

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,98}[a-z0-9]")
_CODE = re.compile(r"[a-z][a-z0-9-]{1,34}[a-z0-9]")
_EMAIL = re.compile(r"[^@\s]{1,64}@[A-Za-z0-9.-]{1,180}\.[A-Za-z]{2,}")


@dataclass(frozen=True, slots=True)
class Institution:
    """The firm or a partner. Only a `live` one's people get anything; `changed_by` put it into its state."""

    institution_id: str
    kind: str
    name_zh: str
    name_en: str
    uscc: str | None
    state: str
    changed_by: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A department of the firm, or a partner as a whole: what owns data and receives grants."""

    unit_id: str
    institution_id: str
    name_zh: str
    name_en: str
    side: str
    active: bool
    created_at: int


@dataclass(frozen=True, slots=True)
class Person:
    """A person or service account. `generation` grows with every change of rights. Times: microseconds, UTC."""

    person_id: str
    kind: str
    login: str
    name: str
    email: str | None
    staff_no: str | None
    unit_id: str
    institution_id: str
    side: str
    clearance: int
    trained_until: int
    state: str
    locale: str
    generation: int
    created_at: int
    updated_at: int
    roles: frozenset[str] = frozenset()


def moved_institution(institution: Institution, state: str, by: str) -> Institution:
    """`institution` in `state`, put there by `by`. Raises `Problem(wrong-transition)`; exited is final."""
    if state not in _INSTITUTION_MOVES[institution.state]:
        raise _no_move(institution.state, state)
    return replace(institution, state=state, changed_by=by)


def moved_person(person: Person, state: str, now: int) -> Person:
    """`person` in `state`, with its rights of another generation. Who has left keeps no role and never comes back."""
    if state not in _PERSON_MOVES[person.state]:
        raise _no_move(person.state, state)
    roles = frozenset[str]() if state == "left" else person.roles
    return replace(person, state=state, roles=roles, generation=person.generation + 1, updated_at=now)


def _no_move(old: str, new: str) -> Problem:
    return Problem(
        WRONG_TRANSITION,
        field="state",
        detail_zh=f"状态 {old} 不能变为 {new}",
        detail_en=f"{new} does not follow {old}",
    )


def roles_of_kind(institution_kind: str) -> frozenset[str]:
    """The roles that people of such an institution may hold. Inspectors belong to government bodies."""
    if institution_kind == "firm":
        return FIRM_ROLES
    return PARTNER_ROLES | ({"regulator"} if institution_kind == "government" else frozenset())


def check_roles(roles: frozenset[str], institution_kind: str, kind: str = "person") -> frozenset[str]:
    """`roles` unchanged. Raises `Problem` naming the ones that do not fit the institution or each other."""
    allowed = roles_of_kind(institution_kind)
    strange = sorted(roles - (allowed if kind == "person" else allowed & SERVICE_ROLES))
    if strange:
        listed = ", ".join(strange)
        raise Problem(
            ROLE_NOT_FOR_KIND, field="roles",
            detail_zh=f"{institution_kind} 不能授予: {listed}", detail_en=f"not for {institution_kind}: {listed}",
        )  # fmt: skip
    for pair in sorted(map(sorted, EXCLUDING)):
        if roles.issuperset(pair):
            listed = " + ".join(pair)
            raise Problem(
                ROLES_EXCLUDE,
                field="roles",
                detail_zh=f"不得兼任: {listed}",
                detail_en=f"one person cannot be {listed}",
            )
    return roles


def clean_login(text: str) -> str:
    """The login in its one spelling: lower-case ASCII letters, digits and `. _ @ -`, 3 to 100 of them."""
    login = fold(text).lower()
    if not _LOGIN.fullmatch(login):
        raise wrong(
            "login",
            "登录名由3至100位小写字母、数字和 . _ @ - 组成",
            "3 to 100 of a-z, 0-9 and . _ @ -, letters or digits at both ends",
        )
    return login


def clean_code(text: str, field: str) -> str:
    """An identifier chosen by people, such as `brokerage`: lower-case letters, digits, hyphens, 3 to 36 characters."""
    if not _CODE.fullmatch(text):
        raise wrong(
            field,
            "由3至36位小写字母、数字和连字符组成,以字母开头",
            "3 to 36 of a-z, 0-9 and hyphens, beginning with a letter",
        )
    return text


def clean_name(text: str, field: str, *, required: bool = True) -> str:
    """The name folded. Raises `Problem` when it is missing or holds a character that could hide or impersonate."""
    name = fold(text)
    found = find_flaw(name)
    if found is not None:
        raise Problem(INVALID_INPUT, field=field, errors=(found.error(field),))
    if required and not name:
        raise wrong(field, "不能为空", "must not be empty")
    return name


def clean_email(text: str | None) -> str | None:
    """The address with its domain in lower case, or None for none."""
    if not text:
        return None
    address = fold(text)
    if not _EMAIL.fullmatch(address) or find_flaw(address) is not None:
        raise wrong("email", "不是有效的邮箱地址", "is not a mail address")
    local, _, host = address.rpartition("@")
    return f"{local}@{host.lower()}"


def wrong(field: str, zh: str, en: str) -> Problem:
    """One input field breaks a rule."""
    return Problem(INVALID_INPUT, field=field, detail_zh=zh, detail_en=en)
