"""No entry of the queue is lost, applied twice or stale while processes are killed: the short form of `make soak`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from app.tests.queue_kills import STEPS, kill_matrix
from db.tests.cluster import PG_VERSION


@pytest.mark.slow
@pytest.mark.once
def test_killed_at_every_step_nothing_is_lost_or_applied_twice() -> None:
    with tempfile.TemporaryDirectory(prefix="quire-kills-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, PostgreSQL's user has to pass through it
        report = kill_matrix(folder, 14, version=PG_VERSION)
    assert report.problems == []
    assert {"api", "postgres"} < set(report.kills), report
    assert len(set(report.kills) & set(STEPS)) >= len(STEPS) - 1, report
