"""What the contract (app/openapi.yaml) says, in the form that tests ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

ROOT = Path(__file__).resolve().parents[2]
_SLUG = r"'([a-z]+(?:_[a-z]+)+)'"
# A slug as a literal, or in a case expression or variable that ends up in `constraint =`.
_LITERAL = re.compile(r"constraint\s*=\s*" + _SLUG)
_CHOSEN = re.compile(r"(?:\bthen|\belse)\s+" + _SLUG)
_NAMED = re.compile(r"\bv_slug(?: text)? :=\s+" + _SLUG)
# Raised to the old application, which writes to tables directly; the functions of schema api announce their writes.
# Damage is a fault of ours: its SQLSTATE XX001 makes it a 500.
_NOT_OVER_HTTP = {"bad_model", "model_dimensions", "version_fence", "history_damaged"}


@cache
def document() -> dict[str, Any]:
    """The contract."""
    return cast("dict[str, Any]", yaml.safe_load((ROOT / "app/openapi.yaml").read_text(encoding="utf-8")))


def problem_codes() -> set[str]:
    """The codes that it lists."""
    return set(document()["components"]["schemas"]["ProblemCode"]["enum"])


def raised_slugs() -> set[str]:
    """The slugs that functions behind schema api raise, read from their files."""
    slugs: set[str] = set()
    for schema in ("api", "core", "jsonpatch"):
        for path in sorted((ROOT / "db/functions" / schema).glob("*.sql")):
            text = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
            slugs |= set(_LITERAL.findall(text)) | set(_NAMED.findall(text))
            if re.search(r"constraint\s*=\s*(?!')", text):
                slugs |= set(_CHOSEN.findall(text))
    return slugs - _NOT_OVER_HTTP


def statuses(method: str, route: str) -> set[str]:
    """The statuses of an operation."""
    operation = "get" if method == "HEAD" else method.lower()
    return set(document()["paths"][route][operation]["responses"])


def unlisted(method: str, route: str, status: int, kind: str, body: Any) -> list[str]:
    """The members of an answer of that media type that its schema does not name, such as ``blocks[].type``."""
    operation = document()["paths"][route]["get" if method == "HEAD" else method.lower()]
    content = resolved(operation["responses"][str(status)]).get("content", {})
    schema = content.get(kind, {}).get("schema", {})
    return sorted({name.removeprefix(".") for name in _unlisted(body, [schema], "")})


@dataclass(frozen=True)
class Field:
    """A place where a client puts text into a request.

    Attributes:
        where: path, query or header, or the media type of a body.
        name: of the parameter; of a member its path, such as ``blocks[].type``.
    """

    method: str
    route: str
    where: str
    name: str

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.where} {self.name}"


def fields() -> list[Field]:
    """Every parameter of every operation, and every member of its body that may be a string."""
    found: dict[Field, None] = {}
    for route, item in document()["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            for listed in [*item.get("parameters", ()), *operation.get("parameters", ())]:
                parameter = resolved(listed)
                found[Field(method.upper(), route, parameter["in"], parameter["name"])] = None
            for kind, content in resolved(operation.get("requestBody", {})).get("content", {}).items():
                for name in _strings(content["schema"], "", ()):
                    found[Field(method.upper(), route, kind, name.removeprefix("."))] = None
    return list(found)


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    """What a reference leads to, or the value itself."""
    while "$ref" in value:
        target: Any = document()
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        value = target
    return value


def _unlisted(value: object, schemas: list[dict[str, Any]], at: str) -> Iterator[str]:
    parts = [part for schema in schemas for part in _parts(schema)]
    if isinstance(value, list):
        items = [part["items"] for part in parts if "items" in part]
        for item in cast("list[object]", value):
            yield from _unlisted(item, items, f"{at}[]")
    elif isinstance(value, dict) and any("properties" in part for part in parts):
        # Where any member may be, such as the data of a block, nothing is looked at.
        if any(part.get("additionalProperties") for part in parts):
            return
        for name, member in cast("dict[str, object]", value).items():
            named = [part["properties"][name] for part in parts if name in part.get("properties", {})]
            if not named:
                yield f"{at}.{name}"
            yield from _unlisted(member, named, f"{at}.{name}")


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and those that it is made of."""
    schema = resolved(schema)
    yield schema
    for kind in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(kind, ()):
            yield from _parts(part)


def _strings(schema: dict[str, Any], at: str, seen: tuple[str, ...]) -> Iterator[str]:
    if "$ref" in schema:
        if schema["$ref"] in seen:
            return  # a schema within itself
        seen = (*seen, schema["$ref"])
    schema = resolved(schema)
    for kind in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(kind, ()):
            yield from _strings(part, at, seen)
    kinds: Any = schema.get("type")
    if kinds == "string" or (isinstance(kinds, list) and "string" in kinds):
        yield at
    for name, member in schema.get("properties", {}).items():
        yield from _strings(member, f"{at}.{name}", seen)
    if isinstance(schema.get("items"), dict):
        yield from _strings(schema["items"], f"{at}[]", seen)
