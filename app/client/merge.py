"""Three-way merge of a page's states: what I changed since we agreed, put on top of what others made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from app.client.differ import Document, blocks_by_id, moved, same

Keep = Literal["yours", "theirs"]


class _Missing:
    """Stands for a value that is not there."""

    def __repr__(self) -> str:
        return "missing"


MISSING = _Missing()


@dataclass(frozen=True)
class Overlap:
    """A place that both sides changed, differently.

    Attributes:
        pointer: by block id; `/blocks/<id>/..` inside a block, `/blocks/<id>` itself where one side deleted or both
            moved it.
        yours, theirs: the values there; MISSING where it was removed, for a move the id of the left neighbour or None.
    """

    pointer: str
    yours: Any
    theirs: Any


def merge(base: Document, mine: Document, theirs: Document, keep: Keep = "yours") -> tuple[Document, list[Overlap]]:
    """Merge two states that both came from `base`.

    Args:
        base: the state that both started from.
        mine: with the local edits.
        theirs: with the edits of others; its order of blocks is the one that local moves and insertions are put into.
        keep: whose value stays where both changed the same. A block that one side deleted and the other edited is
            there or not by the same rule.

    Returns:
        The merged state, which may share values with its sources, and the places where a choice was made.
    """
    overlaps: list[Overlap] = []
    merged: Document = {}
    for name in {**theirs, **mine}:
        if name != "blocks":
            versions = (base.get(name, MISSING), mine.get(name, MISSING), theirs.get(name, MISSING))
            value = _merge(f"/{name}", versions, keep, overlaps)
            if value is not MISSING:
                merged[name] = value
    known, my_blocks, their_blocks = blocks_by_id(base), blocks_by_id(mine), blocks_by_id(theirs)
    blocks: Document = _merge("/blocks", (known, my_blocks, their_blocks), keep, overlaps)
    order = _merge_orders(list(known), list(my_blocks), list(their_blocks), blocks, keep, overlaps)
    merged["blocks"] = [blocks[name] for name in order]
    return merged, overlaps


def _merge(pointer: str, versions: tuple[Any, Any, Any], keep: Keep, overlaps: list[Overlap]) -> Any:
    """Base, mine, theirs -> merged; any of them may be MISSING."""
    base, mine, theirs = versions
    if same(mine, base):
        return theirs
    if same(theirs, base) or same(mine, theirs):
        return mine
    if all(isinstance(version, dict) for version in versions):
        merged: Document = {}
        for name in cast("Document", {**theirs, **mine}):
            path = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            parts = (base.get(name, MISSING), mine.get(name, MISSING), theirs.get(name, MISSING))
            value = _merge(path, parts, keep, overlaps)
            if value is not MISSING:
                merged[name] = value
        return merged
    overlaps.append(Overlap(pointer, mine, theirs))
    return mine if keep == "yours" else theirs


def _merge_orders(
    base: list[str], mine: list[str], theirs: list[str], there: Document, keep: Keep, overlaps: list[Overlap]
) -> list[str]:
    """Their order, with the blocks that I moved or put in at the right of the neighbours that I gave them."""
    placed = moved(base, mine)
    for name in sorted(placed & moved(base, theirs)):
        left, their_left = _left(mine, name), _left(theirs, name)
        if left != their_left:
            overlaps.append(Overlap(f"/blocks/{name}", left, their_left))
            if keep == "theirs":
                placed.discard(name)
    order = [name for name in theirs if name in there and name not in placed]
    known = set(order)
    left: str | None = None
    for name in mine:
        if name not in there:
            continue
        if name not in known:
            order.insert(0 if left is None else order.index(left) + 1, name)
            known.add(name)
        left = name
    return order


def _left(order: list[str], name: str) -> str | None:
    index = order.index(name)
    return order[index - 1] if index else None
