"""Start programs, let them go at one moment, and reckon the rate."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class RaceError(Exception):
    """A program did not do what it was started for; the message has what it printed."""


def race(
    commands: Sequence[Sequence[str]], count: int, env: Mapping[str, str] | None = None, timeout: float = 900
) -> float:
    """Entries a second of programs that drain one queue together.

    Args:
        commands: one a process.
        count: entries that are in the queue.
        env: added to the environment.
        timeout: seconds; after that everything is killed.

    Raises:
        RaceError: one failed, hung, or they did not do `count` entries together.
    """
    done = laps(commands, env, timeout)
    if sum(each["count"] for each in done) != count:
        raise RaceError(f"{commands[0]}: {[each['count'] for each in done]} of {count} entries")
    took = max(each["last"] for each in done) - min(each["first"] for each in done)
    return round(count / took, 1)


def laps(
    commands: Sequence[Sequence[str]], env: Mapping[str, str] | None = None, timeout: float = 900
) -> list[dict[str, Any]]:
    """What each program answers. Raises RaceError: one failed or hung."""
    with ExitStack() as stack:
        errors = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in commands]
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=error, text=True, cwd=ROOT,
                    env={**os.environ, **(env or {})},
                )
            )
            for command, error in zip(commands, errors, strict=True)
        ]  # fmt: skip

        def end() -> None:
            for process in processes:
                process.kill()

        alarm = threading.Timer(timeout, end)
        alarm.start()
        try:
            answers = [_line(process) for process in processes]
            if answers == ["ready"] * len(processes):
                for process in processes:
                    assert process.stdin is not None
                    process.stdin.write("go\n")
                    process.stdin.flush()
                answers = [_line(process) for process in processes]
            codes = [process.wait() for process in processes]
        finally:
            alarm.cancel()
            end()
        printed = [_tail(error) for error in errors]
    if any(codes) or not all(answer.startswith("{") for answer in answers):
        raise RaceError(f"{commands[0]}: exit codes {codes}, answers {answers}\n" + "\n".join(printed))
    return [json.loads(answer) for answer in answers]


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _tail(file: Any) -> str:
    file.seek(0)
    return file.read()[-1500:]
