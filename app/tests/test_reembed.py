"""A change of the embedding model from end to end, by the command, with search going on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

import app.reembed
from app.tests.processes import Api, running_worker, wait_until
from db.embedders import Model
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
        (("--model", ""), "quire: --model is empty"),
        (("--model", "m", "--url", "notaurl"), "--url is 'notaurl': it takes http:// or https://"),
        (("--model", "m", "--url", "http://[", "--dimensions", "3"), "--url is 'http://[': it takes"),
        (("--model", "m", "--url", provider.url, "--dimensions", "-1"), "--dimensions is -1: it takes 1 to 16000"),
        (("--model", "m", "--url", provider.url, "--dimensions", "0"), "--dimensions is 0: it takes 1 to 16000"),
        (("--model", "x", "--embedder", "hashing"), "the hashing embedder has one model, hashing-384"),
        (("--model", "x", "--embedder", "local"), f"the local embedder has one model, {MODEL}"),
        (("--status", "--model", "x"), "--model goes with filling a model, not with --status"),
        (("--drop-old", "--key-variable", "x"), "--key-variable goes with filling a model, not with --drop-old"),
        (("--abort",), "no model is being filled: there is nothing to give up"),
    ]:
        done = reembed(api.database, *arguments)
        assert done.returncode == 1 and message in done.stderr, done
    assert conn.execute("select name, state from core.embedding_models").fetchall() == [("hashing-384", "active")]
    assert provider.requests == 1, "a provider is asked only when the options can be right"


def test_an_empty_name_does_not_go_on_with_the_model_being_filled(api: Api, conn: psycopg.Connection) -> None:
    conn.execute("select indexing.start_reembedding('m', 3, '{}')")
    try:
        done = reembed(api.database, "--model", "")
        assert (done.returncode, done.stdout, done.stderr) == (1, "", "quire: --model is empty\n")
    finally:
        conn.execute("select indexing.abort_reembedding()")
        conn.execute("delete from core.embedding_models where name = 'm'")


def test_one_at_a_time(api: Api, conn: psycopg.Connection) -> None:
    with psycopg.connect(api.database) as other:
        other.execute("select pg_advisory_lock(hashtextextended('quire.reembed', 0))")
        pid = other.info.backend_pid
        done = reembed(api.database, "--model", MODEL)
    assert done.returncode == 1 and "another `quire reembed` is at work" in done.stderr
    assert f"server process {pid}" in done.stderr


def test_why_nothing_is_embedded_is_said(api: Api, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    class Noted(Exception):
        pass

    def note(_: object, line: str) -> None:
        raise Noted(line)

    def said() -> str:
        with pytest.raises(Noted) as noted:
            app.reembed._fill(conn, Model("m", 3, "shadow"))  # pyright: ignore[reportPrivateUsage]
        return str(noted.value)

    monkeypatch.setattr(app.reembed, "_SILENT_SECONDS", 0.0)
    monkeypatch.setattr(app.reembed.Progress, "note", note)
    conn.execute("truncate core.pages, core.indexing_queue, core.indexing_dead_letters cascade")
    page = api.create(title="a page", blocks=[])
    conn.execute("update core.indexing_queue set run_at = now() - interval '1 s'")
    conn.execute(
        "insert into core.search_entries (workspace_id, page_id, no, block_id, type, ver, body, body_tsv, data,"
        " indexed_at) select workspace_id, page_id, no, block_id, type, ver, body, '', data, now()"
        " from core.indexable_blocks where page_id = %s",
        [page],
    )
    conn.execute("select indexing.start_reembedding('m', 3, '{}')")
    try:
        assert said() == "nothing embedded for 0 s: does a worker run, with this model?"
        conn.execute("update core.indexing_queue set run_at = now() + interval '1 h', last_error = 'x'")
        assert said() == "nothing embedded for 0 s: 1 wait for their next attempt"
        conn.execute("select indexing.open_breaker('m', 600, false, 'HTTP 503')")
        assert "s: the provider is out until 20" in (line := said()) and line.endswith("at least: HTTP 503"), line
        conn.execute("update core.indexing_breakers set open_until = now() - interval '5 min'")
        assert said() == "nothing embedded for 0 s: 1 wait for their next attempt", "nobody asks it again"
        conn.execute("select ops.pause_indexing('repair', null)")
        assert "s: the queue is paused by " in said()
    finally:
        conn.execute(
            "update core.indexing_control set paused = false, paused_at = null, paused_by = null, reason = null"
        )
        conn.execute("delete from core.indexing_breakers where model = 'm'")
        conn.execute("truncate core.pages, core.indexing_queue cascade")
        conn.execute("select indexing.abort_reembedding()")
        conn.execute("delete from core.embedding_models where name = 'm'")


@pytest.mark.slow
def test_dead_letters_have_no_vector_and_are_told_of(
    api: Api, conn: psycopg.Connection, provider: EmbeddingServer, tmp_path: Path
) -> None:
    conn.execute("truncate core.pages, core.indexing_queue, core.indexing_dead_letters cascade")
    with running_worker(api.database, tmp_path / "worker.log"):
        blocks = [{"type": "paragraph", "data": {"text": f"text {n}"}} for n in range(5)]
        api.create(title="", blocks=blocks)
        wait_until(lambda: count(conn, "hashing-384") >= 5, 30)
        conn.execute(
            "insert into core.indexing_dead_letters"
            " (workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error)"
            " select workspace_id, page_id, no, 'upsert', 1, 3, now(), now(), 'embedding_refused', 'refused'"
            " from core.search_entries where body in ('text 1', 'text 3')"
        )
        done = reembed(api.database, "--model", "m", "--url", provider.url)
        assert done.returncode == 0 and count(conn, "m") == 3, done
        assert "\n2 texts are dead letters and have no vector of it: quire indexing dead-letters\n" in done.stdout
        assert reembed(api.database, "--status").stdout.splitlines() == [
            "active   m (384 dimensions): 3 of 5 texts have its vector, 2 are dead letters",
            "retired  hashing-384 (384 dimensions): 5 of 5 texts have its vector",
            "Dead letters get no vector until they are edited or replayed: quire indexing dead-letters",
        ]
        conn.execute("delete from core.indexing_dead_letters")
        assert reembed(api.database, "--model", "hashing-384").returncode == 0
        assert "dead letters" not in reembed(api.database, "--status").stdout
        assert reembed(api.database, "--drop-old").returncode == 0


@pytest.mark.slow
def test_stopped_in_an_outage_and_gone_on_with_while_search_keeps_the_old_model(
    api: Api, conn: psycopg.Connection, provider: EmbeddingServer, tmp_path: Path
) -> None:
    conn.execute("truncate core.pages, core.indexing_queue, core.search_entries, core.block_embeddings cascade")
    for number in range(3):
        texts = [f"text {number} {n}" for n in range(50)]
        api.create(title="", blocks=[{"type": "paragraph", "data": {"text": text}} for text in texts])

    def found(word: str) -> tuple[int, str | None]:
        answer = api.client().get("/search", params={"q": word, "mode": "vector", "limit": "1"})
        return len(answer.json()["hits"]), answer.headers.get("quire-degraded")

    environ = {**os.environ, "DATABASE_URL": api.database}
    command = [sys.executable, "-m", "app.cli", "reembed"]
    with running_worker(api.database, tmp_path / "worker.log"):
        wait_until(lambda: count(conn, "hashing-384") >= 150, 30)
        provider.headers = {"retry-after": "0.2"}
        with subprocess.Popen(
            [*command, "--model", "m", "--url", provider.url], env=environ, stderr=subprocess.PIPE, text=True
        ) as first:
            # it has asked once, before it changed anything; from now on its provider is out
            wait_until(lambda: provider.requests >= 1, 30)
            provider.status = 503
            wait_until(lambda: provider.requests >= 3, 60)
            fresh = api.create(title="", blocks=[{"type": "paragraph", "data": {"text": "meanwhile"}}])
            made = "select count(*) from core.block_embeddings where page_id = %s"
            wait_until(lambda: conn.execute(made, [fresh]).fetchone() == (1,), 20)
            assert found("meanwhile") == (1, None)
            history = "select count(*) from core.indexing_done"
            time.sleep(1)
            before = conn.execute(history).fetchone()
            time.sleep(2)
            assert conn.execute(history).fetchone() == before, "nothing is done again and again"
            first.send_signal(signal.SIGINT)
            _, said = first.communicate(timeout=20)
        assert first.returncode == 130 and "`quire reembed` goes on, --abort gives up" in said, said
        assert conn.execute("select state from core.embedding_models where name = 'm'").fetchone() == ("shadow",)
        assert conn.execute("select count(*) from core.indexing_dead_letters").fetchone() == (0,)
        provider.status = None
        done = reembed(api.database)
        assert done.returncode == 0, done
        assert "m (384 dimensions) goes on being filled" in done.stdout and "m is the active model now" in done.stdout
        assert count(conn, "m") == count(conn, "hashing-384")
        assert len(provider.texts) == len(set(provider.texts)), "no text is embedded twice"
        assert api.client().get(f"/pages/{fresh}").status_code == 200
        # never without an answer while the API hears of the switch: by the old model's vectors, then by the new one's
        for _ in range(40):
            assert found("meanwhile") == (1, None)
            time.sleep(0.2)
        # back again, which has its vectors still
        back = reembed(api.database, "--model", "hashing-384")
        assert back.returncode == 0 and "m is no longer" in back.stdout, back
        assert reembed(api.database, "--drop-old").stdout.startswith("m: 151 vectors removed")
        conn.execute("truncate core.pages, core.indexing_queue cascade")
        wait_until(lambda: found("meanwhile") == (0, None), 15)


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
