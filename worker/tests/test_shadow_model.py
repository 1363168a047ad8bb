"""A second model that is being filled: edits are embedded by both, and its troubles hold nobody up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import UUID

import psycopg
import pytest

from db.embedders import OpenAIEmbedder
from db.tests.embedding_server import DIMENSIONS, EmbeddingServer
from worker.tests import pages
from worker.tests.drains import MODEL, put_out, queue, until_empty, with_drain


@pytest.fixture
def shadow(conn: psycopg.Connection, workspace: UUID) -> Iterator[tuple[OpenAIEmbedder, EmbeddingServer]]:
    """Another model that is being filled, beside that of the workspace fixture, with a provider of its own."""
    with closing(EmbeddingServer()) as server, closing(OpenAIEmbedder(server.url, "shadow", DIMENSIONS)) as embedder:
        conn.execute(
            "insert into core.embedding_models (name, dimensions, state, created_at)"
            " values ('shadow', %s, 'shadow', now()) on conflict (name) do update set state = 'shadow'",
            [DIMENSIONS],
        )
        yield embedder, server
        conn.execute("delete from core.embedding_models where name = 'shadow'")


def vectors(conn: psycopg.Connection, page: UUID) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select no, model from core.block_embeddings where page_id = %s order by no, model", [page]
    ).fetchall()


def enqueue_missing(conn: psycopg.Connection, workspace: UUID) -> None:
    """What the shadow lacks of a workspace; other tests' pages lack it, too."""
    conn.execute("select indexing.enqueue_missing('shadow', %s, %s, 100000)", (UUID(int=0), UUID(int=0)))
    conn.execute("delete from core.indexing_queue where workspace_id <> %s", [workspace])


def test_an_edit_is_embedded_by_a_shadow_model_too_whose_outage_holds_nobody_up(
    conn: psycopg.Connection,
    database: str,
    embedder: OpenAIEmbedder,
    shadow: tuple[OpenAIEmbedder, EmbeddingServer],
    workspace: UUID,
) -> None:
    page = pages.create_page(conn, workspace, ["one", "two"])
    with_drain(database, [embedder, shadow[0]], until_empty)
    assert vectors(conn, page) == [(no, model) for no in (1, 2) for model in ("shadow", MODEL)]
    shadow[1].status = 503
    page = pages.create_page(conn, workspace, ["three"])
    with_drain(database, [embedder, shadow[0]], until_empty)
    assert queue(conn) == []
    assert vectors(conn, page) == [(1, MODEL)]
    opened = conn.execute("select model from core.indexing_breakers where outages > 0").fetchall()
    assert opened == [("shadow",)]


def test_what_is_there_to_be_embedded_by_a_shadow_model_waits_for_its_provider(
    conn: psycopg.Connection,
    database: str,
    embedder: OpenAIEmbedder,
    provider: EmbeddingServer,
    shadow: tuple[OpenAIEmbedder, EmbeddingServer],
    workspace: UUID,
) -> None:
    """Done at once they would be queued again at once, as often as a worker can, until the provider is back."""
    page = pages.create_page(conn, workspace, ["one", "two"])
    with_drain(database, embedder, until_empty)
    enqueue_missing(conn, workspace)
    shadow[1].status, shadow[1].headers = 503, {"retry-after": "0.2"}
    with_drain(database, [embedder, shadow[0]], until_empty)
    assert [(entry[1], entry[2]) for entry in queue(conn)] == [(0, 0)] * 2, "neither done nor charged"
    shadow[1].status = None
    time.sleep(0.5)
    with_drain(database, [embedder, shadow[0]], until_empty)
    assert queue(conn) == [] and vectors(conn, page) == [(no, model) for no in (1, 2) for model in ("shadow", MODEL)]
    assert len(provider.texts) == 2, "the active model is not asked again"


def test_a_text_that_a_shadow_model_refuses_is_charged_alone(
    conn: psycopg.Connection,
    database: str,
    embedder: OpenAIEmbedder,
    shadow: tuple[OpenAIEmbedder, EmbeddingServer],
    workspace: UUID,
) -> None:
    page = pages.create_page(conn, workspace, ["one", "poison", "three"])
    with_drain(database, embedder, until_empty)
    enqueue_missing(conn, workspace)
    shadow[1].poison = "poison"
    with_drain(database, [embedder, shadow[0]], until_empty)
    assert [entry[0] for entry in queue(conn)] == [2]
    assert [row for row in vectors(conn, page) if row[1] == "shadow"] == [(1, "shadow"), (3, "shadow")]


def test_re_embedding_does_not_take_the_active_models_probe(
    conn: psycopg.Connection,
    database: str,
    embedder: OpenAIEmbedder,
    shadow: tuple[OpenAIEmbedder, EmbeddingServer],
    workspace: UUID,
) -> None:
    """Its texts do not ask that provider: nobody would hear of it for 30 s, and then the next batch did the same."""
    pages.create_page(conn, workspace, ["one", "two"])
    with_drain(database, embedder, until_empty)
    enqueue_missing(conn, workspace)
    put_out(conn, seconds=-1)
    with_drain(database, [embedder, shadow[0]], until_empty)
    assert queue(conn) == []
    breaker = conn.execute("select outages, probe_until from core.indexing_breakers where model = %s", [MODEL])
    assert breaker.fetchone() == (1, None)


def test_re_embedding_goes_on_while_the_active_models_provider_is_out(
    conn: psycopg.Connection,
    database: str,
    embedder: OpenAIEmbedder,
    provider: EmbeddingServer,
    shadow: tuple[OpenAIEmbedder, EmbeddingServer],
    workspace: UUID,
) -> None:
    """It may be the way out of an outage that never ends; what was put off once is not left behind."""
    page = pages.create_page(conn, workspace, ["one", "two"])
    with_drain(database, embedder, until_empty)
    enqueue_missing(conn, workspace)
    provider.status = 503
    put_out(conn, seconds=3600)
    shadow[1].status, shadow[1].headers = 503, {"retry-after": "0.2"}
    with_drain(database, [embedder, shadow[0]], until_empty)
    assert len(queue(conn)) == 2
    shadow[1].status = None
    time.sleep(0.5)
    with_drain(database, [embedder, shadow[0]], until_empty)
    assert queue(conn) == [] and len(vectors(conn, page)) == 4
