"""Whose turn it is: which priority a drainer claims next, from which workspaces, and behind which watermarks.

A watermark is the last seq that this drainer has claimed: the next claim's scan begins behind it, however many drained
rows an old snapshot keeps in the index. What comes later has a higher seq; what was given back, or was saved by a
transaction that took its time, may lie behind: a second look goes back some seconds, and a whole pass, from the start,
comes as often as its cost allows.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from worker.claims import Ready

# Priorities, and how often each is served when all have work: imports cannot starve edits, nor edits imports for ever.
REEMBED = 300
PRIORITIES: dict[int, int] = {0: 8, 100: 4, 200: 2, REEMBED: 1}
REFRESH_SECONDS = 1.0  # between looks for new workspaces
LOOK_SECONDS = 0.5  # between looks which priorities have anything, and where there are entries to be tried alone
COMMITTED_SECONDS = 6.0  # after which what was drawn is committed, and what settled is due
SECOND_LOOK_SECONDS = 3.0  # a save that commits later than that is found by a whole pass
WHOLE_SECONDS = 10.0  # between whole passes while there is work in front
WHOLE_COST = 20  # and never more than a twentieth of the time
MOST_WORKSPACES = 50  # of one claim

_START = -1


@dataclass
class Ranges:
    """Watermarks of one priority.

    Attributes:
        after: of claims that take whoever is first.
        found: up to where workspaces were looked for.
        workspaces: watermark of each workspace that may have entries, in the order of their turns; claims are shared
            out among them when there is more than one.
        steps: when the claims had got where, for the second look.
    """

    after: int = _START
    found: int = _START
    workspaces: dict[UUID, int] = field(default_factory=dict[UUID, int])
    steps: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])
    empty: bool = False


class Turns:
    """The state of one drainer; it outlives the jobs that drain."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._served = dict.fromkeys(PRIORITIES, 0.0)  # stride scheduling: who has had least for its weight is next
        self._whole_cost = 0.0
        self._next_whole = 0.0
        self._look_at = 0.0
        self._drawn: deque[tuple[float, int]] = deque([(now(), _START)])
        self._outages: frozenset[int] = frozenset()
        self.recovered = False
        self.suspects: list[int] = []
        self.ranges: dict[int, Ranges] = {}
        self.restart()

    def restart(self) -> None:
        """A whole pass begins: everything from the start."""
        now = self._now()
        self.ranges = {priority: Ranges() for priority in PRIORITIES}
        self.fresh = True
        self._look_at = now
        self._began = now
        self._refresh_at = now + REFRESH_SECONDS
        self._second_look_at = now + SECOND_LOOK_SECONDS
        self._next_whole = now + WHOLE_SECONDS

    def passed_whole(self, seconds: float) -> None:
        """What the start of a whole pass cost."""
        self._whole_cost = seconds
        self.fresh = False
        self._next_whole = self._now() + max(WHOLE_SECONDS, WHOLE_COST * seconds)

    def whole_is_due(self, idle: bool) -> bool:
        """Whether to begin again from the start: now and then, and sooner when nothing was found in front.

        Not sooner while all wait for a provider: what lies behind is what was put off.
        """
        if idle and len(self._outages) < len(PRIORITIES):
            return self._now() >= self._began + WHOLE_COST * self._whole_cost
        return self._now() >= self._next_whole

    def wake(self) -> None:
        """Somebody says that there is work: look where."""
        self._look_at = self._now()

    def look_is_due(self) -> bool:
        """Whether to find out which priorities have anything (`watermarks`, `looked`)."""
        return self._now() >= self._look_at

    def watermarks(self) -> dict[int, int]:
        """Of each priority, behind which to look: the least that a claim may begin behind."""
        return {
            priority: ranges.after if len(ranges.workspaces) < 2 else max(ranges.after, min(ranges.workspaces.values()))
            for priority, ranges in self.ranges.items()
        }

    def looked(self, ready: Ready) -> None:
        """Which priorities have anything, and which have entries to be tried alone.

        When a provider may be asked again a whole pass is to begin: what was put off lies behind the watermarks.
        """
        self._look_at = self._now() + LOOK_SECONDS
        self.suspects = list(ready.suspects)
        self.recovered = not self._outages <= ready.outages
        self._outages = ready.outages
        if ready.last_seq is None:
            self._drawn = deque([(self._now(), _START)])
        else:
            self._drawn.append((self._now(), ready.last_seq))
        while len(self._drawn) > 1 and self._drawn[1][0] <= self._now() - COMMITTED_SECONDS:
            self._drawn.popleft()
        for priority, ranges in self.ranges.items():
            ranges.empty = priority not in ready.firsts
            # what the look has passed over is not passed over again
            if ranges.empty:
                ranges.after = max(ranges.after, self._drawn[0][1])
            elif self.fresh:
                ranges.after = ready.firsts[priority] - 1

    def refresh_is_due(self) -> bool:
        """Whether to look for new workspaces, of all priorities that have anything."""
        now = self._now()
        if now < self._refresh_at:
            return False
        self._refresh_at = now + REFRESH_SECONDS
        self._look_at = now
        return True

    def second_look(self) -> list[tuple[int, int]]:
        """Priorities, each with a watermark of some seconds ago, that are to be looked at again now."""
        now = self._now()
        if now < self._second_look_at:
            return []
        self._second_look_at = now + SECOND_LOOK_SECONDS
        looks: list[tuple[int, int]] = []
        for priority, ranges in self.ranges.items():
            while len(ranges.steps) > 1 and ranges.steps[1][0] <= now - SECOND_LOOK_SECONDS:
                ranges.steps.popleft()
            if ranges.steps and ranges.steps[0][0] <= now:
                looks.append((priority, ranges.steps[0][1]))
        return looks

    def in_order(self) -> list[int]:
        """Priorities that may have work, the one whose turn it is first."""
        return [p for p in sorted(PRIORITIES, key=lambda p: (self._served[p], p)) if not self.ranges[p].empty]

    def served(self, priority: int) -> None:
        """A priority was served; those that have nothing save up no turns."""
        self._served[priority] += 1 / PRIORITIES[priority]
        for other, ranges in self.ranges.items():
            if ranges.empty:
                self._served[other] = max(self._served[other], self._served[priority])

    def found(self, priority: int, workspaces: list[UUID], seq: int | None) -> None:
        """Workspaces that have come: of entries up to `seq`, or all there are (None)."""
        ranges = self.ranges[priority]
        for workspace in workspaces:
            ranges.workspaces.setdefault(workspace, ranges.found)
        if seq is not None:
            ranges.found = max(ranges.found, seq)

    def next_workspaces(self, priority: int) -> list[tuple[UUID, int]]:
        """Who is served by the next claim, with their watermarks; empty: whoever is first."""
        ranges = self.ranges[priority]
        if len(ranges.workspaces) < 2:
            return []
        asked = list(ranges.workspaces.items())[:MOST_WORKSPACES]
        return [(workspace, max(after, ranges.after)) for workspace, after in asked]

    def claimed(
        self, priority: int, limit: int, asked: list[tuple[UUID, int]], rows: int, seq: int | None,
        of_each: Sequence[int] | None, seqs: Sequence[int | None] | None,
    ) -> None:  # fmt: skip
        """What a claim brought: watermarks move, those who have no more leave, the others go to the end of the line."""
        ranges = self.ranges[priority]
        if not asked:
            if seq is not None:
                ranges.after = max(ranges.after, seq)
                ranges.found = max(ranges.found, seq)
            ranges.empty = rows < limit
        else:
            quota = max(limit // len(asked), 1)
            for (workspace, after), count, last in zip(asked, of_each or [], seqs or [], strict=True):
                del ranges.workspaces[workspace]
                if count >= quota:
                    ranges.workspaces[workspace] = max(after, last or after)
            if len(ranges.workspaces) <= 1:
                # Back to whoever is first, from where nobody's entries were passed over.
                left = list(ranges.workspaces.values())
                ranges.after = max(ranges.after, min([ranges.found, *left]))
        ranges.steps.append((self._now(), ranges.after if not asked else min([ranges.found, *(a for _, a in asked)])))
        while len(ranges.steps) > 1000:
            ranges.steps.popleft()
