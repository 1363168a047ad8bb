"""Blocks to Markdown: what `parse` made reads as the same document again."""

import json
import re
from typing import Any, cast
from urllib.parse import quote

from markdown_it.common.html_blocks import block_names

from app.markdown import front_matter, inline
from app.markdown.document import CONTAINER_TYPES, LIST_TYPES, Block, Document
from app.markdown.parse import (
    TIGHT_BEFORE_INDENTED,
    TODO,
    attributes_language,
    custom_block,
    heading_title,
    match_alert,
    name_title,
)

_HTML_SELF_ENDING = re.compile(r"\s*<(?:!|\?|(?:script|pre|style|textarea)(?=[\s>]))", re.IGNORECASE)
_HTML_INTERRUPTING = re.compile(rf"\s*<(?:!|\?|/?(?:{'|'.join(block_names)})(?=[\s/>]|$))", re.IGNORECASE)


def render(document: Document) -> str:
    """Write a document as Markdown, with front matter for its properties.

    A title that the heading or the file name gives anyway is not written a second time, unless the file that the
    document came from did so.

    Returns:
        The text of a file, with a final newline; empty for an empty document.
    """
    properties = dict(document.properties)
    derived = heading_title(document.blocks) or name_title(document.name)
    if document.title and (document.title_from == "front_matter" or document.title != derived):
        properties = {"title": document.title, **{key: value for key, value in properties.items() if key != "title"}}
    head = front_matter.write(properties)
    body = "\n".join(_Renderer(document.blocks).lines())
    parts = [part for part in (head, body + "\n" if body else "") if part]
    return "\n".join(parts)


class _Renderer:
    """Writes each block as lines; a container indents or prefixes the lines of what is inside it."""

    def __init__(self, blocks: list[Block]) -> None:
        known = {str(block["id"]) for block in blocks}
        self._children: dict[str | None, list[Block]] = {}
        for block in blocks:
            parent = _data(block).get("parent")
            place = parent if isinstance(parent, str) and parent in known else None
            self._children.setdefault(place, []).append(block)
        self._blocks = blocks
        self._written: set[str] = set()

    def lines(self) -> list[str]:
        lines = self._flow(self._flat(None), top=True, loose=True, text=None)
        # Blocks that are each other's parents hang from no root; they are not lost for that.
        lost = [block for block in self._blocks if str(block["id"]) not in self._written]
        for block in lost:
            if str(block["id"]) not in self._written:
                lines += [*([""] if lines else []), *self._block(block, None, top=True)]
        return lines

    def _flat(self, parent: str | None) -> list[Block]:
        """The blocks in a parent; children of a block that cannot hold any follow it."""
        siblings: list[Block] = []
        pending = list(reversed(self._children.get(parent, [])))
        seen: set[str] = set()
        while pending:
            block = pending.pop()
            if str(block["id"]) in seen:
                continue
            seen.add(str(block["id"]))
            siblings.append(block)
            if block["type"] not in CONTAINER_TYPES:
                pending += reversed(self._children.get(str(block["id"]), []))
        return siblings

    def _flow(self, blocks: list[Block], *, top: bool, loose: bool, text: str | None) -> list[str]:
        """The lines of sibling blocks; `text` is the parent's own paragraph in front of them."""
        lines: list[str] = []
        before: Block | None = None
        if text and text.strip():
            lines += inline.paragraph(text).split("\n")
            before = {"id": "", "type": "paragraph", "data": {"text": text}}
        number, list_loose = 0, False
        for index, block in enumerate(blocks):
            same_list = before is not None and _list_key(before) is not None and _list_key(before) == _list_key(block)
            if not same_list and block["type"] in LIST_TYPES:
                number = _start(block)
                list_loose = any(_data(item).get("loose") for item in _same_list(blocks, index))
            if same_list:
                blank = list_loose
                number += 1
            else:
                empty = not _text(_data(block)).strip() and str(block["id"]) not in self._children
                blank = before is not None and not (before["type"] == block["type"] == "definition")
                blank = blank and (loose or _needs_blank(before, block, empty=empty, opened=self._is_open(before)))
            written = self._block(block, before, top=top and not lines, number=number, nested=not top)
            if not written:
                continue
            lines += ["", *written] if blank and lines else written
            before = block
        return lines

    def _is_open(self, block: Block | None) -> bool:
        """Is the last line of the block one of a paragraph?"""
        for _ in self._blocks:  # no more often: blocks can be each other's parents
            if block is None or block["type"] not in CONTAINER_TYPES:
                break
            inside = self._children.get(str(block["id"]))
            if not inside:
                return bool(_text(_data(block)).strip())
            block = inside[-1]
        return block is not None and block["type"] in _PARAGRAPHS

    def _block(
        self, block: Block, before: Block | None, *, top: bool, number: int = 1, nested: bool = False
    ) -> list[str]:
        if str(block["id"]) in self._written:
            return []
        self._written.add(str(block["id"]))
        data = _data(block)
        text = _text(data)
        match block["type"]:
            case "paragraph":
                return inline.paragraph(text).split("\n") if text.strip() else []
            case "heading":
                return [inline.heading(text, _integer(data.get("level"), 1))]
            case "bulleted" | "numbered" | "todo":
                return self._item(block, number)
            case "quote":
                if match_alert(text):
                    text = "\\" + text
                return self._prefixed(self._flow(self._inside(block), top=False, loose=True, text=text))
            case "callout":
                return self._callout(block)
            case "code":
                return _code(data, before)
            case "table":
                return _table(data)
            case "image":
                return [inline.image(data)]
            case "definition":
                return [inline.definition(data)]
            case "divider":
                # `---` in the first line of a file begins front matter, after `- ` it makes the item a divider.
                return ["***" if top else "___" if nested else "---"]
            case "html":
                return text.split("\n")
            case _:
                return _custom(block)

    def _inside(self, block: Block) -> list[Block]:
        return self._flat(str(block["id"]))

    def _prefixed(self, lines: list[str]) -> list[str]:
        return [f"> {line}" if line else ">" for line in lines or [""]]

    def _item(self, block: Block, number: int) -> list[str]:
        data = _data(block)
        text = _text(data)
        marker = str(data.get("marker", ""))
        if block["type"] == "numbered":
            marker = f"{min(number, 999_999_999)}{')' if marker == ')' else '.'}"
        else:
            marker = marker if marker in ("*", "+") else "-"
        box = ""
        if block["type"] == "todo":
            box = "[x]" if data.get("checked") else "[ ]"
        elif block["type"] == "bulleted" and TODO.fullmatch(text):
            text = "\\" + text
        inside = self._inside(block)
        loose = bool(data.get("loose"))
        if box:
            lines = self._flow(inside, top=False, loose=loose, text=f"{box} {text}" if text.strip() else box)
        else:
            lines = self._flow(inside, top=False, loose=loose, text=text)
        if not lines:
            return [marker]
        width = " " * (len(marker) + 1)
        return [f"{marker} {lines[0]}", *(width + line if line else "" for line in lines[1:])]

    def _callout(self, block: Block) -> list[str]:
        data = _data(block)
        marker = str(data.get("marker", ">"))
        lines = self._flow(self._inside(block), top=False, loose=True, text=_text(data))
        kind = " ".join(re.findall(r"[\w-]+", str(data.get("kind", "note")))) or "note"
        title = data.get("title")
        label = " ".join(str(title).split()) if title is not None else None
        if marker in ("===", "===!", "===+"):
            head = f'{marker} "{label or ""}"'
        elif marker in ("!!!", "???", "???+"):
            head = f"{marker} {kind}" + (f' "{label}"' if label is not None else "")
        else:
            fold = data.get("fold")
            kind = re.sub(r"[^A-Za-z]", "", kind) or "note"
            head = f"[!{kind.upper()}]" + (fold if fold in ("+", "-") else "") + (f" {label}" if label else "")
            if lines and not _text(data).strip():
                lines.insert(0, "")
            return self._prefixed([head, *lines])
        return [head, *("    " + line if line else "" for line in lines)]


def _data(block: Block) -> dict[str, Any]:
    data: Any = block.get("data")
    return cast(dict[str, Any], data) if isinstance(data, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []


def _text(data: dict[str, Any]) -> str:
    text = data.get("text", "")
    return text if isinstance(text, str) else ""


def _integer(value: Any, default: int) -> int:
    return int(value) if isinstance(value, int | float) else default


def _list_key(block: Block) -> tuple[str, str] | None:
    """What must be equal for two neighbours to be items of one list."""
    if block["type"] not in LIST_TYPES:
        return None
    marker = str(_data(block).get("marker", ""))
    if block["type"] == "numbered":
        return "numbered", ")" if marker == ")" else "."
    return "bulleted", marker if marker in ("*", "+") else "-"


def _same_list(blocks: list[Block], index: int) -> list[Block]:
    end = index
    while end < len(blocks) and _list_key(blocks[end]) == _list_key(blocks[index]):
        end += 1
    return blocks[index:end]


def _start(block: Block) -> int:
    return max(_integer(_data(block).get("start"), 1), 0) if block["type"] == "numbered" else 1


_INDENTED_CALLOUTS = frozenset({"!!!", "???", "???+", "===", "===!", "===+"})
_PARAGRAPHS = frozenset({"paragraph", "image", "definition"})


def _needs_blank(before: Block | None, block: Block, *, empty: bool, opened: bool) -> bool:
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
    if any(one["type"] == "callout" and _data(one).get("marker") in _INDENTED_CALLOUTS for one in (before, block)):
        return first == "html" and not _HTML_SELF_ENDING.match(_text(_data(before)))
    if first == "html":
        return not _HTML_SELF_ENDING.match(_text(_data(before)))
    if first == "definition" and then in _PARAGRAPHS:
        return _text(_data(block)).startswith(('"', "'", "("))  # it would be read as the link's title
    if then in _PARAGRAPHS:
        return opened or first == "table"
    if then == "code":
        return bool(_data(block).get("indented")) and (opened or first == "table")
    if then == "html":
        return opened and not _HTML_INTERRUPTING.match(_text(_data(block)))
    if then in ("quote", "callout"):
        return first in ("quote", "callout")
    if then == "table":
        return opened and first != "paragraph"
    if then in LIST_TYPES and first in _PARAGRAPHS:
        return (empty and then != "todo") or (then == "numbered" and _start(block) != 1)
    return False


def _code(data: dict[str, Any], before: Block | None) -> list[str]:
    text = _text(data)
    lines = text.split("\n")
    if data.get("indented") and lines[0].strip(" \t") and lines[-1].strip(" \t"):
        free = before is None or before["type"] in TIGHT_BEFORE_INDENTED
        if free and not (before is not None and before["type"] == "code" and _data(before).get("indented")):
            return ["    " + line if line else "" for line in lines]
    language, more = str(data.get("language") or ""), str(data.get("info") or "")
    whole = more.startswith("{") and attributes_language(more) == language
    info = re.sub(r"[\r\n]+", " ", more if whole else f"{language} {more}").strip()
    if custom_block(info, text):
        info = "json"  # read again it would be a block of another type
    mark = "~" if "`" in info else "`"
    longest = max((len(run) for run in re.findall(f"{mark}+", text)), default=0)
    fence = mark * max(3, longest + 1)
    return [fence + info, *(lines if text else []), fence]


def _table(data: dict[str, Any]) -> list[str]:
    rows = [
        [inline.cell(str(value)) for value in (_list(row) if isinstance(row, list) else [row])]
        for row in _list(data.get("rows"))
    ]
    if not rows or not rows[0]:
        return []
    width = len(rows[0])
    align = _list(data.get("align"))
    rules = {"left": ":---", "center": ":---:", "right": "---:"}
    ruler = [rules.get(str(align[column]), "---") if column < len(align) else "---" for column in range(width)]
    body = [(row + [""] * width)[:width] for row in rows]
    return [f"| {' | '.join(row)} |" for row in [body[0], ruler, *body[1:]]]


def _custom(block: Block) -> list[str]:
    """A type of somebody else's: its data as JSON in a code block that `parse` knows."""
    data = {name: value for name, value in _data(block).items() if name != "parent"}
    text = json.dumps(data, ensure_ascii=False, indent=2)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}quire {quote(str(block['type']), safe='')}", *text.split("\n"), fence]
