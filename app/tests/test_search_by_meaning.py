"""Search by meaning through the real API with a real worker and the local model, by whichever engine is installed.

`make test` has numpy, `make test-local` sentence-transformers. Nothing may be fetched: every process has a proxy that
nobody listens on, and HF_HUB_OFFLINE is not set.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Generator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psycopg
import pytest

from app import routes
from app.tests.processes import Api, running_api, running_worker, wait_until
from db.embedders import Outage, Vectors

pytestmark = pytest.mark.once

NOWHERE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
SETTINGS = {"QUIRE_EMBEDDER": "local", "QUIRE_LOG_LEVEL": "debug", **NOWHERE}
ENGINE = "numpy" if find_spec("sentence_transformers") is None else "sentence-transformers"


@pytest.fixture(scope="module")
def api(database: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Api]:
    with pytest.MonkeyPatch.context() as environ:
        environ.delenv("HF_HUB_OFFLINE", raising=False)
        with running_api(database, tmp_path_factory.mktemp("api") / "log", **SETTINGS) as running:
            yield running


def depth(conn: psycopg.Connection) -> int:
    row = conn.execute("select count(*) from core.indexing_queue").fetchone()
    assert row is not None
    return row[0]


def test_a_page_is_found_that_shares_no_word_with_the_query(
    api: Api, conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    meant = "Customers receive a refund within fourteen days"
    nearer = ["Get the back door key from my drawer", "How I do my laundry", "Money plants: how to water them"]
    page = api.create(title="", blocks=[{"id": "a", "type": "paragraph", "data": {"text": meant}}])
    for text in nearer:
        api.create(title="", blocks=[{"id": "a", "type": "paragraph", "data": {"text": text}}])
    query = "how do I get my money back"
    assert not set(query.split()) & set(meant.lower().split())
    assert all(set(query.lower().split()) & set(text.lower().replace(":", "").split()) for text in nearer)

    log = tmp_path / "worker.log"
    with running_worker(api.database, log, **SETTINGS):
        wait_until(lambda: depth(conn) == 0, 120)
    for mode in ("vector", "hybrid"):
        answer = api.client().get("/search", params={"q": query, "mode": mode})
        for _ in range(60):
            if answer.status_code != 503 and "quire-degraded" not in answer.headers:
                break
            time.sleep(1)  # its model is being loaded
            answer = api.client().get("/search", params={"q": query, "mode": mode})
        assert answer.json()["hits"][0]["page_id"] == page, mode
    assert api.client().get("/search", params={"q": query, "mode": "text"}).json()["hits"] == []

    for file in (log, api.log_file):
        events = [json.loads(line) for line in file.read_text().splitlines()]  # nothing but log lines
        (loaded,) = [event for event in events if event["event"] == "local model loaded"]
        assert loaded["engine"] == ENGINE


def test_a_worker_that_loads_its_model_ends_at_once(api: Api, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with running_worker(api.database, log, **SETTINGS) as process:
        wait_until(lambda: "worker started" in log.read_text(), 60)
        api.create(title="", blocks=[{"id": "a", "type": "paragraph", "data": {"text": "for the worker to embed"}}])
        time.sleep(1.5)
        loading = "local model loaded" not in log.read_text()
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        took = time.monotonic() - begin
    assert loading or ENGINE == "numpy", "it takes seconds to load"
    assert took < (20 if ENGINE == "numpy" else 3), "it would take twice as long to wait for PyTorch"


class Loading:
    """A model that is loaded so many seconds after it was told to prepare."""

    name, dimensions, remote = "loading", 2, True

    def __init__(self, seconds: float) -> None:
        self._seconds, self._begun = seconds, 0.0

    @property
    def ready(self) -> bool:
        return bool(self._begun) and time.monotonic() > self._begun + self._seconds

    def prepare(self) -> None:
        self._begun = self._begun or time.monotonic()

    def embed(self, texts: Sequence[str]) -> Vectors:
        assert self.ready, "a thread that others need would wait for the model"
        return np.ones((len(texts), 2), dtype=np.float32)

    def close(self) -> None: ...


def test_a_search_waits_a_moment_for_its_model_to_be_loaded_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "_LOAD_PATIENCE", 0.5)
    embed = routes._embed  # pyright: ignore[reportPrivateUsage]
    assert asyncio.run(embed(Loading(0.1), "query")) == "[1,1]"
    begin = time.monotonic()
    with pytest.raises(Outage, match="loading is being loaded"):
        asyncio.run(embed(Loading(60), "query"))
    assert time.monotonic() - begin < 5
