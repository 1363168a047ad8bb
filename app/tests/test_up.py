"""The main job as a new user runs it: `quire up`, the three printed curl lines, kills, a stop, a second start."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from app.quickstart import read_env_file

pytestmark = pytest.mark.once


class Up:
    """A running `quire up` in a data folder of its own."""

    def __init__(self, data: Path, port: int) -> None:
        self.data = data
        self.port = port
        self.log = data / "up.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, sourced: bool = False) -> str:
        """Start, wait until it says that it is ready, and answer what it printed. sourced: quickstart.env, before."""
        self.data.mkdir(exist_ok=True)
        env = {name: value for name, value in os.environ.items() if not name.startswith(("QUIRE_", "DATABASE_URL"))}
        env |= {"PORT": str(self.port), "DATA": str(self.data), "QUIRE_INDEX_LEASE_SECONDS": "10"}
        if sourced:
            env |= read_env_file(self.data / "quickstart.env")
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "up"], env=env, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            printed = self.log.read_bytes()[before:].decode()
            if "Ctrl-C stops everything" in printed:
                return printed
            assert self.process.poll() is None, printed
            time.sleep(0.1)
        raise AssertionError(f"not ready in 90 s:\n{self.log.read_text()}")

    def stop(self) -> int:
        """Ctrl-C, and the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def processes(self) -> list[int]:
        """Every process whose command line or environment names this data folder, but the test's own."""
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                except OSError:
                    continue
                if os.fsencode(self.data) in told:
                    found.append(int(entry.name))
        return found


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    data = Path(tempfile.mkdtemp(prefix="quire-up-"))
    data.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    running = Up(data, port)
    try:
        yield running
    finally:
        if running.process is not None and running.process.poll() is None:
            running.stop()
        shutil.rmtree(data, ignore_errors=True)


def _client(up: Up) -> httpx.Client:
    known = read_env_file(up.data / "quickstart.env")
    return httpx.Client(
        base_url=f"{known['QUIRE_URL']}/v1/workspaces/{known['QUIRE_WORKSPACE']}/",
        headers={"Authorization": f"Bearer {known['QUIRE_ADMIN_TOKEN']}"},
        timeout=30,
        trust_env=False,
    )


def _get_when_back(client: httpx.Client, path: str) -> httpx.Response:
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = client.get(path)
            if answer.status_code == 200:
                return answer
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, f"{path} does not come back"
        time.sleep(0.2)


def test_the_printed_commands_work_and_nothing_is_lost_by_kills_and_restarts(up: Up) -> None:
    printed = up.start()
    commands = [line for line in printed.splitlines() if line.startswith("curl ")]
    assert len(commands) == 3
    answers = [
        subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True, timeout=30).stdout
        for command in commands
    ]
    assert '"version": 1' in answers[0] or '"version":1' in answers[0], answers[0]
    assert '"version": 2' in answers[1] or '"version":2' in answers[1], answers[1]
    assert "aardvark" in answers[2].lower() and "intro" in answers[2], answers[2]
    page = re.search(r"/pages/([0-9a-f-]{36})", commands[1])
    assert page
    env_file = up.data / "quickstart.env"
    assert env_file.stat().st_mode & 0o777 == 0o600
    before = read_env_file(env_file)
    with _client(up) as client:
        stored = client.get(f"pages/{page[1]}")
        # PostgreSQL is killed as by the out-of-memory killer; the supervisor starts it again.
        assert up.process is not None
        postmaster = _postmaster(up.data)
        os.kill(postmaster, signal.SIGKILL)
        assert _get_when_back(client, f"pages/{page[1]}").content == stored.content
        assert up.stop() == 0
        assert up.processes() == []
        # a shell that has sourced the file names a server that is no longer there
        assert "own server" in up.start(sourced=True)
        assert read_env_file(env_file) == before
        assert _get_when_back(client, f"pages/{page[1]}").content == stored.content
        # The supervisor itself is killed: the kernel tells the rest.
        assert up.process is not None
        up.process.kill()
        up.process.wait()
        deadline = time.monotonic() + 30
        while left := up.processes():
            assert time.monotonic() < deadline, left
            time.sleep(0.2)
        up.start()
        assert _get_when_back(client, f"pages/{page[1]}").content == stored.content
    assert up.stop() == 0
    assert up.processes() == []


def test_an_import_survives_kills_of_the_worker_and_of_postgresql(up: Up, tmp_path: Path) -> None:
    for number in range(150):
        lines = "\n\n".join(
            f"Paragraph {line} of file {number}, about subject{number * line % 97}." for line in range(30)
        )
        (tmp_path / f"file{number}.md").write_text(f"# File {number}\n\n{lines}\n")
    up.start()
    known = read_env_file(up.data / "quickstart.env")
    command = [sys.executable, "-m", "app.cli", "import", str(tmp_path)]
    env = {**os.environ, **known}
    with _client(up) as client, psycopg.connect(known["DATABASE_URL"], autocommit=True) as conn:
        importing = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        wait_for = "select count(*) >= %s from core.indexing_queue where lease_id is not null"
        deadline = time.monotonic() + 30
        while conn.execute(wait_for, (1,)).fetchone() != (True,):
            assert time.monotonic() < deadline and importing.poll() is None
            time.sleep(0.01)
        worker = [
            pid for pid in up.processes() if b"worker.main" in (Path("/proc") / str(pid) / "cmdline").read_bytes()
        ]
        os.kill(worker[0], signal.SIGKILL)
        while (stored := conn.execute("select count(*) from core.pages").fetchone() or (0,))[0] < 40:
            assert time.monotonic() < deadline and importing.poll() is None, stored
            time.sleep(0.01)
        assert importing.poll() is None
        os.kill(_postmaster(up.data), signal.SIGKILL)
        said, _ = importing.communicate(timeout=120)
        assert importing.returncode == 0, said
        again = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=True)
        assert "Nothing changed" in again.stdout + again.stderr
        assert _get_when_back(client, "pages?limit=1")
    with psycopg.connect(known["DATABASE_URL"], autocommit=True) as conn:
        deadline = time.monotonic() + 150  # the dead worker's lease is 10 seconds here
        while conn.execute("select count(*) from core.indexing_queue").fetchone() != (0,):
            assert time.monotonic() < deadline, conn.execute("select * from ops.indexing_state()").fetchone()
            time.sleep(0.5)
        assert conn.execute("select count(*) from core.indexing_dead_letters").fetchone() == (0,)
        behind = conn.execute(
            "select count(*), count(*) filter (where e.ver is distinct from b.ver or s.ver is distinct from b.ver)"
            " from core.blocks b"
            " left join core.block_embeddings e using (workspace_id, page_id, no)"
            " left join core.search_entries s using (workspace_id, page_id, no)"
            " where b.page_id in (select id from core.pages where properties -> 'source' ->> 'path' like 'file%')"
        ).fetchone()
        assert behind == (150 * 31, 0)  # a heading and 30 paragraphs a file
    assert up.stop() == 0


def _postmaster(data: Path) -> int:
    """The server's process, wherever below the data folder (or behind its link) the cluster lies."""
    for cluster in (data / "postgres-18" / "data", *data.iterdir()):
        if (cluster / "postmaster.pid").exists():
            return int((cluster / "postmaster.pid").read_text().split()[0])
    raise AssertionError(f"no postmaster.pid below {data}")
