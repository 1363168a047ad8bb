"""The queue backs up, with a real worker: the provider is out, or imports came first. Saves and search go on."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from db.tests.embedding_server import EmbeddingServer
from worker.tests import pages
from worker.tests.test_process import MODEL, running, wait_until, waiting

IMPORTS = 20_000


@pytest.fixture
def actor(conn: psycopg.Connection) -> UUID:
    """Who saves; nothing waits of other tests."""
    conn.execute(
        "truncate core.indexing_queue, core.indexing_leases, core.indexing_breakers, core.indexing_dead_letters"
    )
    user = uuid4()
    conn.execute("insert into core.users (id, name, created_at) values (%s, %s, now())", [user, str(user)])
    return user


def workspace_of(conn: psycopg.Connection, actor: UUID) -> UUID:
    workspace = pages.create_workspace(conn)
    conn.execute("select ops.add_member(%s, %s, 'editor')", [workspace, actor])
    return workspace


def create(conn: psycopg.Connection, workspace: UUID, actor: UUID, *texts: str) -> UUID:
    """A save as the API makes it."""
    blocks = [{"type": "paragraph", "data": {"text": text}} for text in texts]
    row = conn.execute(
        "select page_id from api.create_page(%s, %s, %s, 100::smallint)",
        [workspace, actor, json.dumps({"title": f"Page {uuid4()}", "blocks": blocks})],
    ).fetchone()
    assert row is not None
    return row[0]


def edit(conn: psycopg.Connection, workspace: UUID, actor: UUID, page: UUID, text: str) -> None:
    """Another save: the first block's text."""
    patch = [{"op": "replace", "path": "/blocks/0/data/text", "value": text}]
    conn.execute(
        "select * from api.patch_page(%s, %s, %s, '{*}', null, %s, 'patch', 100::smallint, 'minimal')",
        [workspace, actor, page, json.dumps(patch)],
    )


def search(conn: psycopg.Connection, workspace: UUID, actor: UUID, word: str) -> dict[str, Any]:
    row = conn.execute(
        "select body from api.search(%s, %s, %s, 'text', null, 20, null, null)", [workspace, actor, word]
    ).fetchone()
    assert row is not None
    return json.loads(row[0])


def count(conn: psycopg.Connection, statement: str, *parameters: object) -> int:
    row = conn.execute(statement.encode(), parameters).fetchone()
    assert row is not None
    return int(row[0])


def outages(conn: psycopg.Connection) -> int:
    """How often the provider was found out in a row; 0: the breaker is closed."""
    return count(conn, "select coalesce(sum(outages), 0) from core.indexing_breakers where model = %s", MODEL)


@pytest.mark.slow
def test_while_the_provider_is_out_saves_are_found_and_afterwards_all_is_indexed(
    conn: psycopg.Connection, database: str, provider: EmbeddingServer, actor: UUID
) -> None:
    workspace = workspace_of(conn, actor)
    provider.status, provider.headers = 503, {"retry-after": "0.2"}
    with running(database, provider) as worker:
        create(conn, workspace, actor, *(f"text {number}" for number in range(50)))
        # more often than the three attempts that an entry has
        wait_until(lambda: provider.requests >= 4 and outages(conn) >= 4, 40, "four requests refused")
        page = create(conn, workspace, actor, "neap tides")
        found = search(conn, workspace, actor, "neap")
        assert [hit["page_id"] for hit in found["hits"]] == [str(page)], "at once"
        assert found["index_lag_ms"] > 1000 and found["waiting"] >= 50
        edit(conn, workspace, actor, page, "spring tides")
        assert [hit["page_id"] for hit in search(conn, workspace, actor, "spring")["hits"]] == [str(page)]
        assert search(conn, workspace, actor, "neap")["hits"] == []
        asked = provider.requests
        wait_until(lambda: provider.requests > asked, 40, "the worker goes on asking")
        assert provider.texts == [] and waiting(conn) >= 51
        assert count(conn, "select count(*) from core.indexing_dead_letters") == 0
        assert count(conn, "select coalesce(max(attempts), 0) from core.indexing_queue where lease_id is null") == 0
        provider.status = None
        # the pause may have grown to half a minute
        wait_until(lambda: waiting(conn) == 0, 60, "an empty queue")
        wait_until(lambda: outages(conn) == 0, 10, "the breaker closed by itself")
        assert worker.process.poll() is None
    assert pages.disagreements(conn, workspace, MODEL) == []
    assert len(provider.texts) == len(set(provider.texts)), "nothing was embedded twice"
    assert count(conn, "select count(*) from core.indexing_dead_letters") == 0
    found = search(conn, workspace, actor, "spring")
    assert (found["index_lag_ms"], found["waiting"]) == (0, 0)


def import_pages(conn: psycopg.Connection, workspace: UUID) -> None:
    """Blocks of an import, all waiting."""
    conn.execute(
        "with made as (insert into core.pages (workspace_id, id, title, block_order, next_block_no)"
        " select %(workspace)s, gen_random_uuid(), '', (select array_agg(n) from generate_series(1, 100) as n), 101"
        " from generate_series(1, %(pages)s) returning id),"
        " blocks as (insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)"
        " select %(workspace)s, m.id, n, 'b' || n, 'paragraph', jsonb_build_object('text', m.id || ' ' || n), 1"
        " from made as m, generate_series(1, 100) as n)"
        " select core.enqueue_blocks(%(workspace)s, m.id, (select array_agg(n) from generate_series(1, 100) as n),"
        " '{}', 200::smallint) from made as m",
        {"workspace": workspace, "pages": IMPORTS // 100},
    )


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["another workspace", "the same workspace"])
def test_an_edit_does_not_wait_for_20000_imported_blocks(
    conn: psycopg.Connection, database: str, provider: EmbeddingServer, actor: UUID, whose: str
) -> None:
    workspace = workspace_of(conn, actor)
    import_pages(conn, workspace if whose == "the same workspace" else workspace_of(conn, actor))
    assert waiting(conn) == IMPORTS
    with running(database, provider, QUIRE_INDEX_BATCH="100", QUIRE_INDEX_LEASE_SECONDS="60"):
        wait_until(lambda: len(provider.texts) > 500, 60, "the import being indexed")
        page = create(conn, workspace, actor, "the edit")

        def indexed() -> bool:
            return count(conn, "select count(*) from core.block_embeddings where page_id = %s and no = 1", page) == 1

        wait_until(indexed, 5, "the edit's vector")
        left = count(conn, "select count(*) from core.indexing_queue where priority = 200")
    assert left > IMPORTS // 2, "long before the import is through"
