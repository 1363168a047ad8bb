"""A real HTTP server on loopback that takes alerts, and can be told to fail, stall, redirect or rate-limit."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "T000-B000-XXXX"


class WebhookServer:
    """Answers 200, unless told otherwise.

    Attributes:
        status: answer with it.
        headers: sent along.
        stall: set it to a cleared event and requests wait for it before they are answered.
        drip: seconds between the bytes of the answer's body, of which there are then many.
        taken: bodies that were answered with 2xx, in order.
        requests: number of requests that came in.
    """

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.stall: threading.Event | None = None
        self.drip = 0.0
        self.taken: list[dict[str, Any]] = []
        self.requests = 0
        self.arrived = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                assert self.headers["content-type"] == "application/json" and self.path.endswith(SECRET)
                outer.requests += 1
                outer.arrived.set()
                if (stall := outer.stall) is not None:
                    stall.wait(60)
                try:
                    self.send_response(outer.status)
                    for name, value in outer.headers.items():
                        self.send_header(name, value)
                    self.send_header("content-length", "1000" if outer.drip else "2")
                    self.end_headers()
                    for _ in range(1000 if outer.drip else 0):
                        self.wfile.write(b".")
                        time.sleep(outer.drip)
                    self.wfile.write(b"" if outer.drip else b"ok")
                except OSError:
                    return  # its client has been killed
                if outer.status < 300:
                    outer.taken.append(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/services/{SECRET}"

    def close(self) -> None:
        if self.stall is not None:
            self.stall.set()
        self._server.shutdown()
        self._server.server_close()
