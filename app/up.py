"""`quire up`, which `make run` calls: database, schema, first workspace, API and worker, supervised in the foreground.

Nothing it starts outlives it: Ctrl-C and SIGTERM stop the children, then the server; after a kill -9 the kernel tells
them (see db/guard.py). A child or a server that dies is started again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

from app.quickstart import (
    FILE_NAME,
    base_url,
    curl_lines,
    names_embedded_server,
    read_env_file,
    write_env_file,
)
from app.seed import Quickstart, ensure_quickstart
from db.commands import Subparsers
from db.embedded import EmbeddedServer
from db.migrate import migrate
from db.migration_files import MigrationError
from db.processes import FolderLock, spawn
from db.requirements import check_server
from db.settings import Settings

DATABASE = "quire"
_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
_FIRST_BACKOFF = 0.5
_LAST_BACKOFF = 30.0
_EARLY_DEATHS = 5


class UpError(RuntimeError):
    """Quire cannot start; the message says why and what to do."""


def add_parser(subparsers: Subparsers) -> None:
    """Add `quire up` to the command line."""
    parser = subparsers.add_parser(
        "up",
        help="run everything: database, API and worker",
        description="Run PostgreSQL (embedded, unless DATABASE_URL names a server), apply migrations, make a first "
        "workspace and run the API and a worker, in the foreground. Ctrl-C stops it all; the data stays.",
    )
    parser.add_argument("--port", help="port of the API (default: PORT, or 8000)")
    parser.add_argument("--data", help="data folder (default: DATA, or ./.data)")


def run(args: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM; exit code 0 then."""
    for name, value in (("PORT", args.port), ("DATA", args.data)):
        if value:
            os.environ[name] = value
    settings = Settings.from_env()
    if names_embedded_server(settings.data, settings.database_url):
        _say("DATABASE_URL is that of the data folder's own server, which is started")
        del os.environ["DATABASE_URL"]
        settings = Settings.from_env()
    _check_port(settings.host, settings.port)
    _install_signals()
    supervisor = Supervisor(settings)
    try:
        supervisor.start()
        supervisor.watch()
    except KeyboardInterrupt:
        _say("\nstopping")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # one request to stop is enough
        supervisor.stop()
    _say("stopped")
    return 0


class Child:
    """One process of ours that is started again when it dies, with growing pauses while it dies early."""

    def __init__(self, name: str, argv: list[str], env: dict[str, str]) -> None:
        """Args: name: for messages; argv: program and arguments; env: its whole environment."""
        self.name = name
        self.deaths = 0
        self._argv = argv
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._next_start = 0.0

    def start(self) -> None:
        """Start it in the caller's working directory; its output goes where ours goes."""
        self._started = time.monotonic()
        self._process = spawn(self._argv, env=self._env, cwd=str(Path.cwd()))

    def tend(self) -> None:
        """Note a death, and start it again when its pause is over."""
        now = time.monotonic()
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self.deaths = 1 if now - self._started > 2 * _LAST_BACKOFF else self.deaths + 1
            pause = min(_FIRST_BACKOFF * 2 ** (self.deaths - 1), _LAST_BACKOFF)
            how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
            _say(f"the {self.name} ended {how}; starting it again in {pause:g} s")
            self._process = None
            self._next_start = now + pause
        if now >= self._next_start:
            self.start()

    def terminate(self) -> None:
        """Ask it to stop."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self, deadline: float) -> None:
        """Wait for its end until ``deadline`` (monotonic seconds), then kill it and whatever it has started."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _say(f"the {self.name} does not stop, killing it")
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None


class Supervisor:
    """The server, the API and the worker of one data folder."""

    def __init__(self, settings: Settings) -> None:
        """Args: settings: from the environment; without database_url the embedded server is run."""
        self._settings = settings
        self._data = settings.data.absolute()
        self._lock = FolderLock(self._data)
        self._server: EmbeddedServer | None = None
        self._children: list[Child] = []
        self._begin = time.monotonic()
        self._url = base_url(settings.host, settings.port)

    def start(self) -> None:
        """Bring everything up, a line for each step, and print what to open next.

        Raises:
            FolderInUse, UpError, ServerUnfit: with what to do.
        """
        _say(f"Quire starts: port {self._settings.port}, data in {self._data}")
        if not self._data.exists():
            # Root's PostgreSQL is another user's process and passes through; the secrets in it are 0600.
            self._data.mkdir(mode=0o755 if os.geteuid() == 0 else 0o700, parents=True)
        self._lock.acquire()
        database_url = self._settings.database_url or self._start_embedded()
        if self._server is None:
            self._step("PostgreSQL %s at DATABASE_URL", check_server(database_url))
        env = {**os.environ, "DATABASE_URL": database_url, "PYTHONUNBUFFERED": "1"}
        settings = Settings.from_env(env)
        self._migrate(database_url)
        quickstart = self._seed(settings, database_url)
        self._children = [
            Child("API", [sys.executable, "-m", "app.main"], env),
            Child("worker", [sys.executable, "-m", "worker.main"], env),
        ]
        for child in self._children:
            child.start()
        self._wait_until_ready()
        self._print_next_steps(quickstart)

    def watch(self) -> None:
        """Start again whatever dies, until a signal interrupts."""
        while True:
            self._tend()
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop the API and the worker, then the server. Harmless when nothing runs."""
        for child in self._children:
            child.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for child in self._children:
            child.wait(deadline)
        if self._server is not None:
            self._server.stop()
        self._lock.release()

    def _start_embedded(self) -> str:
        self._server = server = EmbeddedServer(self._data, lock=self._lock)
        server.start()
        server.create_database(DATABASE)
        self._step("PostgreSQL %s in %s", str(server.version), str(server.cluster))
        return server.url(DATABASE)

    def _migrate(self, database_url: str) -> None:
        try:
            migrate(database_url, log=lambda line: _say(f"    {line}"))
        except MigrationError as error:
            raise UpError(str(error)) from error
        self._step("schema is up to date")

    def _seed(self, settings: Settings, database_url: str) -> Quickstart:
        path = self._data / FILE_NAME
        known = read_env_file(path)
        quickstart = ensure_quickstart(
            settings, token=known.get("QUIRE_TOKEN"), admin_token=known.get("QUIRE_ADMIN_TOKEN")
        )
        write_env_file(
            path,
            {
                "QUIRE_URL": self._url,
                "QUIRE_TOKEN": quickstart.token,
                "QUIRE_ADMIN_TOKEN": quickstart.admin_token,
                "QUIRE_WORKSPACE": str(quickstart.workspace_id),
                "DATABASE_URL": database_url,
            },
        )
        self._step("workspace and tokens in %s", str(path))
        return quickstart

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not _answers(f"{self._url}/readyz"):
            self._tend()
            for child in self._children:
                if child.deaths >= _EARLY_DEATHS:
                    raise UpError(f"the {child.name} does not stay up: its last words are above")
            if time.monotonic() > deadline:
                raise UpError(f"{self._url}/readyz is not ready after {_READY_SECONDS:.0f} s: see the log lines above")
            time.sleep(0.1)
        self._step("API and worker are ready")

    def _tend(self) -> None:
        if self._server is not None and self._server.pid is None:
            _say("PostgreSQL has ended; starting it again")
            begin = time.monotonic()
            try:
                self._server.start()
            except RuntimeError as error:
                # A full disk may be emptied: go on trying, as for the other children.
                _say(f"{error}\ntrying again in {_FIRST_BACKOFF * 10:g} s")
                time.sleep(_FIRST_BACKOFF * 10)
            else:
                _say(f"PostgreSQL is back after {time.monotonic() - begin:.1f} s")
        for child in self._children:
            child.tend()

    def _step(self, text: str, *values: str) -> None:
        _say(f"[{time.monotonic() - self._begin:5.1f} s] {text % values}")

    def _print_next_steps(self, quickstart: Quickstart) -> None:
        create, patch, search = curl_lines(self._url, str(quickstart.workspace_id), quickstart.token)
        # As this shell would find it: `make run` does not activate the environment.
        command = "quire" if shutil.which("quire") else os.path.relpath(sys.argv[0])
        _say(
            f"""
Quire is ready: {self._url}   (its API: {self._url}/openapi.json)
Token: {quickstart.token}

Create a page, change it, find it:

{create}

{patch}

{search}

For scripts: set -a; . {self._data / FILE_NAME}; set +a        Markdown folder to pages: {command} import DIR
Ctrl-C stops everything; the data stays.
"""
        )


def _say(text: str) -> None:
    print(text, flush=True)


def _answers(url: str) -> bool:
    # No proxy for our own machine, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _check_port(host: str, port: int) -> None:
    """Say now, rather than after all other work, that the API could not listen.

    Raises:
        UpError: the port is taken or may not be used.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        raise UpError(f"cannot listen on {host}, port {port}: {error}. Take another one: PORT=8080 make run") from None


def _install_signals() -> None:
    """SIGTERM and a closed terminal end like Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    handler: Callable[[int, FrameType | None], None] = interrupt
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)
