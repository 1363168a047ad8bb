"""Fixtures of black-box tests: the API (and where wanted a worker) as a real process on a database of its own."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from app.tests.processes import Api, running_api, running_worker


@pytest.fixture(scope="module")
def api(database: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Api]:
    """A running API with its first workspace, on this module's database."""
    with running_api(database, tmp_path_factory.mktemp("api") / "log") as running:
        yield running


@pytest.fixture
def worker(api: Api, tmp_path: Path) -> Iterator[None]:
    """A running worker beside it."""
    with running_worker(api.database, tmp_path / "worker.log"):
        yield
