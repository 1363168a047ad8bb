"""Which models are in use: the database says it, for every process alike.

The settings of a process (QUIRE_EMBEDDER and so on) name the model that a new database begins with. From then on
core.embedding_models rules: its active model is what a search compares with and a worker embeds with, its shadow model
what `quire reembed` is filling. Where the settings name the same model they tell how to reach it from this process;
keys only ever come from the environment.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from db.embedders.base import Embedder, Unavailable
from db.embedders.hashing import HashingEmbedder
from db.embedders.local import DIMENSIONS as LOCAL_DIMENSIONS
from db.embedders.local import MODEL as LOCAL_MODEL
from db.embedders.local import LocalEmbedder, LocalUnavailable
from db.embedders.openai import OpenAIEmbedder
from db.settings import Settings

log = logging.getLogger(__name__)

KEY_VARIABLE = "QUIRE_EMBEDDING_API_KEY"
KEY_VARIABLES = re.compile(KEY_VARIABLE + "[A-Z0-9_]*")


@dataclass(frozen=True)
class Model:
    """A row of core.embedding_models.

    Attributes:
        name, dimensions: of its vectors.
        state: active, shadow or retired.
        config: embedder (hashing, local, openai), url, key_variable.
    """

    name: str
    dimensions: int
    state: str
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])


def model_of_settings(settings: Settings) -> Model:
    """The model that the settings name, as it would be registered: no key in it."""
    if settings.embedder == "openai":
        url, name, dimensions = settings.embedding_url, settings.embedding_model, settings.embedding_dimensions
        assert url is not None and name is not None and dimensions is not None  # Settings.from_env has checked
        return Model(name, dimensions, "active", {"embedder": "openai", "url": url})
    if settings.embedder == "local":
        return Model(LOCAL_MODEL, LOCAL_DIMENSIONS, "active", {"embedder": "local"})
    return Model(HashingEmbedder.name, HashingEmbedder.dimensions, "active", {"embedder": "hashing"})


def build(model: Model, settings: Settings, environ: Mapping[str, str] | None = None) -> Embedder:
    """The embedder of a model.

    Args:
        model: what to embed with.
        settings: how this process reaches it, when they name the same model; timeouts.
        environ: where keys are; None is this process's own environment.

    Raises:
        LocalUnavailable: the local extra is not installed.
        ValueError: the configuration in the database is none of this release.
    """
    own = model_of_settings(settings)
    config = own.config if own.name == model.name else model.config
    kind = config.get("embedder") or ("hashing" if model.name == HashingEmbedder.name else None)
    if kind == "openai" and isinstance(config.get("url"), str):
        variable = str(config.get("key_variable") or KEY_VARIABLE)
        key = settings.embedding_api_key
        if variable != KEY_VARIABLE:
            if not KEY_VARIABLES.fullmatch(variable):
                raise ValueError(f"{model.name}: its key is said to be in {variable}, which is no {KEY_VARIABLE}..")
            key = (os.environ if environ is None else environ).get(variable) or None
        return OpenAIEmbedder(config["url"], model.name, model.dimensions, key, settings.embedding_timeout)
    if kind == "local" and model.name == LOCAL_MODEL:
        return LocalEmbedder()
    if kind == "hashing" and model.name == HashingEmbedder.name:
        return HashingEmbedder()
    raise ValueError(f"{model.name}: this release cannot embed with a model whose configuration is {dict(config)}")


def from_settings(settings: Settings) -> Embedder:
    """The embedder that the settings name."""
    return build(model_of_settings(settings), settings)


class Models:
    """The embedders in use, as the database says; looked up anew after a few seconds.

    While the database does not answer, what it said last holds; before its first answer, what the settings say.
    """

    def __init__(
        self, settings: Settings, fetch: Callable[[], Awaitable[Sequence[Model]]], seconds: float = 5.0
    ) -> None:
        """Describe; nothing is asked yet.

        Args:
            settings: of the process.
            fetch: the active model and the shadow of the database; raises what it likes when there is no answer.
            seconds: that an answer holds.
        """
        self._settings, self._fetch, self._seconds = settings, fetch, seconds
        self._made: list[tuple[Model, Embedder]] = []
        self._current: list[Embedder] = []
        self._warned: set[str] = set()
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def current(self) -> list[Embedder]:
        """The active model's embedder, then the shadow's where there is one. Never empty.

        One that cannot be made in this process is an Unavailable: asking it is an outage of that model alone.
        """
        async with self._lock:
            if time.monotonic() >= self._until:
                await self._refresh()
            return self._current

    async def prepare(self) -> None:
        """Begin to load the models in use, before anything is to be embedded. What they are is asked again then."""
        await self.current()
        self.forget()

    def forget(self) -> None:
        """Look the models up anew at the next call."""
        self._until = 0.0

    def close(self) -> None:
        """Close all embedders. Again is harmless."""
        for _, embedder in self._made:
            embedder.close()

    async def _refresh(self) -> None:
        try:
            found = sorted(await self._fetch(), key=lambda model: model.state != "active")
        except Exception as error:
            log.warning("models not known", extra={"reason": f"{type(error).__name__}: {error}"})
            if self._current:
                self._until = time.monotonic() + 1.0
                return
            found = []
        wanted = [model for model in found if model.state in ("active", "shadow")]
        if not wanted or wanted[0].state != "active":
            wanted.insert(0, model_of_settings(self._settings))
        self._current = [self._embedder(model) for model in wanted]
        self._until = time.monotonic() + (self._seconds if found else 1.0)

    def _embedder(self, model: Model) -> Embedder:
        # Those no longer in use stay open, there are few: a batch or a query may still be with them.
        for known, embedder in self._made:
            if (known.name, known.dimensions, known.config) == (model.name, model.dimensions, model.config):
                return embedder
        try:
            made = build(model, self._settings)
        except (LocalUnavailable, ValueError) as error:
            if str(error) not in self._warned:
                self._warned.add(str(error))
                log.warning("model not to be had here", extra={"model": model.name, "reason": str(error)})
            return Unavailable(model.name, model.dimensions, str(error))
        self._made.append((model, made))
        made.prepare()
        return made
