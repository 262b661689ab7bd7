"""What people are told, and in which words: identifiers, codes, dates and counts; never a name or a free text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,79}")
# A mobile number, or any other run of digits that long, is no code of ours.
_NUMBER: Final = re.compile(r"(?<![0-9a-f-])\d{9,}(?![0-9a-f-])")
_SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


class UnfitNotice(ValueError):
    """The notice would carry something that is no identifier, code, date or count. Names the parameter only."""


@dataclass(frozen=True, slots=True)
class Words:
    """Title and text of one kind of notice; `{name}` stands for a parameter."""

    title_zh: str
    title_en: str
    text_zh: str
    text_en: str


KINDS: Final[Mapping[str, Words]] = {
    "request-to-approve": Words(
        "有申请待您审批",
        "A request waits for you",
        "申请 {request} 等待您以 {role} 身份办理,截止 {due}。",
        "Request {request} waits for your step as {role}, until {due}.",
    ),
    "step-delegated": Words(
        "有审批委托您办理",
        "A step was handed to you",
        "申请 {request} 的 {role} 步骤已委托您办理,截止 {due}。",
        "Step {role} of request {request} was handed to you, until {due}.",
    ),
    "clock-running-out": Words(
        "审批时限将到",
        "A clock runs out",
        "申请 {request} 的 {role} 步骤将于 {due} 到期;逾期即失效,不会自动批准。",
        "Step {role} of request {request} ends at {due}; afterwards the request lapses, it is never granted by time.",
    ),
    "step-without-holder": Words(
        "审批步骤无人可办",
        "Nobody can take a step",
        "申请 {request} 等待的 {role} 角色现无在岗人员,请指派。",
        "Request {request} waits for a {role}, and nobody holds the role; please appoint somebody.",
    ),
    "request-approved": Words(
        "申请已批准",
        "Your request is approved",
        "申请 {request} 已批准,授权 {grant} 有效至 {until}。",
        "Request {request} is approved; grant {grant} holds until {until}.",
    ),
    "request-offered": Words(
        "审批方提出缩减方案",
        "A counter-offer waits for you",
        "申请 {request} 获部分同意,请于 {due} 前接受或放弃。",
        "Request {request} was agreed to in part; accept or decline it until {due}.",
    ),
    "request-returned": Words(
        "申请被退回补正",
        "Your request was returned",
        "申请 {request} 需补正后重新提交,截止 {due}。",
        "Correct request {request} and submit it again until {due}.",
    ),
    "request-rejected": Words(
        "申请未获批准",
        "Your request was rejected",
        "申请 {request} 未获批准,理由代码 {reason}。",
        "Request {request} was rejected; reason {reason}.",
    ),
    "request-timed-out": Words(
        "申请已逾期失效",
        "Your request has lapsed",
        "申请 {request} 的办理时限已过,需要时请重新申请。",
        "The time for request {request} is over; apply again if needed.",
    ),
    "request-withdrawn": Words(
        "申请已撤回",
        "A request was withdrawn",
        "申请 {request} 已由申请人撤回,无需办理。",
        "Request {request} was withdrawn; nothing is left to do.",
    ),
    "grant-given": Words(
        "我方数据已授权使用",
        "A grant on your data was given",
        "授权 {grant}(申请 {request})已生效,至 {until}。",
        "Grant {grant} (request {request}) holds until {until}.",
    ),
    "grant-expiring": Words(
        "授权即将到期",
        "A grant is about to expire",
        "授权 {grant} 将于 {until} 到期,可在到期前15天内申请续期。",
        "Grant {grant} ends at {until}; ask for renewal within its last 15 days.",
    ),
    "grant-expired": Words(
        "授权已到期",
        "A grant has expired",
        "授权 {grant} 已于 {until} 到期。",
        "Grant {grant} ended at {until}.",
    ),
    "grant-revoked": Words(
        "授权已撤销",
        "A grant was revoked",
        "授权 {grant} 已撤销,原因 {reason};已取得的副本请按约定删除。",
        "Grant {grant} was revoked ({reason}); delete copies as agreed.",
    ),
    "grant-renewed": Words(
        "授权已续期",
        "A grant was renewed",
        "授权 {old} 已续期为 {grant},有效至 {until}。",
        "Grant {old} was renewed as {grant} until {until}.",
    ),
    "renewal-asked": Words(
        "有授权申请续期",
        "A renewal is asked for",
        "授权 {grant} 的使用方申请续期,原期限至 {until}。",
        "The holder of grant {grant} asks for its renewal; it ends at {until}.",
    ),
    "upload-failed": Words(
        "数据上传失败",
        "An upload failed",
        "上传 {upload} 未能完成,错误行数 {rows};请下载错误报告更正后重新上传。",
        "Upload {upload} failed with {rows} bad rows; download its error report, mend and upload again.",
    ),
    "upload-done": Words(
        "数据上传完成",
        "An upload is done",
        "上传 {upload} 已完成,共 {rows} 行。",
        "Upload {upload} is done: {rows} rows.",
    ),
    "consent-withdrawn": Words(
        "同意已撤回",
        "A consent was withdrawn",
        "同意 {consent} 已撤回,终止授权 {grants} 项。",
        "Consent {consent} was withdrawn; {grants} grants ended with it.",
    ),
    "catalogue-change": Words(
        "数据项变更待复核",
        "A change of the catalogue waits for you",
        "数据项 {item} 的变更 {change} 需要第二人复核。",
        "Change {change} of item {item} needs a second person.",
    ),
    "catalogue-changed": Words(
        "数据项变更已办理",
        "A change of the catalogue was decided",
        "数据项 {item} 的变更 {change} 结果:{state}。",
        "Change {change} of item {item}: {state}.",
    ),
}


def day_text(at: int) -> str:
    """Minute precision in Shanghai time, such as `2026-03-05T18:00`; `at` is microseconds since the epoch."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(_SHANGHAI).strftime("%Y-%m-%dT%H:%M")


def checked(kind: str, parameters: Mapping[str, str | int]) -> dict[str, str]:
    """The parameters as texts, fit to be sent. Raises `UnfitNotice` for anything that is no code, date or count.

    A kind that is not in the table, or one of its parameters missing, raises `KeyError`.
    """
    words = KINDS[kind]
    texts = {name: str(value) for name, value in parameters.items()}
    for name, text in texts.items():
        if not _SAFE.fullmatch(text) or _NUMBER.search(text):
            raise UnfitNotice(f"parameter {name} of notice {kind}")
    words.text_zh.format_map(texts)
    return texts


def rendered(kind: str, parameters: Mapping[str, str]) -> Words:
    """Title and text with the parameters in place."""
    words = KINDS[kind]
    return Words(
        words.title_zh, words.title_en, words.text_zh.format_map(parameters), words.text_en.format_map(parameters)
    )
