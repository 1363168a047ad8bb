"""The difference between two states of a page, as operations that address blocks by id.

Ids stay right when others insert, move and delete blocks meanwhile, and small operations collide with little.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, cast

import jsonpatch
import jsonpointer

from app.client.errors import Operations

Document = dict[str, Any]
"""`{"title", "properties", "blocks": [{"id", "type", "data"}, ..]}`, without id and version."""

_BLOCK_ID = re.compile(r"^(?![0-9]+$|-$)[A-Za-z0-9_-]{1,64}$")
_LONGEST_LIST = 1000
_BROKEN = (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, LookupError, TypeError, ValueError)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: 1 is 1.0, but true is not 1 (which Python's == says)."""
    if isinstance(one, dict) and isinstance(other, dict):
        left, right = cast("Document", one), cast("Document", other)
        return left.keys() == right.keys() and all(same(value, right[name]) for name, value in left.items())
    if isinstance(one, list) and isinstance(other, list):
        items, others = cast("list[Any]", one), cast("list[Any]", other)
        return len(items) == len(others) and all(map(same, items, others))
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def blocks_by_id(document: Document) -> dict[str, Document]:
    """The blocks in their order.

    Raises:
        ValueError: an id that no block can have, or twice the same. Digits would be taken for an index.
    """
    blocks: dict[str, Document] = {}
    for block in document["blocks"]:
        name = block.get("id")
        if not isinstance(name, str) or _BLOCK_ID.match(name) is None:
            raise ValueError(f"a block id has 1 to 64 of A-Z a-z 0-9 _ - and is not all digits, unlike {name!r}")
        if name in blocks:
            raise ValueError(f"two blocks have the id {name!r}")
        blocks[name] = block
    return blocks


def diff(old: Document, new: Document) -> Operations:
    """RFC 6902 operations that lead from one state to another; empty when they are the same.

    Raises:
        ValueError: see blocks_by_id.
    """
    operations: Operations = []
    before, after = blocks_by_id(old), blocks_by_id(new)
    _diff_objects("", _head(old), _head(new), operations)
    _diff_order(before, after, operations)
    for name, block in after.items():
        if name in before:
            _diff_objects(f"/blocks/{name}", before[name], block, operations)
    return operations


def _head(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "blocks"}


def moved(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """The fewest ids of both lists whose moves make the order of one that of the other."""
    place = {name: index for index, name in enumerate(old)}
    kept = [name for name in new if name in place]
    # Longest increasing subsequence, by patience sorting: those stay, the others move.
    tops: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, name in enumerate(kept):
        pile = bisect_left(tops, place[name])
        before.append(last[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(place[name])
            last.append(index)
        else:
            tops[pile], last[pile] = place[name], index
    staying: set[str] = set()
    index = last[-1] if last else -1
    while index >= 0:
        staying.add(kept[index])
        index = before[index]
    return set(kept) - staying


def _diff_order(before: Mapping[str, Document], after: Mapping[str, Document], operations: Operations) -> None:
    """Removals, then from left to right what is put in: each at the right of its final neighbour, which is what a
    rebase goes by."""
    operations.extend({"op": "remove", "path": f"/blocks/{name}"} for name in before if name not in after)
    moves = moved(list(before), list(after))
    order = [name for name in before if name in after]
    following: dict[str | None, str | None] = dict(zip([None, *order], [*order, None], strict=True))
    preceding = {right: left for left, right in following.items()}
    left: str | None = None
    for name, block in after.items():
        if name in moves or name not in before:
            if name in moves and following[left] != name:
                _unlink(name, following, preceding)
                operations.append({"op": "move", "from": f"/blocks/{name}", "path": _before(following[left])})
                _link(left, name, following, preceding)
            elif name not in moves:
                operations.append({"op": "add", "path": _before(following[left]), "value": block})
                _link(left, name, following, preceding)
        left = name


def _before(name: str | None) -> str:
    return f"/blocks/{'-' if name is None else name}"


def _unlink(name: str, following: dict[str | None, str | None], preceding: dict[str | None, str | None]) -> None:
    left, right = preceding.pop(name), following.pop(name)
    following[left], preceding[right] = right, left


def _link(
    left: str | None, name: str, following: dict[str | None, str | None], preceding: dict[str | None, str | None]
) -> None:
    right = following[left]
    following[left], following[name] = name, right
    preceding[name], preceding[right] = left, name


def _diff_objects(pointer: str, old: Document, new: Document, operations: Operations) -> None:
    operations.extend({"op": "remove", "path": _child(pointer, name)} for name in old if name not in new)
    for name, value in new.items():
        path = _child(pointer, name)
        if name not in old:
            operations.append({"op": "add", "path": path, "value": value})
        elif not same(old[name], value):
            if isinstance(old[name], dict) and isinstance(value, dict):
                _diff_objects(path, old[name], cast("Document", value), operations)
            elif isinstance(old[name], list) and isinstance(value, list):
                operations.extend(_diff_lists(path, old[name], cast("list[Any]", value)))
            else:
                operations.append({"op": "replace", "path": path, "value": value})


def _diff_lists(pointer: str, old: list[Any], new: list[Any]) -> Operations:
    """A list inside a block: jsonpatch's difference where it is right and worth it, else the whole list.

    jsonpatch.make_patch is wrong on some lists (its issues 124, 138, 160, 179), so what it says is tried out. To the
    server's rebase, an item put in or taken out is a write of the whole list; replaced values are writes of their own.
    """
    whole: Operations = [{"op": "replace", "path": pointer, "value": new}]
    if max(len(old), len(new)) > _LONGEST_LIST:
        return whole
    try:
        made = jsonpatch.make_patch(old, new).patch
        right = same(jsonpatch.apply_patch(old, made), new)
    except _BROKEN:
        return whole
    operations = [_below(pointer, operation) for operation in made]
    narrow = all(operation["op"] == "replace" for operation in operations)
    return operations if right and (narrow or _length(operations) < _length(whole)) else whole


def _below(pointer: str, operation: dict[str, Any]) -> dict[str, Any]:
    return {name: pointer + value if name in ("path", "from") else value for name, value in operation.items()}


def _length(operations: Operations) -> int:
    return len(json.dumps(operations, separators=(",", ":")))


def _child(pointer: str, name: str) -> str:
    return f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
