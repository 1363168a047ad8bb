import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from db.embedded import SERVER_SETTINGS, EmbeddedServer, temporary_server
from db.placement import SHARED_HOME, remove_cluster
from db.processes import FolderInUse, processes_in, spawn, unprivileged_user, wait_until

VERSION = int(os.environ.get("QUIRE_TEST_PG", "18"))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder() -> Generator[Path]:
    """A folder that a server of another user can be in; pytest's own is private."""
    path = Path(tempfile.mkdtemp(prefix="quire-test-"))
    path.chmod(0o755)
    yield path
    with contextlib.suppress(FileNotFoundError):
        remove_cluster(path / "data", VERSION)
    shutil.rmtree(path)


def value(server: EmbeddedServer, query: str) -> object:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row and row[0]


def gone(server: EmbeddedServer) -> bool:
    return not processes_in(server.cluster, "postgres")


def test_data_survives_a_stop_and_the_server_has_our_settings(folder: Path) -> None:
    server = EmbeddedServer(folder / "data", VERSION)
    server.start()
    assert str(value(server, "show server_version")).startswith(f"{VERSION}.")
    for name in ("fsync", "synchronous_commit", "jit", "track_functions", "shared_buffers"):
        assert value(server, f"show {name}") == SERVER_SETTINGS[name]
    assert value(server, "show listen_addresses") == ""
    assert value(server, "select lower('ÉÀ') || ('a' > 'B')::text") == "éàtrue"
    assert server.create_database("quire")
    assert not server.create_database("quire")
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("create extension vector")
        connection.execute("create table kept as select 7 as n")
    pid = server.pid
    server.start()
    assert server.pid == pid
    server.stop()
    assert gone(server)
    assert server.pid is None
    server.stop()
    server.start()
    assert value(server, "select n from kept") == 7
    server.stop()


def test_after_a_kill_of_postgresql_what_was_committed_is_there(folder: Path) -> None:
    server = EmbeddedServer(folder / "data", VERSION)
    server.start()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("create table kept as select generate_series(1, 1000) as n")
    # A backend in an endless statement does not notice that its postmaster is gone, and holds its shared memory.
    busy = psycopg.connect(server.url(), autocommit=True)
    busy.pgconn.send_query(b"do $$ begin loop end loop; end $$")
    assert wait_until(lambda: value(server, "select count(*) from pg_stat_activity where query like 'do %'") == 1, 10)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert wait_until(lambda: server.pid is None, 10)
    assert not gone(server)
    server.start()
    assert value(server, "select count(*) from kept") == 1000
    busy.close()
    server.stop()
    assert gone(server)


@contextlib.contextmanager
def supervised(data: Path) -> Generator[subprocess.Popen[str]]:
    """A server under a supervisor in another process, which is killed at the end."""
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "db.embedded", "--data", str(data), "--version", str(VERSION)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert supervisor.stdout is not None
    try:
        psycopg.connect(supervisor.stdout.readline().strip()).close()
        yield supervisor
    finally:
        supervisor.kill()
        supervisor.wait()
        supervisor.stdout.close()


def test_a_folder_has_one_supervisor_and_the_next_may_start_at_once(folder: Path) -> None:
    server = EmbeddedServer(folder / "data", VERSION)
    with supervised(folder / "data") as supervisor, pytest.raises(FolderInUse, match=str(supervisor.pid)):
        server.start()
    # The old server may still be at its shutdown checkpoint.
    server.start()
    assert value(server, "select 1") == 1
    server.stop()
    assert gone(server)


def test_the_server_dies_with_its_supervisor(folder: Path) -> None:
    cluster = folder / "data" / f"postgres-{VERSION}" / "data"
    with supervised(folder / "data"):
        assert processes_in(cluster, "postgres")
    assert wait_until(lambda: not processes_in(cluster, "postgres"), 20)
    assert not (cluster / "postmaster.pid").exists(), "it was a clean shutdown"


def test_a_pid_file_of_another_program_does_not_keep_it_from_starting(folder: Path) -> None:
    server = EmbeddedServer(folder / "data", VERSION)
    server.start()
    server.stop()
    # The pid of a live process of the server's user, as a restarted container has them.
    other = spawn(["sleep", "60"], user=unprivileged_user())
    lines = [str(other.pid), str(server.cluster), "1700000000", "5432", "/tmp", "", "1 1", "ready"]
    (server.cluster / "postmaster.pid").write_text("\n".join(lines) + "\n")
    server.start()
    assert value(server, "select 1") == 1
    server.stop()
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_long_path_and_a_private_parent_work(folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    data = private / ("long name " * 12).strip() / "data"
    server = EmbeddedServer(data, VERSION)
    server.start()
    assert value(server, "select 1") == 1
    # Nobody's doors were opened for it.
    assert private.stat().st_mode & 0o777 == 0o700
    if os.geteuid() == 0:
        assert server.cluster.is_relative_to(SHARED_HOME)
    home = server.cluster.parent
    server.remove()
    assert not home.exists()
    assert not (data / f"postgres-{VERSION}").is_symlink()


def test_a_link_without_its_target_is_an_error_and_not_an_empty_database(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    (data / f"postgres-{VERSION}").symlink_to(folder / "nowhere")
    with pytest.raises(RuntimeError, match="nowhere"):
        EmbeddedServer(data, VERSION).start()


def test_a_server_that_cannot_start_shows_its_log(folder: Path) -> None:
    server = EmbeddedServer(folder / "data", VERSION, settings={"shared_buffers": "nonsense"})
    with pytest.raises(RuntimeError, match="shared_buffers"):
        server.start()
    server = EmbeddedServer(folder / "data", VERSION)
    server.start()
    server.stop()


def test_a_temporary_server_leaves_nothing() -> None:
    with temporary_server(VERSION) as server:
        assert value(server, "show fsync") == "off"
        data = server.data
        sockets = Path(str(value(server, "show unix_socket_directories")))
    assert gone(server)
    assert not data.exists()
    assert not sockets.exists()


def test_the_command_line_runs_a_command_with_a_server() -> None:
    code = "import os, psycopg; print(psycopg.connect(os.environ['DATABASE_URL']).info.server_version // 10000)"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "db.embedded",
            "--temporary",
            "--version",
            str(VERSION),
            "--",
            sys.executable,
            "-c",
            code,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == (str(VERSION), 0), done.stderr
