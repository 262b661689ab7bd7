"""The answer to a question of access: allowed, with what must be done along; or refused, with why and what was nearest.

`Allowed` and `Refused` are types of their own, so that code which opens data can demand an `Allowed` and a type
checker can hold it to that.
"""

from dataclasses import dataclass
from typing import Final, Literal

from policies.frozen import quick
from policies.vocabulary import Resource


@dataclass(frozen=True, slots=True)
class Obligations:
    """What the enforcing code must do with the answer. It has to know every one of these; there are no others.

    `mask`: show masked values. `watermark`: mark the output with reader and grant. `quota`: count against the grant's
    uses and rate.
    `log`: put it on the trail. `alert`: tell compliance.
    """

    mask: bool = False
    watermark: bool = False
    quota: bool = False
    log: bool = True
    alert: bool = False


OBLIGATIONS: Final = ("mask", "watermark", "quota", "log", "alert")


@dataclass(frozen=True, slots=True)
class Lack:
    """An allow rule that came near: its id, and the conditions (as written in the rule) that did not hold."""

    rule: str
    conditions: tuple[str, ...]


@quick
@dataclass(frozen=True, slots=True)
class Allowed:
    """Permission for exactly `action` on `resource` for `purpose`. `rule` is the first allow rule that matched, in
    file order.

    `epoch` identifies the texts of the rules that decided. A workflow decision carries the act as `action` and no
    resource fields.
    """

    decision_id: str
    rule: str
    reason: str
    epoch: str
    action: str
    purpose: str
    resource: Resource
    obligations: Obligations

    @property
    def effect(self) -> Literal["allow"]:
        return "allow"


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal. `reason` is coarse and may be shown to anybody; `rule` and `nearest` are for compliance only.

    `rule` is the deny rule that decided, "" if simply nothing allowed it, "ERROR" if the facts were not fit to be
    decided upon.
    """

    decision_id: str
    rule: str
    reason: str
    epoch: str
    nearest: tuple[Lack, ...] = ()
    obligations: Obligations = Obligations()

    @property
    def effect(self) -> Literal["deny"]:
        return "deny"


Decision = Allowed | Refused


@dataclass(frozen=True, slots=True)
class Reason:
    """The words of a coarse reason, and how to go on from there."""

    zh: str
    en: str
    how_zh: str
    how_en: str


_APPLY_ZH, _APPLY_EN = "请在数据清单中提交访问申请", "Submit an access request from the catalogue"
_ASK_ZH, _ASK_EN = "如有疑问请联系合规管理部", "Ask the compliance department if in doubt"

# Stable strings: they stand on the trail and in the API. Walls, lists and suppressions have no reason of their own on
# purpose.
REASONS: Final[dict[str, Reason]] = {
    "allowed": Reason("允许", "Allowed", "", ""),
    "no-grant": Reason("没有有效授权", "There is no live grant", _APPLY_ZH, _APPLY_EN),
    "not-permitted": Reason("不允许", "Not permitted", _ASK_ZH, _ASK_EN),
    "not-shared": Reason("该数据不予共享", "This data is never shared", "", ""),
    "inactive": Reason("账户未启用", "The account is not active", "请联系本单位管理员", "Ask your administrator"),
    "purpose-mismatch": Reason(
        "用途与授权不符",
        "The grant is for another purpose",
        "请改用授权用途,或就新用途另行申请",
        "State the granted purpose, or apply for the new one",
    ),
    "purpose-missing": Reason("未说明用途", "No purpose was stated", "请选择用途代码", "State a purpose code"),
    "expired": Reason(
        "授权不在有效期内", "The grant is not within its term", "请续期或重新申请", "Renew it or apply again"
    ),
    "exhausted": Reason("授权次数已用完", "The grant is used up", _APPLY_ZH, _APPLY_EN),
    "use-not-granted": Reason(
        "授权不含该使用方式",
        "The grant does not cover this way of use",
        "请申请增加使用方式",
        "Apply for this way of use",
    ),
    "export-not-granted": Reason(
        "授权不含导出", "Export is not granted", "请申请导出授权", "Apply for an export grant"
    ),
    "approval-incomplete": Reason(
        "审批尚未完成", "The approvals are not complete", "请等待审批完成", "Wait for the missing approval"
    ),
    "consent-missing": Reason(
        "缺少有效的单独同意",
        "A valid separate consent is missing",
        "请先取得同意并登记",
        "Obtain and record the consent first",
    ),
    "clearance": Reason(
        "数据级别高于您的权限级别", "The level is above your clearance", "请联系部门负责人", "Ask your department head"
    ),
    "training-lapsed": Reason(
        "数据安全培训已过期", "The data security training has lapsed", "请完成年度培训", "Complete the yearly training"
    ),
    "role-without-data": Reason(
        "该岗位不得接触受保护数据",
        "This role may not see protected data",
        "请由业务岗位人员申请",
        "Let a business role apply",
    ),
    "suppressed-or-absent": Reason("没有找到", "Not found", "请核对名称或代码", "Check the name or code"),
    "not-your-part": Reason(
        "该步骤不由您办理",
        "This step is not yours to take",
        "请联系有相应职责的同事",
        "Ask the colleague whose step it is",
    ),
    "wrong-state": Reason(
        "当前状态不能办理", "Not possible in the present state", "请刷新后查看状态", "Look at the state again"
    ),
    "separation-of-duties": Reason(
        "职责分离:须由他人办理",
        "Separation of duties: somebody else must do this",
        "请转交其他有权人员",
        "Hand it to another authorised person",
    ),
    "error": Reason("暂时无法判定,已按拒绝处理", "No decision could be made; refused", _ASK_ZH, _ASK_EN),
}
