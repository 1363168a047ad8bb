"""The throwaway server of a test session: one template (migrations, functions, pgTAP), one clone a module."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator
from typing import TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from db.embedded import EmbeddedServer, temporary_server
from db.migrate import migrate
from db.tests import pgtap
from db.tests.called_functions import called_in, functions_in

T = TypeVar("T")
PG_VERSION = int(os.environ.get("QUIRE_TEST_PG", "18"))


class Cluster:
    """Databases for tests, on an embedded server or on that of QUIRE_TEST_DATABASE_URL (never DATABASE_URL's)."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._embedded: EmbeddedServer | None = None
        self._count = 0
        self._made: list[str] = []
        self._template: str | None = None
        self._called: set[str] = set()
        external = os.environ.get("QUIRE_TEST_DATABASE_URL")
        if external:
            self._base = external
        else:
            self._embedded = self._stack.enter_context(temporary_server(PG_VERSION))
            self._base = self._embedded.url("postgres")

    @property
    def is_embedded(self) -> bool:
        """Whether the server is a throwaway one of ours."""
        return self._embedded is not None

    @property
    def embedded(self) -> EmbeddedServer:
        """The embedded server, for tests that need its programs or kill it."""
        if self._embedded is None:
            raise RuntimeError("this test needs the embedded server: run it without QUIRE_TEST_DATABASE_URL")
        return self._embedded

    def url(self, database: str) -> str:
        """Conninfo of one of its databases, as superuser."""
        if self._embedded is not None:
            return self._embedded.url(database)
        return make_conninfo(self._base, dbname=database)

    def create(self, template: str | None = None) -> str:
        """Make a database, empty or as a clone; returns its name."""
        self._count += 1
        name = f"quire_test_{os.getpid()}_{self._count}"
        self._admin(
            sql.SQL("create database {} template {} encoding 'UTF8'").format(
                sql.Identifier(name), sql.Identifier(template or "template0")
            )
        )
        self._made.append(name)
        return name

    def clone(self) -> str:
        """A fully migrated database with pgTAP in schema pgtap; returns its name."""
        if self._template is None:
            name = self.create()
            migrate(self.url(name), log=lambda _: None)
            with psycopg.connect(self.url(name), autocommit=True) as connection:
                pgtap.load(connection)
            self._template = name
        return self.create(self._template)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected, after asking it which functions were called."""
        self._called |= self._ask(name, called_in)
        self._admin(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        self._made.remove(name)

    @contextlib.contextmanager
    def temporary(self, *, empty: bool = False) -> Generator[str]:
        """A clone, or an empty database, for a with block; gives its conninfo."""
        name = self.create() if empty else self.clone()
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def functions(self) -> dict[str, bool]:
        """All functions of ours, and whether PostgreSQL counts calls of each."""
        name = self.clone()
        found = self._ask(name, functions_in)
        self.drop(name)
        return found

    def called_functions(self) -> set[str]:
        """Functions that were called in any database so far, migrations included. Ends connections to those left."""
        for name in self._made:
            self._called |= self._ask(name, called_in)
        return self._called

    def close(self) -> None:
        """Drop what was made and stop the server."""
        if self._embedded is None:
            for name in list(self._made):
                self.drop(name)
        self._stack.close()

    def _ask(self, name: str, question: Callable[[psycopg.Connection], T]) -> T:
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            return question(connection)

    def _admin(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._base, autocommit=True) as connection:
            connection.execute(statement)
