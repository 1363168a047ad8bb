"""The command line `quire`: one module a command, loaded only when it is asked for."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

import psycopg

from app import __version__
from db.migration_files import MigrationError
from db.requirements import advice
from db.settings import SettingsError

# Command -> (module with add_parser(subparsers) and run(args) -> exit code, line of help).
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("app.up", "run everything: database, API and worker"),
    "migrate": ("db.migrate", "bring a database's schema up to date, or show what that would do (--plan)"),
    "token": ("app.tokens", "create, list, rotate and revoke access tokens"),
    "user": ("app.users", "create and list users, and say whom a JWT's subject is"),
    "workspace": ("app.workspaces", "create, list and rename workspaces"),
    "member": ("app.members", "who is in a workspace, and with which role"),
    "audit": ("app.audit", "who did what: tokens, members, restores, the indexing queue"),
    "import": ("app.importer", "turn a folder of Markdown into pages"),
    "export": ("app.exporter", "write pages as a folder of Markdown"),
    "purge": ("app.purge", "take away what retention would, or show what that is (--dry-run)"),
    "schedule": ("app.schedule", "show periodic work and who runs it, the workers or pg_cron"),
    "verify": ("app.verify", "check pages against their history, and repair them from it (--repair)"),
    "reembed": ("app.reembed", "change the embedding model: fill the new one beside the old one, then switch"),
    "indexing": ("app.indexing", "show the indexing queue, replay or discard its dead letters, pause it"),
    "limits": ("app.limits", "list and change rate limits, watch who is limited, unblock somebody"),
    "doctor": ("app.doctor", "say what is wrong with a database or its settings, and what to do"),
}
# Command -> (module that is the process, line of help). The process gets the arguments as they are.
PROCESSES: dict[str, tuple[str, str]] = {
    "serve": ("app.main", "run the API only"),
    "worker": ("worker.main", "run a worker only"),
}

_EPILOG = """\
First steps:
  quire up                     everything on this machine, in the foreground; prints a token and what to try
  quire import docs/           pages out of a Markdown folder (set -a; . .data/quickstart.env; set +a)

On a server, with DATABASE_URL=postgresql://..:
  quire migrate --plan         the exact SQL for a DBA to read; then: quire migrate
  quire serve, quire worker    one service each
  quire doctor                 checks; exit code 1 when something is wrong
  quire reembed --model NAME   another embedding model; search goes on with the old one meanwhile
  quire indexing dead-letters  what could not be indexed and why; then: quire indexing replay
  quire verify                 the same for pages and their history; --repair repairs
  quire limits watch           who is limited now; then: quire limits unblock NAME
  quire schedule               what runs when, and whether it is late
  quire token rotate ID        a new token in place of an old one; also: quire user, workspace, member
  quire audit                  who did what
  quire purge --dry-run        what retention would take now

Settings come from the environment; README.md has the table. `quire COMMAND --help` tells more.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: its name and arguments; None takes the process's own.

    Returns:
        The exit code: 0 done, 1 failed, 2 wrong usage or settings.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    asked = arguments[0] if arguments else ""
    if asked in PROCESSES:
        return _become(PROCESSES[asked][0], arguments[1:])
    parser = argparse.ArgumentParser(
        prog="quire",
        description="A block editor's page store that lives in PostgreSQL.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"quire {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, (module, summary) in (COMMANDS | PROCESSES).items():
        if name == asked:
            importlib.import_module(module).add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=summary)
    args = parser.parse_args(arguments)
    if args.command is None:
        parser.print_help()
        return 2
    return _run(COMMANDS[args.command][0], args)


def _run(module: str, args: argparse.Namespace) -> int:
    """Run a command's module; what an operator can repair is a sentence, not a traceback."""
    try:
        return int(importlib.import_module(module).run(args) or 0)
    except SettingsError as error:
        print(f"quire: {error}", file=sys.stderr)
        return 2
    except psycopg.OperationalError as error:
        said = error.diag.message_primary or str(error).strip()
        print(f"quire: {advice(error) or f'the database cannot be used: {said}'}", file=sys.stderr)
        return 1
    except psycopg.Error as error:
        if (reason := advice(error)) is None:
            raise
        print(f"quire: {reason}", file=sys.stderr)
        return 1
    except (MigrationError, RuntimeError) as error:
        print(f"quire: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # `quire .. | head`: nobody reads on. Keeps Python from complaining again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _become(module: str, arguments: list[str]) -> int:
    """Replace this process: signals of a service manager then reach the API or the worker itself."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


if __name__ == "__main__":
    sys.exit(main())
