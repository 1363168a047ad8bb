"""The public keys of an issuer of JWTs (RFC 7517): fetched when one is needed, kept, and fetched again for new ones."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import jwt

log = logging.getLogger("app.jwks")

FETCH_SECONDS = 5.0  # that one fetch may take as a whole
FRESH_SECONDS = 300.0  # after which keys are fetched again, in the background: a key that was withdrawn goes
UNKNOWN_SECONDS = 30.0  # at least between two fetches for the sake of an unknown key
RETRY_SECONDS = 5.0  # after a failed fetch, while there is no key at all
_MAX_BYTES = 1 << 20
_FAMILIES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
# Of a key that should never have been published. Only the public half is kept.
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


class KeysUnreachable(Exception):
    """The keys cannot be read, so nobody can say whether a token is good."""


class Keys:
    """The keys at a URL or in a file."""

    def __init__(self, source: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: source: http(s) URL or path of a JWKS; clock: monotonic seconds."""
        self._source, self._clock = source, clock
        self._keys: list[dict[str, Any]] = []
        self._made: dict[tuple[str | None, str], jwt.PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._failed = False
        self._lock = asyncio.Lock()
        self._background: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        """The key of that id for an algorithm; without an id the only one there is for it. None: there is none.

        Raises:
            KeysUnreachable: it may be there, but the keys cannot be read.
        """
        if not self._keys:
            await self._fetch(RETRY_SECONDS)
        elif self._clock() - self._fetched_at > FRESH_SECONDS and (self._background is None or self._background.done()):
            # Nobody waits for it: while the issuer is away, the keys that are known go on.
            self._background = asyncio.create_task(self._fetch(UNKNOWN_SECONDS))
        key = self._known(key_id, algorithm)
        if key is None and self._keys:
            await self._fetch(UNKNOWN_SECONDS)
            key = self._known(key_id, algorithm)
        if key is None and self._failed:
            raise KeysUnreachable
        return key

    async def _fetch(self, pause: float) -> None:
        """Read the keys, unless that was tried less than ``pause`` seconds ago. One at a time; the others wait."""
        async with self._lock:
            if self._clock() - self._tried_at < pause:
                return
            self._tried_at = self._clock()
            try:
                async with asyncio.timeout(FETCH_SECONDS):
                    keys = _usable(await self._read())
            except (OSError, ValueError, RecursionError, TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
                self._failed = True
                log.warning("jwks-unreachable", extra={"error": type(error).__name__, "keys": len(self._keys)})
                return
            self._keys, self._failed, self._fetched_at = keys, False, self._clock()
            self._made.clear()

    async def _read(self) -> str:
        if urlsplit(self._source).scheme not in ("http", "https"):
            return await asyncio.to_thread(Path(self._source).read_text, "utf-8")
        parts: list[bytes] = []
        # No redirects: whom the setting names is who is asked.
        async with (
            httpx.AsyncClient(timeout=FETCH_SECONDS, follow_redirects=False) as client,
            client.stream("GET", self._source, headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status_code != 200:
                raise ValueError(f"HTTP {answer.status_code}")
            async for part in answer.aiter_bytes():
                parts.append(part)
                if sum(map(len, parts)) > _MAX_BYTES:
                    raise ValueError("too large")
        return b"".join(parts).decode("utf-8")

    def _known(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        if (key_id, algorithm) in self._made:
            return self._made[key_id, algorithm]
        fitting = [
            key
            for key in self._keys
            if key["kty"] == _FAMILIES[algorithm[:2]]
            and key.get("alg", algorithm) == algorithm
            and (key_id is None or key.get("kid") == key_id)
        ]
        if len(fitting) != 1:
            return None
        try:
            # With the algorithm that was asked for: a key never chooses how it is used.
            key = self._made[key_id, algorithm] = jwt.PyJWK(fitting[0], algorithm)
            return key
        except (jwt.PyJWTError, ValueError):
            return None


def _usable(text: str) -> list[dict[str, Any]]:
    """The public keys of a JWKS that verify signatures."""
    document: Any = json.loads(text)
    listed: Any = cast("dict[str, Any]", document).get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("no JWKS")
    keys: list[dict[str, Any]] = []
    for item in cast("list[Any]", listed):
        if not isinstance(item, dict):
            continue
        key = cast("dict[str, Any]", item)
        if key.get("kty") in _FAMILIES.values() and key.get("use", "sig") == "sig":
            keys.append({name: value for name, value in key.items() if name not in _PRIVATE})
    if not keys:
        raise ValueError("no key that verifies signatures")
    return keys
