"""Problems and refusals on the wire: RFC 9457, with a stable code and what to do next, in Chinese and English."""

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.responses import Response

from gateway.errors import INVALID_INPUT, FieldError, Kind, Problem, Refusal, declare

STATUS: Mapping[Kind, int] = {
    "invalid": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "not-found": 404,
    "conflict": 409,
    "too-large": 413,
    "too-many": 429,
    "unavailable": 503,
}

# What pydantic found, in words; its own message is English and may quote the input, which may be a protected value.
_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("必填", "is required"),
    "extra_forbidden": ("不认识的字段", "is not a known member"),
    "string_too_short": ("太短", "is too short"),
    "string_too_long": ("太长", "is too long"),
    "string_pattern_mismatch": ("格式不符", "does not have the right form"),
    "literal_error": ("不是允许的取值", "is not one of the allowed values"),
    "enum": ("不是允许的取值", "is not one of the allowed values"),
    "int_parsing": ("应为整数", "must be a whole number"),
    "greater_than_equal": ("太小", "is too small"),
    "less_than_equal": ("太大", "is too large"),
    "json_invalid": ("不是合法的 JSON", "is not valid JSON"),
}


METHOD_NOT_ALLOWED = declare(
    "method-not-allowed", "not-found",
    zh="该地址不支持这种请求方法", en="This address does not take this method",
    remedy_zh="请按接口文档 /v1/openapi.json 使用", remedy_en="See the interface at /v1/openapi.json",
)  # fmt: skip


def problem_response(
    problem: Problem, locale: str = "zh", instance: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """The problem as `application/problem+json`."""
    code = problem.code
    status = 405 if code is METHOD_NOT_ALLOWED else STATUS[code.kind]
    zh = locale.startswith("zh")
    body: dict[str, Any] = {
        "type": f"urn:lianqiao:problem:{code.name}",
        "title": code.zh if zh else code.en,
        "status": status,
        "code": code.name,
        "detail": (problem.detail_zh or code.zh) if zh else (problem.detail_en or code.en),
        "remedy": code.remedy_zh if zh else code.remedy_en,
    }
    if problem.field:
        body["field"] = problem.field
    if problem.errors:
        body["errors"] = [_field_error(error, zh) for error in problem.errors]
    if instance:
        body["instance"] = instance
    body.update({key: value for key, value in problem.extra.items() if key not in body})
    told = dict(headers or {})
    if code.kind in {"too-many", "unavailable"}:
        told["retry-after"] = str(problem.extra.get("retry_after", 5))
    if code.kind == "unauthenticated":
        told["www-authenticate"] = 'Bearer realm="lianqiao"'
    return _problem(body, status, told)


def refusal_response(refusal: Refusal, locale: str = "zh") -> Response:
    """A refusal as 403 problem+json: a coarse reason, how to apply, and the decision to quote."""
    zh = locale.startswith("zh")
    body: dict[str, Any] = {
        "type": f"urn:lianqiao:refusal:{refusal.reason}",
        "title": "未获准" if zh else "Refused",
        "status": 403,
        "code": refusal.reason,
        "detail": refusal.zh if zh else refusal.en,
        "remedy": refusal.how_zh if zh else refusal.how_en,
        "decision_id": refusal.decision_id,
    }
    if refusal.rule:
        body["rule"] = refusal.rule
        body["explanation"] = list(refusal.explanation)
    body.update(refusal.extra)
    return _problem(body, 403, {})


def invalid_ask(error: ValidationError) -> Problem:
    """The problem that says field by field what is wrong, without repeating what was sent."""
    errors = tuple(
        FieldError(
            ".".join(str(part) for part in item["loc"]) or "body",
            *_words(item),
            code=str(item["type"]).replace("_", "-"),
        )
        for item in error.errors(include_url=False, include_input=False)
    )
    return Problem(INVALID_INPUT, field=errors[0].field if errors else None, errors=errors)


def _words(item: Mapping[str, Any]) -> tuple[str, str]:
    kind = str(item["type"])
    if kind == "value_error" and "ctx" in item:
        text = str(item["ctx"].get("error", ""))
        return text or "不符合要求", text or "breaks a rule"
    zh, en = _WORDS.get(kind, ("不符合要求", "breaks a rule"))
    limits = {
        key: value
        for key, value in item.get("ctx", {}).items()
        if key in {"ge", "le", "min_length", "max_length", "expected"}
    }
    if limits:
        told = ", ".join(f"{key}={value}" for key, value in limits.items())
        return f"{zh} ({told})", f"{en} ({told})"
    return zh, en


def _field_error(error: FieldError, zh: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "field": error.field,
        "code": error.code,
        "message": error.message_zh if zh else error.message_en,
    }
    if error.row is not None:
        body["row"] = error.row
    return body


def _problem(body: dict[str, Any], status: int, headers: dict[str, str]) -> Response:
    return Response(orjson.dumps(body), status, headers, media_type="application/problem+json")
