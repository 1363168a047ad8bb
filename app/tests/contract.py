"""What the contract (app/openapi.yaml) says, in the form that tests ask for."""

from __future__ import annotations

import re
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
