"""Thousands of requests that nobody means well (app/tests/fuzz.py): each gets an answer that is no 5xx, on a connection
that is kept or closed as announced, and the server's memory stays where it was.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.tests import contract
from app.tests.fuzz import SIZE, Case, corpus
from app.tests.processes import Api, running_api

THREADS = 4
GROWTH = 48 << 20
"""Bytes of resident memory that the second half of the corpus may add: room for the pools of two allocators."""


@dataclass
class Sender:
    """One client with a connection of its own."""

    api: Api
    base: str
    token: str
    page: str
    statuses: Counter[int] = field(default_factory=Counter[int])
    codes: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])
    connection: http.client.HTTPConnection | None = None

    def run(self, cases: Sequence[Case]) -> None:
        with contextlib.closing(self):
            self._run(cases)

    def _run(self, cases: Sequence[Case]) -> None:
        for case in cases:
            try:
                status, kind, body = self.raw(case.raw) if case.raw is not None else self.http(case)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                self.wrong.append(f"{type(error).__name__} {error}: {case!r:.300}")
                continue
            self.statuses[status] += 1
            if problem := self.judge(status, kind, body):
                self.wrong.append(f"{problem}: {case!r:.300}")

    def judge(self, status: int, kind: str, body: bytes) -> str | None:
        if status == 0:
            return None  # a connection without a request on it: closed
        if status >= 500:
            return f"{status} {body[:200]!r}"
        if status >= 400:
            if kind != "application/problem+json":
                return f"{status} is no problem document but {kind}"
            code = json.loads(body)["code"]
            self.codes[code] += 1
            if code not in contract.problem_codes():
                return f"{code} is not in the contract"
        return None

    def http(self, case: Case) -> tuple[int, str, bytes]:
        address = urlsplit(self.api.url)
        if self.connection is None:
            self.connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
        connection = self.connection
        body = case.body and case.body.replace(b"{page}", self.page.encode())
        connection.putrequest(
            case.method, self.base + case.path.replace("{page}", self.page), skip_accept_encoding=True
        )
        for name, value in {"Authorization": f"Bearer {self.token}", **case.headers}.items():
            connection.putheader(name, value.encode("latin-1"))
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        try:
            if body:
                connection.send(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before its end; the answer is there
        answer = connection.getresponse()
        content = answer.read()
        if answer.will_close:
            self.close()
        return answer.status, (answer.getheader("content-type") or "").split(";")[0], content

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def raw(self, data: bytes) -> tuple[int, str, bytes]:
        data = data.replace(b"{base}", self.base.encode()).replace(b"{token}", self.token.encode())
        address = urlsplit(self.api.url)
        with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=20) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head:
            return 0, "", b""
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
        }
        return int(head.split(b" ")[1]), headers.get("content-type", "").split(";")[0], body.split(b"HTTP/1.1 ")[0]


def resident(pid: int) -> int:
    """Bytes of memory that a process has in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def send(api: Api, cases: Sequence[Case]) -> list[Sender]:
    token = api.new_token("read", "write", "bypass_rate_limit")
    base = f"/v1/workspaces/{api.workspace}"
    senders = [
        Sender(api, base, token, api.create(blocks=[{"id": "intro", "type": "code", "data": {}}]))
        for _ in range(THREADS)
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(sender.run, cases[number::THREADS]) for number, sender in enumerate(senders)]:
            future.result()
    return senders


def check(api: Api, senders: Sequence[Sender], size: int) -> None:
    wrong = [line for sender in senders for line in sender.wrong]
    assert not wrong, f"{len(wrong)} of {size}:\n" + "\n".join(wrong[:20])
    assert sum(sum(sender.statuses.values()) for sender in senders) == size
    codes = {code for sender in senders for code in sender.codes}
    assert len(codes) >= 20, codes  # the corpus gets somewhere
    assert api.events("fault") == []
    assert api.process.poll() is None
    assert api.client().get("/pages?limit=1").status_code == 200


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return list(corpus())


@pytest.mark.once
def test_the_corpus_is_the_same_each_time_and_large_enough(cases: list[Case]) -> None:
    assert len(cases) == SIZE >= 10_000
    assert cases[:3000] == list(islice(corpus(), 3000))


def test_a_part_of_the_corpus(api: Api, cases: list[Case]) -> None:
    part = cases[::30]
    check(api, send(api, part), len(part))


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_the_whole_corpus(database: str, tmp_path: Path, cases: list[Case]) -> None:
    with running_api(database, tmp_path / "log", QUIRE_LOG_LEVEL="info") as api:
        # every second one, so that both halves have all kinds
        first = send(api, cases[::2])
        between = resident(api.process.pid)
        begin = time.monotonic()
        second = send(api, cases[1::2])
        after = resident(api.process.pid)
        statuses: Counter[int] = Counter()
        for sender in [*first, *second]:
            statuses += sender.statuses
        print(
            f"{len(cases)} inputs, {time.monotonic() - begin:.0f} s for the second half;",
            f"{between >> 20} MB resident after the first, {after >> 20} MB after all; {dict(statuses)}",
        )
        check(api, [*first, *second], len(cases))
        assert after - between < GROWTH
