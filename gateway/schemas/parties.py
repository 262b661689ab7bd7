"""Institutions, units, people and service accounts on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from .base import Answer, Ask, Instant, Page, Paged, Route

InstitutionKind = Literal[
    "firm", "park", "government", "equity_market", "bank", "guarantor", "insurer", "lessor", "intermediary"
]
Side = Literal["private", "public", "control", "none"]
Role = Literal[
    "requester", "dept_head", "lead_rm", "data_owner", "data_steward", "ops", "compliance", "cco", "pi_officer",
    "auditor", "key_custodian", "sysadmin", "partner_user", "partner_admin", "enterprise_rep", "regulator",
]  # fmt: skip
InstitutionId = Annotated[
    str, Field(min_length=3, max_length=36, description="机构编号 / Institution", examples=["park-songlan"])
]
UnitId = Annotated[str, Field(min_length=2, max_length=36, description="部门编号 / Unit", examples=["research"])]
PersonId = Annotated[str, Field(min_length=3, max_length=36, description="人员编号 / Person or service account")]
NameZh = Annotated[str, Field(min_length=1, max_length=200, description="中文名称 / Name in Chinese")]
NameEn = Annotated[str, Field(max_length=200, description="英文名称 / Name in English")]
Clearance = Annotated[int, Field(ge=1, le=5, description="可见最高级别 L1-L5 / Highest level that may be seen")]
Roles = Annotated[
    frozenset[Role],
    Field(max_length=16, description="角色 / Roles", json_schema_extra={"examples": [["requester"]]}),
]
Reason = Annotated[str, Field(max_length=500, description="原因 / Why")]


class CreateInstitution(Ask):
    """A partner applies: it stays without rights until somebody else admits it."""

    institution_id: InstitutionId | None = Field(None, description="自定编号,空则生成 / Chosen identifier, or made")
    kind: InstitutionKind = Field(description="机构类型 / Kind")
    name_zh: NameZh
    name_en: NameEn = ""
    uscc: str | None = Field(None, max_length=40, description="统一社会信用代码 / Unified social credit code")


class ListInstitutions(Paged):
    kind: InstitutionKind | None = Field(None, description="按类型筛选 / Of this kind")


class SetInstitutionState(Ask):
    """Admit, suspend, readmit or end. The rights of its people follow at once."""

    institution_id: InstitutionId
    state: Literal["live", "suspended", "exited"] = Field(description="新状态 / New state")
    reason: Reason = ""


class InstitutionOut(Answer):
    institution_id: str
    kind: InstitutionKind
    name_zh: str
    name_en: str
    uscc: str | None
    state: Literal["applied", "live", "suspended", "exited"]
    created_at: Instant


class CreateUnit(Ask):
    unit_id: UnitId | None = Field(None, description="自定编号,空则生成 / Chosen identifier, or made")
    institution_id: InstitutionId
    name_zh: NameZh
    name_en: NameEn = ""
    side: Side = Field("none", description="信息隔离墙的一侧 / Side of the wall")


class ListUnits(Paged):
    institution_id: InstitutionId | None = None


class UnitOut(Answer):
    unit_id: str
    institution_id: str
    name_zh: str
    name_en: str
    side: Side
    active: bool
    created_at: Instant


class CreatePerson(Ask):
    """A person with a local account. Hand over the one-time token of the answer: with it the password is set."""

    login: str = Field(min_length=3, max_length=100, description="登录名 / Login", examples=["lin.zhixia"])
    name: str = Field(min_length=1, max_length=100, description="姓名 / Name", examples=["林知夏"])
    unit_id: UnitId
    roles: Roles = frozenset()
    email: str | None = Field(None, max_length=200, description="邮箱,收通知用 / For notices")
    staff_no: str | None = Field(None, max_length=40, description="工号 / Staff number")
    side: Side | None = Field(None, description="空则同部门 / The unit's when empty")
    clearance: Clearance = 2
    trained_until: Instant = Field(0, description="数据安全培训有效期至 / Training is valid until")
    locale: Literal["zh", "en"] = Field("zh", description="界面语言 / Language")
    with_token: bool = Field(
        True, description="同时生成一次性口令;单点登录人员可为 false / Make a one-time token; not needed for OIDC"
    )


class CreateServiceAccount(Ask):
    """An account for a machine: it signs in by API key or private_key_jwt, never by password."""

    login: str = Field(min_length=3, max_length=100, description="登录名 / Login", examples=["park-songlan-feed"])
    name: str = Field(min_length=1, max_length=100, description="名称 / Name")
    unit_id: UnitId
    roles: Roles = frozenset()
    side: Side | None = None
    clearance: Clearance = 2
    trained_until: Instant = Field(0, description="责任人培训有效期至 / Training of who answers for it is valid until")


class PersonOut(Answer):
    """A person or service account."""

    person_id: str
    kind: Literal["person", "service"]
    login: str
    name: str
    email: str | None
    staff_no: str | None
    unit_id: str
    institution_id: str
    roles: tuple[str, ...]
    side: Side
    clearance: int
    trained_until: Instant
    state: Literal["active", "suspended", "left"]
    locale: str
    created_at: Instant
    updated_at: Instant


class PersonCreated(PersonOut):
    """The new person, and what it sets its password with. Shown once."""

    one_time_token: str | None = Field(None, description="一次性口令,仅显示一次 / One-time token, shown once")
    token_expires_at: Instant | None = None


class ListPeople(Paged):
    institution_id: InstitutionId | None = None
    unit_id: UnitId | None = None
    role: Role | None = Field(None, description="持有该角色 / Who hold this role")
    state: Literal["active", "suspended", "left"] | None = None
    kind: Literal["person", "service"] | None = None


class GetPerson(Ask):
    person_id: PersonId


class ChangePerson(Ask):
    """What is given changes, from the next request on; the rest stays. A change of roles is on the ledger."""

    person_id: PersonId
    name: str | None = Field(None, min_length=1, max_length=100)
    email: str | None = Field(None, max_length=200, description='"" 表示删除 / "" removes it')
    staff_no: str | None = Field(None, max_length=40)
    roles: frozenset[Role] | None = Field(None, max_length=16, description="全部角色 / All roles from now on")
    clearance: Clearance | None = None
    side: Side | None = None
    trained_until: Instant | None = None
    locale: Literal["zh", "en"] | None = None


class TransferPerson(Ask):
    """To another unit of the same institution: roles, sessions, keys and personal grants end; new roles are named."""

    person_id: PersonId
    unit_id: UnitId
    roles: Roles = frozenset()
    side: Side | None = Field(None, description="空则同新部门 / The new unit's when empty")
    clearance: Clearance | None = None


class SuspendPerson(Ask):
    """Nothing works any more, until the suspension is lifted (`suspended: false`)."""

    person_id: PersonId
    suspended: bool = Field(True, description="true 停用,false 恢复 / Suspend or restore")
    reason: Reason = ""


class LeavePerson(Ask):
    """Has left for good: roles, sessions, keys, factors, identities and personal grants end at once."""

    person_id: PersonId
    reason: Reason = ""


class MembershipsOf(Ask):
    person_id: PersonId


class MembershipOut(Answer):
    """One change of roles, with its entry on the ledger."""

    entry_id: str
    roles: tuple[str, ...]
    unit_id: str
    changed_by: str
    at: Instant


ROUTES = (
    Route(
        "create_institution", "POST", "/v1/institutions", CreateInstitution, InstitutionOut, "parties",
        "登记机构", "Register an institution", status=201,
    ),
    Route(
        "list_institutions", "GET", "/v1/institutions", ListInstitutions, Page[InstitutionOut], "parties",
        "机构列表", "List institutions",
    ),
    Route(
        "set_institution_state", "POST", "/v1/institutions/{institution_id}/state", SetInstitutionState, InstitutionOut,
        "parties", "准入、停用或退出机构", "Admit, suspend or end an institution",
    ),
    Route("create_unit", "POST", "/v1/units", CreateUnit, UnitOut, "parties", "新建部门", "Create a unit", status=201),
    Route("list_units", "GET", "/v1/units", ListUnits, Page[UnitOut], "parties", "部门列表", "List units"),
    Route(
        "create_person", "POST", "/v1/people", CreatePerson, PersonCreated, "parties",
        "新建人员", "Create a person", status=201, secret=True,
    ),
    Route(
        "create_service_account", "POST", "/v1/service-accounts", CreateServiceAccount, PersonOut, "parties",
        "新建服务账户", "Create a service account", status=201,
    ),
    Route("list_people", "GET", "/v1/people", ListPeople, Page[PersonOut], "parties", "人员列表", "List people"),
    Route("get_person", "GET", "/v1/people/{person_id}", GetPerson, PersonOut, "parties", "查看人员", "Show a person"),
    Route(
        "change_person", "PATCH", "/v1/people/{person_id}", ChangePerson, PersonOut, "parties",
        "变更人员资料与权限", "Change a person and its rights",
    ),
    Route(
        "transfer_person", "POST", "/v1/people/{person_id}/transfer", TransferPerson, PersonOut, "parties",
        "调岗", "Transfer a person",
    ),
    Route(
        "suspend_person", "POST", "/v1/people/{person_id}/suspension", SuspendPerson, PersonOut, "parties",
        "停用或恢复人员", "Suspend or restore a person",
    ),
    Route(
        "leave_person", "POST", "/v1/people/{person_id}/leave", LeavePerson, PersonOut, "parties",
        "人员离职", "A person has left",
    ),
    Route(
        "list_memberships", "GET", "/v1/people/{person_id}/memberships", MembershipsOf, Page[MembershipOut], "parties",
        "角色变更记录", "Changes of roles, with their ledger entries",
    ),
)  # fmt: skip
