"""What sealing refuses, said without a value or a key in it."""

from gateway.errors import Problem, declare

SEAL_BROKEN = declare(
    "seal-broken", "unavailable",
    zh="记录无法打开:密文、密钥或所处位置已被改动",
    en="The record cannot be opened: ciphertext, key or place do not belong together",
    remedy_zh="请通知系统管理员运行 lianqiao fsck,并从备份恢复该记录",
    remedy_en="Let the system administrator run `lianqiao fsck` and restore the record from a backup",
)  # fmt: skip
NOT_COVERED = declare(
    "not-covered-by-decision", "forbidden",
    zh="该访问决定不包含此记录或数据组", en="The decision shown does not cover this record or compartment",
    remedy_zh="请为该记录与数据组重新申请", remedy_en="Ask for a decision on this record and compartment",
)  # fmt: skip
KEY_UNUSABLE = declare(
    "key-unusable", "unavailable",
    zh="该数据组的密钥当前不可用于此操作", en="The key of this compartment cannot be used for this",
    remedy_zh="请密钥保管员检查密钥状态并安排轮换",
    remedy_en="Let the key custodian check the key's state and rotate it",
)  # fmt: skip
VALUE_NOT_SEALABLE = declare(
    "value-not-sealable", "invalid",
    zh="该字段的值无法封存", en="A value of this field cannot be sealed",
    remedy_zh="请使用文本、数字、布尔值、日期文本,或由它们组成的列表",
    remedy_en="Use text, numbers, booleans, date text, or lists of them",
)  # fmt: skip


class SealBroken(Problem):
    """Ciphertext, wrapped key, place and group key do not all belong together."""

    def __init__(self, detail_en: str = "") -> None:
        super().__init__(SEAL_BROKEN, detail_en=detail_en)


class NotCovered(Problem):
    """The decision does not cover what was to be opened: a defect of the caller, stopped here."""

    def __init__(self, detail_en: str = "") -> None:
        super().__init__(NOT_COVERED, detail_en=detail_en)


class KeyUnusable(Problem):
    """The group key is destroyed, exhausted, of another compartment, or for another use."""

    def __init__(self, detail_en: str = "") -> None:
        super().__init__(KEY_UNUSABLE, detail_en=detail_en)
