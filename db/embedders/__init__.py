"""Where vectors come from: the built-in hashing embedder, a local model, or any OpenAI-compatible endpoint.

An embedder is synchronous; the worker and the API run a slow one in a thread. Failures come in two kinds, treated
differently: Outage is nobody's fault (wait, charge no entry), Refused is about the texts (`requests.ask` finds out
which). Which model is used is the database's to say: see `models`.
"""

from __future__ import annotations

from db.embedders.base import Embedder, Outage, Refused, Unavailable, Vectors, to_text
from db.embedders.hashing import HashingEmbedder
from db.embedders.local import LocalEmbedder, LocalUnavailable
from db.embedders.models import Model, Models, build, from_settings, model_of_settings
from db.embedders.openai import OpenAIEmbedder
from db.embedders.requests import Answers, Limits, ask

__all__ = [
    "Answers",
    "Embedder",
    "HashingEmbedder",
    "Limits",
    "LocalEmbedder",
    "LocalUnavailable",
    "Model",
    "Models",
    "OpenAIEmbedder",
    "Outage",
    "Refused",
    "Unavailable",
    "Vectors",
    "ask",
    "build",
    "from_settings",
    "model_of_settings",
    "to_text",
]
