"""No save is lost or made twice while the processes are killed: the short form of `make soak`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from app.tests.soak import soak
from db.tests.cluster import PG_VERSION


@pytest.mark.slow
@pytest.mark.once
def test_every_acknowledged_save_survives_kills_exactly_once() -> None:
    with tempfile.TemporaryDirectory(prefix="quire-soak-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, PostgreSQL's user has to pass through it
        report = soak(folder, 20, version=PG_VERSION)
    assert report.problems == []
    assert min(report.kills.values()) >= 1 and len(report.kills) == 4, report
    assert min(report.counts[name] for name in ("acknowledged", "rebased", "conflicts", "retried")) > 0, report
