"""Embedders: the hashing one's arithmetic, and the HTTP one against a server that fails, stalls and rate-limits."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest

from db.embedders import HashingEmbedder, OpenAIEmbedder, Outage, Refused, from_settings, to_text
from db.embedders.openai import retry_after
from db.settings import Settings
from db.tests.embedding_server import EmbeddingServer

pytestmark = pytest.mark.once


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    server = EmbeddingServer()
    yield server
    server.close()


@pytest.fixture
def remote(server: EmbeddingServer) -> Iterator[OpenAIEmbedder]:
    embedder = OpenAIEmbedder(server.url, "m", 384, api_key="secret", timeout=0.5)
    yield embedder
    embedder.close()


def test_hashing_gives_unit_vectors_that_never_change() -> None:
    vectors = HashingEmbedder().embed(["The quick brown fox", "", "Äpfel, 東京!"])
    assert vectors.shape == (3, 384) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 1], abs=1e-5)
    # stored vectors stay comparable only while this holds on every machine and version
    assert np.flatnonzero(HashingEmbedder().embed(["fox"])[0]).tolist() == [44, 89, 268, 297]


def test_hashing_is_nearer_for_shared_words_and_other_forms() -> None:
    base, form, other = HashingEmbedder().embed(
        ["retention of finished entries", "retained: a finished entry", "mountain railway timetable"]
    )
    assert base @ form > 0.3 > base @ other


def test_vectors_as_pgvector_reads_them() -> None:
    assert to_text(np.array([0.5, -1.25e-7, 1], dtype=np.float32)) == "[0.5,-1.25e-07,1]"


def test_remote_vectors_come_in_the_order_of_the_texts_over_one_connection(
    server: EmbeddingServer, remote: OpenAIEmbedder
) -> None:
    texts = ["one", "two", "three"]
    for _ in range(3):
        assert np.allclose(remote.embed(texts), HashingEmbedder().embed(texts), atol=1e-6)
    assert server.requests == 3 and len(server.connections) == 1
    assert server.keys == {"Bearer secret"}


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 502, 503, 301])
def test_what_concerns_every_request_is_an_outage(server: EmbeddingServer, remote: OpenAIEmbedder, status: int) -> None:
    server.status = status
    with pytest.raises(Outage, match=str(status)) as caught:
        remote.embed(["text"])
    assert caught.value.retry_after == 10


def test_a_rate_limit_says_how_long_to_wait(server: EmbeddingServer, remote: OpenAIEmbedder) -> None:
    server.status, server.headers = 429, {"retry-after": "37"}
    with pytest.raises(Outage) as caught:
        remote.embed(["text"])
    assert caught.value.retry_after == 37


def test_a_rate_limit_may_name_a_date(server: EmbeddingServer, remote: OpenAIEmbedder) -> None:
    now = datetime.now(UTC)
    server.status, server.headers = 503, {"retry-after": format_datetime(now + timedelta(seconds=90), usegmt=True)}
    with pytest.raises(Outage) as caught:
        remote.embed(["text"])
    assert 85 < caught.value.retry_after <= 91


def test_a_date_is_compared_with_the_clock_of_its_sender() -> None:
    date = b"Wed, 21 Oct 2015 07:28:00 GMT"
    assert retry_after([(b"Retry-After", b"Wed, 21 Oct 2015 07:30:00 GMT"), (b"Date", date)]) == 120
    assert retry_after([(b"retry-after", date)]) == 0.1, "long ago"
    assert [retry_after([(b"retry-after", value)]) for value in (b"soon", b"nan", b"1e9", b"-3")] == [10, 10, 600, 0.1]


def test_a_provider_that_trickles_bytes_is_an_outage_in_time(server: EmbeddingServer, remote: OpenAIEmbedder) -> None:
    server.trickle = 0.05
    begin = time.monotonic()
    with pytest.raises(Outage, match="ReadTimeout"):
        remote.embed(["text"])
    assert time.monotonic() - begin < 2, "0.5 s is the limit of the whole call; the server would go on for 30"


def test_a_connection_that_breaks_is_replaced_once(server: EmbeddingServer, remote: OpenAIEmbedder) -> None:
    remote.embed(["one"])
    server.hang_up = 1
    assert remote.embed(["two"]).shape == (1, 384)
    assert server.requests == 3 and len(server.connections) == 2
    server.hang_up = 2
    with pytest.raises(Outage, match="RemoteProtocolError"):
        remote.embed(["three"])
    assert server.requests == 5


def test_a_stalling_provider_is_an_outage(server: EmbeddingServer, remote: OpenAIEmbedder) -> None:
    server.stall = threading.Event()
    with pytest.raises(Outage, match="ReadTimeout"):
        remote.embed(["text"])


def test_nobody_listening_is_an_outage(server: EmbeddingServer, remote: OpenAIEmbedder) -> None:
    server.close()
    with pytest.raises(Outage, match="ConnectError"):
        remote.embed(["text"])


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_concerns_the_texts_is_a_refusal(server: EmbeddingServer, remote: OpenAIEmbedder, status: int) -> None:
    server.status = status
    with pytest.raises(Refused, match=f"{status}.*told to fail"):
        remote.embed(["text"])


@pytest.mark.parametrize(
    "raw",
    ["", "<html>", "[]", '{"data": [{"index": 0}]}', json.dumps({"data": [{"index": 0, "embedding": [1, 2]}]})],
)
def test_an_answer_that_is_no_vector_of_the_dimensions_is_a_refusal(
    server: EmbeddingServer, remote: OpenAIEmbedder, raw: str
) -> None:
    server.raw = raw
    with pytest.raises(Refused):
        remote.embed(["text"])


def test_settings_choose_the_embedder() -> None:
    assert from_settings(Settings.from_env({})).name == "hashing-384"
    remote = from_settings(
        Settings.from_env(
            {
                "QUIRE_EMBEDDER": "openai",
                "QUIRE_EMBEDDING_URL": "http://127.0.0.1:1/v1",
                "QUIRE_EMBEDDING_MODEL": "m",
                "QUIRE_EMBEDDING_DIMENSIONS": "3",
            }
        )
    )
    assert (remote.name, remote.dimensions, remote.remote) == ("m", 3, True)
    remote.close()
