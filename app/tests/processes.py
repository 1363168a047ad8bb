"""The API and the worker as real processes, and a client that holds every answer against the contract."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app.seed import ensure_quickstart, token_hash
from app.tests import contract
from db.settings import Settings

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of plain HTTP: each would load all certificate authorities for itself, which takes longer than a call."""

_TEMPLATES = [
    (re.compile("^" + re.sub(r"\\{[a-z_]+\\}", "[^/]+", re.escape(path)) + "$"), path)
    for path in contract.document()["paths"]
]
# What any path may answer, route or not, method or not.
_ANYWHERE = {
    (400, "bad_header"),
    (400, "bad_request"),
    (404, "not_found"),
    (405, "method_not_allowed"),
    (408, "request_timeout"),
    (414, "url_too_long"),
    (431, "headers_too_large"),
}


@dataclass
class Api:
    """A running API.

    Attributes:
        url: base URL.
        database: conninfo of its database, as superuser.
        workspace: id of the first workspace.
        token, admin_token: of its owner; the second bypasses rate limits.
    """

    url: str
    database: str
    workspace: uuid.UUID
    token: str
    admin_token: str
    process: subprocess.Popen[bytes]
    log_file: Path
    clients: list[httpx.Client] = field(default_factory=list[httpx.Client])

    def client(self, token: str | None = None) -> httpx.Client:
        """A client with a token; the admin's when None, none at all when empty. Paths below /v1/workspaces/<first>."""
        token = self.admin_token if token is None else token
        client = httpx.Client(
            base_url=f"{self.url}/v1/workspaces/{self.workspace}",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            event_hooks={"response": [check_contract]},
            timeout=30,
            trust_env=False,
            verify=NO_TLS,
        )
        self.clients.append(client)
        return client

    def create(self, **document: Any) -> str:
        """A new page; its id."""
        answer = self.client().post("/pages", json={"title": "A page", **document})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def new_token(
        self, *scopes: str, user: str | None = None, role: str | None = "editor", workspace: uuid.UUID | None = None
    ) -> str:
        """A token of a new user, or of the user of that name; a member of the workspace with that role."""
        token = secrets.token_urlsafe(16)
        name = user or f"user-{uuid.uuid4()}"
        with psycopg.connect(self.database) as connection:
            user_id = _one(connection, "select ops.find_user(%s)", name)
            user_id = user_id or _one(connection, "select ops.create_user(%s)", name)
            if role is not None:
                _one(connection, "select ops.add_member(%s, %s, %s)", workspace or self.workspace, user_id, role)
            _one(
                connection,
                "select ops.create_token(%s, %s, '', %s)",
                user_id,
                token_hash(token),
                list(scopes) or ["read"],
            )
        return token

    def events(self, name: str = "request") -> list[dict[str, Any]]:
        """Log lines of that event so far."""
        lines = [json.loads(line) for line in self.log_file.read_text().splitlines()]
        return [line for line in lines if line["event"] == name]

    def event(self, request_id: str) -> dict[str, Any]:
        """The log line of a request: written after its answer, so it may take a moment."""
        found: list[dict[str, Any]] = []

        def arrived() -> bool:
            found[:] = [line for line in self.events() if line["request_id"] == request_id]
            return bool(found)

        wait_until(arrived)
        return found[0]

    def metric(self, name: str, **labels: str) -> float:
        """A sample of /metrics; 0 when it is not there."""
        answer = httpx.get(f"{self.url}/metrics", trust_env=False, verify=NO_TLS)
        while answer.status_code == 429:  # who asks again and again is limited, too
            time.sleep(int(answer.headers["retry-after"]))
            answer = httpx.get(f"{self.url}/metrics", trust_env=False, verify=NO_TLS)
        for line in answer.text.splitlines():
            found = re.match(r"^(\w+)(?:\{(.*)\})? (\S+)$", line)
            if found and found[1] == name and dict(re.findall(r'(\w+)="([^"]*)"', found[2] or "")) == labels:
                return float(found[3])
        return 0.0


def check_contract(response: httpx.Response) -> None:
    """Hold an answer against openapi.yaml: status, media type, problem code, required headers, members of JSON."""
    response.read()
    method, path = response.request.method, response.request.url.path
    code = (
        response.json()["code"]
        if "problem+json" in response.headers.get("content-type", "") and response.content
        else None
    )
    assert "x-request-id" in response.headers
    if code is not None:
        assert code in contract.problem_codes(), code
        body = response.json()
        assert body["status"] == response.status_code
        assert body["request_id"] == response.headers["x-request-id"]
    elif method != "HEAD":
        assert response.status_code < 400, "an error without a problem document"
    if (response.status_code, code) in _ANYWHERE or (method == "HEAD" and response.status_code in (404, 405)):
        return
    template = next((path_template for pattern, path_template in _TEMPLATES if pattern.match(path)), None)
    assert template is not None, f"{path} answered {response.status_code}, but is not in the contract"
    assert str(response.status_code) in contract.statuses(method, template), (
        f"{method} {template} answered {response.status_code} {code}: not in the contract"
    )
    kind = response.headers.get("content-type", "").partition(";")[0]
    if code is None and kind.endswith("json") and response.content:  # a problem has the members of its code
        unlisted = contract.unlisted(method, template, response.status_code, kind, response.json())
        assert not unlisted, f"{method} {template} answers with what the contract does not name: {unlisted}"
    if response.status_code in (429, 503):
        assert int(response.headers["retry-after"]) >= 1


@contextmanager
def running_api(database: str, log_file: Path, **environ: str) -> Generator[Api]:
    """``python -m app.main`` on a free port, ready to answer.

    Args:
        database: conninfo of a migrated database, as superuser.
        log_file: where its log lines go.
        environ: further settings.
    """
    settings = Settings.from_env({"DATABASE_URL": database})
    quickstart = ensure_quickstart(settings)
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")}
    env |= {"DATABASE_URL": database, "PORT": str(port), "QUIRE_LOG_LEVEL": "debug", **environ}
    with log_file.open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "app.main"], env=env, cwd=contract.ROOT, stderr=log)
    api = Api(
        f"http://127.0.0.1:{port}",
        database,
        quickstart.workspace_id,
        quickstart.token,
        quickstart.admin_token,
        process,
        log_file,
    )
    try:
        wait_until(lambda: answers(f"{api.url}/livez") or process.poll() is not None)
        assert process.poll() is None, log_file.read_text()
        yield api
    finally:
        for client in api.clients:
            client.close()
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()


@contextmanager
def running_worker(database: str, log_file: Path, **environ: str) -> Generator[subprocess.Popen[bytes]]:
    """``python -m worker.main``."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")}
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "worker.main"],
            env={**env, "DATABASE_URL": database, **environ},
            cwd=contract.ROOT,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Look again and again until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def answers(url: str, status: int = 200, headers: Mapping[str, str] | None = None) -> bool:
    """Whether a GET gives that status."""
    try:
        return httpx.get(url, trust_env=False, verify=NO_TLS, timeout=10, headers=headers).status_code == status
    except httpx.HTTPError:
        return False


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _one(connection: psycopg.Connection, statement: str, *arguments: object) -> Any:
    row = connection.execute(statement.encode(), arguments).fetchone()
    assert row is not None
    return row[0]
