"""A TCP proxy in front of a real server that can lose its answers: the request arrives, its sender never learns."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class LossyProxy:
    """Set `lose` to the number of answers that are to be lost; `lost` counts them."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None and parts.port is not None
        self._target = (parts.hostname, parts.port)
        self.lose = 0
        self.lost = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            for work in ((self._requests, client, server), (self._answers, server, client)):
                thread = threading.Thread(target=work[0], args=work[1:], daemon=True)
                self._threads.append(thread)
                thread.start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        _pump(client, server)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        """Forward answers; the first byte of one that is to be lost says that the server has done its work."""
        with client, server:
            while part := _receive(server):
                with self._lock:
                    losing = self.lose > 0
                    self.lose -= losing
                    self.lost += losing
                if losing:
                    break
                client.sendall(part)
            _shut(client)
            _shut(server)


@contextmanager
def lossy_proxy(url: str) -> Generator[LossyProxy]:
    """A proxy in front of a server."""
    proxy = LossyProxy(url)
    try:
        yield proxy
    finally:
        proxy.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    while part := _receive(source):
        try:
            target.sendall(part)
        except OSError:
            return
    _shut(target)


def _receive(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
