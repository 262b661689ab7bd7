"""The OpenAPI 3.1 document, made from the same routes that are served, with examples and the problem format."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway import __version__
from gateway.schemas import ROUTES, Route

_REF = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem / 问题详情",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:lianqiao:problem:not-found"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable / 稳定代码", "examples": ["not-found", "no-grant"]},
        "detail": {"type": "string"},
        "remedy": {"type": "string", "description": "what to do next / 下一步"},
        "field": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
        "decision_id": {"type": "string", "description": "of a refusal / 拒绝决定的编号"},
    },
}


def document(server: str) -> dict[str, Any]:
    """The whole interface: one operation a verb, `operationId` = the verb's name."""
    models = [(each, mode) for route in ROUTES for each, mode in ((route.ask, "validation"), (route.answer, "serialization"))
              if isinstance(each, type) and issubclass(each, BaseModel)]  # fmt: skip
    refs, definitions = models_json_schema(list(dict.fromkeys(models)), ref_template=_REF)  # type: ignore[arg-type]
    schemas: dict[str, Any] = dict(definitions.get("$defs", {}))
    schemas["Problem"] = _PROBLEM
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        ask = _resolve(refs[(route.ask, "validation")], schemas)
        answer = refs.get((route.answer, "serialization"), {"type": "string", "format": "binary"})
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, ask, answer)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "连桥 Lianqiao",
            "version": __version__,
            "description": "证券公司与合作机构之间的隐私保护数据共享网关 / a privacy-preserving data-sharing gateway",
        },
        "servers": [{"url": server}],
        "tags": [{"name": tag} for tag in sorted({route.tag for route in ROUTES})],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "lianqiao"},
                "bearer": {"type": "http", "scheme": "bearer", "description": "API key or token / 接口密钥或令牌"},
            },
        },
        "security": [{"session": []}, {"bearer": []}],
    }


def _operation(route: Route, ask: dict[str, Any], answer: Any) -> dict[str, Any]:
    properties: dict[str, Any] = ask.get("properties", {})
    required = set(ask.get("required", ()))
    in_path = set(route.path_fields)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": properties.get(name, {"type": "string"})}
        for name in route.path_fields
    ]
    rest = {name: schema for name, schema in properties.items() if name not in in_path}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": f"{route.zh} / {route.en}",
        "tags": [route.tag],
        "parameters": parameters,
        "responses": {
            str(route.status): {"description": "OK", "content": {"application/json": {"schema": answer}}},
            "default": {
                "description": "problem",
                "content": {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}},
            },
        },
    }
    if route.problems:
        operation["x-problem-codes"] = list(route.problems)
    if route.method in {"GET", "DELETE"}:
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in rest.items()
        ]
    else:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "maxLength": 100},
            }
        )
        body = {
            "type": "object",
            "properties": rest,
            "required": sorted(required - in_path),
            "additionalProperties": False,
        }
        if rest:
            operation["requestBody"] = {
                "required": bool(required - in_path),
                "content": {"application/json": {"schema": body}},
            }
    if route.public:
        operation["security"] = []
    return operation


def _resolve(reference: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    target = reference.get("$ref", "")
    resolved: dict[str, Any] = schemas.get(target.rsplit("/", 1)[-1], reference)
    return resolved
