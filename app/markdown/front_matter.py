"""YAML front matter: the lines between `---` and `---` at the head of a file, as JSON-able properties and back."""

import base64
import datetime
import json
import math
import re
from typing import Any, cast

import yaml

from app.markdown.document import MarkdownError

# A blank line after `---` makes it a divider, as in Pandoc.
_BLOCK = re.compile(r"---[ \t]*\n(?![ \t]*\n)(?P<yaml>.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
MAX_VALUES = 10_000


def split(text: str) -> tuple[dict[str, Any], str]:
    """Front matter and the rest of a file.

    Returns:
        The properties (empty when the file has none) and the text after them.

    Raises:
        MarkdownError: the YAML is broken, is not a mapping, or holds what JSON cannot.
    """
    match = _BLOCK.match(text)
    if match is None:
        return {}, text
    try:
        loaded: Any = yaml.safe_load(match["yaml"])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 2}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error) or type(error).__name__
        raise MarkdownError(f"the front matter is not valid YAML{place}: {problem}") from error
    if loaded is None:
        return {}, text[match.end() :]
    if isinstance(loaded, str):
        return {}, text  # prose between two dividers
    if not isinstance(loaded, dict):
        raise MarkdownError("the front matter is not a mapping (`name: value` lines)")
    values = _Budget()
    properties = {_key(name): _jsonable(value, values, 0) for name, value in cast(dict[Any, Any], loaded).items()}
    try:
        encoded = json.dumps(properties, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise MarkdownError("the front matter holds half of a surrogate pair, which is no character") from error
    if b"\\u0000" in encoded:
        raise MarkdownError("the front matter holds the character U+0000, which cannot be stored")
    return properties, text[match.end() :]


def write(properties: dict[str, Any]) -> str:
    """Properties as front matter with a final newline, or nothing for none."""
    if not properties:
        return ""
    dumped = yaml.safe_dump(properties, sort_keys=False, allow_unicode=True, width=1000, default_flow_style=False)
    return f"---\n{dumped}---\n"


class _Budget:
    """Counts values: a few lines of YAML aliases can stand for billions."""

    def __init__(self) -> None:
        self.left = MAX_VALUES

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise MarkdownError(f"the front matter holds more than {MAX_VALUES} values")


def _key(name: Any) -> str:
    if isinstance(name, bool):
        return "true" if name else "false"
    if isinstance(name, datetime.date | datetime.datetime):
        return name.isoformat()
    return str(name)


def _jsonable(value: Any, budget: _Budget, depth: int) -> Any:
    budget.spend()
    if depth > 32:
        raise MarkdownError("the front matter is nested more than 32 levels deep")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        members = cast(dict[Any, Any], value)
        return {_key(name): _jsonable(member, budget, depth + 1) for name, member in members.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(member, budget, depth + 1) for member in cast(list[Any], value)]
    if isinstance(value, set):
        return sorted((_jsonable(member, budget, depth + 1) for member in cast(set[Any], value)), key=str)
    raise MarkdownError(f"the front matter holds a value of type {type(value).__name__}, which JSON cannot")
