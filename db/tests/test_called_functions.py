"""The plugin that fails a run in which a function was never called: what it counts, what it says, when it looks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from db.tests.called_functions import called_in, functions_in, problems
from db.tests.cluster import Cluster


@pytest.mark.once
def test_calls_of_all_connections_count_and_rolled_back_ones_too(cluster: Cluster) -> None:
    with cluster.temporary() as conninfo:
        with psycopg.connect(conninfo) as closed:
            closed.execute("select core.clock()")
        with psycopg.connect(conninfo) as rolled_back:
            rolled_back.execute("select jsonpatch.add('[]', '{0}', '1')")
            rolled_back.rollback()
        still_open = psycopg.connect(conninfo, autocommit=True)
        still_open.execute("select core.rfc3339(now())")
        with psycopg.connect(conninfo, autocommit=True) as connection:
            called = called_in(connection)
        assert {"core.clock", "jsonpatch.add", "core.rfc3339"} <= called
        assert "core.save_page" not in called
        with pytest.raises(psycopg.OperationalError):
            still_open.execute("select 1")
        still_open.close()


@pytest.mark.once
def test_a_dropped_database_has_been_asked(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_called", set[str]())
    name = cluster.clone()
    with psycopg.connect(cluster.url(name)) as connection:
        connection.execute("select core.clock()")
    cluster.drop(name)
    assert cast(Any, cluster)._called == {"core.clock"}


@pytest.mark.once
def test_functions_that_cannot_be_counted_are_found(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(
            "create schema core;"
            "create function core.inlined() returns integer language sql as 'select 1';"
            "create function core.pinned() returns integer language sql set search_path = pg_catalog as 'select 1';"
            "create function core.procedural() returns integer language plpgsql as 'begin return 1; end';"
            "create aggregate core.aggregated(integer) (sfunc = int4larger, stype = integer)"
        )
        assert functions_in(connection) == {
            "core.inlined": False, "core.pinned": True, "core.procedural": True, "core.aggregated": False,
        }  # fmt: skip
        connection.execute("select core.inlined(), core.pinned(), core.procedural(), core.aggregated(1)")
        connection.execute("select pg_stat_force_next_flush()")
        assert called_in(connection) == {"core.pinned", "core.procedural"}


@pytest.mark.once
def test_what_is_wrong_is_named() -> None:
    functions = {"api.a": True, "api.b": True, "core.sum": False, "core.max": False}
    assert problems(functions, {"api.a", "api.b"}, {"core.sum": "x", "core.max": "x"}) == []
    assert problems(functions, {"api.a"}, {"core.sum": "x", "api.a": "x", "api.gone": "x"}) == [
        "api.a is in UNCOUNTED, but its calls are counted",
        "api.b was never called: write a test that does",
        "api.gone is in UNCOUNTED, but there is no such function",
        "calls of core.max cannot be counted: name it in UNCOUNTED, with the test that calls it",
    ]


CONFTEST = """
import pytest
from db.tests import collector

pytest_plugins = ["db.tests.every_function"]

class Fake:
    is_embedded = True
    functions = lambda self: {"api.a": True, "core.tsvector_agg": False}
    called_functions = lambda self: set()

@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    config.stash[collector.CLUSTER] = Fake()
"""


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "complete"),
    [
        ([], True),
        (["-m", "not once"], True),
        (["-m", "once"], False),
        (["-k", "one"], False),
        (["a/test_a.py"], False),
        (["--ignore", "b"], False),
        (["--collect-only"], False),
    ],
)
def test_only_a_complete_run_is_looked_at(tmp_path: Path, arguments: list[str], complete: bool) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = a b\nmarkers = once")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"test_{folder}.py").write_text(
            "import pytest\n@pytest.mark.once\ndef test_one(): pass\ndef test_two(): pass\n"
        )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert ("api.a was never called: write a test that does" in done.stdout) == complete, done.stdout + done.stderr
    assert done.returncode == complete, done.stdout + done.stderr
