"""Fixtures of all test suites: a throwaway PostgreSQL (QUIRE_TEST_PG=18 or 16) and a fresh database a module."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from db.tests.cluster import Cluster
from db.tests.collector import SqlFile, close_cluster, cluster_of

pytest_plugins = ["db.tests.every_function"]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.File | None:
    """Collect `test_*.sql` as pgTAP files."""
    if file_path.suffix == ".sql" and file_path.name.startswith("test_"):
        return SqlFile.from_parent(parent, path=file_path)  # pyright: ignore[reportUnknownMemberType] - pytest's **kw
    return None


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server."""
    close_cluster(config)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """The session's server, for tests that make databases of their own."""
    return cluster_of(request.config)


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> Generator[str]:
    """Conninfo of a fully migrated database that this test module has for itself."""
    with cluster.temporary() as conninfo:
        yield conninfo


@pytest.fixture
def empty_database(cluster: Cluster) -> Generator[str]:
    """Conninfo of a database without anything, for one test."""
    with cluster.temporary(empty=True) as conninfo:
        yield conninfo


@pytest.fixture
def conn(database: str) -> Generator[psycopg.Connection]:
    """An autocommit connection to the module's database, as superuser."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection
