"""One answer for all who ask at the same time."""

from __future__ import annotations

import asyncio

import pytest

from app.shared import Shared

pytestmark = pytest.mark.once


class Question:
    """Counts how often it is asked; answers when told."""

    def __init__(self) -> None:
        self.asked = 0
        self.answered = asyncio.Event()

    async def __call__(self) -> int:
        self.asked += 1
        await self.answered.wait()
        if self.asked == 2:
            raise ValueError("the second is none")
        return self.asked


def test_who_asks_meanwhile_gets_the_same_answer_and_the_next_one_asks_anew() -> None:
    async def run() -> None:
        shared, question = Shared[int](), Question()
        waiting = [asyncio.create_task(shared.ask(question)) for _ in range(20)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting[0].cancel()  # the one who asked first goes away
        question.answered.set()
        assert await asyncio.gather(*waiting[1:]) == [1] * 19
        failing = [asyncio.create_task(shared.ask(question)) for _ in range(3)]
        for each in failing:
            with pytest.raises(ValueError, match="second"):
                await each
        assert await shared.ask(question) == 3

    asyncio.run(run())


def test_who_has_all_gone_away_leaves_no_error_behind(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        shared, question = Shared[int](), Question()
        question.asked = 1
        alone = asyncio.create_task(shared.ask(question))
        await asyncio.sleep(0)
        alone.cancel()
        await asyncio.sleep(0)
        question.answered.set()
        await asyncio.sleep(0.01)
        assert question.asked == 2

    asyncio.run(run())
    assert not caplog.records
