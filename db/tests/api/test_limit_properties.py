"""The limiter against a model of it, under a clock that the test sets: random arrivals over minutes."""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

Connection = psycopg.Connection[Any]
Decision = tuple[str, int, int | None]

RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
START = datetime(2030, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
WINDOW = 60 * SECOND

# Decides all of a list of requests in one call, each at its own time (microseconds since START).
DECIDE_ALL = """
create function pg_temp.decide_all(p_policy text, p_key uuid, p_times bigint[], p_costs integer[])
returns table (decision text, remaining integer, retry_after integer) language plpgsql as $$
begin
    for n in 1 .. cardinality(p_times) loop
        perform set_config(
            'quire.fake_now',
            (timestamptz '2030-01-01 00:00:00Z' + p_times[n] * interval '1 microsecond')::text, false
        );
        return query
        select d.decision, d.remaining, d.retry_after
        from core.decide_limits(array[p_policy], array[p_costs[n]], p_key, null, null, null) as d;
    end loop;
end;
$$"""


@dataclass
class Model:
    """What a policy is meant to do; times in microseconds."""

    points: int
    window: int
    block: int
    hits: list[int] = field(default_factory=list[int])
    blocked_until: int = 0

    def decide(self, now: int, cost: int) -> Decision:
        """One request."""
        if now < self.blocked_until:
            return "blocked", 0, math.ceil((self.blocked_until - now) / SECOND)
        live = sorted(hit for hit in self.hits if hit > now - self.window)
        if len(live) + cost <= self.points:
            self.hits += [now] * cost
            return "allowed", self.points - len(live) - cost, None
        fits = live[len(live) + cost - self.points - 1] + self.window
        until = max(now + self.block, fits) if self.block else fits
        self.blocked_until = until if self.block else 0
        return "limited", self.points - len(live), math.ceil((until - now) / SECOND)


@pytest.fixture
def limiter(conn: Connection) -> Connection:
    conn.execute(DECIDE_ALL)
    return conn


def policy(conn: Connection, points: int, window_seconds: int, block_seconds: int) -> str:
    """A policy with these numbers; its name."""
    name = f"p{points}-{window_seconds}-{block_seconds}"
    conn.execute(
        "insert into core.rate_policies values (%s, %s, %s, %s, 'user', 'enforce', 'open') on conflict do nothing",
        [name, points, window_seconds, block_seconds],
    )
    return name


def decide_all(
    conn: Connection, name: str, times: Sequence[int], costs: Sequence[int], key: uuid.UUID
) -> list[Decision]:
    return conn.execute(
        "select * from pg_temp.decide_all(%s, %s, %s::bigint[], %s::integer[])", [name, key, list(times), list(costs)]
    ).fetchall()  # pyright: ignore[reportReturnType]


def most_in_a_window(accepted: Sequence[int], window: int) -> int:
    """The most points in any window (t - window, t]."""
    times, first, most = sorted(accepted), 0, 0
    for last, time in enumerate(times):
        while times[first] <= time - window:
            first += 1
        most = max(most, last - first + 1)
    return most


@RELAXED
@given(
    arrivals=st.lists(
        st.tuples(
            st.one_of(
                st.integers(0, 3 * SECOND),
                st.integers(0, 15 * SECOND),
                st.sampled_from([0, 1, SECOND, 10 * SECOND, 10 * SECOND - 1, 10 * SECOND + 1, 25 * SECOND]),
            ),
            st.integers(0, 3),
        ),
        max_size=60,
    ),
    points=st.integers(1, 4),
    block=st.sampled_from([0, 5, 10, 25]),
)
@example(arrivals=[(0, 1), (0, 1), (10 * SECOND, 1)], points=1, block=0)
def test_it_does_what_the_model_does(
    limiter: Connection, arrivals: list[tuple[int, int]], points: int, block: int
) -> None:
    name = policy(limiter, points, 10, block)
    model, now = Model(points, 10 * SECOND, block * SECOND), 0
    times: list[int] = []
    costs: list[int] = []
    expected: list[Decision] = []
    for gap, cost in arrivals:
        now += gap
        times.append(now)
        costs.append(min(cost, points))
        expected.append(model.decide(now, costs[-1]))
    found = decide_all(limiter, name, times, costs, uuid.uuid4())
    assert found == expected
    accepted = [
        time
        for time, cost, (decision, *_) in zip(times, costs, found, strict=True)
        for _ in range(cost)
        if decision == "allowed"
    ]
    assert most_in_a_window(accepted, 10 * SECOND) <= points


@pytest.mark.parametrize("seed", range(8))
def test_ten_minutes_of_random_arrivals_never_have_more_than_30_in_60_s(limiter: Connection, seed: int) -> None:
    chance = random.Random(seed)
    mean = (0.2, 0.5, 1.0, 1.9, 2.0, 2.1, 4.0, 0.02)[seed]  # seconds between arrivals, around and far from the limit
    times: list[int] = []
    now = 0
    while now < 600 * SECOND and len(times) < 6000:
        now += round(chance.expovariate(1 / mean) * SECOND)
        times.append(now)
    found = decide_all(limiter, "page-save", times, [1] * len(times), uuid.uuid4())
    accepted = [time for time, (decision, *_) in zip(times, found, strict=True) if decision == "allowed"]
    assert most_in_a_window(accepted, WINDOW) <= 30
    refused = [time for time, (decision, *_) in zip(times, found, strict=True) if decision == "limited"]
    if mean < 1.5:
        assert most_in_a_window(accepted, WINDOW) == 30 and refused
    for (
        time
    ) in refused:  # nobody is refused who has not used up all 30, and a refusal is followed by a minute's silence
        assert len([hit for hit in accepted if time - WINDOW < hit <= time]) == 30
        assert not [hit for hit in accepted if time <= hit < time + WINDOW]


@pytest.mark.parametrize("seed", range(4))
def test_a_client_that_sleeps_retry_after_is_let_in(limiter: Connection, seed: int) -> None:
    chance, key, now = random.Random(seed), uuid.uuid4(), 0
    waits = 0
    accepted: list[int] = []
    while now < 600 * SECOND:
        now += chance.randrange(1, SECOND)
        ((decision, _, wait),) = decide_all(limiter, "page-save", [now], [1], key)
        if decision != "allowed":
            assert wait is not None and decision == "limited"
            now += wait * SECOND
            waits += 1
            ((decision, _, _),) = decide_all(limiter, "page-save", [now], [1], key)
            assert decision == "allowed", "Retry-After is true"
        accepted.append(now)
    assert waits >= 5 and most_in_a_window(accepted, WINDOW) == 30


@pytest.mark.parametrize("step", [-3600, -61, -30, 30, 61, 3600])
def test_a_clock_that_steps_locks_nobody_out(limiter: Connection, step: int) -> None:
    key = uuid.uuid4()
    now = 10_000 * SECOND
    first = decide_all(limiter, "page-save", [now + n * SECOND for n in range(31)], [1] * 31, key)
    assert [decision for decision, *_ in first].count("allowed") == 30 and first[-1][0] == "limited"
    after = now + (31 + step) * SECOND
    decisions = [
        decision
        for decision, *_ in decide_all(limiter, "page-save", [after + n * 10 * SECOND for n in range(8)], [1] * 8, key)
    ]
    assert "allowed" in decisions, "within 70 s of the new clock"
    assert "allowed" in decisions[:1] or -60 < step < 60, "at once, where the step is more than a window"


def test_times_are_kept_to_the_microsecond(limiter: Connection) -> None:
    """hit_at goes through Python and back: a refund finds its hit by it."""
    key = uuid.uuid4()
    limiter.execute("select set_config('quire.fake_now', %s, false)", [str(START + timedelta(microseconds=123_457))])
    row = limiter.execute("select hit_at from core.decide_limits('{page-save}', '{2}', %s, null, null, null)", [key])
    (hit_at,) = row.fetchone() or (None,)
    back = limiter.execute(
        "select points from api.refund(null, %s, null, null, '{page-save}', '{2}', %s, null)", [key, [hit_at]]
    )
    assert back.fetchone() == (2,)
