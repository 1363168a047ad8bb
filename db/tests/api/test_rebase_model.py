"""The model of rebase checked against itself: examples of each rule by hand, and what must hold on random histories."""

from collections.abc import Iterator
from typing import Any

import pytest

from db.tests.api.rebase_examples import EXAMPLES, PAGE, Example
from db.tests.api.rebase_histories import Maker, broken, expect
from db.tests.api.rebase_model import Json, Pointer, blocks_of, is_object, part, same

SEED = 20240607
TRIALS = 4000


def differ(old: Any, new: Any) -> list[Json]:
    """An RFC 6902 patch between two values, as plain as can be."""
    return list(difference(old, new, ()))


def difference(old: Any, new: Any, pointer: Pointer) -> Iterator[Json]:
    path = "".join(f"/{token}" for token in pointer)
    if same(old, new):
        return
    if is_object(old) and is_object(new):
        for name in sorted(old.keys() | new.keys()):
            if name not in new:
                yield {"op": "remove", "path": f"{path}/{name}"}
            elif name not in old:
                yield {"op": "add", "path": f"{path}/{name}", "value": new[name]}
            else:
                yield from difference(old[name], new[name], (*pointer, name))
    else:
        yield {"op": "replace", "path": path, "value": new}


@pytest.mark.once
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_examples(example: Example) -> None:
    expected = expect(example.history(), differ)
    outcome = expected.outcome
    assert outcome is not None
    if isinstance(example.wanted, str):
        assert outcome.document is not None, outcome
        assert "".join(blocks_of(outcome.document)) == example.wanted
        assert not broken(PAGE, expected.states[-1], expected.ours or {}, outcome.document, outcome)
    else:
        conflicts = {(conflict.operation, conflict.kind) for conflict in outcome.conflicts}
        assert conflicts | {(number, "test_failed") for number in outcome.failed_tests} == example.wanted


@pytest.mark.once
def test_keeps_its_promises() -> None:
    maker = Maker(SEED, differ)
    seen = dict.fromkeys(["rebased", "conflict", "test_failed", "422", "not stale"], 0)
    kinds: set[str] = set()
    for number in range(TRIALS):
        history, expected = maker.history()
        outcome, base, current = expected.outcome, expected.states[history.base_at], expected.states[-1]
        if outcome is None:
            seen["422"] += 1
        elif outcome.conflicts:
            seen["conflict"] += 1
            kinds |= {conflict.kind for conflict in outcome.conflicts}
        elif outcome.failed_tests:
            seen["test_failed"] += 1
        else:
            seen["rebased" if expected.log else "not stale"] += 1
            assert outcome.document is not None and expected.ours is not None
            problems = broken(base, current, expected.ours, outcome.document, outcome)
            for name, writes in outcome.ours.writes.items():
                for _, pointer in writes:
                    if not same(part(expected.ours, name, pointer), part(outcome.document, name, pointer)):
                        problems.append(f"{name} {pointer} is not what the patch wrote")
            if not expected.log and not same(outcome.document, expected.ours):
                problems.append("a patch on the newest version is not what it is alone")
            assert not problems, f"history {number} of seed {SEED}: {problems}\n{history}\n{outcome}"
    print(seen)
    assert kinds == {"write_write", "write_deleted", "delete_written", "move_move", "insert_insert"}
    assert min(seen.values()) > TRIALS // 200, seen
