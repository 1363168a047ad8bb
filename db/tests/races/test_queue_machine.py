"""The queue in any order of saves, claims, writes, acks, failures, zombies, sweeps and replays (Hypothesis).

Whatever has happened: a block that neither waits nor is dead has entry and vector of its newest content; none waits
and is dead at once; no entry has a lease that is not there; nothing was applied twice. And at last all can be drained.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from worker.tests import pages

Connection = psycopg.Connection[Any]
MODEL = "hashing-384"
BLOCKS = 3
PRIORITIES = (0, 100, 200, 300)
VECTOR = "[" + ",".join(["1"] * 384) + "]"
NOS = st.integers(1, BLOCKS)
WHICH = st.integers(0, 3)  # a lease: one of the newest few, also when it is over


class Calls:
    """The functions of schema `indexing`, as a worker calls them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, lane: int, priority: int, limit: int) -> tuple[UUID, int]:
        """A lease and its number of entries."""
        lease = uuid4()
        row = self._connection.execute(
            "select rows from indexing.claim(%s::smallint, %s::smallint, -1, '{}', '{}', %s, %s, 60, null, array[%s])",
            [lane, priority, limit, lease, MODEL],
        ).fetchone()
        assert row is not None
        return lease, row[0]

    def write(self, lease: UUID, places: list[int]) -> None:
        """Entries and vectors of those places."""
        self._connection.execute(
            "select indexing.write_entries(%s, %s::integer[], %s::text[], %s::text[])",
            [lease, places, [MODEL] * len(places), [VECTOR] * len(places)],
        )

    def ack(self, lease: UUID, places: list[int] | None) -> None:
        """Those places; None: the whole batch, and the lease ends."""
        self._connection.execute("select indexing.ack(%s, %s, %s::integer[])", [lease, MODEL, places])

    def fail(self, lease: UUID, place: int) -> None:
        """One entry's own fault."""
        self._connection.execute("select indexing.fail(%s, array[%s], array['c'], array['e'])", [lease, place])

    def release(self, lease: UUID) -> None:
        """All of it, due in five seconds."""
        self._connection.execute("select indexing.release(%s, 5)", [lease])

    def renew(self, lease: UUID) -> None:
        """For another minute."""
        self._connection.execute("select indexing.renew_lease(%s, 60)", [lease])

    def sweep(self) -> None:
        """What lost workers held."""
        self._connection.execute("select * from indexing.sweep()")

    def replay(self) -> None:
        """All dead letters."""
        self._connection.execute("select * from ops.replay_dead_letters('{}')")


class Machine(RuleBasedStateMachine):
    """One page, one clock that only goes forward, leases that are used also when they are over."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.connection, self.calls = connection, Calls(connection)
        self.now = float(int(time.time()))
        self._set_clock(0)
        connection.execute(
            "truncate core.indexing_queue, core.indexing_leases, core.indexing_dead_letters, core.indexing_done"
        )
        self.workspace = pages.create_workspace(connection)
        self.page = pages.create_page(connection, self.workspace, [f"text {no}" for no in range(BLOCKS)], "Title")
        self.live = set(range(1, BLOCKS + 1))
        self.count = 0
        self.leases: list[tuple[UUID, int]] = []

    def _set_clock(self, seconds: float) -> None:
        self.now += seconds
        self.connection.execute("select set_config('quire.fake_now', to_timestamp(%s)::text, false)", [self.now])

    def _lease(self, which: int) -> tuple[UUID, list[int]]:
        """One of the newest leases and its places."""
        lease, rows = self.leases[-1 - which % len(self.leases)]
        return lease, list(range(1, rows + 1))

    @rule(no=NOS, priority=st.sampled_from(PRIORITIES))
    def edit(self, no: int, priority: int) -> None:
        if no in self.live:
            self.count += 1
            self._set_clock(0.001)  # an entry's time of enqueueing names its life
            pages.edit(self.connection, self.workspace, self.page, no, f"edit {self.count}", priority)

    @rule(no=NOS)
    def delete(self, no: int) -> None:
        if no in self.live:
            self.live.discard(no)
            self._set_clock(0.001)
            pages.delete_block(self.connection, self.workspace, self.page, no)

    @rule(lane=st.sampled_from((0, 0, 1)), limit=st.integers(1, 3))
    def claim(self, lane: int, limit: int) -> None:
        for priority in PRIORITIES:
            lease, rows = self.calls.claim(lane, priority, 1 if lane else limit)
            if rows:
                self.leases.append((lease, rows))

    @rule(which=WHICH, some=st.booleans())
    def write(self, which: int, some: bool) -> None:
        if self.leases:
            lease, places = self._lease(which)
            self.calls.write(lease, places[:1] if some else places)

    @rule(which=WHICH, whole=st.booleans())
    def ack(self, which: int, whole: bool) -> None:
        if self.leases:
            lease, places = self._lease(which)
            self.calls.ack(lease, None if whole else places[:1])

    @rule(which=WHICH)
    def work(self, which: int) -> None:
        """A worker that does all that it has to."""
        if self.leases:
            lease, places = self._lease(which)
            self.calls.write(lease, places)
            self.calls.ack(lease, None)

    @rule(which=WHICH)
    def fail(self, which: int) -> None:
        if self.leases:
            lease, places = self._lease(which)
            self.calls.fail(lease, places[-1])

    @rule(which=WHICH)
    def release(self, which: int) -> None:
        if self.leases:
            self.calls.release(self._lease(which)[0])

    @rule(which=WHICH)
    def renew(self, which: int) -> None:
        if self.leases:
            self.calls.renew(self._lease(which)[0])

    @rule(seconds=st.sampled_from((0.5, 2.0, 61.0, 1000.0)))
    def wait(self, seconds: float) -> None:
        self._set_clock(seconds)

    @rule()
    def sweep(self) -> None:
        self.calls.sweep()

    @rule()
    def lose_everything(self) -> None:
        """All workers are killed."""
        self._set_clock(61)
        self.calls.sweep()

    @rule()
    def replay(self) -> None:
        self._set_clock(0.001)
        self.calls.replay()

    @invariant()
    def nothing_is_wrong(self) -> None:
        wrong = self.connection.execute(
            """
            select 'waits and is dead', q.no from core.indexing_queue as q
            inner join core.indexing_dead_letters as d using (workspace_id, page_id, no)
            union all
            select 'its lease is not there', q.no from core.indexing_queue as q
            where q.lease_id is not null
                and not exists (select from core.indexing_leases as l where l.lease_id = q.lease_id)
            union all
            select 'more than three attempts', q.no from core.indexing_queue as q where q.attempts > 3
            union all
            select 'applied twice', d.no from core.indexing_done as d
            group by d.page_id, d.no, d.enqueued_at having count(*) > 1
            """
        ).fetchall()
        settled = {
            row[0]
            for row in self.connection.execute(
                "select no from core.indexing_queue union select no from core.indexing_dead_letters"
            )
        }
        stale = [row for row in pages.disagreements(self.connection, self.workspace, MODEL) if row[1] not in settled]
        assert wrong == [] and [row for row in stale if row[1] is not None] == [], (wrong, stale)

    def teardown(self) -> None:
        """It can be drained, and then all is as it should be."""
        for _ in range(6):
            self._set_clock(1000)
            self.calls.sweep()
            self.calls.replay()
            for lane in (0, 1):
                for priority in PRIORITIES:
                    for _ in range(BLOCKS + 1):
                        lease, rows = self.calls.claim(lane, priority, 10 if lane == 0 else 1)
                        if not rows:
                            break
                        self.calls.write(lease, list(range(1, rows + 1)))
                        self.calls.ack(lease, None)
        assert self.connection.execute("select count(*) from core.indexing_queue").fetchone() == (0,)
        assert pages.disagreements(self.connection, self.workspace, MODEL) == []


@pytest.mark.slow
def test_in_any_order_nothing_is_lost_or_stale(conn: Connection) -> None:
    class Bound(Machine):
        def __init__(self) -> None:
            super().__init__(conn)

    try:
        run_state_machine_as_test(
            Bound,
            settings=settings(
                max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
            ),
        )
    finally:
        conn.execute("select set_config('quire.fake_now', '', false)")
