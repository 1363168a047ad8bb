"""A change of the embedding model from end to end, by the command, with search going on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from app.tests.processes import Api, running_worker, wait_until
from db.tests.embedding_server import EmbeddingServer

MODEL = "all-MiniLM-L6-v2"


@pytest.fixture
def provider() -> Iterator[EmbeddingServer]:
    with closing(EmbeddingServer()) as server:
        yield server


def reembed(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "DATABASE_URL": database}
    command = [sys.executable, "-m", "app.cli", "reembed", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)


def count(conn: psycopg.Connection, model: str) -> int:
    row = conn.execute("select count(*) from core.block_embeddings where model = %s", [model]).fetchone()
    assert row is not None
    return row[0]


def test_mistakes_are_said_before_anything_changes(
    api: Api, conn: psycopg.Connection, provider: EmbeddingServer
) -> None:
    for arguments, message in [
        ((), "no model is being filled: name one with --model"),
        (("--model", "hashing-384"), "hashing-384 is the active model already"),
        (("--model", "m"), "give --url or set QUIRE_EMBEDDING_URL"),
        (
            ("--model", "m", "--url", "http://127.0.0.1:9/v1"),
            "m does not embed: http://127.0.0.1:9/v1/",
        ),
        (("--model", "m", "--url", provider.url, "--dimensions", "7"), "m has 384 dimensions, not 7"),
        (("--model", "m", "--url", provider.url, "--key-variable", "PGPASSWORD"), "--key-variable is 'PGPASSWORD'"),
        (("--abort",), "no model is being filled: there is nothing to give up"),
    ]:
        done = reembed(api.database, *arguments)
        assert done.returncode == 1 and message in done.stderr, done
    assert conn.execute("select name, state from core.embedding_models").fetchall() == [("hashing-384", "active")]


def test_one_at_a_time(api: Api, conn: psycopg.Connection) -> None:
    with psycopg.connect(api.database) as other:
        other.execute("select pg_advisory_lock(hashtextextended('quire.reembed', 0))")
        pid = other.info.backend_pid
        done = reembed(api.database, "--model", MODEL)
    assert done.returncode == 1 and "another `quire reembed` is at work" in done.stderr
    assert f"server process {pid}" in done.stderr


@pytest.mark.slow
def test_search_by_meaning_after_a_change_of_model(api: Api, conn: psycopg.Connection, tmp_path: Path) -> None:
    texts = ["The stock market fell sharply", "The cat sleeps on the sofa", "He repairs bicycles in his garage"]
    blocks = [{"id": f"b{n}", "type": "paragraph", "data": {"text": text}} for n, text in enumerate(texts)]
    pages = [api.create(title="", blocks=[block]) for block in blocks]

    def best(query: str) -> str | None:
        answer = api.client().get("/search", params={"q": query, "mode": "vector", "limit": "1"}).json()
        return answer["hits"][0]["page_id"] if answer["hits"] else None

    with running_worker(api.database, tmp_path / "worker.log"):
        wait_until(lambda: count(conn, "hashing-384") >= 3, 30)
        assert best("feline pet") != pages[1], "the hashing embedder knows words only"
        done = reembed(api.database, "--model", MODEL)
        assert done.returncode == 0, done
        assert f"{MODEL} is the active model now; hashing-384 is no longer" in done.stdout
        wait_until(lambda: best("feline pet") == pages[1], 15)
        assert "quire-degraded" not in api.client().get("/search?q=feline%20pet").headers
        assert best("share prices") == pages[0]
        # what is saved now is embedded by the new model
        fresh = api.create(
            title="", blocks=[{"id": "n", "type": "paragraph", "data": {"text": "An aircraft is landing"}}]
        )
        wait_until(lambda: best("airplane arrives at the airport") == fresh, 20)
        assert reembed(api.database, "--model", MODEL).stderr == f"quire: {MODEL} is the active model already\n"
        dropped = reembed(api.database, "--drop-old")
        assert dropped.returncode == 0 and "hashing-384:" in dropped.stdout, dropped
        assert count(conn, "hashing-384") == 0
        row = conn.execute("select to_regclass('core.block_embeddings_hashing_384_ix')").fetchone()
        assert row == (None,)
    assert [line.split()[:2] for line in reembed(api.database, "--status").stdout.splitlines()] == [["active", MODEL]]
