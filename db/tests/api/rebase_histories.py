"""Random histories of a small page: versions that were committed, and a patch that was made at an older one.

Few blocks and few members, so that the two sides meet often. Most values are unlike all others (t1, t2, ..): where one
of them ends says whether a write was lost. The rest are a few small numbers, for sides that write the same.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from db.tests.api.rebase_model import (
    Differ,
    InapplicableError,
    Json,
    NotModelledError,
    Outcome,
    Step,
    blocks_of,
    clone,
    is_array,
    is_object,
    kept_in_order,
    rebase,
    replay,
    replay_whole,
    same,
)


@dataclass(frozen=True)
class Save:
    """One request: kind is patch, merge or put; body is what is sent."""

    kind: str
    body: Any


@dataclass(frozen=True)
class History:
    """A page, the saves that were committed, and a save whose base is the version after `base_at` of them."""

    first: Json
    commits: tuple[Save, ...]
    stale: Save
    base_at: int


@dataclass
class Expected:
    """What the model says of a history."""

    states: list[Json]  # after the creation and after each commit
    versions: list[int]
    outcome: Outcome | None = None  # None: 422
    ours: Json | None = None
    log: list[Step] = field(default_factory=list[Step])
    patch: list[Step] = field(default_factory=list[Step])


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not is_object(patch):
        return patch
    merged: Json = dict(target) if is_object(target) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def run(document: Json, save: Save, differ: Differ) -> list[Step]:
    """A save at its own base."""
    if save.kind == "patch":
        return replay(document, save.body, differ)
    return replay_whole(document, merge(document, save.body) if save.kind == "merge" else save.body, differ)


def expect(history: History, differ: Differ) -> Expected:
    """Ask the model.

    Raises:
        InapplicableError, NotModelledError: of a commit, or the latter of the stale patch.
    """
    expected = Expected([history.first], [1])
    for number, save in enumerate(history.commits):
        before = expected.states[-1]
        steps = run(before, save, differ)
        after = steps[-1].after if steps else before
        changed = not same(before, after)
        expected.states.append(clone(after))
        expected.versions.append(expected.versions[-1] + changed)
        if changed and number >= history.base_at:
            expected.log += steps
    base = expected.states[history.base_at]
    try:
        steps = run(base, history.stale, differ)
    except InapplicableError:
        return expected
    expected.patch = steps
    expected.ours = steps[-1].after if steps else base
    expected.outcome = rebase(base, expected.states[-1], expected.log, steps)
    return expected


# making them ---------------------------------------------------------------------------------------------------------

IDS = ["a", "b", "c", "d", "e"]
NEW_IDS = ["n1", "n2", "n3"]
WRITTEN = ["text", "text", "n/x", "n/y", "n/z", "n", "rows/0/c", "rows/0/d", "rows/0", ""]  # inside data
CHOICES = {
    "write": 24,
    "remove": 6,
    "array": 14,
    "insert": 10,
    "delete": 8,
    "move": 14,
    "head": 8,
    "carry": 6,
    "test": 6,
    "replace": 3,
    "back": 3,
    "whole": 3,
}


class Maker:
    """Makes histories; the same seed makes the same ones."""

    def __init__(self, seed: int, differ: Differ) -> None:
        self.random = random.Random(seed)
        self.differ = differ
        self.count = 0

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return self.random.random() < probability

    def value(self) -> Any:
        """Mostly one that occurs nowhere else."""
        if self.chance(0.7):
            self.count += 1
            return f"t{self.count}"
        return self.random.choice([0, 1, None, True, 1.5])

    def data(self) -> Json:
        """Of a block: flat, nested, arrays of scalars and of objects."""
        made: Json = {}
        if self.chance(0.8):
            made["text"] = self.value()
        if self.chance(0.6):
            made["n"] = {"x": self.value(), "y": self.value()}
        if self.chance(0.5):
            made["list"] = [self.value() for _ in range(self.random.randint(0, 3))]
        if self.chance(0.3):
            made["rows"] = [{"c": self.value(), "d": self.value()} for _ in range(self.random.randint(1, 2))]
        return made

    def block(self, name: str) -> Json:
        """A block with an id."""
        return {"id": name, "type": self.random.choice("pq"), "data": self.data()}

    def document(self) -> Json:
        """A page of up to five blocks."""
        names = IDS[: self.random.choice([1, 2, 3, 3, 4, 4, 5])]
        properties: Json = {"p": self.value(), "o": {"x": self.value(), "y": self.value()}}
        return {"title": self.title(), "properties": properties, "blocks": [self.block(name) for name in names]}

    def title(self) -> str:
        """A title, mostly a new one."""
        self.count += 1
        return f"t{self.count}" if self.chance(0.7) else self.random.choice(["A", "B"])

    def history(self) -> tuple[History, Expected]:
        """A history of which the model knows everything, and what it says."""
        while True:
            try:
                return self.attempt()
            except (InapplicableError, NotModelledError):
                continue

    def attempt(self) -> tuple[History, Expected]:
        """A history, unless an operation does not fit."""
        first = self.document()
        states, commits = [first], list[Save]()
        for _ in range(self.random.choices([0, 1, 2, 3, 4], [1, 12, 12, 6, 3])[0]):
            save = self.save(states[-1])
            steps = run(states[-1], save, self.differ)
            commits.append(save)
            states.append(clone(steps[-1].after) if steps else states[-1])
        base_at = 0 if self.chance(0.8) or not commits else self.random.randrange(len(commits))
        stale = self.save(states[base_at])
        if commits and stale.kind == "patch" and self.chance(0.15):
            # what somebody else has done already, and perhaps more
            done = [operation for save in commits[base_at:] if save.kind == "patch" for operation in save.body]
            body = done if self.chance(0.5) else self.random.sample(done, min(len(done), 2)) + stale.body
            stale = Save("patch", body)
        elif commits and self.chance(0.04):
            stale = self.random.choice(commits)
        if stale.kind == "patch" and self.chance(0.04):
            bad = {"op": "remove", "path": self.random.choice(["/blocks/9", "/blocks/none", "/properties/none"])}
            stale = Save("patch", [*stale.body, bad])
        history = History(first, tuple(commits), stale, base_at)
        return history, expect(history, self.differ)

    def save(self, document: Json) -> Save:
        """A request that applies to a document."""
        kind = self.random.choices(["patch", "put", "merge"], [8, 1, 1])[0]
        if kind == "patch":
            return Save("patch", self.patch(document, self.random.choice([1, 1, 1, 2, 2, 3, 4, 5])))
        if kind == "put":
            return Save("put", self.changed(document))
        body: Json = {}
        if self.chance(0.4):
            body["title"] = self.title()
        if self.chance(0.6):
            body["properties"] = self.random.choice(
                [{"p": self.value()}, {"o": {"x": self.value()}}, {"o": None, "q": self.value()}, {"o": {"y": None}}]
            )
        if self.chance(0.4):
            body["blocks"] = self.changed(document)["blocks"]
        return Save("merge", body)

    def changed(self, document: Json) -> Json:
        """A whole document that differs in a few places; which blocks have moved is beyond doubt."""
        while True:
            steps = replay(document, self.patch(document, self.random.randint(1, 3), whole=False), self.differ)
            after = clone(steps[-1].after) if steps else document
            if kept_in_order(list(blocks_of(document)), list(blocks_of(after)))[1]:
                return after

    def patch(self, document: Json, length: int, *, whole: bool = True) -> list[Json]:
        """Operations that apply one after the other."""
        made: list[Json] = []
        while len(made) < length:
            operations = self.operations(document, whole)
            try:
                steps = replay(document, operations, self.differ)
            except (InapplicableError, NotModelledError):
                if self.chance(0.02):
                    break
                continue
            made += operations
            document = steps[-1].after
        return made

    def operations(self, document: Json, whole: bool) -> list[Json]:
        """One operation, or two that belong together."""
        blocks = document["blocks"]
        place = self.random.randrange(len(blocks)) if blocks else 0
        name = blocks[place]["id"] if blocks else "none"
        at = f"/blocks/{name if self.chance(0.5) else place}"
        other = self.random.randrange(len(blocks)) if blocks else 0
        to = f"/blocks/{self.random.choice([str(other), blocks[other]['id'], '-'])}" if blocks else "/blocks/0"
        there: Json = blocks[place]["data"] if blocks else {}
        choice = self.random.choices(list(CHOICES), list(CHOICES.values()))[0]
        if choice == "whole" and not whole:
            choice = "write"
        match choice:
            case "write":
                if self.chance(0.1):
                    return [{"op": "replace", "path": f"{at}/type", "value": self.random.choice("pqr")}]
                path = self.random.choice(WRITTEN)
                wholes: Json = {"n": {"x": self.value()}, "rows/0": {"c": self.value()}, "": self.data()}
                value = wholes.get(path, self.value())
                path = f"{at}/data/{path}".rstrip("/")
                return [{"op": self.random.choice(["add", "replace"]), "path": path, "value": value}]
            case "remove":
                path = self.random.choice(["text", "n", "n/x", "list", "rows/0/c"])
                return [{"op": "remove", "path": f"{at}/data/{path}"}]
            case "array":
                index = self.random.choice(["0", "1", "2", "-"])
                path = f"{at}/data/list/{index}"
                op = self.random.choice(["add", "replace", "replace", "remove", "move"])
                source = {"from": f"{at}/data/list/{self.random.choice('012')}"} if op == "move" else {}
                return [{"op": op, "path": path, **({"value": self.value()} if op in ("add", "replace") else source)}]
            case "insert":
                new = self.random.choice(NEW_IDS + [name for name in IDS if name not in blocks_of(document)])
                return [{"op": "add", "path": to, "value": self.block(new)}]
            case "delete":
                return [{"op": "remove", "path": at}]
            case "move":
                return [{"op": "move", "from": at, "path": to}]
            case "head":
                path = self.random.choice(["p", "q", "o", "o/x", "o/y"])
                if self.chance(0.3):
                    return [{"op": "replace", "path": "/title", "value": self.title()}]
                if self.chance(0.2):
                    return [{"op": "remove", "path": f"/properties/{path}"}]
                value = {"x": self.value()} if path == "o" else self.value()
                return [{"op": self.random.choice(["add", "replace"]), "path": f"/properties/{path}", "value": value}]
            case "carry":
                source = self.random.choice([f"{at}/data/text", f"{at}/data/n", f"{at}/data/list", "/properties/p", at])
                target = self.random.choice([f"{to}/data/text", f"{to}/data/n/z", f"{to}/data/m", "/properties/r"])
                op = self.random.choice(["move", "copy"])
                return [{"op": op, "from": source, "path": target.replace("/-/", f"/{other}/")}]
            case "test":
                known: list[tuple[str, Any]] = [("/title", document["title"])]
                known += [(f"{at}/data/{key}", inner) for key, inner in there.items()]
                if blocks:
                    known.append((at, blocks[place]))
                if self.chance(0.1):
                    known.append(("/blocks", blocks))
                path, value = self.random.choice(known)
                return [{"op": "test", "path": path, "value": clone(value)}]
            case "replace":
                new = name if self.chance(0.7) else self.random.choice(NEW_IDS)
                return [{"op": "replace", "path": at, "value": self.block(new)}]
            case "back":
                again: Json = clone(blocks[place]) if blocks else {}
                if self.chance(0.5):
                    again["data"] = self.data()
                return [{"op": "remove", "path": at}, {"op": "add", "path": to, "value": again}]
            case _:
                after = self.changed(document)
                if self.chance(0.5):
                    return [{"op": "replace", "path": "", "value": after}]
                return [{"op": self.random.choice(["add", "replace"]), "path": "/blocks", "value": after["blocks"]}]


# what must hold whatever the rule ------------------------------------------------------------------------------------


def tokens(value: Any) -> Iterator[str]:
    """Values that occur nowhere else."""
    if is_object(value):
        for inner in value.values():
            yield from tokens(inner)
    elif is_array(value):
        for inner in value:
            yield from tokens(inner)
    elif isinstance(value, str) and value[:1] == "t" and value[1:].isdigit():
        yield value


def in_order(names: Sequence[str], document: Json) -> list[str]:
    """Those blocks in the order of a document."""
    return [name for name in blocks_of(document) if name in names]


def broken(base: Json, current: Json, ours: Json, final: Json, outcome: Outcome) -> list[str]:
    """Which promises of a merge a document breaks; none should be."""
    was, theirs, mine, found = (set(tokens(document)) for document in (base, current, ours, final))
    # of two copies each side may have kept another
    once = {token for token, times in Counter(tokens(base)).items() if times == 1}
    names = [set(blocks_of(document)) for document in (base, current, ours, final)]
    problems = [
        f"{what}: {sorted(lost)}"
        for what, lost in (
            ("a committed write is lost", theirs - was - found),
            ("a write of the patch is lost", mine - was - found),
            ("lost though both kept it", (once & theirs & mine) - found),
            ("a block that one side inserted is lost", ((names[1] | names[2]) - names[0]) - names[3]),
            ("a block that both sides kept is lost", (names[0] & names[1] & names[2]) - names[3]),
            ("a block that one side deleted is there", (names[0] - (names[1] & names[2])) & names[3]),
            ("from nowhere", names[3] - names[1] - names[2]),
        )
        if lost
    ]
    placed_by_us = outcome.ours.inserted.keys() | outcome.ours.moved.keys()
    placed_by_them = outcome.theirs.inserted.keys() | outcome.theirs.moved.keys()
    for whose, side, placed in (("committed", current, placed_by_us), ("patch's", ours, placed_by_them)):
        common = [name for name in names[3] if name in blocks_of(side) and name not in placed]
        if in_order(common, side) != in_order(common, final):
            problems.append(f"the {whose} order is lost: {in_order(common, side)} became {in_order(common, final)}")
    return problems


def smaller(history: History) -> Iterator[History]:
    """Histories with a little less in them, for a minimal example."""
    for number in reversed(range(len(history.commits))):
        base_at = history.base_at - (number < history.base_at)
        yield replace(history, commits=history.commits[:number] + history.commits[number + 1 :], base_at=base_at)
    saves = [*history.commits, history.stale]
    for number, save in enumerate(saves):
        if save.kind == "patch":
            for place in range(len(save.body)):
                saves[number] = Save("patch", save.body[:place] + save.body[place + 1 :])
                yield replace(history, commits=tuple(saves[:-1]), stale=saves[-1])
            saves[number] = save
    for place in range(len(history.first["blocks"])):
        blocks = history.first["blocks"][:place] + history.first["blocks"][place + 1 :]
        yield replace(history, first={**history.first, "blocks": blocks})
    for place, block in enumerate(history.first["blocks"]):
        for key in block["data"]:
            data = {name: value for name, value in block["data"].items() if name != key}
            blocks = list(history.first["blocks"])
            blocks[place] = {**block, "data": data}
            yield replace(history, first={**history.first, "blocks": blocks})
