"""Write the console's typed client from the interface description: `gateway/web/console/src/api.ts`.

One interface a schema and one entry a verb, so that a page that asks for what is not served does not compile.
`--check` writes nothing and fails when the file is not what would be written.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
TARGET = ROOT / "gateway" / "web" / "console" / "src" / "api.ts"
_HEAD = "// Made by scripts/generate_console_api.py from the interface description. Do not edit.\n"


def client(document: dict[str, Any]) -> str:
    """The whole file."""
    parts = [_HEAD]
    schemas = document["components"]["schemas"]
    asked = _asked(document)
    for name, schema in sorted(schemas.items()):
        # An answer always carries every member; only what is sent may leave out those that have a default.
        whole = (
            schema if name in asked or name == "Problem" else {**schema, "required": list(schema.get("properties", ()))}
        )
        parts.append(f"export type {name} = {_type(whole)};\n")
    parts.append("\nexport interface Verbs {\n")
    table = []
    for path, methods in sorted(document["paths"].items()):
        for method, operation in methods.items():
            name, ask, answer = operation["operationId"], _ask(operation), _answer(operation)
            parts.append(f"  {name}: {{ ask: {ask}; answer: {answer} }};\n")
            table.append(f"  {name}: [{_text(method.upper())}, {_text(path)}],\n")
    parts.append("}\n\nexport const ROUTES: Record<keyof Verbs, readonly [string, string]> = {\n")
    return "".join([*parts, *table, "};\n"])


def _asked(document: dict[str, Any]) -> set[str]:
    """Names of the schemas that a body or a parameter is made of."""
    found: set[str] = set()
    todo = [operation for methods in document["paths"].values() for operation in methods.values()]
    texts = [json.dumps([each["parameters"], each.get("requestBody", {})]) for each in todo]
    while texts:
        for name in re.findall(r"#/components/schemas/([^\"]+)", texts.pop()):
            if name not in found:
                found.add(name)
                texts.append(json.dumps(document["components"]["schemas"][name]))
    return found


def _ask(operation: dict[str, Any]) -> str:
    members = {
        each["name"]: (each["schema"], each["required"]) for each in operation["parameters"] if each["in"] != "header"
    }
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    needed = set(body.get("required", ()))
    members |= {name: (schema, name in needed) for name, schema in body.get("properties", {}).items()}
    told = [f"{_name(name)}{'' if need else '?'}: {_type(schema)}" for name, (schema, need) in members.items()]
    return "{ " + "; ".join(told) + " }" if told else "Record<string, never>"


def _answer(operation: dict[str, Any]) -> str:
    status = next(code for code in operation["responses"] if code != "default")
    schema = operation["responses"][status]["content"]["application/json"]["schema"]
    return "Blob" if schema.get("format") == "binary" else _type(schema)


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "const" in schema:
        return _text(schema["const"])
    if "enum" in schema:
        return " | ".join(_text(each) for each in schema["enum"])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " | ".join(dict.fromkeys(_type(each) for each in schema[union]))
    kind = schema.get("type")
    if kind == "array":
        inner = _type(schema.get("items", {}))
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if kind == "object":
        if "properties" in schema:
            needed = set(schema.get("required", ()))
            told = [
                f"{_name(name)}{'' if name in needed else '?'}: {_type(each)}"
                for name, each in schema["properties"].items()
            ]
            return "{ " + "; ".join(told) + " }" if told else "Record<string, never>"
        inner = schema.get("additionalProperties", {})
        return f"Record<string, {_type(inner) if isinstance(inner, dict) else 'unknown'}>"
    plain = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
    return plain.get(str(kind), "unknown")


def _text(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else _text(name)


def main() -> int:
    from gateway.web.openapi import document

    made = client(document("/"))
    if "--check" in sys.argv:
        return 0 if TARGET.is_file() and TARGET.read_text("utf-8") == made else 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
