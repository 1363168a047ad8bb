"""Blocks to Markdown: what `parse` made reads as the same document again."""

import json
import re
from typing import Any
from urllib.parse import quote

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
from app.markdown.spacing import (
    PARAGRAPHS,
    as_integer,
    as_list,
    data_of,
    items_from,
    list_key,
    list_start,
    needs_blank,
    text_of,
)


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
            parent = data_of(block).get("parent")
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
            same_list = before is not None and list_key(before) is not None and list_key(before) == list_key(block)
            if not same_list and block["type"] in LIST_TYPES:
                number = list_start(block)
                list_loose = any(data_of(item).get("loose") for item in items_from(blocks, index))
            if same_list:
                blank = list_loose
                number += 1
            else:
                empty = not text_of(data_of(block)).strip() and str(block["id"]) not in self._children
                blank = before is not None and not (before["type"] == block["type"] == "definition")
                blank = blank and (loose or needs_blank(before, block, empty=empty, opened=self._is_open(before)))
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
                return bool(text_of(data_of(block)).strip())
            block = inside[-1]
        return block is not None and block["type"] in PARAGRAPHS

    def _block(
        self, block: Block, before: Block | None, *, top: bool, number: int = 1, nested: bool = False
    ) -> list[str]:
        if str(block["id"]) in self._written:
            return []
        self._written.add(str(block["id"]))
        data = data_of(block)
        text = text_of(data)
        match block["type"]:
            case "paragraph":
                return inline.paragraph(text).split("\n") if text.strip() else []
            case "heading":
                return [inline.heading(text, as_integer(data.get("level"), 1))]
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
        data = data_of(block)
        text = text_of(data)
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
        data = data_of(block)
        marker = str(data.get("marker", ">"))
        lines = self._flow(self._inside(block), top=False, loose=True, text=text_of(data))
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
            if lines and not text_of(data).strip():
                lines.insert(0, "")
            return self._prefixed([head, *lines])
        return [head, *("    " + line if line else "" for line in lines)]


def _code(data: dict[str, Any], before: Block | None) -> list[str]:
    text = text_of(data)
    lines = text.split("\n")
    if data.get("indented") and lines[0].strip(" \t") and lines[-1].strip(" \t"):
        free = before is None or before["type"] in TIGHT_BEFORE_INDENTED
        if free and not (before is not None and before["type"] == "code" and data_of(before).get("indented")):
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
        [inline.cell(str(value)) for value in (as_list(row) if isinstance(row, list) else [row])]
        for row in as_list(data.get("rows"))
    ]
    if not rows or not rows[0]:
        return []
    width = len(rows[0])
    align = as_list(data.get("align"))
    rules = {"left": ":---", "center": ":---:", "right": "---:"}
    ruler = [rules.get(str(align[column]), "---") if column < len(align) else "---" for column in range(width)]
    body = [(row + [""] * width)[:width] for row in rows]
    return [f"| {' | '.join(row)} |" for row in [body[0], ruler, *body[1:]]]


def _custom(block: Block) -> list[str]:
    """A type of somebody else's: its data as JSON in a code block that `parse` knows."""
    data = {name: value for name, value in data_of(block).items() if name != "parent"}
    text = json.dumps(data, ensure_ascii=False, indent=2)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}quire {quote(str(block['type']), safe='')}", *text.split("\n"), fence]
