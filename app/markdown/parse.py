"""Markdown to blocks. The text of a block is the Markdown source of its inline content, as it stands in the file."""

import json
import re
from pathlib import PurePosixPath
from typing import Any, cast
from urllib.parse import unquote

from markdown_it.tree import SyntaxTreeNode

from app.markdown import front_matter, inline
from app.markdown.document import Block, BlockIds, Document, MarkdownError, TitleFrom
from app.markdown.syntax import BLOCKS, INLINE, MAX_NESTING

TODO = re.compile(r"\[(?P<mark>[ xX])\](?:\s+(?P<text>.*))?", re.DOTALL)
_ALERT = re.compile(
    r"\[!(?P<kind>[A-Za-z]+)\](?P<fold>[+-]?)(?:[ \t]+(?P<title>[^\n]*))?(?:\n(?P<text>.*))?", re.DOTALL
)
_CUSTOM = re.compile(r"quire (?P<type>[A-Za-z0-9_.~%-]{1,600})")
TIGHT_BEFORE_INDENTED = frozenset({"paragraph", "heading", "table", "divider", "html", "image", "code", "definition"})

_NOTION_ID = re.compile(r"[ -][0-9a-f]{32}$")
_CLASS = re.compile(r"[{\s]\.([\w+#-]+)")
_ATTRIBUTES = re.compile(r"\s*\{:?\s*[#.][^{}]*\}\s*$")


def parse(text: str, name: str) -> Document:
    """Make a document of a Markdown file.

    Args:
        text: the file, decoded.
        name: its path or name, which gives the title when neither front matter nor a level-1 heading does.

    Returns:
        A document whose block ids depend on the content only. The first heading stays among the blocks.

    Raises:
        MarkdownError: broken front matter, or blocks nested too deeply to be kept.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    properties, body = front_matter.split(text)
    blocks = parse_blocks(body)
    title, title_from = _title(properties, blocks, name)
    return Document(title, properties, blocks, title_from, name)


def parse_blocks(body: str) -> list[Block]:
    """The blocks of Markdown without front matter."""
    tokens = BLOCKS.parse(body)
    if any(token.level >= MAX_NESTING - 1 for token in tokens):
        raise MarkdownError(f"lists and quotes are nested more than {MAX_NESTING // 2} levels deep")
    walker = _Walker()
    walker.walk(SyntaxTreeNode(tokens).children, None)
    return walker.blocks


def _title(properties: dict[str, Any], blocks: list[Block], name: str) -> tuple[str, TitleFrom]:
    """The title, taken out of the properties when it is there."""
    named = properties.get("title")
    if isinstance(named, str | int | float) and not isinstance(named, bool) and str(named).strip():
        del properties["title"]
        return str(named).strip(), "front_matter"
    heading = heading_title(blocks)
    return (heading, "heading") if heading else (name_title(name), "name")


def heading_title(blocks: list[Block]) -> str | None:
    """The plain text of the first level-1 heading."""
    for block in blocks:
        data = block.get("data", {})
        if block.get("type") == "heading" and data.get("level", 1) == 1 and "parent" not in data:
            return plain_text(str(data.get("text", ""))) or None
    return None


def name_title(name: str) -> str:
    """A title from a file name: without folder, extension and the id that a Notion export adds."""
    stem = PurePosixPath(name).stem
    return _NOTION_ID.sub("", stem) or stem or "Untitled"


def plain_text(source: str) -> str:
    """Inline Markdown without its markup."""
    source = _ATTRIBUTES.sub("", source)
    parts: list[str] = []
    for phrase in INLINE.parseInline(source):
        for token in phrase.children or []:
            if token.type in ("text", "code_inline", "image"):
                parts.append(token.content)
            elif token.type in ("softbreak", "hardbreak"):
                parts.append(" ")
    return " ".join("".join(parts).split())


class _Walker:
    """Flattens the syntax tree into blocks in document order."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._ids = BlockIds()

    def walk(self, nodes: list[SyntaxTreeNode], parent: str | None) -> None:
        before: str | None = None
        for node in nodes:
            before = self._node(node, parent, before) or before

    def _add(self, block_type: str, data: dict[str, Any], parent: str | None) -> str:
        if parent is not None:
            data = {**data, "parent": parent}
        block_id = self._ids.make(block_type, data)
        self.blocks.append({"id": block_id, "type": block_type, "data": data})
        return block_id

    def _node(self, node: SyntaxTreeNode, parent: str | None, before: str | None) -> str | None:
        """Add the block of a node and of those inside it; the answer is its type, for the node after it."""
        match node.type:
            case "paragraph":
                block_type, data = _paragraph(_text(node))
                if not data.get("text", True):
                    return None
            case "heading":
                block_type, data = "heading", {"level": int(node.tag[1]), "text": _one_line(_inline(node))}
            case "fence":
                block_type, data = _fence(node.info.strip(), node.content.removesuffix("\n"))
            case "code_block":
                block_type, data = "code", _indented(node.content.removesuffix("\n"), before)
                self._add(block_type, data, parent)
                return "indented" if data.get("indented") else "code"
            case "hr":
                block_type, data = "divider", {}
            case "html_block":
                block_type, data = "html", {"text": node.content.lstrip(" ").rstrip("\n")}
            case "definition":
                block_type, data = "definition", _definition(node.meta)
            case "table":
                block_type, data = "table", _table(node)
            case "blockquote":
                return self._quote(node, parent)
            case "callout":
                return self._container("callout", dict(_given(node.meta)), node.children, parent)
            case "bullet_list" | "ordered_list":
                return self._list(node, parent)
            case _:
                raise MarkdownError(f"no block type for the Markdown construct {node.type}")
        self._add(block_type, data, parent)
        return block_type

    def _container(
        self, block_type: str, data: dict[str, Any], children: list[SyntaxTreeNode], parent: str | None
    ) -> str:
        """A block whose first paragraph is its own text and whose other content is blocks inside of it."""
        text = ""
        if children and children[0].type == "paragraph":
            text, children = _text(children[0]), children[1:]
        block_id = self._add(block_type, {**data, "text": text}, parent)
        before: str | None = "paragraph" if text else None
        for child in children:
            before = self._node(child, block_id, before) or before
        return block_type

    def _quote(self, node: SyntaxTreeNode, parent: str | None) -> str:
        children = node.children
        alert = match_alert(_text(children[0])) if children and children[0].type == "paragraph" else None
        if alert is None:
            return self._container("quote", {}, children, parent)
        kind, title = alert["kind"].lower(), " ".join((alert["title"] or "").split()) or None
        data = {**_given({"kind": kind, "fold": alert["fold"], "title": title}), "marker": ">"}
        block_id = self._add("callout", {**data, "text": alert["text"] or ""}, parent)
        self.walk(children[1:], block_id)
        return "callout"

    def _list(self, node: SyntaxTreeNode, parent: str | None) -> str:
        ordered = node.type == "ordered_list"
        loose = any(child.type == "paragraph" and not child.hidden for item in node.children for child in item.children)
        for number, item in enumerate(node.children):
            data: dict[str, Any] = {}
            if item.markup != ("." if ordered else "-"):
                data["marker"] = item.markup
            if ordered and number == 0 and item.info.isdigit() and int(item.info) != 1:
                data["start"] = int(item.info)
            if loose:
                data["loose"] = True
            self._item(item, ordered, data, parent)
        return "list"

    def _item(self, item: SyntaxTreeNode, ordered: bool, data: dict[str, Any], parent: str | None) -> None:
        children = item.children
        first = _text(children[0]) if children and children[0].type == "paragraph" else None
        todo = TODO.fullmatch(first) if first is not None and not ordered else None
        if todo is None:
            self._container("numbered" if ordered else "bulleted", data, children, parent)
            return
        data = {**data, "checked": todo["mark"] != " ", "text": todo["text"] or ""}
        self.walk(children[1:], self._add("todo", data, parent))


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Only what is there: an empty tab title stays, an absent one does not become null."""
    return {name: value for name, value in values.items() if value is not None and (value or name == "title")}


def _inline(node: SyntaxTreeNode) -> str:
    return node.children[0].content if node.children else ""


def _text(node: SyntaxTreeNode) -> str:
    """A paragraph's source as it can stand alone: a lazy line such as `===` in a quote means no heading."""
    return inline.paragraph(_inline(node))


def _one_line(text: str) -> str:
    """A heading's source; one that was underlined can have several lines, and hard breaks between them."""
    return re.sub(r"\s*\n\s*", " ", re.sub(r"(?<!\\)((?:\\\\)*)\\\n|[ ]{2,}\n", r"\1<br>", text))


def _paragraph(text: str) -> tuple[str, dict[str, Any]]:
    """A paragraph, or the image that is all of it."""
    if text.startswith("![") and text.endswith(")") and "\n" not in text:
        tokens = INLINE.parseInline(text)[0].children or []
        if len(tokens) == 1 and tokens[0].type == "image":
            image = tokens[0]
            data: dict[str, Any] = {"url": str(image.attrs.get("src", "")), "alt": image.content}
            title = str(image.attrs.get("title", ""))
            if title:
                data["title"] = title
            if data["url"] and "\n" not in title:
                return "image", data
    return "paragraph", {"text": text}


def match_alert(text: str) -> re.Match[str] | None:
    """The parts of a quote's text that make it a GitHub alert; the lines under the first must stand alone."""
    match = _ALERT.fullmatch(text)
    return match if match and inline.paragraph(match["text"] or "") == (match["text"] or "") else None


def custom_block(info: str, text: str) -> tuple[str, dict[str, Any]] | None:
    """A block of somebody else's type, which `render` writes as a code block ```` ```quire <type> ```` of JSON."""
    custom = _CUSTOM.fullmatch(info)
    if custom is None:
        return None
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return (unquote(custom["type"])[:64], cast(dict[str, Any], data)) if isinstance(data, dict) else None


def attributes_language(info: str) -> str:
    """The language in `{ .python .annotate }`: its first class."""
    found = _CLASS.search(info)
    return found[1] if found else ""


def _fence(info: str, text: str) -> tuple[str, dict[str, Any]]:
    custom = custom_block(info, text)
    if custom is not None:
        return custom
    if not info:
        return "code", {"language": "", "text": text}
    if info.startswith("{"):  # attributes of Pandoc and Python-Markdown: the language is a class among them
        return "code", {"language": attributes_language(info), "text": text, "info": info}
    language, *rest = info.split(None, 1)
    data = {"language": language, "text": text}
    return "code", {**data, "info": rest[0]} if rest else data


def _indented(text: str, before: str | None) -> dict[str, Any]:
    """Code by indentation; marked as such where it can be written that way again."""
    data: dict[str, Any] = {"language": "", "text": text}
    if before is None or before in TIGHT_BEFORE_INDENTED:
        data["indented"] = True
    return data


def _definition(meta: dict[str, Any]) -> dict[str, Any]:
    data = {"label": " ".join(meta["label"].split()), "url": meta["url"]}
    return {**data, "title": meta["title"]} if meta.get("title") else data


def _table(node: SyntaxTreeNode) -> dict[str, Any]:
    rows = [[_inline(cell) for cell in row.children] for part in node.children for row in part.children]
    styles = [str(cell.attrs.get("style", "")) for cell in node.children[0].children[0].children]
    align = [style.removeprefix("text-align:") or None for style in styles]
    return {"rows": rows, "align": align} if any(align) else {"rows": rows}
