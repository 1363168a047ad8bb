"""A model of how a stale patch is rebased, written from the rule in words and not from the SQL.

The state at the base, what committed versions touched since, and the patch decide. Both sides count by their net
effect on blocks: one taken out and put back was written whole and moved, one that was committed and taken out again
is nothing.

Everything is done with whole documents and values: a write is "this pointer of this block has the value that the
patch's own side gave it". Nothing here knows rows, block numbers or index arithmetic.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

Json = dict[str, Any]
Pointer = tuple[str, ...]
Differ = Callable[[Any, Any], Sequence[Json]]
"""Gives an RFC 6902 patch between two values: of what a whole document wrote inside a block."""

HEAD = ""
"""Stands for the title and properties where the id of a block is expected."""
MISSING: Any = type("Missing", (), {})()


class InapplicableError(Exception):
    """The patch does not apply at its own base, or would leave something that is no page: 422."""


class NotModelledError(Exception):
    """A patch that the model says nothing about."""


@dataclass(frozen=True)
class Touch:
    """What an operation did: kind is set, ins, del or mov; left are the neighbours on the left, nearest first."""

    kind: str
    block: str
    pointer: Pointer = ()
    left: tuple[str, ...] = ()


@dataclass
class Step:
    """One operation: what it touched and the document after it. For a test, what it expects instead."""

    touches: list[Touch] = field(default_factory=list[Touch])
    after: Json = field(default_factory=dict[str, Any])
    tested: tuple[str | None, Pointer, Any] | None = None


@dataclass(frozen=True, order=True)
class Conflict:
    """One entry of the answer; operation is its number in the patch."""

    kind: str
    block: str
    operation: int


@dataclass
class Side:
    """The net effect of one side; numbers are those of the operations that did it."""

    end: Json
    inserted: dict[str, int] = field(default_factory=dict[str, int])
    deleted: dict[str, int] = field(default_factory=dict[str, int])
    moved: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    writes: dict[str, list[tuple[int, Pointer]]] = field(default_factory=dict[str, list[tuple[int, Pointer]]])
    put_back: set[str] = field(default_factory=set[str])  # at least for a moment
    brief: dict[str, int] = field(default_factory=dict[str, int])  # inserted and deleted again


@dataclass
class Outcome:
    """What becomes of a stale patch."""

    conflicts: set[Conflict]
    failed_tests: list[int]
    document: Json | None
    theirs: Side
    ours: Side


# values ------------------------------------------------------------------------------------------------------------


def is_object(value: Any) -> TypeGuard[Json]:
    """Whether JSON is an object."""
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Whether JSON is an array."""
    return isinstance(value, list)


def parse(pointer: str) -> Pointer:
    """The tokens of a JSON Pointer."""
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


def clone(value: Any) -> Any:
    """A copy of JSON."""
    if is_object(value):
        return {key: clone(inner) for key, inner in value.items()}
    return [clone(inner) for inner in value] if is_array(value) else value


def get(value: Any, pointer: Sequence[str]) -> Any:
    """The value at a pointer, MISSING where there is none."""
    for token in pointer:
        if is_object(value) and token in value:
            value = value[token]
        elif is_array(value) and re.fullmatch("0|[1-9][0-9]*", token) and int(token) < len(value):
            value = value[int(token)]
        else:
            return MISSING
    return value


def same(left: Any, right: Any) -> bool:
    """Equality of JSON, where true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if is_array(left) and is_array(right):
        return len(left) == len(right) and all(map(same, left, right))
    if is_object(left) and is_object(right):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right


def put(document: Any, pointer: Sequence[str], value: Any, *, insert: bool) -> None:
    """RFC 6902 add (insert) or replace, below the root, in place."""
    parent, token = get(document, pointer[:-1]), pointer[-1]
    if is_object(parent) and (insert or token in parent):
        parent[token] = value
    elif is_array(parent) and insert and (token == "-" or index_in(token, len(parent) + 1)):
        parent.insert(len(parent) if token == "-" else int(token), value)
    elif is_array(parent) and not insert and index_in(token, len(parent)):
        parent[int(token)] = value
    else:
        raise InapplicableError(pointer)


def take(document: Any, pointer: Sequence[str]) -> Any:
    """RFC 6902 remove, below the root, in place; returns what was there."""
    parent, token = get(document, pointer[:-1]), pointer[-1]
    if get(document, pointer) is MISSING:
        raise InapplicableError(pointer)
    return parent.pop(token if is_object(parent) else int(token))


def index_in(token: str, length: int) -> bool:
    """Whether a token is an index below a length."""
    return re.fullmatch("0|[1-9][0-9]*", token) is not None and int(token) < length


def apply(document: Json, operations: Iterable[Json]) -> Json:
    """Plain RFC 6902, in index form: what a client does with an answer."""
    holder = {"": clone(document)}
    for operation in operations:
        path = ("", *parse(operation["path"]))
        match operation["op"]:
            case "remove":
                take(holder, path)
            case "move" | "copy":
                source = ("", *parse(operation["from"]))
                value = take(holder, source) if operation["op"] == "move" else clone(get(holder, source))
                put(holder, path, value, insert=True)
            case "add" | "replace":
                put(holder, path, clone(operation["value"]), insert=operation["op"] == "add")
            case _:
                if not same(get(holder, path), operation["value"]):
                    raise InapplicableError(operation)
    return holder[""]


# one side ------------------------------------------------------------------------------------------------------------


def blocks_of(document: Json) -> dict[str, Json]:
    """Blocks by id, in their order."""
    return {block["id"]: block for block in document["blocks"]}


def head_of(document: Json) -> Json:
    """Title and properties."""
    return {key: value for key, value in document.items() if key != "blocks"}


def part(document: Json, block: str, pointer: Pointer) -> Any:
    """The value at a pointer of a block, or of title and properties."""
    owner = head_of(document) if block == HEAD else blocks_of(document).get(block)
    return MISSING if owner is None else get(owner, pointer)


def check(document: Any) -> None:
    """Refuse what is no page."""
    good = (
        is_object(document)
        and set(document) == {"title", "properties", "blocks"}
        and isinstance(document["title"], str)
        and is_object(document["properties"])
        and is_array(document["blocks"])
        and all(is_object(block) for block in document["blocks"])
        and all(set(block) == {"id", "type", "data"} for block in document["blocks"])
        and all(is_object(block["data"]) and isinstance(block["type"], str) for block in document["blocks"])
        and len(blocks_of(document)) == len(document["blocks"])
    )
    if not good:
        raise InapplicableError("no page")


def kept_in_order(old: Sequence[str], new: Sequence[str]) -> tuple[set[str], bool]:
    """Of ids in both orders a largest set that need not move, and whether there is only one such set."""
    both = [name for name in new if name in old]
    for size in range(len(both), -1, -1):
        found = [
            set(chosen)
            for chosen in itertools.combinations(both, size)
            if sorted(chosen, key=old.index) == list(chosen)
        ]
        if found:
            return found[0], len(found) == 1
    return set(), True


def written(owner: str, before: Any, pointer: Pointer, *, element: bool) -> Touch:
    """A write; `element` when it replaces: an array whose elements shift counts as a whole."""
    if not element and is_array(get(before, pointer[:-1])):
        return Touch("set", owner, pointer[:-1])
    return Touch("set", owner, pointer)


def compare(before: Json, after: Json, differ: Differ) -> list[Touch]:
    """What a whole document in the place of another touched: a diff by block id."""
    old, new = blocks_of(before), blocks_of(after)
    stay, only = kept_in_order(list(old), list(new))
    if not only:
        raise NotModelledError("it is not beyond doubt which blocks have moved")
    touches = [Touch("del", name) for name in old if name not in new]
    for place, name in enumerate(new):
        if name not in stay:
            left = tuple(reversed(list(new)[:place]))
            touches.append(Touch("mov" if name in old else "ins", name, left=left))
    pairs = {name: (old[name], new[name]) for name in old if name in new} | {HEAD: (head_of(before), head_of(after))}
    for owner, (was, becomes) in pairs.items():
        touches += [
            written(owner, was, parse(operation["path"]), element=operation["op"] == "replace")
            for operation in differ(was, becomes)
        ]
    return touches


def resolve(document: Json, pointer: str, *, add: bool = False) -> Pointer:
    """Tokens with the index in the place of a block's id."""
    tokens = parse(pointer)
    if len(tokens) < 2 or tokens[0] != "blocks" or re.fullmatch("[0-9]+|-", tokens[1]):
        return tokens
    names = [block["id"] for block in document["blocks"]]
    if tokens[1] not in names:
        raise InapplicableError(pointer)
    return ("blocks", str(names.index(tokens[1])), *tokens[2:])


def removed(document: Json, path: Pointer) -> tuple[Any, Touch]:
    """Take something out of a document; what it was and what that touched."""
    if len(path) < 2:
        raise InapplicableError(path)
    owner, inner, _ = owner_of(document, path)
    if path[0] == "blocks" and len(path) == 2:
        return take(document, path), Touch("del", owner)
    touch = written(owner, get(document, path[: len(path) - len(inner)]), inner, element=False)
    return take(document, path), touch


def owner_of(document: Json, path: Pointer) -> tuple[str, Pointer, Pointer]:
    """Whose part a path is: the block, the pointer inside, and the path of the block."""
    if path[0] != "blocks":
        return HEAD, path, ()
    block = get(document, path[:2])
    if block is MISSING:
        raise InapplicableError(path)
    return block["id"], path[2:], path[:2]


def added(document: Json, path: Pointer, value: Any, *, insert: bool, differ: Differ) -> list[Touch]:
    """Put something into a document; what that touched."""
    if path in ((), ("blocks",)):
        before = clone(document)
        whole = value if path == () else {**document, "blocks": value}
        check(whole)
        document.update(whole)
        return compare(before, document, differ)
    if len(path) == 2 and path[0] == "blocks":
        if not is_object(value) or "id" not in value:
            raise NotModelledError("a block without an id")
        if not insert:
            old = get(document, path)
            put(document, path, value, insert=False)
            if old["id"] == value["id"]:
                return [Touch("set", value["id"])]
            place = int(path[1])
        else:
            old = None
            put(document, path, value, insert=True)
            place = len(document["blocks"]) - 1 if path[1] == "-" else int(path[1])
        left = tuple(block["id"] for block in reversed(document["blocks"][:place]))
        return [*([Touch("del", old["id"])] if old else []), Touch("ins", value["id"], left=left)]
    owner, inner, where = owner_of(document, path)
    if inner == ("id",):
        raise InapplicableError("ids stay")
    touch = written(owner, get(document, where), inner, element=not insert)
    put(document, path, value, insert=insert)
    return [touch]


def replay(base: Json, operations: Sequence[Json], differ: Differ) -> list[Step]:
    """A patch at its own base, operation by operation.

    Raises:
        InapplicableError: it does not apply, a test fails, or it leaves no page.
    """
    document = clone(base)
    steps: list[Step] = []
    for operation in operations:
        step = Step()
        kind, value = operation["op"], clone(operation.get("value"))
        if kind in ("move", "copy"):
            source = resolve(document, operation["from"])
            value = clone(get(document, source))
            if value is MISSING:
                raise InapplicableError(operation)
            block = len(source) == 2 and source[0] == "blocks"
            path = resolve(document, operation["path"])
            if kind == "move":
                if path[: len(source)] == source != path:
                    raise InapplicableError(operation)
                _, touch = removed(document, source)
                path = path if path == source else resolve(document, operation["path"])
                touches = added(document, path, value, insert=True, differ=differ)
                if block and touches[0].kind == "ins":
                    # to its own place, too: whoever says where a block belongs means it
                    step.touches = [Touch("mov", value["id"], left=touches[0].left)]
                else:
                    step.touches = [touch, *touches]
            else:
                step.touches = added(document, path, value, insert=True, differ=differ)
        elif kind == "remove":
            step.touches = [removed(document, resolve(document, operation["path"]))[1]]
        elif kind == "test":
            path = resolve(document, operation["path"])
            if not same(get(document, path), value):
                raise InapplicableError(operation)
            if path in ((), ("blocks",)):
                step.tested = (None, path, value)
            else:
                owner, inner, _ = owner_of(document, path)
                step.tested = (owner, inner, value)
        else:
            path = resolve(document, operation["path"])
            step.touches = added(document, path, value, insert=kind == "add", differ=differ)
        names = [found.get("id") for found in document["blocks"]]
        if len(set(names)) < len(names):
            raise NotModelledError("an id twice, even for a moment")
        step.after = clone(document)
        steps.append(step)
    check(document)
    return steps


def replay_whole(base: Json, document: Json, differ: Differ) -> list[Step]:
    """A whole document in the place of another: a PUT, or what a merge patch makes of the base."""
    check(document)
    return [Step(compare(base, document, differ), clone(document))]


# both sides ----------------------------------------------------------------------------------------------------------


def net(base: Json, end: Json, steps: Sequence[Step]) -> Side:
    """What one side did to each block from its base to its end."""
    side = Side(end)
    before, after = blocks_of(base), blocks_of(end)
    for number, step in enumerate(steps):
        for touch in step.touches:
            name = touch.block
            was, stays = name == HEAD or name in before, name == HEAD or name in after
            if touch.kind == "del" and was and not stays:
                if name in side.deleted:
                    side.put_back.add(name)
                side.deleted[name] = number
            elif touch.kind == "ins" and stays and not was:
                side.inserted[name] = number
            elif touch.kind == "ins" and not was:
                side.brief[name] = number
            elif touch.kind == "ins" and stays:
                side.put_back.add(name)
                side.writes.setdefault(name, []).append((number, ()))
                side.moved.setdefault(name, []).append(number)
            elif touch.kind == "mov" and was and stays:
                side.moved.setdefault(name, []).append(number)
            elif touch.kind == "set" and was and stays:
                side.writes.setdefault(name, []).append((number, touch.pointer))
    return side


def comparable(left: Pointer, right: Pointer) -> bool:
    """Whether one pointer is the other or leads to it."""
    shorter = min(len(left), len(right))
    return left[:shorter] == right[:shorter]


def left_neighbour(document: Json, block: str) -> str:
    """The block before a block, HEAD for the first."""
    names = [HEAD, *blocks_of(document)]
    return names[names.index(block) - 1]


def find_conflicts(log: Side, patch: Side) -> Iterator[Conflict]:
    """What of the patch cannot be merged with what was committed, by rules (a) to (g)."""
    for name, writes in patch.writes.items():
        for number, pointer in writes:
            if name in log.deleted:
                yield Conflict("write_deleted", name, number)
                continue
            for _, other in log.writes.get(name, []):
                shared = min(pointer, other, key=len)
                if comparable(pointer, other) and not same(part(patch.end, name, shared), part(log.end, name, shared)):
                    yield Conflict("write_write", name, number)
    for name, numbers in patch.moved.items():
        for number in numbers:
            if name in log.deleted:
                yield Conflict("write_deleted", name, number)
            elif name in log.moved and left_neighbour(log.end, name) != left_neighbour(patch.end, name):
                yield Conflict("move_move", name, number)
    for name, number in patch.deleted.items():
        if name in log.writes or name in log.moved:
            yield Conflict("delete_written", name, number)
    # of the log only the net effect counts; a patch that needs an id for a moment needs it
    for name, number in (patch.brief | patch.inserted).items():
        if name in log.inserted and not same(part(log.end, name, ()), part(patch.end, name, ())):
            yield Conflict("insert_insert", name, number)


@dataclass
class Rebased:
    """The document at the current version with more and more of the patch in it."""

    log: Side
    patch: Side
    order: list[str]
    blocks: dict[str, Json]
    head: Json

    def document(self) -> Json:
        """As one value."""
        return {**self.head, "blocks": [self.blocks[name] for name in self.order]}

    def follow(self, step: Step) -> None:
        """Do what one operation of the patch did at its base."""
        for touch in step.touches:
            name = touch.block
            if name in self.log.deleted or name in self.log.inserted:
                continue  # the patch means the same
            if touch.kind == "set":
                # where the log wrote, both sides mean the same in the end, and it is there
                if not any(comparable(touch.pointer, other) for _, other in self.log.writes.get(name, [])):
                    self.write(step, name, touch.pointer)
                continue
            agreed = name in self.log.moved and name in self.patch.moved
            if name in self.order and not agreed:
                self.order.remove(name)
            if touch.kind != "del" and not agreed:
                self.place(touch)
            if touch.kind == "ins" and name not in self.log.writes:
                self.write(step, name, ())

    def place(self, touch: Touch) -> None:
        """Right of the first neighbour that the log left where it was, then over what the log put there."""
        put_there = self.log.inserted.keys() | self.log.moved.keys()
        at = 0
        for neighbour in touch.left:
            if neighbour in self.order and neighbour not in put_there:
                at = self.order.index(neighbour) + 1
                break
        while at < len(self.order) and self.order[at] in put_there:
            at += 1
        self.order.insert(at, touch.block)

    def write(self, step: Step, name: str, pointer: Pointer) -> None:
        """Give a pointer the value that it has after the step at the base."""
        value = clone(part(step.after, name, pointer))
        if pointer == ():
            if value is not MISSING:
                self.blocks[name] = value
            return
        owner = self.head if name == HEAD else self.blocks.get(name)
        if owner is None:
            return
        parent = get(owner, pointer[:-1])
        # for a moment the parent may be another one than at the base, where both sides mean the same in the end
        if value is MISSING and get(owner, pointer) is not MISSING:
            take(owner, pointer)
        elif value is not MISSING and (is_object(parent) or get(owner, pointer) is not MISSING):
            put(owner, pointer, value, insert=is_object(parent))


def rebase(base: Json, current: Json, log: Sequence[Step], patch: Sequence[Step]) -> Outcome:
    """What becomes of a patch that was made at `base` when `log` has led to `current` meanwhile.

    Args:
        base: the document that the patch was made on.
        current: the newest document.
        log: what the versions between did, each at its own version.
        patch: the patch at its base.
    """
    theirs = net(base, current, log)
    ours = net(base, patch[-1].after if patch else base, patch)
    conflicts = set(find_conflicts(theirs, ours))
    state = Rebased(
        theirs,
        ours,
        list(blocks_of(current)),
        clone(blocks_of(current)),
        clone(head_of(current)),
    )
    failed: list[int] = []
    if not conflicts:
        for number, step in enumerate(patch):
            state.follow(step)
            if step.tested is not None:
                owner, pointer, value = step.tested
                document = state.document()
                found = get(document, pointer) if owner is None else part(document, owner, pointer)
                if not same(found, value):
                    failed.append(number)
    return Outcome(conflicts, failed, None if conflicts or failed else state.document(), theirs, ours)
