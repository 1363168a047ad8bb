"""`quire indexing`: the indexing queue for operators: its state, its dead letters, its pause.

Works on the database, like psql: every action is one function of schema ops, which writes it into the audit log.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from app.progress import Progress
from app.quickstart import FILE_NAME, find_database_url
from db.commands import Subparsers, number
from db.requirements import advice, connect
from db.settings import Settings

BATCH = 1000  # dead letters of one transaction
_ONE = frozenset({"workspace_id", "page_id", "no"})
_OPTIONS = {
    "finished_after": "--finished-after",
    "error_code": "--error-code",
    "fingerprint": "--fingerprint",
    "text": "--text",
    "died_after": "--after",
    "died_before": "--before",
}
_PRIORITIES = {0: "interactive", 100: "edit", 200: "import", 300: "re-embed"}
_STATUSES = ("pending", "processing", "completed", "failed")
_USAGE = 2


def add_parser(subparsers: Subparsers) -> None:
    """Add `quire indexing` to the command line."""
    parser = subparsers.add_parser(
        "indexing",
        help="show the indexing queue, replay or discard its dead letters, pause it",
        description="The indexing queue of the database of DATABASE_URL (or of the running `quire up` whose data folder"
        " DATA is). Entries that failed three times are dead letters: find out why, mend it, replay them. Exit code 0:"
        " done; 1: refused, or the one entry that was named is not there; 2: wrong usage, or not confirmed.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add(actions, "state", "depth, age, providers out, dead letters by code, who holds vacuum back, paused or not")
    entries = _add(
        actions,
        "entries",
        "list entries: what waits or is being indexed, the oldest edit first, then what is finished",
        which="entries",
    )
    _paged(entries)
    listing = _add(
        actions, "dead-letters", "list dead letters, newest first; --group: by what is wrong", which="dead letters"
    )
    listing.add_argument("--group", action="store_true", help="one line a group of alike errors, the largest first")
    _paged(listing)
    for action, summary, rest in (
        ("replay", "put dead letters back into the queue", ""),
        (
            "discard",
            "give dead letters up",
            " Search keeps what it has of their blocks, and nothing queues them again before their next edit;"
            " `replay --discarded` takes it back.",
        ),
    ):
        bulk = _add(
            actions,
            action,
            summary,
            which="dead letters",
            description=f"{summary.capitalize()}: those that match all options, {BATCH} a transaction. Audited.{rest}",
        )
        bulk.add_argument("--all", action="store_true", help="all open ones: needed when nothing narrows them down")
        bulk.add_argument("--yes", action="store_true", help="do not ask, however many there are")
    _add(actions, "pause", "workers claim nothing more; what they hold they finish").add_argument(
        "--reason", metavar="TEXT", help="for whoever wonders why"
    )
    _add(actions, "resume", "workers claim again")


def _add(
    actions: Subparsers,
    name: str,
    summary: str,
    *,
    which: Literal["entries", "dead letters"] | None = None,
    description: str | None = None,
) -> argparse.ArgumentParser:
    """Add an action with `--json`; which: with the options of a filter of these."""
    parser = actions.add_parser(name, help=summary, description=description or f"{summary[0].upper()}{summary[1:]}.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    if which is None:
        return parser
    group = parser.add_argument_group("which", "All that are given count.")
    group.add_argument("--workspace", dest="workspace_id", metavar="ID", type=_uuid, help="of this workspace")
    group.add_argument("--page", dest="page_id", metavar="ID", type=_uuid, help="of this page")
    group.add_argument(
        "--no", type=number(0, 2_147_483_647), metavar="N", help="of the block with this number; 0 is the title"
    )
    if which == "entries":
        group.add_argument("--status", choices=_STATUSES, help=f"{', '.join(_STATUSES[:-1])} or {_STATUSES[-1]}")
        group.add_argument(
            "--finished-after",
            metavar="TIME",
            help="completed or given up then or later; UTC unless said",
        )
    else:
        group.add_argument("--error-code", metavar="CODE", help="with this error code")
        group.add_argument("--fingerprint", metavar="F", help="of this group of alike errors")
        group.add_argument("--text", help="whose error contains this, upper or lower case")
        group.add_argument("--after", dest="died_after", metavar="TIME", help="given up then or later; UTC unless said")
        group.add_argument("--before", dest="died_before", metavar="TIME", help="given up before; UTC unless said")
        if name != "discard":
            group.add_argument("--discarded", action="store_true", help="the discarded instead of the open ones")
    return parser


def _paged(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--limit", type=number(1, 1000), default=50, metavar="N", help="at most so many, 1 to 1000 (default: 50)"
    )
    parser.add_argument("--cursor", help="go on where the list before ended, as its last line says")


def run(args: argparse.Namespace) -> int:
    """Do what the command line says; see the description for exit codes."""
    settings = Settings.from_env()
    database_url = find_database_url(settings)
    if database_url is None:
        return _fail(
            f"no database: set DATABASE_URL, or DATA to the folder of a running `quire up`"
            f" ({settings.data / FILE_NAME} is not there)",
            _USAGE,
        )
    actions: Mapping[str, Callable[[psycopg.Connection, argparse.Namespace], int]] = {
        "state": _state,
        "entries": _entries,
        "dead-letters": _groups if getattr(args, "group", False) else _list,
        "replay": _bulk,
        "discard": _bulk,
        "pause": _pause,
        "resume": _resume,
    }
    with connect(database_url) as connection:
        connection.autocommit = True
        try:
            return actions[args.action](connection, args)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            wrong = (error.sqlstate or "").startswith("PT4")
            return _fail(advice(error) or _as_typed(error.diag.message_primary or str(error)), _USAGE if wrong else 1)


def _state(connection: psycopg.Connection, args: argparse.Namespace) -> int:
    state = _row(connection, "select ops.describe_indexing() as state")["state"]
    if args.json:
        _print_json(state)
        return 0
    paused = state.get("paused")
    if paused:
        reason = f": {paused['reason']}" if paused["reason"] else ""
        print(f"paused since {paused['at']} by {paused['by']}{reason}")
    for out in state["outages"]:
        print(
            f"provider out {out['model']}: {out['in_a_row']} times in a row, last {out['at']}, asked again"
            f" {out['retry_at']}: {_line(out['reason'])}"
        )
    about = "" if state["exact"] else "about "
    print(f"pending      {about}{state['pending']} (oldest: {state['oldest_seconds']:.0f} s)")
    print(f"backing off  {state['backing_off']}")
    print(f"lag          {state['lag_seconds']:.0f} s (the oldest edit that is not indexed, backing off or not)")
    print(f"processing   {state['processing']}")
    codes = ", ".join(f"{code} {count}" for code, count in sorted(state["dead_by_code"].items()))
    print(f"dead         {state['dead']}{f' ({codes})' if codes else ''}")
    print(f"discarded    {state['discarded']}")
    if state["oldest_xmin_holder"]:
        print(f"vacuum held  {state['oldest_xmin_seconds']:.0f} s by {_line(state['oldest_xmin_holder'])}")
    return 0


def _entries(connection: psycopg.Connection, args: argparse.Namespace) -> int:
    names = ("status", "workspace_id", "page_id", "no", "finished_after")
    rows = _rows(
        connection,
        "select * from ops.list_indexing_entries(%s, %s, %s)",
        Jsonb(_given(args, names)),
        args.limit,
        args.cursor,
    )
    if args.json:
        _print_json(rows)
        return 0
    for row in rows:
        about = [_PRIORITIES[row["priority"]]] if row["priority"] is not None else []
        about += [row["op"]] if row["op"] == "delete" else []
        about += [
            f"{row['attempts']} attempt{'s' if row['attempts'] != 1 else ''}",
            f"edited {_time(row['enqueued_at'])}",
        ]
        for name, word in (("lease_until", "held until"), ("finished_at", "finished")):
            about += [f"{word} {_time(row[name])}"] if row[name] else []
        if row["status"] == "pending" and row["run_at"] > row["enqueued_at"]:
            about.append(f"not before {_time(row['run_at'])}")
        print(f"{row['status']:<10}  {', '.join(about)}")
        print(f"    --workspace {row['workspace_id']} --page {row['page_id']} --no {row['no']}")
        if row["error"]:
            print(f"    {_line(row['error'])}")
    return _end_of_list(rows, args, "no entries")


def _end_of_list(rows: list[dict[str, Any]], args: argparse.Namespace, none: str) -> int:
    if not rows:
        print(none, file=sys.stderr)
    elif len(rows) == args.limit:
        print(f"perhaps more: --cursor {rows[-1]['cursor']}", file=sys.stderr)
    return 0


def _list(connection: psycopg.Connection, args: argparse.Namespace) -> int:
    rows = _rows(
        connection, "select * from ops.list_dead_letters(%s, %s, %s)", Jsonb(_filter(args)), args.limit, args.cursor
    )
    if args.json:
        _print_json(rows)
        return 0
    for row in rows:
        state = " (discarded)" if row["discarded_at"] else ""
        print(f"{_time(row['died_at'])}  {row['error_code']}  {row['fingerprint']}{state}")
        print(f"    --workspace {row['workspace_id']} --page {row['page_id']} --no {row['no']}")
        print(f"    {_line(row['error'])}")
    return _end_of_list(rows, args, "no dead letters")


def _groups(connection: psycopg.Connection, args: argparse.Namespace) -> int:
    if args.cursor:
        return _fail("--group has no pages: leave --cursor out, and raise --limit", _USAGE)
    rows = _rows(connection, "select * from ops.group_dead_letters(%s, %s)", Jsonb(_filter(args)), args.limit)
    if args.json:
        _print_json(rows)
        return 0
    for row in rows:
        workspaces = f"{row['workspaces']} workspace{'s' if row['workspaces'] != 1 else ''}"
        print(
            f"{row['fingerprint']}  {row['entries']:>7}  {row['error_code']}  {workspaces},"
            f" {_time(row['first_died_at'])} to {_time(row['last_died_at'])}"
        )
        print(f"    {_line(row['sample'])}")
    if not rows:
        print("no dead letters", file=sys.stderr)
    return 0


def _bulk(connection: psycopg.Connection, args: argparse.Namespace) -> int:
    chosen = _filter(args)
    if not chosen and not args.all:
        return _fail(f"say which to {args.action}, or --all", _USAGE)
    if args.all and chosen:
        return _fail(
            "--all stands for all open ones: leave the other options out, or --all"
            + (" (--discarded alone: all discarded ones)" if chosen == {"discarded": True} else ""),
            _USAGE,
        )
    one = set(chosen) >= _ONE
    total = _row(connection, "select ops.count_dead_letters(%s) as count", Jsonb(chosen))["count"]
    if not total:
        print("no dead letter matches", file=sys.stderr)
        if args.json:
            _print_json({args.action: 0})
        return 1 if one else 0
    if not one and not args.yes and not _confirmed(f"{args.action} {total} dead letter{'s' if total > 1 else ''}"):
        return _USAGE
    counts = {"replay": "replayed, waiting", "discard": "discarded"}[args.action]
    progress = Progress(total, things="dead letters") if total > BATCH else None
    done = waiting = 0
    following: Any = chosen
    while following is not None:
        row = _row(
            connection,
            f"select {counts}, next_filter from ops.{args.action}_dead_letters(%s, %s)",  # noqa: S608 - two constants
            Jsonb(following),
            BATCH,
        )
        following = row["next_filter"]
        changed = row["replayed" if args.action == "replay" else "discarded"]
        done, waiting = done + changed, waiting + row.get("waiting", 0)
        for _ in range(changed if progress else 0):
            assert progress is not None
            progress.advance()
    if progress is not None:
        progress.close()
    if args.json:
        _print_json({args.action: done} | ({"waiting": waiting} if args.action == "replay" else {}))
    else:
        was = f", {waiting} of them waited in the queue already" if waiting else ""
        print(f"{'replayed' if args.action == 'replay' else 'discarded'} {done}{was}")
    return 0


def _pause(connection: psycopg.Connection, args: argparse.Namespace) -> int:
    new = _row(connection, "select ops.pause_indexing(%s) as new", args.reason)["new"]
    if args.json:
        _print_json({"paused": True, "new": new})
    else:
        print(
            "paused: `quire indexing resume` ends it"
            if new
            else "was paused before: `quire indexing state` says by whom"
        )
    return 0


def _resume(connection: psycopg.Connection, args: argparse.Namespace) -> int:
    new = _row(connection, "select ops.resume_indexing() as new")["new"]
    if args.json:
        _print_json({"paused": False, "new": new})
    else:
        print("resumed" if new else "was not paused")
    return 0


def _filter(args: argparse.Namespace) -> dict[str, Any]:
    """The options as a filter of dead letters."""
    names = ("workspace_id", "page_id", "no", "error_code", "fingerprint", "text", "died_after", "died_before")
    return _given(args, names) | ({"discarded": True} if getattr(args, "discarded", False) else {})


def _given(args: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def _as_typed(message: str) -> str:
    """What is wrong with a filter, by the options that it was given in."""
    for member, option in _OPTIONS.items():
        message = message.replace(f"the filter's {member} ", f"{option} ")
    return message


def _confirmed(what: str) -> bool:
    if not sys.stdin.isatty():
        print(f"quire: nobody is there to ask whether to {what}: --yes does it without", file=sys.stderr)
        return False
    print(f"{what}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _rows(connection: psycopg.Connection, statement: str, *arguments: object) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode(), arguments).fetchall()


def _row(connection: psycopg.Connection, statement: str, *arguments: object) -> dict[str, Any]:
    return _rows(connection, statement, *arguments)[0]


def _print_json(value: object) -> None:
    def text(other: object) -> str:
        if isinstance(other, datetime):
            return other.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return str(other)

    print(json.dumps(value, default=text, ensure_ascii=False, indent=2))


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _line(text: str) -> str:
    """One line without characters that steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:300]


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError("takes a UUID") from None


def _fail(reason: str, code: int) -> int:
    print(f"quire indexing: {reason}", file=sys.stderr)
    return code
