"""Which functions of ours were called, by PostgreSQL's own count (`track_functions = all`, db/server_settings.py).

It counts by database, so `Cluster` asks each one before it is dropped; `every_function.py` judges the whole run. Calls
by migrations count as well: they run the body, too.
"""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

from db.migration_files import SCHEMAS

UNCOUNTED: Mapping[str, str] = {
    "core.tsvector_agg": "an aggregate; db/tests/core/test_block_text.sql calls it",
}
"""Functions whose calls PostgreSQL does not count, and why that is no gap. Another one is a failure until it is here.

It does not count aggregates, nor functions in SQL that the planner inlines. It inlines none that sets search_path, as
all of ours do (db/tests/invariants/test_functions.sql)."""

_END_CONNECTIONS = """
select pg_catalog.pg_terminate_backend(a.pid, 10000)
from pg_catalog.pg_stat_activity as a
where a.datname = current_database() and a.pid <> pg_catalog.pg_backend_pid() and a.backend_type = 'client backend'"""

_CALLED = """
select f.schemaname || '.' || f.funcname
from pg_catalog.pg_stat_user_functions as f
where f.schemaname = any(%s) and f.calls > 0"""

_FUNCTIONS = """
select
    n.nspname || '.' || p.proname,
    p.prokind in ('f', 'p') and (l.lanname <> 'sql' or p.prosecdef or p.proconfig is not null)
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
inner join pg_catalog.pg_language as l on l.oid = p.prolang
where n.nspname = any(%s)"""


def called_in(connection: psycopg.Connection) -> set[str]:
    """Functions of ours that were called in this database.

    Ends other connections first: a session's calls are counted for certain only when it has ended.
    """
    connection.execute(_END_CONNECTIONS)
    return {row[0] for row in connection.execute(_CALLED, [list(SCHEMAS)])}


def functions_in(connection: psycopg.Connection) -> dict[str, bool]:
    """Functions of ours by name (there are no overloads), and whether PostgreSQL counts calls of each."""
    return dict(connection.execute(_FUNCTIONS, [list(SCHEMAS)]).fetchall())


def problems(functions: Mapping[str, bool], called: set[str], uncounted: Mapping[str, str] = UNCOUNTED) -> list[str]:
    """What is wrong, a sentence each; empty when every function was called.

    Args:
        functions: name -> whether its calls are counted.
        called: names of called functions.
        uncounted: name -> why its calls need not be counted.
    """
    found = [
        f"{name} was never called: write a test that does" for name, counted in functions.items()
        if counted and name not in called
    ]  # fmt: skip
    found += [
        f"calls of {name} cannot be counted: name it in UNCOUNTED, with the test that calls it"
        for name, counted in functions.items()
        if not counted and name not in uncounted
    ]
    found += [
        f"{name} is in UNCOUNTED, but {'its calls are counted' if name in functions else 'there is no such function'}"
        for name in uncounted
        if functions.get(name, True)
    ]
    return sorted(found)
