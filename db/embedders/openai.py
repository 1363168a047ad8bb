"""Any endpoint that speaks OpenAI's embeddings API, over HTTP."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import numpy as np

from db.embedders.base import Outage, Refused, Vectors, at_unit_length
from db.embedders.deadline import Deadline, DeadlineBackend

_OUTAGE = frozenset({401, 402, 403, 404, 405, 408, 409, 425, 429})  # all of 3xx and 5xx too
_BROKEN = (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)
_FAILURES = (
    *(httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError),
    *(httpcore.UnsupportedProtocol, httpcore.ConnectionNotAvailable, ValueError),
)
_CONNECT_SECONDS = 5.0
_IDLE_SECONDS = 60.0  # that an unused connection is kept


class OpenAIEmbedder:
    """Any endpoint that speaks OpenAI's ``POST /v1/embeddings``: OpenAI, Ollama, vLLM, TEI and others.

    Connections are kept and used again; several threads may ask at once.

    Source: https://platform.openai.com/docs/api-reference/embeddings
    """

    remote = True
    ready = True

    def __init__(self, url: str, model: str, dimensions: int, api_key: str | None = None, timeout: float = 30) -> None:
        """Describe an endpoint; nothing is sent yet.

        Args:
            url: base URL up to ``/v1``; a user and password in it are sent as HTTP Basic when there is no key.
            model: its name there, and the name recorded with vectors.
            dimensions: length of its vectors; another length in an answer is refused. 0: any.
            api_key: sent as bearer token when given.
            timeout: seconds from the call to the last byte of the answer; of them at most 5 to connect.
        """
        self.name = model
        self.dimensions = dimensions
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._shown = (
            f"{parts.scheme}://{host}{parts.path.rstrip('/')}/embeddings"  # in messages: no password, no query
        )
        self._url = self._shown + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Host": host, "Content-Type": "application/json", "Accept": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        elif parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        self._timeout = timeout
        self._deadline = Deadline()
        self._pool = _pool(parts.scheme, parts.hostname or "", DeadlineBackend(self._deadline))

    def prepare(self) -> None:
        """Nothing to load."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See Embedder. One request for all texts."""
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        answer = self._post(json.dumps({"model": self.name, "input": list(texts)}).encode())
        status = answer.status
        if status in _OUTAGE or status >= 500 or 300 <= status < 400:
            raise Outage(f"{self._shown} answered {status}", retry_after(answer.headers))
        if not 200 <= status < 300:
            reason = answer.content[:300].decode("utf-8", "replace")
            raise Refused(f"{self._shown} answered {status}: {reason}", too_large=status == 413)
        return self._vectors(answer.content, len(texts))

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _post(self, body: bytes) -> httpcore.Response:
        """The answer, its body read. A connection that broke (the server closed it while it was idle) is replaced."""
        wait = {"connect": min(_CONNECT_SECONDS, self._timeout), "read": self._timeout, "write": self._timeout}
        extensions = {"timeout": {**wait, "pool": self._timeout}}
        with self._deadline.of(self._timeout):
            for last in (False, True):
                try:
                    return self._pool.request(
                        "POST", self._url, headers=list(self._headers.items()), content=body, extensions=extensions
                    )
                except _FAILURES as error:
                    if not last and isinstance(error, _BROKEN) and self._deadline.left(None) != 0:
                        continue
                    raise Outage(f"{self._shown}: {type(error).__name__}: {error}") from error
        raise AssertionError("unreachable")

    def _vectors(self, body: bytes, count: int) -> Vectors:
        """The vectors of an answer in the order of the texts, at unit length."""
        try:
            items = cast(list[dict[str, Any]], json.loads(body)["data"])
            items = sorted(items, key=lambda item: int(item["index"]))
            vectors = np.array([item["embedding"] for item in items], dtype=np.float32)
        except (ValueError, TypeError, KeyError) as error:
            raise Refused(f"{self._shown} gave no embeddings: {type(error).__name__}: {error}") from error
        wanted = (count, self.dimensions or vectors.shape[-1])
        if vectors.shape != wanted or not vectors.size:
            raise Refused(f"{self._shown} gave vectors of shape {vectors.shape}, not {wanted}")
        if not np.isfinite(vectors).all():
            raise Refused(f"{self._shown} gave numbers that are not finite")
        return at_unit_length(vectors)


def retry_after(headers: Sequence[tuple[bytes, bytes]]) -> float:
    """Seconds of the Retry-After header (a number, or a date: RFC 9110, 10.2.3), from 0.1 to 600; 10 without one.

    A date is compared with the answer's own Date where there is one: the clocks of the two machines may differ.
    """
    values = {name.lower(): value.decode("latin-1").strip() for name, value in headers}
    given = values.get(b"retry-after", "")
    try:
        seconds = float(given)
    except ValueError:
        try:
            until = parsedate_to_datetime(given).timestamp()
        except ValueError:
            return 10.0
        try:
            now = parsedate_to_datetime(values.get(b"date", "")).timestamp()
        except ValueError:
            now = time.time()
        seconds = until - now
    return min(max(seconds, 0.1), 600.0) if seconds == seconds else 10.0


def _pool(scheme: str, host: str, backend: httpcore.NetworkBackend) -> httpcore.ConnectionPool:
    """Connections to a host, by the proxy that the environment names for it (HTTPS_PROXY, NO_PROXY and so on)."""
    proxy = None if not host or proxy_bypass(host) else getproxies().get(scheme)
    if proxy is None:
        return httpcore.ConnectionPool(keepalive_expiry=_IDLE_SECONDS, network_backend=backend)
    return httpcore.HTTPProxy(proxy, keepalive_expiry=_IDLE_SECONDS, network_backend=backend)
