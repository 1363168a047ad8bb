"""Are 30 saves a minute 30 saves a minute, for a thousand users through HTTP, and what does that cost a save?

    python -m bench.limits_http [--users 1000] [--callers 48] [--saves 36] [--processes 2] [--version 18]

1. Real time, the policy as it is installed (30 points, 60 s, block 60 s): each user sends `--saves` saves as fast as
   its turn comes, then sleeps as long as the last Retry-After says and saves once more. Told: how many got in of each
   (30 expected, and 1 after the sleep), and how many users had, by the clock of this program, more than 30 in 60 s: a
   save counts only as far as the time between sending it and its answer proves it.
2. The limiter's share of a save: one caller patches a page with a limited token and, in turn, with one that bypasses
   limits, which is authenticated all the same; the difference of the medians is the limiter's. The log of the limited
   user is a second long, policy 10,000 points a second, so that nothing is refused. Beside it: the share of api.admit,
   authentication included, by Server-Timing.
3. Refusals a second of a user in its block, with blocks remembered by the process and without (QUIRE_REFUSAL_CACHE=0).

On one throwaway server with production's durability; everything on one machine. The result goes to
bench/results/limits_http.json; exit code 1 when somebody got more or less than his 30, or the share is over 10 %.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import re
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from app.tests.processes import running_api
from bench.harness import WORKSPACE, Connection, at_most, durable_server, make_workspace, median, run, shown_settings

POINTS, WINDOW = 30, 60.0
MOST_SHARE = 0.10
_HEAD = re.compile(rb"^HTTP/1\.1 (\d+)")


class Caller:
    """One kept connection, and as little else as HTTP/1.1 can be spoken with: the callers share the machine."""

    def __init__(self, url: str) -> None:
        """Args: url: of the API."""
        parts = urlsplit(url)
        self._place = (parts.hostname or "", parts.port or 80)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, method: str, path: str, token: str, body: str, media_type: str) -> tuple[int, dict[str, str]]:
        """Status and headers of the answer, names in lower case."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._place)
        reader, writer = self._streams
        content = body.encode()
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: {media_type}\r\n"
            f"If-Match: *\r\nPrefer: return=minimal\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        head = await reader.readuntil(b"\r\n\r\n")
        found = _HEAD.match(head)
        assert found is not None
        lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
        headers = {name.lower(): value.strip() for name, _, value in lines}
        await reader.readexactly(int(headers.get("content-length", 0)))
        return int(found[1]), headers

    async def patch(self, page: uuid.UUID, token: str, text: str) -> tuple[int, dict[str, str]]:
        """Save a page."""
        body = json.dumps([{"op": "replace", "path": "/title", "value": text}])
        path = f"/v1/workspaces/{WORKSPACE}/pages/{page}"
        return await self.send("PATCH", path, token, body, "application/json-patch+json")

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()


@dataclass
class User:
    """What one user does and sees. accepted: when each save was sent and answered; free_at: as Retry-After says."""

    token: str
    page: uuid.UUID
    accepted: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    statuses: Counter[int] = field(default_factory=Counter[int])
    free_at: float = 0.0
    after_sleep: int | None = None

    def most_in_a_window(self) -> int:
        """The most saves that were certainly decided within 60 s."""
        most = 0
        for first, (sent, _) in enumerate(self.accepted):
            most = max(most, sum(1 for _, answered in self.accepted[first:] if answered - sent < WINDOW))
        return most


def make_users(connection: Connection, count: int, scopes: str = "{write}") -> list[User]:
    """Editors of WORKSPACE, each with a token and a page."""
    users: list[User] = []
    with connection.transaction():
        for _ in range(count):
            name = str(uuid.uuid4())
            token = f"bench-{name}"
            user, page = uuid.uuid4(), uuid.uuid4()
            connection.execute("insert into core.users (id, name, created_at) values (%s, %s, now())", [user, name])
            connection.execute("select ops.add_member(%s, %s, 'editor')", [WORKSPACE, user])
            digest = hashlib.sha256(token.encode()).digest()
            connection.execute("select ops.create_token(%s, %s, 't', %s::text[], null)", [user, digest, scopes])
            connection.execute(
                "select api.create_page(%s, %s, %s, 100::smallint)",
                [WORKSPACE, user, json.dumps({"id": str(page), "title": "t"})],
            )
            users.append(User(token, page))
    return users


async def crowd(urls: Sequence[str], users: list[User], callers: int, saves: int, chance: random.Random) -> None:
    """Every user saves, `callers` at a time; then those who were refused sleep as told, and save once more."""
    waiting: asyncio.Queue[User] = asyncio.Queue()
    left = {id(user): saves for user in users}
    # A user's saves may meet: as many at once as there are callers. Bursts of 200 users, so that a user is done in less
    # than a window even where the machine is slow.
    for start in range(0, len(users), 200):
        part = users[start : start + 200]
        burst = [user for user in part for _ in range(saves)]
        chance.shuffle(burst)
        for user in burst:
            waiting.put_nowait(user)
    sleepers: list[asyncio.Task[None]] = []

    async def again(user: User) -> None:
        await asyncio.sleep(user.free_at - time.monotonic())
        caller = Caller(chance.choice(urls))
        sent = time.monotonic()
        user.after_sleep, _ = await caller.patch(user.page, user.token, "after")
        if user.after_sleep == 200:
            user.accepted.append((sent, time.monotonic()))
        caller.close()

    async def work(number: int) -> None:
        caller = Caller(urls[number % len(urls)])
        while not waiting.empty():
            user = waiting.get_nowait()
            sent = time.monotonic()
            status, headers = await caller.patch(user.page, user.token, str(sent))
            user.statuses[status] += 1
            if status == 200:
                user.accepted.append((sent, time.monotonic()))
            user.free_at = max(user.free_at, time.monotonic() + float(headers.get("retry-after", 0)))
            left[id(user)] -= 1
            if left[id(user)] == 0:
                sleepers.append(asyncio.create_task(again(user)))
        caller.close()

    await asyncio.gather(*(work(number) for number in range(callers)))
    await asyncio.gather(*sleepers)


async def share(url: str, limited: User, free: User, rounds: int, saves: int) -> dict[str, Any]:
    """Medians of a save's milliseconds, limited and not, in turn."""
    caller = Caller(url)
    took: dict[str, list[float]] = {"limited": [], "bypassed": []}
    admits: list[float] = []
    for turn in range(rounds * 2):
        name, user = (("limited", limited), ("bypassed", free))[turn % 2]
        for number in range(saves):
            begin = time.perf_counter()
            status, headers = await caller.patch(limited.page, user.token, f"{turn} {number}")
            passed = (time.perf_counter() - begin) * 1000
            assert status == 200, status
            if number >= 5:
                took[name].append(passed)
            timing = re.search(r"admit;dur=([0-9.]+)", headers.get("server-timing", ""))
            if timing and name == "limited":
                admits.append(float(timing[1]))
    caller.close()
    with_it, without = median(took["limited"], 3), median(took["bypassed"], 3)
    return {
        "save_ms": with_it,
        "save_without_limit_ms": without,
        "limiter_ms": round(with_it - without, 3),
        "limiter_share": round((with_it - without) / with_it, 3),
        "admit_share_with_authentication": round(median(admits, 3) / with_it, 3),
    }


async def refusals(url: str, user: User, seconds: float, callers: int) -> dict[str, Any]:
    """Refusals a second."""
    end = time.monotonic() + seconds
    count: Counter[int] = Counter()

    async def work() -> None:
        caller = Caller(url)
        while time.monotonic() < end:
            status, _ = await caller.patch(user.page, user.token, "x")
            count[status] += 1
        caller.close()

    await asyncio.gather(*(work() for _ in range(callers)))
    return {"refused_a_second": round(count[429] / seconds, 1), "let_in": count[200]}


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Users, API processes, the three parts; the result as it is written."""
    chance = random.Random(args.seed)
    with ExitStack() as stack:
        server = stack.enter_context(durable_server(args.version))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quire-bench-")))
        url = server.url("quire")
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        given = shown_settings(connection, args)
        make_workspace(connection)
        users = make_users(connection, args.users)
        connection.execute("vacuum analyze")
        quiet = {"QUIRE_LOG_LEVEL": "warning"}
        apis = [
            stack.enter_context(running_api(url, folder / f"log{number}", **quiet)).url
            for number in range(args.processes)
        ]
        bare = stack.enter_context(running_api(url, folder / "bare", QUIRE_REFUSAL_CACHE="0", **quiet)).url
        begin = time.monotonic()
        asyncio.run(crowd(apis, users, args.callers, args.saves, chance))
        passed = time.monotonic() - begin
        statuses = sum((user.statuses for user in users), Counter[int]())
        first = Counter(user.statuses[200] for user in users)
        result: dict[str, Any] = {
            "settings": given,
            "crowd": {
                "seconds": round(passed, 1),
                "requests": sum(statuses.values()),
                "statuses": dict(statuses),
                "users_by_saves_let_in": dict(first),
                "users_by_status_after_sleep": dict(Counter(str(user.after_sleep) for user in users)),
                "most_saves_of_a_user_in_60_s": max(user.most_in_a_window() for user in users),
            },
        }
        print(json.dumps(result["crowd"]), flush=True)
        (blocked,) = make_users(connection, 1)
        connection.execute("select ops.set_rate_policy('page-save', p_points => 1, p_window_seconds => 3600,"
                           " p_block_seconds => 3600)")  # fmt: skip
        cached: dict[str, list[dict[str, Any]]] = {"remembered": [], "asked": []}
        for _ in range(args.rounds):
            for name, place in (("remembered", apis[0]), ("asked", bare)):
                cached[name].append(asyncio.run(refusals(place, blocked, args.seconds, 8)))
        result["refused_a_second"] = {
            name: median((each["refused_a_second"] for each in found), 0) for name, found in cached.items()
        }
        connection.execute("select ops.set_rate_policy('page-save', p_points => 10000, p_window_seconds => 1,"
                           " p_block_seconds => 60)")  # fmt: skip
        (limited,), (free,) = make_users(connection, 1), make_users(connection, 1, "{write,bypass_rate_limit}")
        result["share"] = asyncio.run(share(apis[0], limited, free, args.rounds, args.share_saves))
    wrong = sum(count for let_in, count in first.items() if let_in != POINTS)
    return result | {
        "limits": {
            "users_who_got_more_or_less_than_30": at_most(wrong, 0),
            "users_not_let_in_after_the_sleep": at_most(sum(user.after_sleep != 200 for user in users), 0),
            "most_saves_of_a_user_in_60_s": at_most(result["crowd"]["most_saves_of_a_user_in_60_s"], POINTS),
            "limiter_share_of_a_save": at_most(result["share"]["limiter_share"], MOST_SHARE),
        },
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.limits_http", description=main.__doc__)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--callers", type=int, default=48, help="requests in flight")
    parser.add_argument("--saves", type=int, default=36, help="that each user tries")
    parser.add_argument("--processes", type=int, default=2, help="of the API")
    parser.add_argument("--rounds", type=int, default=5, help="of the second and third part")
    parser.add_argument("--share-saves", type=int, default=200, help="of a round, of each kind")
    parser.add_argument("--seconds", type=float, default=3, help="of a round of refusals")
    return run("limits_http", parser, measure, argv)


if __name__ == "__main__":
    sys.exit(main())
