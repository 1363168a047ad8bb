"""A throwaway PostgreSQL 18 with the real pg_cron loaded, which scripts/fetch-pg-cron has put into the environment."""

from __future__ import annotations

import contextlib
import os
import shutil
import sysconfig
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from db.embedded import EmbeddedServer
from db.placement import programs
from db.processes import unprivileged_user
from db.server_settings import TEST_SETTINGS

PG_CRON = Path(sysconfig.get_path("data")) / "pg_cron"
VERSION = 18  # Debian has no package for 16


def need_pg_cron() -> None:
    """Skip the test loudly where pg_cron could not be had; fail it where changes are let in."""
    if not (PG_CRON / "lib" / "pg_cron.so").exists():
        if os.environ.get("CI") == "true":
            pytest.fail("where changes are let in, pg_cron has to be there: see scripts/fetch-pg-cron")
        pytest.skip("PG_CRON IS NOT HERE, nothing shows that it runs our jobs (Debian's postgresql-18-cron has it)")


class CronServer:
    """The server, and its restart with or without pg_cron."""

    def __init__(self, folder: Path) -> None:
        """Describe it; ``start`` runs it.

        Args:
            folder: an empty one that the server's user may pass through.
        """
        self._folder = folder
        shutil.copytree(PG_CRON, folder / "pg_cron")  # the environment may be out of that user's reach
        self.server = self._describe({})

    def start(self, *, loaded: bool = True, **settings: str) -> None:
        """Start it, or start it anew.

        Args:
            loaded: whether with pg_cron's library.
            settings: of pg_cron, without their prefix.
        """
        self.server.stop()
        chosen = {f"cron.{name}": value for name, value in settings.items()}
        self.server = self._describe({"shared_preload_libraries": "pg_cron", **chosen} if loaded else {})
        self.server.start()

    def _describe(self, settings: dict[str, str]) -> EmbeddedServer:
        ours = self._folder / "pg_cron"
        return EmbeddedServer(
            self._folder,
            VERSION,
            settings={
                **TEST_SETTINGS,
                "dynamic_library_path": f"{ours}/lib:$libdir",
                "extension_control_path": f"{ours}:$system",
                "cron.database_name": "quire",
                "cron.host": f"{self._folder}/postgres-{VERSION}/run",
                **settings,
            },
            loader=_loader(ours / "libc"),
        )


def _loader(libc: Path) -> tuple[str, ...]:
    """The loader that finds the server's libpq for pg_cron, and the C library that it wants where this one is older."""
    places = [*libc.glob("ld-linux*"), *Path("/lib64").glob("ld-linux-*"), *Path("/lib").glob("ld-linux-*")]
    libraries = programs(VERSION, unprivileged_user()).parent / "lib"
    return str(places[0]), "--library-path", f"{libc}:{libraries}"


@contextlib.contextmanager
def cron_server() -> Generator[CronServer]:
    """The server, running, in a folder of its own; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="quire-cron-"))
    if os.geteuid() == 0:
        folder.chmod(0o755)  # ours and new; the server's user has to pass through it
    made = CronServer(folder)
    try:
        made.start()
        yield made
    finally:
        made.server.remove()
        shutil.rmtree(folder, ignore_errors=True)
