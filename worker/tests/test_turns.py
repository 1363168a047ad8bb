"""Whose turn it is: watermarks, workspaces, weights and second looks, without a database."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID, uuid4

from worker.claims import Ready
from worker.turns import COMMITTED_SECONDS, MOST_WORKSPACES, PRIORITIES, WHOLE_SECONDS, Turns


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def look(
    turns: Turns,
    priorities: Iterable[int] = (),
    suspects: list[int] | None = None,
    *,
    first: int = 0,
    outages: Iterable[int] = (),
    last: int | None = -1,
) -> None:
    """What a look has found: the first entry of some priorities, suspects, outages, the last seq drawn."""
    turns.looked(Ready(dict.fromkeys(priorities, first), suspects or [], frozenset(outages), last))


def new() -> tuple[Turns, Clock]:
    clock = Clock()
    turns = Turns(clock)
    look(turns, PRIORITIES)
    turns.passed_whole(0.001)
    return turns, clock


def claim(turns: Turns, priority: int, limit: int, rows: int, seq: int | None) -> None:
    """A claim of whoever is first."""
    turns.claimed(priority, limit, [], rows, seq, None, None)


def test_a_watermark_moves_with_the_claims_and_a_short_batch_says_that_there_is_no_more() -> None:
    turns, clock = new()
    claim(turns, 100, 10, 10, 50)
    assert turns.ranges[100].after == 50 and 100 in turns.in_order()
    claim(turns, 100, 10, 3, 55)
    assert turns.ranges[100].after == 55 and 100 not in turns.in_order()
    assert not turns.look_is_due()
    turns.wake()
    assert turns.look_is_due() and turns.watermarks() == {0: -1, 100: 55, 200: -1, 300: -1}
    look(turns, [100])
    assert turns.in_order() == [100] and not turns.look_is_due()
    claim(turns, 100, 10, 0, None)
    assert turns.ranges[100].after == 55 and turns.in_order() == []
    clock.time += 0.5
    assert turns.look_is_due() and not turns.refresh_is_due()
    look(turns, [200])
    clock.time += 0.5
    assert turns.refresh_is_due() and not turns.refresh_is_due()


def test_new_workspaces_are_looked_for_where_there_is_anything() -> None:
    turns, clock = new()
    clock.time += 0.9
    look(turns)
    clock.time += 0.1
    assert turns.refresh_is_due() and turns.look_is_due()


def test_priorities_are_served_by_weight_and_idle_ones_save_up_nothing() -> None:
    turns, _ = new()
    counts = dict.fromkeys(PRIORITIES, 0)
    for _ in range(150):
        priority = turns.in_order()[0]
        counts[priority] += 1
        turns.served(priority)
    assert counts == {0: 80, 100: 40, 200: 20, 300: 10}
    look(turns, [300])
    for _ in range(50):
        turns.served(300)
    look(turns, PRIORITIES)
    served = [turns.in_order()[0]]
    for _ in range(14):
        turns.served(served[-1])
        served.append(turns.in_order()[0])
    assert served.count(0) == 8, served


def test_several_workspaces_are_served_in_turn_each_behind_its_own_watermark() -> None:
    turns, _ = new()
    big, small, other = uuid4(), uuid4(), uuid4()
    turns.found(100, [big], 40)
    assert turns.next_workspaces(100) == []
    claim(turns, 100, 10, 10, 60)
    turns.found(100, [big, small, other], 90)
    asked = turns.next_workspaces(100)
    # what was claimed of whoever was first lies behind everybody
    assert asked == [(big, 60), (small, 60), (other, 60)]
    assert turns.watermarks()[100] == 60
    turns.claimed(100, 9, asked, 7, 80, [3, 1, 3], [63, 70, 80])
    assert turns.next_workspaces(100) == [(big, 63), (other, 80)]  # the one that has no more has left
    assert turns.ranges[100].after == 60 and turns.watermarks()[100] == 63
    turns.claimed(100, 10, [(big, 63), (other, 80)], 5, 68, [5, 0], [68, None])
    assert turns.next_workspaces(100) == []
    # back to whoever is first, from where nothing was passed over
    assert turns.ranges[100].after == 68
    # and what came meanwhile of others is found behind where they were looked for
    turns.found(100, [small], 95)
    assert turns.next_workspaces(100) == [(big, 68), (small, 90)]


def test_one_claim_serves_so_many_workspaces_and_the_next_the_others() -> None:
    turns, _ = new()
    all_of_them: list[UUID] = [UUID(int=n) for n in range(MOST_WORKSPACES + 20)]
    turns.found(200, all_of_them, None)
    turns.ranges[200].workspaces[all_of_them[-1]] = 5
    turns.ranges[200].workspaces |= dict.fromkeys(all_of_them[:-1], 6)
    assert turns.watermarks()[200] == 5, "those of later claims count"
    first = turns.next_workspaces(200)
    assert [workspace for workspace, _ in first] == all_of_them[:MOST_WORKSPACES]
    turns.claimed(200, 100, first, 100, 9, [2] * len(first), [7] * len(first))
    second = turns.next_workspaces(200)
    assert [workspace for workspace, _ in second][:20] == all_of_them[MOST_WORKSPACES:]


def test_a_second_look_goes_back_to_where_the_claims_were_some_seconds_ago() -> None:
    turns, clock = new()
    for step in range(1, 6):
        clock.time += 1
        claim(turns, 100, 10, 10, step * 10)
    assert turns.second_look() == [(100, 20)]
    assert turns.second_look() == []
    clock.time += 3
    assert turns.second_look() == [(100, 50)]


def test_whole_passes_come_as_often_as_their_cost_allows() -> None:
    turns, clock = new()
    assert not turns.whole_is_due(idle=False)
    clock.time += 0.1
    assert turns.whole_is_due(idle=True)
    clock.time += 10
    assert turns.whole_is_due(idle=False)
    turns.restart()
    turns.passed_whole(2.0)  # an old snapshot keeps what was drained
    clock.time += 39
    assert not turns.whole_is_due(idle=False) and not turns.whole_is_due(idle=True)
    clock.time += 1
    assert turns.whole_is_due(idle=False) and turns.whole_is_due(idle=True)


def test_a_whole_pass_begins_from_the_start() -> None:
    turns, _ = new()
    claim(turns, 100, 10, 3, 50)
    turns.found(200, [uuid4(), uuid4()], 70)
    turns.restart()
    assert turns.in_order() and turns.ranges[100].after == -1 and turns.next_workspaces(200) == []


def test_a_look_says_where_there_are_suspects() -> None:
    turns, clock = new()
    assert turns.suspects == []
    turns.wake()
    look(turns, suspects=[100, 200])
    assert turns.suspects == [100, 200] and turns.in_order() == []
    clock.time += 0.5
    assert turns.look_is_due()
    look(turns)
    assert turns.suspects == []
    turns.restart()
    assert turns.look_is_due()


def test_what_a_whole_pass_has_passed_over_is_not_passed_over_again() -> None:
    turns, _ = new()
    turns.restart()
    look(turns, [100], first=5000)
    assert turns.fresh and turns.watermarks() == {0: -1, 100: 4999, 200: -1, 300: -1}
    turns.passed_whole(0.001)
    look(turns, [100], first=6000)
    assert turns.watermarks()[100] == 4999, "later looks move no watermark: others may hold what lies between"


def test_where_a_look_found_nothing_the_next_begins_behind_what_was_committed() -> None:
    turns, clock = new()
    look(turns, last=700)
    assert turns.watermarks()[0] == -1, "a save that has drawn its numbers may not have committed yet"
    clock.time += COMMITTED_SECONDS - 0.1
    look(turns, last=800)
    assert turns.watermarks()[0] == -1
    clock.time += 0.1
    look(turns, [100], last=900)
    assert turns.watermarks() == {0: 700, 100: -1, 200: 700, 300: 700}
    claim(turns, 100, 10, 3, 850)
    look(turns, last=900)
    assert turns.watermarks()[100] == 850, "never back"
    turns.restart()
    assert turns.watermarks()[0] == -1, "a whole pass is one"


def test_a_look_while_the_queue_is_paused_moves_no_watermark() -> None:
    turns, clock = new()
    look(turns, last=700)
    clock.time += COMMITTED_SECONDS
    look(turns, last=None)
    assert turns.watermarks()[0] == -1
    look(turns, last=900)
    assert turns.watermarks()[0] == -1
    clock.time += COMMITTED_SECONDS
    look(turns, last=900)
    assert turns.watermarks()[0] == 900


def test_when_a_provider_may_be_asked_again_a_whole_pass_is_to_begin() -> None:
    turns, _ = new()
    look(turns, outages=[300])
    assert not turns.recovered
    look(turns, outages=PRIORITIES)
    assert not turns.recovered, "another outage"
    look(turns, outages=[300])
    assert turns.recovered
    look(turns, outages=[300])
    assert not turns.recovered, "said once"


def test_during_an_outage_whole_passes_come_now_and_then_only() -> None:
    turns, clock = new()
    clock.time += 1
    assert turns.whole_is_due(idle=True)
    look(turns, outages=[300])
    assert turns.whole_is_due(idle=True), "that of a shadow model holds nobody up"
    look(turns, outages=PRIORITIES)
    assert not turns.whole_is_due(idle=True)
    clock.time += WHOLE_SECONDS
    assert turns.whole_is_due(idle=True)
