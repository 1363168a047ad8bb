"""Fails a complete test run in which a function of ours was never called. A pytest plugin.

A plpgsql body is looked into only when it runs: a wrong column in a function that no test calls is found by a customer.
"""

from __future__ import annotations

import pytest

from db.tests.called_functions import problems
from db.tests.collector import cluster_of


class _Run:
    """Whether the run is a complete one; what it found."""

    def __init__(self) -> None:
        self.deselected = False
        self.problems: list[str] = []


_RUN = pytest.StashKey[_Run]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin."""
    config.stash[_RUN] = _Run()


def pytest_deselected(items: list[pytest.Item]) -> None:
    """A run without some tests is not complete; those marked `once` have run in the other pass."""
    for item in items:
        if item.get_closest_marker("once") is None:
            item.config.stash[_RUN].deselected = True


def is_complete(config: pytest.Config) -> bool:
    """Whether all tests there are were wanted."""
    narrowed = ("collectonly", "ignore", "ignore_glob", "lf", "stepwise")
    return (
        config.args == config.getini("testpaths")
        and not config.stash[_RUN].deselected
        and not any(config.getoption(name, False) for name in narrowed)
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Ask for what was called, when all tests passed that there are."""
    if exitstatus != pytest.ExitCode.OK or not is_complete(session.config):
        return
    cluster = cluster_of(session.config)
    if not cluster.is_embedded:
        return  # its settings are not ours, and calls not counted
    found = session.config.stash[_RUN].problems = problems(cluster.functions(), cluster.called_functions())
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what was not called."""
    if found := config.stash[_RUN].problems:
        terminalreporter.section("functions that no test called", red=True)
        for line in found:
            terminalreporter.line(line)
