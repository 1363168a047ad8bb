"""Where a blank line must stand between blocks, and where it must not: in a list it would make the items paragraphs."""

import math
import re
from typing import Any, cast

from markdown_it.common.html_blocks import block_names

from app.markdown.document import LIST_TYPES, Block

PARAGRAPHS = frozenset({"paragraph", "image", "definition"})
_INDENTED_CALLOUTS = frozenset({"!!!", "???", "???+", "===", "===!", "===+"})
_HTML_SELF_ENDING = re.compile(r"\s*<(?:!|\?|(?:script|pre|style|textarea)(?=[\s>]))", re.IGNORECASE)
_HTML_INTERRUPTING = re.compile(rf"\s*<(?:!|\?|/?(?:{'|'.join(block_names)})(?=[\s/>]|$))", re.IGNORECASE)


def data_of(block: Block) -> dict[str, Any]:
    """A block's data, empty where a client stored none."""
    data: Any = block.get("data")
    return cast(dict[str, Any], data) if isinstance(data, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return cast(list[Any], value) if isinstance(value, list) else []


def text_of(data: dict[str, Any]) -> str:
    """A block's text, empty where it is none."""
    text = data.get("text", "")
    return text if isinstance(text, str) else ""


def as_integer(value: Any, default: int) -> int:
    """The value as an integer where it is a number (JSON's 1e999 is infinite here)."""
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else default


def list_key(block: Block) -> tuple[str, str] | None:
    """What must be equal for two neighbours to be items of one list."""
    if block["type"] not in LIST_TYPES:
        return None
    marker = str(data_of(block).get("marker", ""))
    if block["type"] == "numbered":
        return "numbered", ")" if marker == ")" else "."
    return "bulleted", marker if marker in ("*", "+") else "-"


def items_from(blocks: list[Block], index: int) -> list[Block]:
    """The neighbours from an index on that are items of one list."""
    end = index
    while end < len(blocks) and list_key(blocks[end]) == list_key(blocks[index]):
        end += 1
    return blocks[index:end]


def list_start(block: Block) -> int:
    """The number of a list whose first item this is."""
    return max(as_integer(data_of(block).get("start"), 1), 0) if block["type"] == "numbered" else 1


def needs_blank(before: Block | None, block: Block, *, empty: bool, opened: bool) -> bool:
    """Would the block be read as part of the one before it, if it came in the very next line?

    Args:
        before: the block before it in the same container.
        block: the block.
        empty: it has neither text nor children.
        opened: the last line before it belongs to a paragraph, which a line of text would continue.
    """
    if before is None:
        return False
    first, then = before["type"], block["type"]
    if any(one["type"] == "callout" and data_of(one).get("marker") in _INDENTED_CALLOUTS for one in (before, block)):
        return first == "html" and not _HTML_SELF_ENDING.match(text_of(data_of(before)))
    if first == "html":
        return not _HTML_SELF_ENDING.match(text_of(data_of(before)))
    if first == "definition" and then in PARAGRAPHS:
        return text_of(data_of(block)).startswith(('"', "'", "("))  # it would be read as the link's title
    if then in PARAGRAPHS:
        return opened or first == "table"
    if then == "code":
        return bool(data_of(block).get("indented")) and (opened or first == "table")
    if then == "html":
        return opened and not _HTML_INTERRUPTING.match(text_of(data_of(block)))
    if then in ("quote", "callout"):
        return first in ("quote", "callout")
    if then == "table":
        return opened and first != "paragraph"
    if then in LIST_TYPES and first in PARAGRAPHS:
        return (empty and then != "todo") or (then == "numbered" and list_start(block) != 1)
    return False
