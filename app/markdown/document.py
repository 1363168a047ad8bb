"""The document form that the parser makes, the renderer takes and the HTTP API stores."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal, cast

Block = dict[str, Any]
"""`{"id": str, "type": str, "data": {...}}`; `data.parent` is the id of the block that this one is inside of."""

TitleFrom = Literal["front_matter", "heading", "name"]

LIST_TYPES = frozenset({"bulleted", "numbered", "todo"})
CONTAINER_TYPES = LIST_TYPES | {"quote", "callout"}

SOURCE = "source"
"""The property in which the importer keeps its own notes: path, sha256 and where the title came from."""


class MarkdownError(ValueError):
    """A file that cannot become a page; the message says why, for the person who wrote the file."""


@dataclass
class Document:
    """A page without id and version.

    `title_from` remembers where the title stood in the file, so that it is written back to the same place.
    """

    title: str
    properties: dict[str, Any] = field(default_factory=lambda: {})
    blocks: list[Block] = field(default_factory=lambda: [])
    title_from: TitleFrom = "name"
    name: str = ""

    def to_json(self, path: str, sha256: str) -> dict[str, Any]:
        """The body of a create or replace request.

        Args:
            path: of the file, relative to the imported folder, with forward slashes.
            sha256: hexadecimal, of the file's bytes.

        A property of the file's own that is called `source` is kept inside of the importer's.
        """
        source: dict[str, Any] = {"path": path, "sha256": sha256, "title_from": self.title_from}
        if SOURCE in self.properties:
            source["value"] = self.properties[SOURCE]
        return {"title": self.title, "properties": {**self.properties, SOURCE: source}, "blocks": self.blocks}

    @classmethod
    def from_json(cls, page: dict[str, Any]) -> "Document":
        """A page as the API answers it; the importer's notes are taken out of its properties."""
        properties = dict(cast(dict[str, Any], page.get("properties") or {}))
        source = import_source(page)
        title_from: TitleFrom = "name"
        name = ""
        if source is not None:
            del properties[SOURCE]
            if "value" in source:
                properties[SOURCE] = source["value"]
            noted = source.get("title_from")
            title_from = noted if noted in ("front_matter", "heading") else "name"
            name = str(source["path"])
        return cls(str(page.get("title", "")), properties, list(page.get("blocks") or []), title_from, name)


def import_source(page: dict[str, Any]) -> dict[str, Any] | None:
    """The importer's notes on a page, or None when it was not imported."""
    source: Any = cast(dict[str, Any], page.get("properties") or {}).get(SOURCE)
    if not isinstance(source, dict):
        return None
    notes = cast(dict[str, Any], source)
    return notes if isinstance(notes.get("path"), str) and isinstance(notes.get("sha256"), str) else None


def content_key(block: Block) -> str:
    """Type and data as one comparable text, without the parent: what makes two blocks the same content."""
    data = {name: value for name, value in block.get("data", {}).items() if name != "parent"}
    return json.dumps([block.get("type"), data], sort_keys=True, ensure_ascii=False)


class BlockIds:
    """Ids out of the content: the same file always gets the same ids, and an insert changes no other block's."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def make(self, block_type: str, data: dict[str, Any]) -> str:
        """An id of 13 characters, with a number behind it for repeated content."""
        text = json.dumps([block_type, data], sort_keys=True, ensure_ascii=False)
        stem = "b" + hashlib.sha256(text.encode()).hexdigest()[:12]
        self._used[stem] = count = self._used.get(stem, 0) + 1
        return stem if count == 1 else f"{stem}-{count}"
