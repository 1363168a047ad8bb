"""The client's differ and merge, without a server: differences lead where they should, merges lose nothing silently."""

from __future__ import annotations

import copy
import random
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client.differ import diff, moved, same
from app.client.merge import MISSING, Overlap, merge

pytestmark = pytest.mark.once

Document = dict[str, Any]

scalars = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.5, 1.0, "", "x", "long text " * 20])
names = st.sampled_from(["text", "rows", "a/b", "~", "checked"])
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(names, inner, max_size=3), max_leaves=12
)
objects = st.dictionaries(names, values, max_size=3)


def block(name: str, data: Document | None = None, kind: str = "paragraph") -> Document:
    return {"id": name, "type": kind, "data": data or {}}


def page(blocks: list[Document], properties: Document | None = None) -> Document:
    return {"title": "t", "properties": properties or {}, "blocks": blocks}


@st.composite
def documents(draw: st.DrawFn) -> Document:
    order = draw(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8))
    kinds = st.sampled_from(["paragraph", "todo"])
    blocks = [block(name, draw(objects), draw(kinds)) for name in order]
    return {"title": draw(st.sampled_from("tuv")), "properties": draw(objects), "blocks": blocks}


def apply(document: Document, operations: list[Document]) -> Document:
    """Apply operations with block ids, one by one, each by jsonpatch after its ids became indexes."""
    for operation in operations:
        order = [item["id"] for item in document["blocks"]]
        translated = dict(operation)
        if operation["op"] == "move":
            place = order.index(operation["from"].split("/")[2])
            translated["from"] = f"/blocks/{place}"
            del order[place]
        parts = operation["path"].split("/")
        if parts[1] == "blocks" and len(parts) > 2 and parts[2] != "-":
            parts[2] = str(order.index(parts[2]))
            translated["path"] = "/".join(parts)
        document = jsonpatch.apply_patch(document, [translated])
    return document


@given(documents(), documents())
def test_a_difference_leads_from_one_state_to_the_other(old: Document, new: Document) -> None:
    before = copy.deepcopy((old, new))
    assert same(apply(old, diff(old, new)), new)
    assert same([*before], [old, new])
    assert diff(new, new) == []


@given(st.permutations(range(8)), st.sets(st.integers(0, 7)))
def test_moves_are_as_few_as_can_be(order: list[int], removed: set[int]) -> None:
    old = [str(number) for number in range(8)]
    new = [str(number) for number in order if number not in removed]
    longest = max(
        (
            bin(chosen).count("1")
            for chosen in range(1 << len(new))
            if (kept := [new[i] for i in range(len(new)) if chosen >> i & 1]) == sorted(kept)
        ),
        default=0,
    )
    assert len(moved(old, new)) == len(new) - longest


def test_what_a_difference_looks_like() -> None:
    old = page([block(name, {"text": name}) for name in "abcd"], {"a": {"b": 1}})
    new = copy.deepcopy(old)
    new["properties"]["a"]["b"] = True
    new["blocks"] = [*new["blocks"][1:3], block("n"), block("m"), new["blocks"][0], block("z")]
    new["blocks"][1]["data"]["text"] = "C"
    assert diff(old, new) == [
        {"op": "replace", "path": "/properties/a/b", "value": True},
        {"op": "remove", "path": "/blocks/d"},
        {"op": "add", "path": "/blocks/-", "value": block("n")},
        {"op": "add", "path": "/blocks/-", "value": block("m")},
        {"op": "move", "from": "/blocks/a", "path": "/blocks/-"},
        {"op": "add", "path": "/blocks/-", "value": block("z")},
        {"op": "replace", "path": "/blocks/c/data/text", "value": "C"},
    ]


def test_cells_of_a_table_are_written_one_by_one() -> None:
    rows = [[f"{row},{column}" for column in range(4)] for row in range(4)]
    new = copy.deepcopy(rows)
    new[1][2], new[3][0] = "x", "y"
    operations = diff(page([block("t", {"rows": rows})]), page([block("t", {"rows": new})]))
    assert sorted(operation["path"] for operation in operations) == [
        "/blocks/t/data/rows/1/2",
        "/blocks/t/data/rows/3/0",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([{"x": ["a", {"y": ["b"]}], "z": "a"}, {"x": ["c", {"d": ["d"]}], "z": "c"}, {}],
         [{"x": ["c", {"y": ["d"]}], "z": "c"}, {}]),
        ([1, True, 0], [True, 1, False]),
        ([1], [True]),
    ],
)  # fmt: skip
def test_lists_that_jsonpatch_gets_wrong_come_out_right(old: list[Any], new: list[Any]) -> None:
    before, after = page([], {"list": old}), page([], {"list": new})
    assert same(apply(before, diff(before, after)), after)


def test_a_wrong_difference_of_jsonpatch_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object) -> jsonpatch.JsonPatch:
        return jsonpatch.JsonPatch([{"op": "replace", "path": "/0", "value": 9}])

    monkeypatch.setattr(jsonpatch, "make_patch", wrong)
    assert diff(page([], {"list": [1] * 30}), page([], {"list": [2] * 30})) == [
        {"op": "replace", "path": "/properties/list", "value": [2] * 30}
    ]


@pytest.mark.parametrize("name", ["7", "-", "a/b", "", "x" * 65, None, 5])
def test_ids_that_would_be_taken_for_something_else_are_refused(name: Any) -> None:
    with pytest.raises(ValueError, match="a block id has"):
        diff(page([]), page([block(name)]))


def test_twins_are_refused() -> None:
    with pytest.raises(ValueError, match="two blocks have the id 'a'"):
        diff(page([]), page([block("a"), block("a")]))


# Merge


@given(documents(), documents(), documents(), st.sampled_from(["yours", "theirs"]))
def test_a_merge_takes_what_one_side_changed_and_names_the_rest(
    base: Document, mine: Document, theirs: Document, keep: Any
) -> None:
    merged, overlaps = merge(base, mine, theirs, keep)
    named = {overlap.pointer for overlap in overlaps}
    states = [{item["id"]: item for item in state["blocks"]} for state in (base, mine, theirs, merged)]
    for name in {name for state in states for name in state}:
        was, my, their, is_now = (state.get(name, MISSING) for state in states)
        if same(my, was):
            assert same(is_now, their)
        elif same(their, was):
            assert same(is_now, my)
        elif not any(pointer.startswith(f"/blocks/{name}") for pointer in named):
            # Both changed it and nothing collided: it has members of both, or both did the same.
            assert same(is_now, my) or (isinstance(my, dict) and isinstance(their, dict))
        elif f"/blocks/{name}" in named and MISSING in (my, their):
            assert is_now is (my if keep == "yours" else their)
    if base["title"] != mine["title"] != theirs["title"] != base["title"]:
        assert Overlap("/title", mine["title"], theirs["title"]) in overlaps
        assert merged["title"] == (mine if keep == "yours" else theirs)["title"]


@given(documents(), documents(), st.sampled_from(["yours", "theirs"]))
def test_a_merge_with_an_idle_side_is_the_other_one(base: Document, changed: Document, keep: Any) -> None:
    assert same(merge(base, changed, base, keep)[0], changed)
    assert same(merge(base, base, changed, keep)[0], changed)
    merged, overlaps = merge(base, changed, changed, keep)
    assert same(merged, changed) and overlaps == []


def test_edits_of_one_block_and_of_the_order_come_together() -> None:
    base = page([block(name, {"text": name}) for name in "abcd"])
    mine, theirs = copy.deepcopy(base), copy.deepcopy(base)
    mine["blocks"][0]["data"]["checked"] = True
    mine["blocks"].insert(2, block("m"))
    theirs["blocks"][0]["data"]["text"] = "A"
    theirs["blocks"].reverse()
    theirs["blocks"].append(block("t"))
    merged, overlaps = merge(base, mine, theirs)
    assert overlaps == []
    assert [item["id"] for item in merged["blocks"]] == ["d", "c", "b", "m", "a", "t"]
    assert merged["blocks"][4]["data"] == {"text": "A", "checked": True}


@pytest.mark.parametrize(("keep", "there"), [("yours", True), ("theirs", False)])
def test_a_block_that_they_deleted_and_i_edited_is_named(keep: Any, there: bool) -> None:
    base = page([block(name, {"text": name}) for name in "abc"])
    mine, theirs = copy.deepcopy(base), copy.deepcopy(base)
    mine["blocks"][1]["data"]["text"] = "mine"
    del theirs["blocks"][1]
    merged, overlaps = merge(base, mine, theirs, keep)
    assert overlaps == [Overlap("/blocks/b", mine["blocks"][1], MISSING)]
    assert [item["id"] for item in merged["blocks"]] == (["a", "b", "c"] if there else ["a", "c"])


def test_a_block_that_both_moved_is_named() -> None:
    base, mine, theirs = (page([block(name) for name in names]) for names in ("abcdef", "dabcef", "abcefd"))
    merged, overlaps = merge(base, mine, theirs)
    assert overlaps == [Overlap("/blocks/d", None, "f")]
    assert [item["id"] for item in merged["blocks"]] == ["d", *"abcef"]
    assert same(merge(base, mine, theirs, "theirs")[0], theirs)


def test_a_long_page_is_compared_in_reasonable_steps() -> None:
    blocks = [block(f"b{number}", {"text": str(number)}) for number in range(5000)]
    operations = diff(page(blocks), page(random.Random(1).sample(blocks, len(blocks))))
    assert all(operation["op"] == "move" for operation in operations)
    # A random order keeps about 2 * sqrt(n) blocks in their places.
    assert 4700 < len(operations) < 4900
