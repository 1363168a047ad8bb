"""Random patches and whole documents against an oracle: jsonpatch.apply on the document as one JSON value.

Of every page the log must lead forwards from version 1 and, by its pre-images, backwards from the newest version; and
the content hash, which each save makes out of the one before, must be that of each version reckoned from scratch.
"""

import json
import uuid
from collections.abc import Sequence
from typing import Any, LiteralString, cast

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

Connection = psycopg.Connection[Any]
Json = dict[str, Any]

RELAXED = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORKSPACE = uuid.UUID(int=1)
ACTOR = uuid.UUID(int=10)

NAMES = [f"b{number}" for number in range(8)]
INDEXES = st.integers(0, 7)
NUMBERS: st.SearchStrategy[object] = st.integers(0, 2)
CONTENTS = st.dictionaries(st.sampled_from(["text", "n", "list"]), NUMBERS | st.lists(NUMBERS))
BLOCKS: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {"id": st.sampled_from(NAMES), "type": st.sampled_from(["p", "q"]), "data": CONTENTS}
)


def block_id(block: Json) -> str:
    """What makes a block unique in its page."""
    return block["id"]


BLOCK_LISTS = st.lists(BLOCKS, max_size=7, unique_by=block_id)
DOCUMENTS: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["", "T"]),
        "properties": st.dictionaries(st.sampled_from(["a", "b"]), NUMBERS, max_size=2),
        "blocks": BLOCK_LISTS,
    }
)


def at(suffix: str = "") -> st.SearchStrategy[str]:
    """Pointers to blocks by index, or to something inside."""
    return INDEXES.map(lambda index: f"/blocks/{index}{suffix}")


def operation(op: str, path: str | st.SearchStrategy[str], **members: object) -> st.SearchStrategy[Json]:
    """Operations; `source` is their "from"."""
    parts: dict[str, object] = {
        "op": op,
        "path": path,
        **{{"source": "from"}.get(name, name): part for name, part in members.items()},
    }
    drawn: dict[str, st.SearchStrategy[object]] = {
        name: cast(st.SearchStrategy[object], part) if isinstance(part, st.SearchStrategy) else st.just(part)
        for name, part in parts.items()
    }
    return st.fixed_dictionaries(drawn)


OPERATIONS: st.SearchStrategy[Json] = st.one_of(
    operation("add", at(), value=BLOCKS),
    operation("add", "/blocks/-", value=BLOCKS),
    operation("replace", at(), value=BLOCKS),
    operation("remove", at()),
    operation("move", at(), source=at()),
    operation("add", at("/data"), value=CONTENTS),
    operation("remove", at("/data/text")),
    operation("add", at("/data/list/0"), value=INDEXES),
    operation("move", at("/data/m"), source=at("/data/n")),
    operation("copy", "/properties/data", source=at("/data")),
    operation("move", at("/data/a"), source="/properties/a"),
    operation("move", "/properties/block", source=at()),
    operation("copy", "/blocks/0", source="/properties/block"),
    operation("test", at("/data"), value=CONTENTS),
    operation("replace", "/title", value=st.sampled_from(["", "U"])),
    operation("replace", "", value=DOCUMENTS),
    operation("add", "/blocks", value=BLOCK_LISTS),
)


@pytest.fixture(scope="module")
def pages(database: str) -> Any:
    """A connection to a database with a workspace and an editor in it."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("insert into core.workspaces (id, name, created_at) values (%s, 'w', now())", [WORKSPACE])
        connection.execute("insert into core.users (id, name, created_at) values (%s, 'e', now())", [ACTOR])
        connection.execute(
            "insert into core.workspace_members (workspace_id, user_id, role, created_at)"
            " values (%s, %s, 'editor', now())",
            [WORKSPACE, ACTOR],
        )
        yield connection


def one(connection: Connection, statement: LiteralString, *parameters: object) -> Any:
    """The only value of a statement's only row."""
    row = connection.execute(statement, parameters).fetchone()
    assert row is not None
    return row[0]


def create(connection: Connection, document: Json) -> uuid.UUID:
    """A new page."""
    return one(
        connection,
        "select page_id from api.create_page(%s, %s, %s, 100::smallint)",
        WORKSPACE,
        ACTOR,
        json.dumps(document),
    )


def read(connection: Connection, page: uuid.UUID) -> Json:
    """The document of a page, as patches address it."""
    body = json.loads(one(connection, "select body from api.get_page(%s, %s, %s, null)", WORKSPACE, ACTOR, page))
    return {name: body[name] for name in ("title", "properties", "blocks")}


def patch(connection: Connection, page: uuid.UUID, operations: Sequence[Json], kind: str = "patch") -> Json:
    """The answer of a patch that overwrites any version."""
    return json.loads(
        one(
            connection,
            "select body from api.patch_page(%s, %s, %s, '{*}', null, %s, %s, 100::smallint, 'representation')",
            WORKSPACE,
            ACTOR,
            page,
            json.dumps(operations),
            kind,
        )
    )


def put(connection: Connection, page: uuid.UUID, document: Json) -> Json:
    """The answer of a PUT that overwrites any version."""
    return json.loads(
        one(
            connection,
            "select body from api.put_page(%s, %s, %s, '{*}', null, %s, 100::smallint, 'representation')",
            WORKSPACE,
            ACTOR,
            page,
            json.dumps(document),
        )
    )


def expected(connection: Connection, document: Json, operations: Sequence[Json]) -> Json | None:
    """What RFC 6902 makes of the document, or None where no page can be like that or an operation does not apply."""
    try:
        result = one(connection, "select jsonpatch.apply(%s, %s)::text", json.dumps(document), json.dumps(operations))
    except psycopg.Error as error:
        assert error.sqlstate == "PT422"
        return None
    made = json.loads(result)
    names = [block.get("id") for block in made["blocks"]]
    good = all(set(block) == {"id", "type", "data"} and isinstance(block["data"], dict) for block in made["blocks"])
    return made if good and len(names) == len(set(names)) else None


def page_hash(connection: Connection, head: Json, order: Sequence[int], rows: dict[int, Json]) -> int:
    """The content hash of a page, from scratch."""
    return one(
        connection,
        "select core.page_hash(%s, %s::integer[], %s::jsonb[])",
        json.dumps(head),
        list(order),
        [json.dumps(rows[number]) for number in order],
    )


def check_history(connection: Connection, page: uuid.UUID) -> None:
    """Replay the log of a page in both directions, and compare rows with the order array, and hashes with content."""
    document = read(connection, page)
    changes = connection.execute(
        "select version, ops, undo, content_hash from core.page_changes where page_id = %s order by version", [page]
    ).fetchall()
    assert [version for version, _, _, _ in changes] == list(range(1, len(changes) + 1))
    states: list[Json] = []
    state = "null"
    for _, operations, _, _ in changes:
        state = one(connection, "select jsonpatch.apply(%s, %s, 100000)::text", state, json.dumps(operations))
        states.append(json.loads(state))
    assert states[-1] == document
    order: list[int] = one(connection, "select block_order from core.pages where id = %s", page)
    rows: dict[int, Json] = dict(
        connection.execute(
            "select no, jsonb_build_object('id', id, 'type', type, 'data', data) from core.blocks where page_id = %s",
            [page],
        ).fetchall()
    )
    assert sorted(rows) == sorted(order), "a row for each number of the order and no other"
    head = {name: document[name] for name in ("title", "properties")}
    hashes = [content_hash for _, _, _, content_hash in changes]
    assert one(connection, "select content_hash from core.pages where id = %s", page) == hashes[-1]
    assert page_hash(connection, head, order, rows) == hashes.pop()
    for (_, _, undo, _), before in zip(reversed(changes[1:]), reversed(states[:-1]), strict=True):
        order = undo.get("order", order)
        head |= {name: undo[name] for name in ("title", "properties") if name in undo}
        for number, block in undo["blocks"].items():
            rows.pop(int(number), None)
            if block is not None:
                rows[int(number)] = block
        assert sorted(rows) == sorted(order)
        assert {**head, "blocks": [rows[number] for number in order]} == before
        assert page_hash(connection, head, order, rows) == hashes.pop()


ONE: Json = {"id": "b0", "type": "p", "data": {}}


@example(
    document={"title": "", "properties": {}, "blocks": [ONE]},
    patches=[[{"op": "add", "path": "/blocks/-", "value": ONE}, {"op": "add", "path": "/blocks", "value": [ONE]}]],
)
@example(
    document={"title": "", "properties": {}, "blocks": [ONE]},
    patches=[[{"op": "add", "path": "/blocks/-", "value": ONE}, {"op": "remove", "path": "/blocks/0"}]],
)
@RELAXED
@given(document=DOCUMENTS, patches=st.lists(st.lists(OPERATIONS, min_size=1, max_size=5), min_size=1, max_size=4))
def test_patch_is_rfc_6902_on_the_document(pages: Connection, document: Json, patches: list[list[Json]]) -> None:
    page = create(pages, document)
    assert read(pages, page) == document
    for operations in patches:
        before = read(pages, page)
        after = expected(pages, before, operations)
        try:
            answer = patch(pages, page, operations)
        except psycopg.Error as error:
            assert error.sqlstate == "PT422", error
            assert after is None, f"{operations} on {before}: {error}"
            assert read(pages, page) == before
        else:
            assert after is not None, f"{operations} on {before} was accepted"
            assert read(pages, page) == after
            assert {name: answer["document"][name] for name in after} == after
            assert (answer["version"] == answer["base_version"]) == (after == before)
            replayed = one(
                pages,
                "select jsonpatch.apply(%s, %s)::text",
                json.dumps(before),
                json.dumps(answer["applied_patch"]),
            )
            assert json.loads(replayed) == after
    check_history(pages, page)


@RELAXED
@given(documents=st.lists(DOCUMENTS, min_size=2, max_size=5))
def test_put_round_trips(pages: Connection, documents: list[Json]) -> None:
    page = create(pages, documents[0])
    for document in documents[1:]:
        before = read(pages, page)
        answer = put(pages, page, document)
        assert read(pages, page) == document
        assert (answer["version"] == answer["base_version"]) == (before == document)
    check_history(pages, page)


@RELAXED
@given(start=DOCUMENTS, order=st.permutations(NAMES), left=st.integers(0, 8))
def test_one_moved_block_is_one_move(pages: Connection, start: Json, order: list[str], left: int) -> None:
    block: Json = {"type": "p", "data": {}}
    page = create(pages, {"title": "", "blocks": [{"id": name, **block} for name in NAMES]})
    start["blocks"] = [{"id": name, **block} for name in order[:left]]
    operations = put(pages, page, start)["applied_patch"]
    places = [NAMES.index(name) for name in order[:left]]
    longest = [1] * left
    for place in range(left):
        longest[place] += max((longest[i] for i in range(place) if places[i] < places[place]), default=0)
    kinds = [operation["op"] for operation in operations if operation["path"].startswith("/blocks")]
    assert kinds.count("move") == left - max(longest, default=0)
    assert kinds.count("remove") == 8 - left
    assert len(kinds) == kinds.count("move") + kinds.count("remove")
    check_history(pages, page)


@RELAXED
@given(document=DOCUMENTS, merge=DOCUMENTS, members=st.sets(st.sampled_from(["title", "properties", "blocks"])))
def test_merge_patch_is_rfc_7396(pages: Connection, document: Json, merge: Json, members: set[str]) -> None:
    page = create(pages, document)
    given_patch = {name: merge[name] for name in members}
    patch(pages, page, given_patch, "merge")  # pyright: ignore[reportArgumentType] - an object here
    after = one(pages, "select jsonpatch.merge(%s, %s)::text", json.dumps(document), json.dumps(given_patch))
    assert read(pages, page) == json.loads(after)
    check_history(pages, page)
