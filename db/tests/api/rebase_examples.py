"""Each rule of rebase by one example or more, written by hand: for the model and for the database."""

from dataclasses import dataclass
from typing import Any

from db.tests.api.rebase_histories import History, Save
from db.tests.api.rebase_model import Json

PAGE: Json = {
    "title": "T",
    "properties": {"k": 1},
    "blocks": [{"id": name, "type": "p", "data": {"x": 1, "l": [1, 2], "o": {"y": 1, "z": 1}}} for name in "abc"],
}


def new(name: str, x: int = 1) -> Json:
    return {"id": name, "type": "p", "data": {"x": x}}


def add(path: str, value: Any) -> Json:
    return {"op": "add", "path": path, "value": value}


def move(source: str, path: str) -> Json:
    return {"op": "move", "from": source, "path": path}


def remove(path: str) -> Json:
    return {"op": "remove", "path": path}


def check(path: str, value: Any) -> Json:
    return {"op": "test", "path": path, "value": value}


@dataclass(frozen=True)
class Example:
    """What was committed to PAGE, a patch made before, and what is wanted: the order of blocks, or the conflicts.

    Conflicts are the number of the operation and the kind.
    """

    title: str
    committed: list[Json]
    patch: list[Json]
    wanted: str | set[tuple[int, str]]
    then: list[Json] | None = None  # a second version that was committed

    def history(self) -> History:
        """As a history."""
        committed = [self.committed, *([self.then] if self.then else [])]
        return History(PAGE, tuple(Save("patch", patch) for patch in committed), Save("patch", self.patch), 0)


EXAMPLES = [
    Example("an index is one at the base", [remove("/blocks/0")], [add("/blocks/2/data/x", 2)], "bc"),
    Example("two members of a block", [add("/blocks/a/data/x", 2)], [add("/blocks/a/data/o/y", 2)], "abc"),
    Example("(a) one member", [add("/blocks/a/data/x", 2)], [add("/blocks/a/data/x", 3)], {(0, "write_write")}),
    Example("(a) the same value", [add("/blocks/a/data/x", 2)], [add("/blocks/a/data/x", 2)], "abc"),
    Example("(a) above", [add("/blocks/a/data/o/y", 2)], [add("/blocks/a/data/o", {"y": 3})], {(0, "write_write")}),
    Example("(a) below", [remove("/blocks/a/data/o")], [add("/blocks/a/data/o/y", 3)], {(0, "write_write")}),
    Example("(a) both removed", [remove("/blocks/a/data/o")], [remove("/blocks/a/data/o")], "abc"),
    Example("(a) true is not 1", [add("/blocks/a/data/x", True)], [add("/blocks/a/data/x", 1)], {(0, "write_write")}),
    Example(
        "(a) above, by the whole value",
        [add("/blocks/a/data/o/y", 2)],
        [add("/blocks/a/data/o", {"y": 2})],
        {(0, "write_write")},
    ),
    Example("(b) deleted, set", [remove("/blocks/a")], [add("/blocks/a/data/x", 2)], {(0, "write_deleted")}),
    Example("(b) deleted, moved", [remove("/blocks/a")], [move("/blocks/0", "/blocks/2")], {(0, "write_deleted")}),
    Example("(c) written, deleted", [add("/blocks/a/data/x", 2)], [remove("/blocks/a")], {(0, "delete_written")}),
    Example("(c) moved, deleted", [move("/blocks/a", "/blocks/2")], [remove("/blocks/a")], {(0, "delete_written")}),
    Example("(c) both deleted", [remove("/blocks/a")], [remove("/blocks/0")], "bc"),
    Example(
        "(d) to two places", [move("/blocks/a", "/blocks/2")], [move("/blocks/a", "/blocks/1")], {(0, "move_move")}
    ),
    Example("(d) to one place", [move("/blocks/a", "/blocks/1")], [move("/blocks/0", "/blocks/c")], "bac"),
    Example(
        "(d) to one place: the committed one",
        [move("/blocks/a", "/blocks/1"), add("/blocks/2", new("n"))],
        [move("/blocks/a", "/blocks/1")],
        "banc",
    ),
    Example("move against edit", [add("/blocks/a/data/x", 2)], [move("/blocks/a", "/blocks/-")], "bca"),
    Example("(e) one id", [add("/blocks/0", new("n"))], [add("/blocks/0", new("n", 2))], {(0, "insert_insert")}),
    Example("(e) one content: the committed place", [add("/blocks/0", new("n"))], [add("/blocks/-", new("n"))], "nabc"),
    Example(
        "(e) by their end",
        [add("/blocks/0", new("n"))],
        [add("/blocks/1", new("n", 2)), add("/blocks/n/data/x", 1)],
        "nabc",
    ),
    Example("(f) one property", [add("/properties/k", 2)], [add("/properties/k", 3)], {(0, "write_write")}),
    Example("(f) two", [add("/properties/k", 2)], [add("/properties/m", 3)], "abc"),
    Example(
        "(g) insert, element", [add("/blocks/a/data/l/0", 9)], [add("/blocks/a/data/l/1", 3)], {(0, "write_write")}
    ),
    Example(
        "(g) two elements",
        [{"op": "replace", "path": "/blocks/a/data/l/0", "value": 9}],
        [{"op": "replace", "path": "/blocks/a/data/l/1", "value": 3}],
        "abc",
    ),
    Example(
        "(g) an element and an insertion",
        [{"op": "replace", "path": "/blocks/a/data/l/0", "value": 9}],
        [add("/blocks/a/data/l/-", 3)],
        {(0, "write_write")},
    ),
    Example("(g) the same insertion", [add("/blocks/a/data/l/-", 3)], [add("/blocks/a/data/l/2", 3)], "abc"),
    Example("committed first", [add("/blocks/1", new("n"))], [add("/blocks/1", new("m"))], "anmbc"),
    Example(
        "over all that was put there",
        [add("/blocks/b", new("n")), move("/blocks/c", "/blocks/b")],
        [add("/blocks/1", new("m"))],
        "ancmb",
    ),
    Example("beside a deleted block", [remove("/blocks/b")], [add("/blocks/2", new("m"))], "amc"),
    Example("beside a moved block", [move("/blocks/b", "/blocks/-")], [add("/blocks/2", new("m"))], "amcb"),
    Example("beside none that is left", [remove("/blocks/a"), remove("/blocks/b")], [add("/blocks/2", new("m"))], "mc"),
    Example(
        "not beside what both inserted",
        [add("/blocks/-", new("n"))],
        [add("/blocks/1", new("n")), add("/blocks/2", new("m"))],
        "ambcn",
    ),
    Example(
        "put in and taken out there: nothing",
        [add("/blocks/0", new("n")), remove("/blocks/n")],
        [add("/blocks/0", new("n", 2))],
        "nabc",
    ),
    Example(
        "put in there and taken out by the next version: a neighbour like any other",
        [add("/blocks/1", new("n")), remove("/blocks/b")],
        [add("/blocks/1", new("n")), remove("/blocks/b"), add("/blocks/2", new("m"))],
        "anmc",
        then=[remove("/blocks/n")],
    ),
    Example(
        "put back and moved by both to the same place: their place stays",
        [remove("/blocks/b"), add("/blocks/-", new("b", 2)), move("/blocks/b", "/blocks/1")],
        [remove("/blocks/b"), add("/blocks/-", new("b", 2)), move("/blocks/b", "/blocks/1")],
        "abnc",
        then=[add("/blocks/2", new("n"))],
    ),
    Example(
        "(e) one id, taken out again",
        [add("/blocks/0", new("n"))],
        [add("/blocks/0", new("n", 2)), remove("/blocks/0")],
        {(0, "insert_insert")},
    ),
    Example(
        "put back: written whole",
        [add("/blocks/a/data/x", 2)],
        [remove("/blocks/a"), add("/blocks/-", PAGE["blocks"][0])],
        {(1, "write_write")},
    ),
    Example(
        "put back: moved",
        [move("/blocks/a", "/blocks/1")],
        [remove("/blocks/a"), add("/blocks/-", PAGE["blocks"][0])],
        {(1, "move_move")},
    ),
    Example(
        "put back by both, the same way",
        [remove("/blocks/a"), add("/blocks/0", new("a", 2))],
        [remove("/blocks/a"), add("/blocks/0", new("a", 2))],
        "abc",
    ),
    Example(
        "put back where it was moved to",
        [move("/blocks/a", "/blocks/1"), add("/blocks/2", new("n"))],
        [remove("/blocks/a"), add("/blocks/1", new("a", 2))],
        "banc",
    ),
    Example(
        "put back by all blocks anew: written whole",
        [add("/blocks/b/data/x", 2)],
        [remove("/blocks/b"), {"op": "replace", "path": "/blocks", "value": [*PAGE["blocks"][:1], new("b", 3)]}],
        {(1, "write_write")},
    ),
    Example(
        "put back by all blocks anew, and written: the rest does not write over it",
        [add("/blocks/b/data/x", "t9")],
        [
            remove("/blocks/b"),
            {"op": "replace", "path": "/blocks", "value": [*PAGE["blocks"][:1], new("b", 3)]},
            add("/blocks/b/data/x", 4),
        ],
        {(1, "write_write"), (2, "write_write")},
    ),
    Example(
        "put back in another version: moved, here to the same place",
        [remove("/blocks/a")],
        [move("/blocks/a", "/blocks/-")],
        "bca",
        then=[add("/blocks/-", new("a", 2))],
    ),
    Example(
        "put back by a whole document: moved, so that an insertion beside it is beside the next",
        [remove("/blocks/a"), {"op": "replace", "path": "/blocks", "value": [new("a", 2), *PAGE["blocks"][1:]]}],
        [add("/blocks/a", new("n"))],
        "anbc",
    ),
    Example(
        "put back beside what both inserted and what moved",
        [add("/blocks/1", new("n"))],
        [
            add("/blocks/1", new("n")),
            move("/blocks/b", "/blocks/0"),
            move("/blocks/a", "/blocks/-"),
            remove("/blocks/c"),
            add("/blocks/a", new("c", 2)),
        ],
        "bnca",
    ),
    Example(
        "a move to the end, over what both inserted there",
        [add("/blocks/-", new("n"))],
        [add("/blocks/-", new("n")), move("/blocks/c", "/blocks/-")],
        "abnc",
    ),
    Example(
        "a conflict, and a move over the block that is in conflict",
        [add("/blocks/a", new("n"))],
        [add("/blocks/b", new("n", 2)), move("/blocks/a", "/blocks/b")],
        {(0, "insert_insert")},
    ),
    Example(
        "a test that still holds",
        [add("/title", "U")],
        [check("/blocks/0", PAGE["blocks"][0]), add("/properties/k", 2)],
        "abc",
    ),
    Example(
        "a test that fails now",
        [add("/title", "U")],
        [add("/properties/k", 2), check("/title", "T")],
        {(1, "test_failed")},
    ),
    Example("a test of a block that went", [remove("/blocks/a")], [check("/blocks/0/data/x", 1)], {(0, "test_failed")}),
    Example(
        "a test of what it wrote itself",
        [add("/title", "U")],
        [add("/properties/k", 2), check("/properties/k", 2)],
        "abc",
    ),
    Example(
        "a copy is of the base",
        [add("/blocks/a/data/x", 2)],
        [{"op": "copy", "from": "/blocks/a/data/x", "path": "/properties/k"}],
        "abc",
    ),
]
