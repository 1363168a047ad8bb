"""Fixtures of the workers' tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import psycopg
import pytest

from db.embedders import OpenAIEmbedder
from db.tests.embedding_server import DIMENSIONS, EmbeddingServer
from worker.tests import pages
from worker.tests.drains import MODEL


@pytest.fixture
def provider() -> Iterator[EmbeddingServer]:
    with closing(EmbeddingServer()) as server:
        yield server


@pytest.fixture
def embedder(provider: EmbeddingServer) -> Iterator[OpenAIEmbedder]:
    with closing(OpenAIEmbedder(provider.url, MODEL, DIMENSIONS, timeout=5)) as embedder:
        yield embedder


@pytest.fixture
def workspace(conn: psycopg.Connection) -> UUID:
    conn.execute(
        "truncate core.indexing_queue, core.indexing_leases, core.indexing_breakers, core.indexing_dead_letters"
    )
    conn.execute("select indexing.ensure_model(%s, %s)", [MODEL, DIMENSIONS])
    return pages.create_workspace(conn)
