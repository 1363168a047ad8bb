"""What a supervisor needs of the operating system: guarded children, orphans of a directory, one owner of a folder."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_GUARD = Path(__file__).with_name("guard.py")


@dataclass(frozen=True)
class User:
    """The unprivileged user that PostgreSQL runs as when we are root (PostgreSQL refuses to run as root)."""

    name: str
    uid: int
    gid: int


def unprivileged_user() -> User | None:
    """The user for PostgreSQL: nobody else than us unless we are root.

    Returns:
        None when we are not root; else the user ``quire`` where the system has one, else ``nobody``.

    Raises:
        RuntimeError: root, and neither user exists.
    """
    if os.geteuid() != 0:
        return None
    for name in ("quire", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(name, entry.pw_uid, entry.pw_gid)
    raise RuntimeError("PostgreSQL does not run as root and there is no user 'quire' or 'nobody': add one of them")


def spawn(
    argv: Sequence[str],
    *,
    death_signal: int = signal.SIGTERM,
    user: User | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str = "/",
    output: IO[bytes] | int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own that gets ``death_signal`` when the calling *thread* ends, however it ends.

    Args:
        argv: program and arguments.
        death_signal: what the kernel sends the child when we die, kill -9 included.
        user: whom to run it as; None keeps ours.
        env: its environment; None keeps ours.
        cwd: its working directory.
        output: where stdout and stderr go (file, ``subprocess.PIPE``); None keeps ours.
    """
    uid, gid = (user.uid, user.gid) if user else (-1, -1)
    guarded = [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), str(int(death_signal)), str(uid), str(gid)]
    return subprocess.Popen(
        [*guarded, "--", shutil.which(argv[0]) or argv[0], *argv[1:]],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        env=dict(env) if env is not None else None,
        cwd=cwd,
    )


def run_as(user: User | None, argv: Sequence[str], env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a short program as ``user`` (None: as ourselves) and return its exit code and all that it printed."""
    child = spawn(argv, user=user, env=env, output=subprocess.PIPE, death_signal=signal.SIGKILL)
    printed, _ = child.communicate()
    return child.returncode, printed.decode(errors="replace").strip()


def processes_in(directory: Path, program: str) -> list[int]:
    """Pids of the processes of a program whose working directory is ``directory``: a cluster's PostgreSQL processes.

    Also finds backends that outlived their postmaster, which the pid file does not know. The program's name keeps a
    person's shell out of it.
    """
    target = os.path.realpath(directory)
    found: list[int] = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                inside = os.readlink(f"/proc/{entry}/cwd") == target
                if inside and Path(f"/proc/{entry}/comm").read_text().strip() == program:
                    found.append(int(entry))
            except OSError:
                continue  # gone, or not ours to look at
    return found


def signal_all(pids: Sequence[int], number: int) -> None:
    """Send a signal to processes that may have gone already."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Poll ``condition`` until it holds or ``seconds`` have passed; whether it held."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True


class FolderInUse(RuntimeError):
    """Another process owns the data folder."""


class FolderLock:
    """One owner for a data folder: an flock that the kernel releases when the owner dies, kill -9 included."""

    def __init__(self, folder: Path) -> None:
        """Args: folder: the folder to own; must exist when the lock is taken."""
        self.path = folder / "lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock, or raise FolderInUse that names the owner's pid. Taking it twice is harmless."""
        if self._file is not None:
            return
        handle = self.path.open("a+")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            owner = handle.read().strip() or "unknown"
            handle.close()
            raise FolderInUse(
                f"{self.path.parent} is in use by process {owner}. Stop that one, or choose another folder (DATA=..)."
            ) from None
        handle.seek(0)
        handle.truncate()
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        self._file = handle

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would let two owners hold locks on two files."""
        if self._file is not None:
            self._file.close()
            self._file = None
