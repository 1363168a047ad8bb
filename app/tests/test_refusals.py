"""What a process remembers of blocks: never longer than they last, and two seconds at most."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from app.calls import Admission
from app.refusals import KEPT_SECONDS, Refusals

pytestmark = pytest.mark.once

BLOCKED = Admission("blocked", uuid.uuid4(), uuid.uuid4(), ("write",), "page-save", 30, 0, 60, 60, 60)


class Clock:
    """Stands still unless moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def refusals(clock: Clock) -> Refusals:
    return Refusals(3, clock)


def kept(refusals: Refusals, clock: Clock, retry_after: int, asked: float | None = None, key: str = "k") -> None:
    asked = clock.now if asked is None else asked
    refusals.keep(key, asked, replace(BLOCKED, retry_after=retry_after, reset_seconds=retry_after))


def test_a_block_is_remembered_for_two_seconds_at_most(refusals: Refusals, clock: Clock) -> None:
    kept(refusals, clock, 60)
    assert refusals.find("k") == BLOCKED
    assert refusals.find("other") is None
    clock.now += KEPT_SECONDS - 0.001
    assert refusals.find("k") is not None
    clock.now += 0.001
    assert refusals.find("k") is None
    assert len(refusals) == 0


@pytest.mark.parametrize("true_rest", [1.2, 1.999, 2.0])
def test_it_never_outlasts_the_block(refusals: Refusals, clock: Clock, true_rest: float) -> None:
    """retry_after is rounded up, and the answer took half a second: the block may end that much earlier."""
    asked, end = clock.now, clock.now + true_rest
    clock.now += 0.5
    kept(refusals, clock, 2, asked)
    while refusals.find("k") is not None:
        assert clock.now < end
        clock.now += 0.01


def test_the_last_second_is_the_databases(refusals: Refusals, clock: Clock) -> None:
    kept(refusals, clock, 1)
    assert refusals.find("k") is None


def test_retry_after_counts_down_and_stays_enough(refusals: Refusals, clock: Clock) -> None:
    kept(refusals, clock, 60)
    for passed, expected in ((0.0, 60), (0.4, 60), (1.0, 59), (1.5, 59)):
        clock.now = 1000.0 + passed
        found = refusals.find("k")
        assert found is not None and (found.retry_after, found.reset_seconds) == (expected, expected)
        assert clock.now + expected >= 1060.0


@pytest.mark.parametrize("decision", ["limited", "allowed", "observed", "failed_closed", "unauthorized", "bypassed"])
def test_only_blocks_are_remembered(refusals: Refusals, clock: Clock, decision: str) -> None:
    refusals.keep("k", clock.now, replace(BLOCKED, decision=decision))
    assert refusals.find("k") is None


def test_it_is_bounded_and_forgets_who_does_not_come_back(refusals: Refusals, clock: Clock) -> None:
    for key in ("a", "b", "c"):
        kept(refusals, clock, 60, key=key)
    assert refusals.find("a") is not None
    kept(refusals, clock, 60, key="d")
    assert len(refusals) == 3
    assert refusals.find("b") is None and refusals.find("a") is not None
    off = Refusals(0, clock)
    kept(off, clock, 60)
    assert len(off) == 0
