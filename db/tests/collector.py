"""Runs `db/tests/<schema>/test_*.sql`, pgTAP files that psql runs as well, as pytest items: one a file.

Statements are sent one by one, so that an SQL error comes with its line and with the assertions before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from db.migration_files import split_statements
from db.tests.cluster import Cluster

_PLAN = re.compile(r"^1\.\.(\d+)")
_RESULT = re.compile(r"^(not )?ok \d+\b")


class SqlTestFailure(Exception):
    """A failed pgTAP file; the text is what pytest prints."""


@dataclass
class Tap:
    """What a file printed so far."""

    planned: int | None = None
    results: list[tuple[bool, str]] = field(default_factory=list[tuple[bool, str]])
    lines: list[str] = field(default_factory=list[str])

    def read(self, text: str) -> None:
        """Take one row of output: a plan, an assertion with its diagnostics, or a comment."""
        for line in text.splitlines():
            self.lines.append(line)
            if plan := _PLAN.match(line):
                self.planned = int(plan[1])
            elif result := _RESULT.match(line):
                todo = "# TODO" in line
                self.results.append((result[1] is None or todo, line))
                if re.search(r"\bSKIP\b", line):
                    self.results[-1] = (False, f"{line} (a skip would pass unseen: test it, or leave it out)")

    def problems(self) -> list[str]:
        """Why the file fails; empty when it passes."""
        found = [line for passed, line in self.results if not passed]
        if self.planned is None:
            found.append("no plan: the file needs `select plan(n);` or `select * from no_plan();` and finish()")
        elif self.planned != len(self.results):
            found.append(f"planned {self.planned} assertions, ran {len(self.results)}")
        return found


class SqlItem(pytest.Item):
    """One pgTAP file."""

    def runtest(self) -> None:
        """Run it on the session's clone for SQL tests, and leave nothing there."""
        conninfo = sql_conninfo(self.config)
        with psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as connection:
            connection.execute("select set_config('search_path', 'public, pgtap', false)")
            run_file(connection, self.path)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """The failing assertions, not a traceback through this module."""
        if isinstance(excinfo.value, SqlTestFailure):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where pytest says it is."""
        return self.path, 0, self.path.name


class SqlFile(pytest.File):
    """Collects one item of a file; named `pgtap` so that `-k pgtap` selects all of them."""

    def collect(self) -> Iterable[pytest.Item]:
        """One item."""
        yield SqlItem.from_parent(self, name="pgtap")  # pyright: ignore[reportUnknownMemberType] - pytest's **kw


def run_file(connection: psycopg.Connection, path: Path) -> Tap:
    """Run a pgTAP file statement by statement.

    Raises:
        SqlTestFailure: an assertion failed, the plan was not kept, or a statement raised an error.
    """
    text = path.read_text(encoding="utf-8")
    tap = Tap()
    connection.add_notice_handler(lambda notice: tap.lines.append(f"# {notice.severity}: {notice.message_primary}"))
    try:
        for line, statement in _numbered(text):
            try:
                for value in _rows(connection, statement):
                    tap.read(value)
            except psycopg.Error as error:
                place = f"{path.name}, line {line}: {error} (SQLSTATE {error.sqlstate})"
                raise SqlTestFailure("\n".join([place, *tap.lines])) from error
    finally:
        if connection.info.transaction_status != TransactionStatus.IDLE:
            connection.execute("rollback")
    if problems := tap.problems():
        raise SqlTestFailure("\n".join([f"{path.name}: {'; '.join(problems)}", *tap.lines]))
    return tap


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    position = 0
    for statement in split_statements(text):
        position = text.index(statement, position)
        # A statement's text starts with the comments above it: name the line where the SQL begins.
        comments = re.match(r"(\s|--[^\n]*\n|/\*.*?\*/)*", statement, re.S)
        yield text.count("\n", 0, position + (comments.end() if comments else 0)) + 1, statement
        position += len(statement)


def _rows(connection: psycopg.Connection, statement: str) -> Iterator[str]:
    cursor = connection.execute(statement.encode())
    if cursor.description is not None:
        for row in cursor:
            yield from (value for value in row if isinstance(value, str))


CLUSTER = pytest.StashKey[Cluster]()
"""The session's cluster, once it was started."""
_SQL_DATABASE = pytest.StashKey[str]()


def cluster_of(config: pytest.Config) -> Cluster:
    """The session's cluster, started at the first call."""
    if CLUSTER not in config.stash:
        config.stash[CLUSTER] = Cluster()
    return config.stash[CLUSTER]


def sql_conninfo(config: pytest.Config) -> str:
    """The clone that all SQL files share: each leaves it as it was."""
    if _SQL_DATABASE not in config.stash:
        cluster = cluster_of(config)
        config.stash[_SQL_DATABASE] = cluster.url(cluster.clone())
    return config.stash[_SQL_DATABASE]


def close_cluster(config: pytest.Config) -> None:
    """Stop the session's cluster if there is one."""
    if CLUSTER in config.stash:
        config.stash[CLUSTER].close()
        del config.stash[CLUSTER]
