"""A real HTTP server on loopback that speaks OpenAI's /v1/embeddings and can be told to fail, stall or rate-limit."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from db.embedders import HashingEmbedder
from db.embedders.requests import CANARY

DIMENSIONS = 384


class EmbeddingServer:
    """Answers with the hashing embedder's vectors, unless told otherwise.

    Attributes:
        status: answer every request with it (None: 200).
        headers: sent along with `status`.
        poison: a request with a text that contains it is refused with 400.
        stall: set it to a cleared event and requests wait for it.
        raw: answer 200 with this body.
        most: more texts than that are refused with 413.
        hang_up: that many requests get no answer, their connection is closed.
        trickle: seconds between the bytes of an answer, headers too.
        texts: every text that was embedded, in order.
        batches: the same, those of a request together.
        requests: number of requests that came in.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.poison: str | None = None
        self.stall: threading.Event | None = None
        self.raw: str | None = None
        self.most: int | None = None
        self.hang_up = 0
        self.trickle: float | None = None
        self.batches: list[list[str]] = []
        self.requests = 0
        self.connections: set[tuple[str, int]] = set()
        self.keys: set[str | None] = set()
        self._embedder = HashingEmbedder()
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with outer._lock:
                    outer.requests += 1
                    outer.connections.add(self.client_address)
                    outer.keys.add(self.headers["authorization"])
                if outer.hang_up:
                    outer.hang_up -= 1
                    self.close_connection = True
                    return
                if (stall := outer.stall) is not None:
                    stall.wait(60)
                status, answer = outer.answer(body["input"])
                data = answer.encode()
                try:
                    self.send_response(status)
                    for name, value in outer.headers.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(data)))
                    if outer.trickle is None:
                        self.end_headers()
                        self.wfile.write(data)
                    else:
                        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                        for _ in range(600):
                            self.wfile.write(b"x")
                            time.sleep(outer.trickle)
                except OSError:
                    pass  # its client has been killed

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def texts(self) -> list[str]:
        return [text for batch in self.batches for text in batch]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def answer(self, texts: list[str]) -> tuple[int, str]:
        if self.status is not None:
            return self.status, '{"error": {"message": "told to fail"}}'
        if self.poison is not None and any(self.poison in text for text in texts):
            return 400, '{"error": {"message": "content refused"}}'
        if self.most is not None and len(texts) > self.most:
            return 413, '{"error": {"message": "too many"}}'
        if self.raw is not None:
            return 200, self.raw
        with self._lock:
            self.batches.append([text for text in texts if text != CANARY])
            vectors = self._embedder.embed(texts)
        items = [{"index": i, "embedding": vector.tolist()} for i, vector in enumerate(vectors)]
        return 200, json.dumps({"data": items[::-1]})  # the order is not promised

    def close(self) -> None:
        if self.stall is not None:
            self.stall.set()
        self._server.shutdown()
        self._server.server_close()
