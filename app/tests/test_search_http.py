"""From a save to a hit: with a real worker, and before any worker has seen it."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from app.tests.processes import Api, running_api, wait_until
from db.tests.embedding_server import DIMENSIONS, EmbeddingServer


def hits(api: Api, query: str, **parameters: str) -> list[dict[str, object]]:
    answer = api.client().get("/search", params={"q": query, **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()["hits"]


def depth(conn: psycopg.Connection) -> int:
    row = conn.execute("select count(*) from core.indexing_queue").fetchone()
    assert row is not None
    return row[0]


def test_a_save_is_found_at_once_and_says_that_it_waits(api: Api) -> None:
    page = api.create(
        title="Quokka", blocks=[{"id": "a", "type": "paragraph", "data": {"text": "the <b>wombat</b> digs"}}]
    )
    answer = api.client().get("/search", params={"q": "wombat"}).json()
    assert [(hit["page_id"], hit["block_id"]) for hit in answer["hits"]] == [(page, "a")]
    assert answer["hits"][0]["snippet"] == "the &lt;b&gt;<mark>wombat</mark>&lt;/b&gt; digs"
    assert answer["waiting"] >= 2
    assert hits(api, "quokka")[0]["block_id"] is None
    assert api.client().head("/search?q=wombat").content == b""


def test_a_save_wakes_the_worker(api: Api, worker: None, conn: psycopg.Connection) -> None:
    wait_until(lambda: depth(conn) == 0)
    time.sleep(0.3)  # away from the beat of the worker's own clock
    page = api.create(blocks=[{"id": "a", "type": "todo", "data": {"text": "feed the numbat", "checked": True}}])
    begin = time.monotonic()
    wait_until(lambda: depth(conn) == 0, 2)
    assert time.monotonic() - begin < 2
    for mode in ("hybrid", "text", "vector"):
        assert hits(api, "numbat", mode=mode)[0]["page_id"] == page, mode
    # By parts of words: what the built-in vectors are for.
    assert hits(api, "numbats", mode="vector")[0]["page_id"] == page
    found = hits(api, "numbat", contains=json.dumps({"checked": True}))
    assert [hit["page_id"] for hit in found] == [page]
    assert hits(api, "numbat", contains=json.dumps({"checked": False})) == []
    assert (
        api.metric("indexing_queue_depth") == 0 or wait_until(lambda: api.metric("indexing_queue_depth") == 0) is None
    )
    api.client().delete(f"/pages/{page}", headers={"If-Match": "*"})
    assert page not in {hit["page_id"] for hit in hits(api, "numbat")}


def test_many_saves_make_few_wake_ups(api: Api) -> None:
    before = api.metric("quire_db_call_duration_seconds_count", function="wake_indexing", outcome="ok")
    begin = time.monotonic()
    client = api.client()
    for _ in range(40):
        client.post("/pages", json={})
    seconds = time.monotonic() - begin
    wait_until(
        lambda: api.metric("quire_db_call_duration_seconds_count", function="wake_indexing", outcome="ok") > before
    )
    after = api.metric("quire_db_call_duration_seconds_count", function="wake_indexing", outcome="ok")
    assert after - before <= seconds / 0.05 + 1


def test_the_worker_is_not_woken_by_what_failed(api: Api) -> None:
    time.sleep(0.3)
    before = api.metric("quire_db_call_duration_seconds_count", function="wake_indexing", outcome="ok")
    api.client().post("/pages", json=[])
    api.client().get("/pages")
    time.sleep(0.3)
    assert api.metric("quire_db_call_duration_seconds_count", function="wake_indexing", outcome="ok") == before


def test_what_a_token_may_not_see_is_not_found(api: Api, conn: psycopg.Connection) -> None:
    api.create(title="bandicoot")
    row = conn.execute("select ops.create_workspace('other')").fetchone()
    assert row is not None
    token = api.new_token("read", "write", workspace=row[0])
    client = api.client(token)
    assert client.get(f"{api.url}/v1/workspaces/{row[0]}/search?q=bandicoot").json()["hits"] == []


@pytest.fixture
def remote(database: str, tmp_path: Path) -> Generator[tuple[Api, EmbeddingServer]]:
    provider = EmbeddingServer()
    settings = {
        "QUIRE_EMBEDDER": "openai",
        "QUIRE_EMBEDDING_URL": provider.url,
        "QUIRE_EMBEDDING_MODEL": "remote-model",
        "QUIRE_EMBEDDING_DIMENSIONS": str(DIMENSIONS),
    }
    with running_api(database, tmp_path / "log", **settings) as running:
        yield running, provider
    provider.close()


def test_without_the_embedding_endpoint_search_goes_on_by_text(
    remote: tuple[Api, EmbeddingServer], database: str
) -> None:
    api, provider = remote
    client = api.client()
    api.create(title="potoroo")
    answer = client.get("/search?q=potoroo")
    assert "quire-degraded" not in answer.headers, "the database's model is used, whatever the settings say"
    assert answer.json()["hits"][0]["title"] == "potoroo" and provider.requests == 0
    with psycopg.connect(database) as connection:
        connection.execute("truncate core.block_embeddings")
        connection.execute("select indexing.ensure_model('remote-model', %s)", [DIMENSIONS])
    wait_until(lambda: client.get("/search?q=potoroo").status_code == 200 and provider.requests > 0, 10)
    answer = client.get("/search?q=potoroo")
    assert "quire-degraded" not in answer.headers
    assert len(answer.json()["hits"]) == 1
    provider.status = 503
    answer = client.get("/search?q=potoroo")
    assert (answer.status_code, answer.headers["quire-degraded"]) == (200, "vector")
    assert len(answer.json()["hits"]) == 1
    answer = client.get("/search?q=potoroo&mode=vector")
    assert (answer.status_code, answer.json()["code"]) == (503, "embedder_unavailable")
    assert "quire-degraded" not in client.get("/search?q=potoroo&mode=text").headers
