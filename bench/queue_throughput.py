"""How many entries a second are claimed and acked, against the least that SQL can do and against other queues?

    python -m bench.queue_throughput [--count 100000] [--rounds 3] [--no-peers] [--only NAME..] [--version 18]

Two worker processes run Quire's own drains on blocks whose text has not changed, so that nothing is embedded or
written: `quire` is claim + ack + history row in batches of 100, the default, `quire_no_history` the same with that row
taken out of indexing.ack, `quire_tuned` and `quire_tuned_no_history` with larger batches, `quire_with_vectors` blocks
with new texts, with entries, full text and (fresh) vectors of 384 dimensions, at no cost of embedding.
`raw_1`, `raw_2` are a hand-written table and a loop of batches of 100, one and two connections, claims flushed or, as
Quire's, not, whichever is faster. The other queues run jobs that do nothing; what is not here is installed from PyPI
and npm into the user's cache folder, and what cannot be had is named in the result. All on one throwaway server with
production's durability (BullMQ: a Redis of its own). Options that a queue has are tried once and the best is kept; then
the rounds, interleaved; the ratios are of the medians. The result goes to bench/results/queue_throughput.json; exit
code 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import psycopg

from bench.harness import at_least, durable_server, median, run, shown_settings
from bench.queue import contenders
from bench.queue.contenders import Contender
from bench.queue.installs import NotInstalled
from bench.queue.race import RaceError

LEAST_OF_RAW, LEAST_OF_PROCRASTINATE = 0.5, 40.0
FEWER = {"procrastinate": 30, "quire_with_vectors": 20}  # slow: that part of --count


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Set up who is there, try options, run the rounds; the result as it is written."""
    not_run: dict[str, str] = {}
    with ExitStack() as stack:
        server = stack.enter_context(durable_server(args.version))
        connection = stack.enter_context(psycopg.connect(server.url("quire"), autocommit=True))
        given = shown_settings(connection, args)
        taking_part = contenders.of_quire(server, connection, args.count, args.count // FEWER["quire_with_vectors"])
        taking_part += contenders.of_raw(server, connection, args.count)
        connection.execute("vacuum analyze")
        if not args.no_peers:
            kinds: list[tuple[str, Any]] = [
                (
                    "procrastinate, pgqueuer, pgmq",
                    lambda: contenders.of_python(server, args.count, args.count // FEWER["procrastinate"]),
                ),
                ("graphile_worker", lambda: contenders.of_graphile(server, args.count)),
                ("bullmq", lambda: stack.enter_context(contenders.of_bullmq(args.count))),
            ]
            for name, make in kinds:
                try:
                    taking_part += make()
                except (NotInstalled, OSError) as error:
                    not_run[name] = str(error)
                    print(f"not run: {name}: {error}", flush=True)
        if args.only:
            taking_part = [each for each in taking_part if each.name in args.only]
        best = {each.name: option for each in taking_part if (option := _try(each, not_run)) is not _FAILED}
        taking_part = [each for each in taking_part if each.name in best]
        rounds: dict[str, list[float]] = {each.name: [] for each in taking_part}
        for number in range(args.rounds):
            turn = number % len(taking_part)
            for each in taking_part[turn:] + taking_part[:turn]:
                try:
                    rounds[each.name].append(each.run(best[each.name]))
                    print(f"round {number + 1}", each.name, rounds[each.name][-1], flush=True)
                except (RaceError, RuntimeError, OSError) as error:
                    not_run[each.name] = str(error)
                    print(f"failed: {each.name}: {error}", flush=True)
    rates = {name: median(each, 0) for name, each in rounds.items() if each and name not in not_run}
    return {
        "settings": given,
        "versions": {} if args.no_peers else contenders.peer_versions(),
        "counts": {each.name: each.count for each in taking_part},
        "keeps_history": {each.name: each.history for each in taking_part},
        "options": {each.name: {"best": best[each.name], "tried": each.tried} for each in taking_part},
        "entries_a_second": rates,
        "rounds": rounds,
        "not_run": not_run,
        "quire_to": _ratios(rates, "quire"),
        "quire_no_history_to": _ratios(rates, "quire_no_history"),
        "quire_tuned_to": _ratios(rates, "quire_tuned"),
        "quire_tuned_no_history_to": _ratios(rates, "quire_tuned_no_history"),
        "limits": _limits(rates, {each.name: each.history for each in taking_part}),
    }


_FAILED = object()


def _try(contender: Contender, not_run: dict[str, str]) -> Any:
    """The best of its options, each run once."""
    if len(contender.options) == 1:
        return contender.options[0]
    try:
        for option in contender.options:
            contender.tried[str(option)] = contender.run(option)
            print("option", contender.name, option, contender.tried[str(option)], flush=True)
    except (RaceError, RuntimeError, OSError) as error:
        not_run[contender.name] = str(error)
        print(f"failed: {contender.name}: {error}", flush=True)
        return _FAILED
    return max(contender.options, key=lambda option: contender.tried[str(option)])


def _ratios(rates: dict[str, float], ours: str) -> dict[str, float]:
    others = {name: rate for name, rate in rates.items() if not name.startswith("quire")}
    return {name: round(rates[ours] / rate, 2) for name, rate in others.items()} if ours in rates else {}


def _limits(rates: dict[str, float], history: dict[str, bool]) -> dict[str, Any]:
    """Like with like: history rows against history rows, batches of 100 against the raw loop's, tuned against tuned.

    procrastinate, one job an entry at the best of its concurrencies, keeps nothing: held against ours with history.
    """
    limits: dict[str, Any] = {}
    for name, rate in rates.items():
        suffix = "" if history[name] else "_no_history"
        default, tuned = rates.get(f"quire{suffix}"), rates.get(f"quire_tuned{suffix}")
        if name.startswith("raw_1") and default:
            limits[f"to_{name}"] = at_least(round(default / rate, 2), LEAST_OF_RAW)
        elif name == "procrastinate" and "quire_tuned" in rates:
            best = max(rates["quire"], rates["quire_tuned"])
            limits[f"to_{name}"] = at_least(round(best / rate, 1), LEAST_OF_PROCRASTINATE)
        elif not name.startswith(("raw", "quire")) and default and tuned:
            limits[f"to_{name}"] = at_least(round(max(default, tuned) / rate, 2), 1.0)
    return limits


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.queue_throughput", description=main.__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="entries of a run (fewer for what is slow)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true", help="nothing is installed, no other queue is run")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="of those that take part")
    return run("queue_throughput", parser, measure, argv)


if __name__ == "__main__":
    sys.exit(main())
