"""Labels that stay bounded, and buckets that percentiles can be read from."""

from __future__ import annotations

from itertools import pairwise

import pytest

from app.metrics import SAVE_BUCKETS, BusiestLabels


def test_the_busiest_keep_their_labels_and_the_rest_is_other() -> None:
    evicted: list[str] = []
    labels = BusiestLabels(2, evicted.append)
    assert [labels.label(name) for name in ("a", "a", "b", "c", "c")] == ["a", "a", "b", "other", "other"]
    assert labels.label("c") == "c"  # three against one: clearly busier
    assert evicted == ["b"]
    assert labels.label("b") == "other"
    assert labels.known("a") == "a" and labels.known("never seen") == "other"


def test_names_that_come_once_take_nobodys_place_and_no_memory() -> None:
    evicted: list[str] = []
    labels = BusiestLabels(2, evicted.append)
    labels.label("a")
    labels.label("b")
    for number in range(10_000):
        assert labels.label(f"once {number}") == "other"
    assert evicted == []
    assert len(labels._waiting) <= 40  # pyright: ignore[reportPrivateUsage]


def test_buckets_are_fine_enough_for_percentiles() -> None:
    """A linear interpolation inside a bucket is off by at most half its width when saves lie evenly in it."""
    for low, high in pairwise(bucket for bucket in SAVE_BUCKETS if bucket <= 0.2):
        assert (high - low) / 2 / low <= 0.115, (low, high)
    assert {0.1, 0.5, 1, 2, 5} <= set(SAVE_BUCKETS)
    assert list(SAVE_BUCKETS) == sorted(set(SAVE_BUCKETS))


@pytest.mark.parametrize("milliseconds", [1.05, 7, 42, 199])
def test_a_value_is_read_back_within_ten_percent(milliseconds: float) -> None:
    seconds = milliseconds / 1000
    low, high = next((a, b) for a, b in pairwise((0.0009, *SAVE_BUCKETS)) if a < seconds <= b)
    assert abs((low + high) / 2 - seconds) / seconds <= 0.115
