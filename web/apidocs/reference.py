"""The OpenAPI document as the page ``/docs`` shows it: sections of endpoints, and their shapes."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Line:
    """A parameter or a field: its name, its type in words, whether it is required, and its meaning."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True)
class Answer:
    """A response, with the name of its shape if it has one."""

    status: int
    description: str
    content: tuple[str, ...]
    shape: str


@dataclass(frozen=True)
class Endpoint:
    """One operation as the page shows it."""

    id: str
    method: str
    path: str
    key: str
    summary: str
    description: str
    parameters: tuple[Line, ...]
    request_shape: str
    request_examples: tuple[str, ...]
    answer_example: str
    answers: tuple[Answer, ...]
    curl: str


@dataclass(frozen=True)
class Shape:
    """A model: its fields, and an example where there is one."""

    name: str
    description: str
    fields: tuple[Line, ...]


def sections(spec: dict[str, Any]) -> list[tuple[str, list[Endpoint]]]:
    """Return the endpoints by tag, both in the order of the document."""
    found: dict[str, list[Endpoint]] = {}
    for path, operations in spec["paths"].items():
        for method in ("get", "post", "put", "patch", "delete"):
            if method in operations:
                operation = operations[method]
                found.setdefault(operation["tags"][0], []).append(_endpoint(spec, path, method, operation))
    return list(found.items())


def shapes(spec: dict[str, Any]) -> list[Shape]:
    """Return the models, by name."""
    return [_shape(spec, name, schema) for name, schema in spec["components"]["schemas"].items()]


def type_in_words(schema: dict[str, Any]) -> str:
    """Return a schema's type in words, such as ``list of text`` or ``number, at least 0, or null``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_in_words(part) for part in schema["anyOf"]))
    if "allOf" in schema:
        return " and ".join(type_in_words(part) for part in schema["allOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    kind = schema.get("type")
    if kind == "array":
        return f"list of {type_in_words(schema.get('items', {}))}{_bounds(schema)}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {type_in_words(schema['additionalProperties'])} by name"
    names = {"string": "text", "integer": "whole number", "boolean": "true or false", None: "anything"}
    word = {"date-time": "time"}.get(schema.get("format", ""), names.get(kind, str(kind)))
    return word + _bounds(schema)


_BOUNDS = (
    ("minimum", "at least {}"),
    ("exclusiveMinimum", "more than {}"),
    ("maximum", "at most {}"),
    ("minLength", "{} characters or more"),
    ("maxLength", "at most {} characters"),
    ("minItems", "{} or more"),
    ("maxItems", "at most {}"),
)


def _bounds(schema: dict[str, Any]) -> str:
    parts = [words.format(f"{schema[name]:,}") for name, words in _BOUNDS if name in schema]
    return "".join(f", {part}" for part in parts)


def _endpoint(spec: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Endpoint:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    request_shape = type_in_words(body) if body else ""
    examples = _examples(spec, request_shape)
    answers = tuple(_answer(int(status), answer) for status, answer in sorted(operation["responses"].items()))
    succeeded = next((answer for answer in answers if answer.status < 400), None)
    answered = _examples(spec, succeeded.shape) if succeeded else []
    return Endpoint(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        key=operation["x-key"],
        summary=operation["summary"],
        description=operation["description"],
        parameters=tuple(_parameter(parameter) for parameter in operation.get("parameters", ())),
        request_shape=request_shape,
        request_examples=tuple(_pretty(example) for example in examples),
        answer_example=_pretty(answered[0]) if answered else "",
        answers=answers,
        curl=_curl(spec["servers"][0]["url"], path, method, operation, examples),
    )


def _parameter(parameter: dict[str, Any]) -> Line:
    schema = parameter["schema"]
    return Line(parameter["name"], type_in_words(schema), parameter["required"], parameter.get("description", ""))


def _answer(status: int, answer: dict[str, Any]) -> Answer:
    content = answer.get("content", {})
    schema = next((media["schema"] for media in content.values() if "$ref" in media["schema"]), None)
    return Answer(status, answer["description"], tuple(content), type_in_words(schema) if schema else "")


def _shape(spec: dict[str, Any], name: str, schema: dict[str, Any]) -> Shape:
    required = schema.get("required", ())
    fields = tuple(
        Line(field, type_in_words(inner), field in required, inner.get("description", ""))
        for field, inner in schema.get("properties", {}).items()
    )
    return Shape(name, schema.get("description", "").replace("``", "").replace("\n", " "), fields)


def _examples(spec: dict[str, Any], shape: str) -> list[Any]:
    return list(spec["components"]["schemas"].get(shape, {}).get("examples", ()))


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _curl(server: str, path: str, method: str, operation: dict[str, Any], examples: list[Any]) -> str:
    """Return a command that works as it is, once the key is in the environment."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", str(parameter["example"]))
    needed = "&".join(
        f"{parameter['name']}={parameter['example']}"
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and parameter["required"]
    )
    address = f"{server}{path}" + (f"?{needed}" if needed else "")
    parts = ["curl", *([] if method == "get" else ["-X", method.upper()]), f"'{address}'"]
    parts += ["-H", '"Authorization: Bearer $KLETTE_KEY"']
    if examples:
        body = json.dumps(examples[0], ensure_ascii=False).replace("'", "'\\''")
        parts += ["-H", "'Content-Type: application/json'", "-d", f"'{body}'"]
    return " ".join(parts)
