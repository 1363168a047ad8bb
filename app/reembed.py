"""`quire reembed`: another embedding model, filled beside the one in use, then switched to in one transaction."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from psycopg import sql

from app.progress import Progress
from app.quickstart import FILE_NAME, find_database_url
from db.commands import Subparsers
from db.embedders import HashingEmbedder, LocalEmbedder, LocalUnavailable, Model, Outage, Refused, build
from db.embedders.models import KEY_VARIABLE, KEY_VARIABLES
from db.embedders.requests import CANARY
from db.requirements import connect
from db.settings import EMBEDDERS, MAX_DIMENSIONS, Settings

_FIRST = (UUID(int=0), UUID(int=0))
_PAGES = 200  # looked at by one statement
_DEEP = 20_000  # entries of re-embedding that may wait at once: the queue stays small
_SILENT_SECONDS = 30.0  # without any progress before it is asked whether a worker runs
_PAUSE = 0.5
_FOLLOW_SECONDS = (
    6.0  # in which every worker has heard of a new model: those that have not would do its entries for nought
)


class ReembedError(RuntimeError):
    """Something that the operator can mend; the message says what."""


def add_parser(subparsers: Subparsers) -> None:
    """Add `quire reembed` to the command line."""
    parser = subparsers.add_parser(
        "reembed",
        help="change the embedding model: fill the new one beside the old one, then switch",
        description="Change the embedding model of the database. The new model's vectors are made by the running"
        " workers, behind all other work, while search goes on with the old ones; what is edited meanwhile is embedded"
        " by both. When nothing is missing, one transaction switches: API and workers follow within seconds. Ctrl-C"
        " stops watching and queueing; called again it goes on. Needs DATABASE_URL (as quire_maintenance:"
        " QUIRE_MAINTENANCE_DATABASE_URL), or the data folder of a running `quire up`.",
        epilog="Without --model it goes on with the one being filled. The workers and the API need the model too: the"
        " package for `local`, the key in their environment for `openai`. The database never holds a key.",
    )
    parser.add_argument("--model", metavar="NAME", help="the new model, as its provider calls it")
    parser.add_argument(
        "--embedder",
        choices=EMBEDDERS,
        help=f"its provider (default: hashing for {HashingEmbedder.name}, local for {LocalEmbedder.name}, else openai)",
    )
    parser.add_argument("--url", help="base URL of the OpenAI-compatible endpoint (default: QUIRE_EMBEDDING_URL)")
    parser.add_argument("--dimensions", type=int, metavar="N", help="of its vectors (default: asks the endpoint)")
    parser.add_argument(
        "--key-variable",
        metavar="NAME",
        help=f"environment variable with its key, when not {KEY_VARIABLE}; the name has to begin like that",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--status", action="store_true", help="only show the models and how far each is")
    instead.add_argument("--abort", action="store_true", help="give up filling; the model in use stays")
    instead.add_argument(
        "--drop-old", action="store_true", help="remove index and vectors of models that are no longer in use"
    )


def run(args: argparse.Namespace) -> int:
    """Do what the options say; 1 with the reason on standard error when it cannot be done."""
    _check(args)
    settings = Settings.from_env()
    database_url = settings.maintenance_database_url or find_database_url(settings)
    if database_url is None:
        print(
            f"quire: no database: set DATABASE_URL, or DATA to the folder of a running `quire up`"
            f" ({settings.data / FILE_NAME} is not there)",
            file=sys.stderr,
        )
        return 2
    try:
        with connect(database_url) as connection:
            if args.status:
                return _show(connection)
            _alone(connection)
            if args.abort:
                return _abort(connection)
            if args.drop_old:
                return _drop_old(connection)
            return _reembed(connection, args, settings)
    except psycopg.Error as error:
        if not (error.sqlstate or "").startswith("PT"):
            raise
        raise ReembedError(str(error.diag.message_primary)) from error


def _check(args: argparse.Namespace) -> None:
    """Options that are wrong whatever the database and the provider say. Raises ReembedError."""
    instead = next((name for name in ("status", "abort", "drop_old") if getattr(args, name)), None)
    for name in ("model", "embedder", "url", "dimensions", "key_variable"):
        if instead is not None and getattr(args, name) is not None:
            first, second = (f"--{option.replace('_', '-')}" for option in (name, instead))
            raise ReembedError(f"{first} goes with filling a model, not with {second}")
    if args.model is not None and not args.model.strip():
        raise ReembedError("--model is empty")
    if args.url is not None and not _is_http(args.url):
        raise ReembedError(f"--url is {args.url!r}: it takes http:// or https://")
    if args.dimensions is not None and not 1 <= args.dimensions <= MAX_DIMENSIONS:
        raise ReembedError(f"--dimensions is {args.dimensions}: it takes 1 to {MAX_DIMENSIONS}")


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _show(connection: psycopg.Connection) -> int:
    """A line a model."""
    rows = _progress(connection)
    for row in rows:
        print(
            f"{row.state:8} {row.model} ({row.dimensions} dimensions): {row.done} of {row.total} texts have its vector"
            + (f", {row.dead} are dead letters" if row.dead else "")
            + (f", {row.waiting} wait" if row.state == "shadow" else "")
        )
    if any(row.dead for row in rows):
        print("Dead letters get no vector until they are edited or replayed: quire indexing dead-letters")
    return 0


@dataclass(frozen=True)
class _Row:
    """What ops.reembedding_progress says of a model."""

    model: str
    dimensions: int
    state: str
    config: dict[str, Any] = field(repr=False)
    total: int
    missing: int
    dead: int
    waiting: int

    @property
    def done(self) -> int:
        """Texts that have its vector; those still missing do not count the dead letters."""
        return self.total - self.missing - self.dead


def _progress(connection: psycopg.Connection) -> list[_Row]:
    rows = connection.execute(
        "select model, dimensions, state, config, total, missing, dead, waiting from ops.reembedding_progress()"
    ).fetchall()
    return [_Row(*row) for row in rows]


def _alone(connection: psycopg.Connection) -> None:
    """Only one at a time: a lock that ends with the connection. Raises ReembedError and says who holds it."""
    key = "hashtextextended('quire.reembed', 0)"
    row = connection.execute(f"select pg_try_advisory_lock({key})").fetchone()
    if row and row[0]:
        return
    other = connection.execute(
        "select a.pid, a.usename, coalesce(host(a.client_addr), 'this machine'), date_trunc('second', a.backend_start)"
        " from pg_locks as l inner join pg_stat_activity as a on a.pid = l.pid"
        " where l.locktype = 'advisory' and l.granted and l.objsubid = 1"
        " and (l.classid::bigint << 32) | l.objid::bigint = hashtextextended('quire.reembed', 0)"
    ).fetchone()
    who = f": {other[1]} on {other[2]} since {other[3]}, server process {other[0]}" if other else ""
    raise ReembedError(f"another `quire reembed` is at work{who}. `quire reembed --status` shows how far it is")


def _abort(connection: psycopg.Connection) -> int:
    row = connection.execute("select indexing.abort_reembedding()").fetchone()
    if row is None or row[0] is None:
        raise ReembedError("no model is being filled: there is nothing to give up")
    print(f"{row[0]} is filled no longer. `quire reembed --drop-old` removes what it has")
    return 0


def _drop_old(connection: psycopg.Connection) -> int:
    models = connection.execute(
        "select name, dimensions from core.embedding_models where state = 'retired' and dropped_at is null"
    ).fetchall()
    for name, dimensions in models:
        index = connection.execute("select name, is_valid from core.model_index(%s, %s)", [name, dimensions]).fetchone()
        if index is not None and index[1] is not False:
            connection.execute(sql.SQL("drop index concurrently if exists core.{}").format(sql.Identifier(index[0])))
        after, removed = _FIRST, 0
        while True:
            row = connection.execute(
                "select workspace_id, page_id, deleted from indexing.drop_vectors(%s, %s, %s, %s)",
                [name, *after, _PAGES],
            ).fetchone()
            if row is None:
                break
            after, removed = (row[0], row[1]), removed + row[2]
        print(f"{name}: {removed} vectors removed")
    if not models:
        print("there are no vectors of old models")
    return 0


def _reembed(connection: psycopg.Connection, args: argparse.Namespace, settings: Settings) -> int:
    model = _wanted(connection, args, settings)
    fresh = connection.execute(
        "select indexing.start_reembedding(%s, %s, %s::jsonb)", [model.name, model.dimensions, json.dumps(model.config)]
    ).fetchone()
    is_new = bool(fresh and fresh[0])
    followed = time.monotonic() + (_FOLLOW_SECONDS if is_new else 0.0)
    print(f"{model.name} ({model.dimensions} dimensions) {'is' if is_new else 'goes on being'} filled")
    _build_index(connection, model)
    try:
        time.sleep(max(0.0, followed - time.monotonic()))
        old, dead = _fill(connection, model)
    except KeyboardInterrupt:
        print("\nstopped; workers finish what is queued. `quire reembed` goes on, --abort gives up", file=sys.stderr)
        raise
    print(f"{model.name} is the active model now; {old} is no longer. API and workers follow within seconds.")
    if dead:
        print(f"{dead} texts are dead letters and have no vector of it: quire indexing dead-letters")
    print("Set QUIRE_EMBEDDER and its companions accordingly at the next restart. `quire reembed --drop-old` removes")
    print("the old vectors, once every process has followed.")
    return 0


def _wanted(connection: psycopg.Connection, args: argparse.Namespace, settings: Settings) -> Model:
    """The model of the options, after one text has been embedded by it: a mistake shows before anything changes."""
    rows = connection.execute("select name, dimensions, state, config from core.embedding_models").fetchall()
    known = {row[0]: Model(*row) for row in rows}
    shadow = next((model for model in known.values() if model.state == "shadow"), None)
    name: str | None = args.model or (shadow.name if shadow else None)
    if name is None:
        raise ReembedError("no model is being filled: name one with --model")
    before = known.get(name)
    if before is not None and before.state == "active":
        raise ReembedError(f"{name} is the active model already")
    stored: dict[str, Any] = dict(before.config) if before else {}
    usual = {HashingEmbedder.name: "hashing", LocalEmbedder.name: "local"}.get(name, "openai")
    kind: str = args.embedder or stored.get("embedder") or usual
    only = {"hashing": HashingEmbedder.name, "local": LocalEmbedder.name}.get(kind, name)
    if name != only:
        raise ReembedError(f"{name} is no model of it: the {kind} embedder has one model, {only}")
    config: dict[str, Any] = {"embedder": kind}
    if kind == "openai":
        config["url"] = args.url or stored.get("url") or settings.embedding_url
        if config["url"] is None:
            raise ReembedError(f"where {name} is to be had is not known: give --url or set QUIRE_EMBEDDING_URL")
        variable: str | None = args.key_variable or stored.get("key_variable")
        if variable is not None:
            if not KEY_VARIABLES.fullmatch(variable):
                raise ReembedError(f"--key-variable is {variable!r}: it takes a name such as {KEY_VARIABLE}_2")
            config["key_variable"] = variable
    elif args.url or args.key_variable:
        raise ReembedError(f"--url and --key-variable go with --embedder openai, not with {kind}")
    local = {"hashing": HashingEmbedder.dimensions, "local": LocalEmbedder.dimensions}
    dimensions = args.dimensions or (before.dimensions if before else local.get(kind, 0))
    try:
        embedder = build(Model(name, 0 if kind == "openai" else dimensions, "shadow", config), settings)
        found = embedder.embed([CANARY]).shape[1]
        embedder.close()
    except (LocalUnavailable, ValueError) as error:
        raise ReembedError(str(error)) from error
    except (Outage, Refused) as error:
        raise ReembedError(f"{name} does not embed: {error}") from error
    if dimensions not in (0, found):
        raise ReembedError(f"{name} has {found} dimensions, not {dimensions}")
    return Model(name, found, "shadow", config)


def _build_index(connection: psycopg.Connection, model: Model) -> None:
    """The model's index, beside readers and writers; one that a kill left half made is made anew."""
    find = "select name, statement, is_valid from core.model_index(%s, %s)"
    row = connection.execute(find, [model.name, model.dimensions]).fetchone()
    if row is None:
        print(f"{model.dimensions} dimensions are more than an index takes (4000): search will compare one by one")
        return
    name, statement, is_valid = row
    if is_valid:
        return
    print(f"building the index {name}")
    if is_valid is None:
        connection.execute(sql.SQL("drop index concurrently if exists core.{}").format(sql.Identifier(name)))
    connection.execute(statement.replace("create index ", "create index concurrently ", 1))
    comment = f"Nearest neighbours by cosine distance, model {model.name} (HNSW)."
    connection.execute(sql.SQL("comment on index core.{} is {}").format(sql.Identifier(name), sql.Literal(comment)))


def _fill(connection: psycopg.Connection, model: Model) -> tuple[str, int]:
    """Queue what is missing, slice by slice, show how far the workers are, and switch.

    The name of the old model, and how many texts are dead letters without a vector of the new one.
    """
    progress = Progress(0, things="texts")
    after: tuple[UUID, UUID] | None = _FIRST
    measured = moved = 0.0
    best = -1
    try:
        while True:
            if after is not None and _waiting(connection) < _DEEP:
                row = connection.execute(
                    "select workspace_id, page_id from indexing.enqueue_missing(%s, %s, %s, %s)",
                    [model.name, *after, _PAGES],
                ).fetchone()
                after = None if row is None else (row[0], row[1])
                pause = 0.0
            else:
                pause = _PAUSE
            if time.monotonic() >= measured:
                begin = time.monotonic()
                state = next((row for row in _progress(connection) if row.model == model.name), None)
                if state is None or state.state != "shadow":
                    raise ReembedError(f"{model.name} is filled no longer: somebody has given it up or switched")
                now = time.monotonic()
                measured = now + max(1.0, 10 * (now - begin))  # counting is a tenth of the work at most
                progress.reach(state.done, state.total)
                if state.done > best:
                    best, moved = state.done, now
                elif now - moved > _SILENT_SECONDS:
                    progress.note(f"nothing embedded for {_SILENT_SECONDS:.0f} s: {_stalled(connection, model)}")
                    moved = now
                if after is None and state.missing == 0:
                    old = _switch(connection, model)
                    if old is not None:
                        return old, state.dead
                if after is None and state.missing > 0 and state.waiting == 0:
                    after = _FIRST  # what came meanwhile
            time.sleep(pause)
    finally:
        progress.close()


def _stalled(connection: psycopg.Connection, model: Model) -> str:
    """Why nothing is embedded, as far as the database knows."""
    row = connection.execute(
        "select s.state, o.outage from (select ops.describe_indexing() as state) as s"
        " left join lateral jsonb_array_elements(s.state -> 'outages') as o (outage) on o.outage ->> 'model' = %s"
        # one that nobody asks again, although it is time, is none: then no worker runs
        " and (o.outage ->> 'retry_at')::timestamptz > now() - interval '1 minute'",
        [model.name],
    ).fetchone()
    assert row is not None
    state, outage = row
    if state["paused"]:
        return f"the queue is paused by {state['paused']['by']} since {state['paused']['at']}"
    if outage:
        return f"the provider is out until {outage['retry_at']} at least: {' '.join(outage['reason'].split())}"
    if state["backing_off"] and not state["pending"] and not state["processing"]:
        return f"{state['backing_off']} wait for their next attempt"
    return "does a worker run, with this model?"


def _waiting(connection: psycopg.Connection) -> int:
    """Entries of re-embedding in the queue, counted up to the depth that matters."""
    row = connection.execute(
        "select count(*) from (select from core.indexing_queue where lane in (0, 1) and priority >= 300 limit %s) as q",
        [_DEEP],
    ).fetchone()
    return int(row[0]) if row else 0


def _switch(connection: psycopg.Connection, model: Model) -> str | None:
    """The name of the model that retires; None when something is missing after all."""
    try:
        row = connection.execute("select indexing.switch_model(%s)", [model.name]).fetchone()
    except psycopg.Error as error:
        if error.diag.constraint_name == "reembedding_incomplete":
            return None
        raise
    # what was saved in the very moment, by a worker that had not heard of the new model yet
    after: tuple[UUID, UUID] | None = _FIRST
    while after is not None:
        missing = connection.execute(
            "select workspace_id, page_id from indexing.enqueue_missing(%s, %s, %s, %s)", [model.name, *after, _PAGES]
        ).fetchone()
        after = None if missing is None else (missing[0], missing[1])
    assert row is not None
    return str(row[0])
