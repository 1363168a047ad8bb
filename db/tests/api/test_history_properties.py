"""Random histories of a page: every version can be had by every way, and proves itself; going back is going back."""

import json
import uuid
from typing import Any, cast

import psycopg
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from db.tests.api.test_page_properties import (
    ACTOR,
    BLOCKS,
    DOCUMENTS,
    OPERATIONS,
    WORKSPACE,
    Connection,
    Json,
    at,
    create,
    one,
    operation,
    pages,
    patch,
    put,
    read,
)

__all__ = ["pages"]  # the fixture

# 1 and 1.0 are one value to jsonb: which of them is stored must not matter to the hash
EDITS = OPERATIONS | operation("add", at("/data/n"), value=st.sampled_from([1, 1.0, 2.50, 2.5]))
STEPS: st.SearchStrategy[Any] = st.one_of(
    st.lists(EDITS, min_size=1, max_size=4), DOCUMENTS, st.integers(0, 9), st.just("delete")
)
MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


NEW: Json = {"id": "b0", "type": "p", "data": {}}
PUT_IN: Json = {"op": "add", "path": "/blocks/0", "value": NEW}
OTHER: Json = {"op": "add", "path": "/blocks/0", "value": {**NEW, "id": "b1"}}
EMPTY: Json = {"title": "", "properties": {}, "blocks": []}


def restore(connection: Connection, page: uuid.UUID, version: int) -> Json:
    statement = "select body from api.restore_page(%s, %s, %s, null, %s, 'representation', null)"
    return json.loads(one(connection, statement, WORKSPACE, ACTOR, page, version))


def step(connection: Connection, page: uuid.UUID, action: Any) -> None:
    """A patch, a document, a version (counted back from the newest) to restore, or a deletion taken back."""
    newest = one(connection, "select version from core.pages where id = %s", page)
    if isinstance(action, int):
        restore(connection, page, max(1, newest - action))
    elif action == "delete":
        connection.execute("select * from api.delete_page(%s, %s, %s, '{*}')", [WORKSPACE, ACTOR, page])
        restore(connection, page, newest)
    elif isinstance(action, list):
        patch(connection, page, cast("list[Json]", action))
    else:
        put(connection, page, action)


def states(connection: Connection, page: uuid.UUID, live: bool) -> dict[int, Json]:
    """Each version as it can be had, without the page as it is (or from it)."""
    rows = connection.execute(
        "select c.version, s.head || jsonb_build_object('blocks', s.blocks) from core.page_changes as c"
        " cross join core.page_state(c.workspace_id, c.page_id, c.version, %s) as s"
        " where c.page_id = %s and s.blocks is not null",
        [live, page],
    )
    return dict(rows.fetchall())


@MANY
# a new block put in twice by one patch, taken out in between or after; a 10th version that is a deletion
@example(document=EMPTY, steps=[[PUT_IN, {"op": "remove", "path": "/blocks/0"}, PUT_IN]], snapshots=True)
@example(document=EMPTY, steps=[[PUT_IN, PUT_IN, {"op": "remove", "path": "/blocks/0"}]], snapshots=True)
@example(document=EMPTY, steps=[[PUT_IN], [PUT_IN, {"op": "remove", "path": "/blocks/0"}, OTHER]], snapshots=True)
@example(document=EMPTY, steps=[[PUT_IN], *["delete"] * 5], snapshots=True)
@example(document=EMPTY, steps=[*["delete"] * 4, [PUT_IN], "delete"], snapshots=True)
@given(document=DOCUMENTS, steps=st.lists(STEPS, min_size=1, max_size=14), snapshots=st.booleans())
def test_every_version_can_be_had_by_every_way(
    pages: Connection, document: Json, steps: list[Any], snapshots: bool
) -> None:
    page = create(pages, {"title": "", "properties": {}, **document})
    seen = {1: read(pages, page)}
    for action in steps:
        try:
            step(pages, page, action)
        except psycopg.Error as error:
            assert error.sqlstate is not None and error.sqlstate.startswith("PT4")
            continue
        newest = one(pages, "select version from core.pages where id = %s", page)
        seen[newest] = read(pages, page)
        if action == "delete":
            seen[newest - 1] = seen[newest]
    if snapshots:
        one(pages, "select ops.make_snapshots(1000)")
        versions = one(pages, "select array_agg(version) from core.page_snapshots where page_id = %s", page)
        restored = {n for n, kind in pages.execute(
            "select version, kind from core.page_changes where page_id = %s", [page]) if kind == "restore"}  # fmt: skip
        assert set(versions) == {n for n in seen if n == 1 or n % 10 == 0} | restored
    assert states(pages, page, live=True) == seen
    assert states(pages, page, live=False) == seen
    assert pages.execute(
        "select * from ops.verify_page(%s, %s) where not ok", [WORKSPACE, page]
    ).fetchall() == []  # fmt: skip
    for version, then in seen.items():
        assert follow(pages, page, version, then) == seen[max(seen)]
    first = one(pages, "select body::jsonb from api.diff_page(%s, %s, %s, %s, 1)", WORKSPACE, ACTOR, page, max(seen))
    assert one(pages, "select jsonpatch.apply(%s, %s)", json.dumps(seen[max(seen)]), json.dumps(first)) == seen[1]


def follow(connection: Connection, page: uuid.UUID, version: int, then: Json) -> Json:
    """What a client that has a version makes of what changed since."""
    news = json.loads(
        one(connection, "select body from api.get_page_since(%s, %s, %s, %s, null)", WORKSPACE, ACTOR, page, version)
    )
    blocks = {block["id"]: block for block in then["blocks"]} | {block["id"]: block for block in news["blocks"]}
    for gone in news["removed"]:
        del blocks[gone]
    assert set(news["order"]) == set(blocks)
    return {"title": news["title"], "properties": news["properties"], "blocks": [blocks[id] for id in news["order"]]}


@MANY
@given(
    document=DOCUMENTS,
    steps=st.lists(st.lists(EDITS, min_size=1, max_size=3), min_size=2, max_size=8),
    damage=st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["ops", "undo", "live", "lost"]), BLOCKS), max_size=2),
)
def test_damage_never_goes_unseen_and_a_repair_never_makes_anything_up(
    pages: Connection, document: Json, steps: list[list[Json]], damage: list[tuple[int, str, Json]]
) -> None:
    page = create(pages, document)
    seen = {1: read(pages, page)}
    for action in steps:
        try:
            step(pages, page, action)
        except psycopg.Error:
            continue
        seen[one(pages, "select version from core.pages where id = %s", page)] = read(pages, page)
    one(pages, "select ops.make_snapshots(1000)")
    newest = max(seen)
    lost: set[int] = set()
    for number, kind, block in damage:
        version = 1 + number % newest
        row = [page, version]
        if kind == "live":
            change = (
                "update core.blocks set data = data || '{\"damaged\": 1}', type = 'x' where page_id = %s and no = %s"
            )
            pages.execute(change, row)
        elif kind == "lost":
            pages.execute("delete from core.page_changes where page_id = %s and version = %s and version > 1", row)
            lost |= {version} - {1}
        elif kind == "ops":
            ops = json.dumps([{"op": "add", "path": "/properties/damaged", "value": block}])
            pages.execute("update core.page_changes set ops = %s where page_id = %s and version = %s", [ops, *row])
        elif version > 1:
            undo = json.dumps({"title": "damaged", "blocks": {}})
            pages.execute("update core.page_changes set undo = %s where page_id = %s and version = %s", [undo, *row])
    bad = pages.execute("select check_name from ops.verify_page(%s, %s) where not ok", [WORKSPACE, page]).fetchall()
    for live in (True, False):
        had = states(pages, page, live)
        assert all(found == seen[version] for version, found in had.items())
    pages.execute("select * from ops.rebuild_page(%s, %s)", [WORKSPACE, page])
    left = pages.execute("select check_name from ops.verify_page(%s, %s) where not ok", [WORKSPACE, page]).fetchall()
    assert set(left) <= set(bad) | {("content_hash",)}
    now = read(pages, page) if ("block_order",) not in left and ("content_hash",) not in left else seen[newest]
    assert now == seen[newest]
    if not lost and len(damage) < 2:
        assert left == []
