"""How many decisions a second does the limiter make, and how long does one take, beside other limiters?

    python -m bench.limits [--seconds 5] [--rounds 3] [--no-peers] [--version 18]

1 and 50 callers on 1 and on 1000 keys; a key has 30 points a second, so that one key is refused most of the time and of
a thousand keys nobody is. `quire` is core.decide_limits and `quire_admit` api.admit, which authenticates first, both
called as the API does, by psycopg from one process; the window is an exact sliding log. `quire_wide` is `quire` with
10,000 points: nothing is refused, and one key's log is as long as a second's hits. `quire_node` is `quire` called by
node-postgres, as `flexible_postgres` calls its table: what is between these two is the limiters', not the drivers'.
`flexible_redis` and `flexible_postgres` are rate-limiter-flexible of npm (fixed windows), `limits_redis` is `limits` of
PyPI (moving window), each from one process; what is not here is installed into the user's cache folder, and what cannot
be had is named. Over Unix sockets, on one throwaway PostgreSQL with production's durability and one Redis that keeps
nothing on disk. The rounds are interleaved, the figures are medians. The result goes to bench/results/limits.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench.harness import Connection, durable_server, median, run, shown_settings
from bench.limiters import quire
from bench.queue import installs
from bench.queue.race import RaceError, laps
from db.embedded import EmbeddedServer

POINTS, WINDOW = 30, 1
LOADS = [(callers, keys) for callers in (1, 50) for keys in (1, 1000)]
LIMITERS = Path(__file__).parent / "limiters"
Command = Callable[[int, int], list[str]]


def quires(server: EmbeddedServer, connection: Connection, seconds: float) -> dict[str, tuple[Command, dict[str, str]]]:
    """Ours: users, tokens and policies are made."""
    for name, points in ((quire.POLICY, POINTS), ("wide", 10_000)):
        connection.execute(
            "insert into core.rate_policies (name, points, window_seconds, block_seconds, per, mode, on_failure)"
            " values (%s, %s, %s, 0, 'user', 'enforce', 'open')",
            [name, points, WINDOW],
        )
    with connection.cursor() as cursor:
        for number in range(max(keys for _, keys in LOADS)):
            user = uuid.UUID(int=number + 1)
            cursor.execute("insert into core.users (id, name, created_at) values (%s, %s, now())", [user, f"u{number}"])
            cursor.execute("select ops.create_token(%s, %s, 't', '{write}', null)", [user, quire.token(number)])
    url = server.url("quire")

    def command(what: str, policy: str = quire.POLICY) -> Command:
        return lambda callers, keys: [
            *(sys.executable, "-m", "bench.limiters.quire", url, what, policy),
            *(str(callers), str(keys), str(seconds)),
        ]

    return {
        "quire": (command("decide"), {}),
        "quire_admit": (command("admit"), {}),
        "quire_wide": (command("decide", "wide"), {}),
    }


@contextmanager
def redis() -> Generator[str]:
    """A Redis that keeps nothing; the path of its socket."""
    with tempfile.TemporaryDirectory(prefix="quire-redis-") as folder:
        socket = f"{folder}/s"
        command = [installs.redis(), "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""]
        server = subprocess.Popen([*command, "--appendonly", "no"], stdout=subprocess.DEVNULL)
        try:
            for _ in range(200):
                if Path(socket).exists():
                    break
                time.sleep(0.05)
            yield socket
        finally:
            server.terminate()
            server.wait(20)


def flexible(kind: str, where: str, seconds: float) -> tuple[Command, dict[str, str]]:
    """rate-limiter-flexible."""
    node, env = installs.node(), {"PEERS": str(installs.node_packages())}
    return (
        lambda callers, keys: [
            *(node, str(LIMITERS / "flexible.mjs"), kind, where),
            *map(str, (callers, keys, seconds, POINTS, WINDOW)),
        ],
        env,
    )


def python_limits(socket: str, seconds: float) -> tuple[Command, dict[str, str]]:
    """`limits` of PyPI."""
    python = str(installs.python(*installs.LIMITERS))
    return (
        lambda callers, keys: [
            *(python, str(LIMITERS / "python_limits.py"), socket),
            *map(str, (callers, keys, seconds, POINTS, WINDOW)),
        ],
        {},
    )


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Set up who is there, run the rounds; the result as it is written."""
    not_run: dict[str, str] = {}
    with ExitStack() as stack:
        server = stack.enter_context(durable_server(args.version))
        connection = stack.enter_context(psycopg.connect(server.url("quire"), autocommit=True))
        given = shown_settings(connection, args)
        taking_part = quires(server, connection, args.seconds)
        if not args.no_peers:
            server.create_database("flexible")
            conninfo = conninfo_to_dict(server.url("flexible"))
            postgres = {"host": conninfo["host"], "user": conninfo["user"], "database": conninfo["dbname"]}
            if "port" in conninfo:
                postgres["port"] = conninfo["port"]
            ours = json.dumps(postgres | {"database": "quire"})
            kinds: dict[str, Callable[[], tuple[Command, dict[str, str]]]] = {
                "flexible_postgres": lambda: flexible("postgres", json.dumps(postgres), args.seconds),
                "quire_node": lambda: flexible("quire", ours, args.seconds),
            }
            try:
                socket = stack.enter_context(redis())
                kinds["flexible_redis"] = lambda: flexible("redis", socket, args.seconds)
                kinds["limits_redis"] = lambda: python_limits(socket, args.seconds)
            except (installs.NotInstalled, OSError) as error:
                not_run["redis"] = str(error)
            for name, make in kinds.items():
                try:
                    taking_part[name] = make()
                except (installs.NotInstalled, OSError) as error:
                    not_run[name] = str(error)
                    print(f"not run: {name}: {error}", flush=True)
        rounds: dict[str, dict[str, list[dict[str, Any]]]] = {}
        names = list(taking_part)
        for number in range(args.rounds):
            turn = number % len(names)
            for callers, keys in LOADS:
                for name in names[turn:] + names[:turn]:
                    command, env = taking_part[name]
                    try:
                        (found,) = laps([command(callers, keys)], env, timeout=args.seconds + 120)
                    except RaceError as error:
                        not_run[f"{name}, {callers} callers, {keys} keys"] = str(error)
                        print(f"failed: {name}: {error}", flush=True)
                        continue
                    print(f"round {number + 1}", f"{callers} callers, {keys} keys", name, found, flush=True)
                    rounds.setdefault(f"{callers}_callers_{keys}_keys", {}).setdefault(name, []).append(found)
    return {
        "settings": given,
        "versions": {} if args.no_peers else versions(),
        "policy": {"points": POINTS, "window_seconds": WINDOW},
        "median": {
            load: {
                name: {key: median((each[key] for each in found), 3) for key in found[0]}
                for name, found in each_load.items()
            }
            for load, each_load in rounds.items()
        },
        "rounds": rounds,
        "not_run": not_run,
        "limits": {},
    }


def versions() -> dict[str, str]:
    """Of what is installed."""
    try:
        have = installs.versions()
        found = {name: have[name] for name in ("limits", "redis") if name in have}
        found |= {name: installs.node_version(name) for name in ("rate-limiter-flexible", "pg", "ioredis")}
        found["node"] = subprocess.run([installs.node(), "--version"], capture_output=True, text=True).stdout.strip()
        shown = subprocess.run([installs.redis(), "--version"], capture_output=True, text=True).stdout.split()
        return found | {"server": " ".join(shown[:3])}
    except (installs.NotInstalled, OSError) as error:
        return {"not_all": str(error)}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.limits", description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true", help="Quire only")
    return run("limits", parser, measure, argv)


if __name__ == "__main__":
    sys.exit(main())
