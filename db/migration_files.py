"""The files that `quire migrate` reads: numbered migrations and one-function-a-file SQL.

Nothing here talks to a database. Reading, hashing and splitting SQL text live apart from the runner so that a review of
one does not need the other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent

SCHEMAS = ("core", "jsonpatch", "api", "indexing", "ops")
"""The schemas whose functions and views come from files; everything else in the database is not ours to judge."""


class MigrationError(RuntimeError):
    """Something an operator must decide. The message names the file and says what to do."""


@dataclass(frozen=True)
class Layout:
    """Where the SQL lives. Tests pass a directory of their own."""

    migrations: Path = HERE / "migrations"
    functions: Path = HERE / "functions"
    roles: Path = HERE / "roles.sql"


@dataclass(frozen=True)
class Migration:
    """One file of `db/migrations`, in order of `number`."""

    number: int
    name: str
    text: str
    sha256: str

    @property
    def transactional(self) -> bool:
        """False for `.nontx.sql`: one statement that PostgreSQL refuses inside a transaction."""
        return not self.name.endswith(".nontx.sql")

    @property
    def post(self) -> bool:
        """True for `_post`: it follows the deploy of new code, so the functions are put in place before it."""
        return self.name.removesuffix(".sql").removesuffix(".nontx").endswith("_post")

    @property
    def settings(self) -> dict[str, str]:
        """The `-- quire: name = value` lines of a `.nontx.sql` file, which has no room for a `set` of its own.

        Known names: `lock_timeout`, `statement_timeout`, `role`.
        """
        return dict(_SETTING.findall(self.text))

    @property
    def concurrent_index(self) -> tuple[str, str] | None:
        """(index, table as written) when the file builds an index concurrently, else None."""
        found = _CONCURRENT_INDEX.search(strip_comments(self.text))
        return (found["index"], found["table"]) if found else None


@dataclass(frozen=True)
class FunctionFile:
    """One file of `db/functions/<schema>/`; `path` is relative to `db/functions` and is the ledger's key."""

    path: str
    text: str
    sha256: str

    @property
    def functions(self) -> tuple[str, ...]:
        """Qualified names of the functions and procedures it creates."""
        return tuple(_FUNCTION.findall(_outline(self.text)))

    @property
    def views(self) -> tuple[str, ...]:
        """Qualified names of the views it creates."""
        return tuple(_VIEW.findall(_outline(self.text)))

    @property
    def triggers(self) -> tuple[tuple[str, str], ...]:
        """(trigger, qualified table) of the triggers it creates."""
        return tuple(_TRIGGER.findall(_outline(self.text)))


_NAME = re.compile(r"^(\d{4})_[a-z0-9_]+(\.nontx)?\.sql$")
_SETTING = re.compile(r"^-- quire: (lock_timeout|statement_timeout|role) = (\S+)$", re.M)
_CONCURRENT_INDEX = re.compile(
    r"create\s+(?:unique\s+)?index\s+concurrently\s+(?P<exists>if\s+not\s+exists\s+)?(?P<index>\w+)\s+"
    r"on\s+(?:only\s+)?(?P<table>[\w.]+)",
    re.I,
)
_FUNCTION = re.compile(r"create\s+(?:or\s+replace\s+)?(?:function|procedure|aggregate)\s+(\w+\.\w+)", re.I)
_VIEW = re.compile(r"create\s+(?:or\s+replace\s+)?view\s+(\w+\.\w+)", re.I)
_TRIGGER = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:constraint\s+)?trigger\s+(\w+)\s[^;$]*?\son\s+(\w+\.\w+)", re.I | re.S
)
_TRANSACTION_CONTROL = re.compile(
    r"^(begin|start\s+transaction|commit|end|rollback(?!\s+to)|abort|prepare\s+transaction)\b", re.I
)
# Everything that may hide a semicolon: comments (line, block), quotes, quoted names, dollar quotes.
_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?\*/|[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?P=tag)|;""",
    re.S,
)


def strip_comments(text: str) -> str:
    """SQL without its comments; quotes and dollar-quoted bodies are kept as they are."""
    return _TOKEN.sub(lambda m: " " if m[0].startswith(("--", "/*")) else m[0], text)


def _outline(text: str) -> str:
    """SQL without comments and without dollar-quoted bodies: what the file itself says, not what its functions do."""
    return _TOKEN.sub(lambda m: m[0] if m[0].startswith(("'", '"', "e", "E", ";")) else " ", text)


def split_statements(text: str) -> list[str]:
    """The statements of a file, without trailing semicolons; parts that hold only comments are dropped.

    A lexer of quotes, comments and dollar quotes is enough: the house has no `begin atomic` bodies (they block
    `alter column type`), the one construct that carries a bare semicolon inside a statement.
    """
    return [part for part in _parts(text) if strip_comments(part).strip()]


def _parts(text: str) -> Iterator[str]:
    start = 0
    for token in _TOKEN.finditer(text):
        if token[0] == ";":
            yield text[start : token.start()].strip()
            start = token.end()
    yield text[start:].strip()


def _read(path: Path) -> tuple[str, str]:
    """Text and sha256. `read_text` normalises line ends, so that a checkout on another system is not an edit."""
    text = path.read_text(encoding="utf-8")
    return text, hashlib.sha256(text.encode()).hexdigest()


def _refuse_transaction_control(name: str, text: str) -> None:
    for statement in split_statements(text):
        head = strip_comments(statement).strip()
        if _TRANSACTION_CONTROL.match(head):
            raise MigrationError(
                f"{name} contains `{head.splitlines()[0]}`: the runner owns the transaction. Remove it, or use a "
                "one-statement .nontx.sql file."
            )


def read_migrations(directory: Path) -> list[Migration]:
    """All migrations in order.

    Raises:
        MigrationError: a name that is not `NNNN_verb_object[.nontx].sql`, a number used twice, transaction control in
            a file, or a `.nontx.sql` file that is not exactly one repeatable statement.
    """
    migrations: list[Migration] = []
    for path in sorted(directory.glob("*.sql")):
        named = _NAME.match(path.name)
        if named is None:
            raise MigrationError(f"{path.name} in {directory} is not named NNNN_verb_object.sql: rename it.")
        text, sha256 = _read(path)
        migration = Migration(int(named[1]), path.name, text, sha256)
        if migrations and migrations[-1].number == migration.number:
            raise MigrationError(
                f"{migrations[-1].name} and {path.name} have the same number: give the newer one the next free number."
            )
        if migration.transactional:
            _refuse_transaction_control(path.name, text)
        else:
            _check_nontx(migration)
        migrations.append(migration)
    return migrations


def _check_nontx(migration: Migration) -> None:
    count = len(split_statements(migration.text))
    if count != 1:
        raise MigrationError(
            f"{migration.name} holds {count} statements: a .nontx.sql file holds exactly one, because several sent "
            "together become one transaction. Split it into several files."
        )
    found = _CONCURRENT_INDEX.search(strip_comments(migration.text))
    if found and not found["exists"]:
        raise MigrationError(
            f"{migration.name}: write `create index concurrently if not exists`, so that a run that was killed between "
            "the build and the ledger can be repeated."
        )
    if found and "." not in found["table"]:
        raise MigrationError(f"{migration.name}: qualify the table of the index with its schema.")


def read_function_files(directory: Path) -> list[FunctionFile]:
    """All files under `db/functions`, in order of path.

    Raises:
        MigrationError: a file that is not in a folder of one of `SCHEMAS`, or has transaction control in it.
    """
    files: list[FunctionFile] = []
    for path in sorted(directory.rglob("*.sql")):
        relative = path.relative_to(directory)
        if len(relative.parts) != 2 or relative.parts[0] not in SCHEMAS:
            raise MigrationError(
                f"{relative} is not db/functions/<schema>/<name>.sql with one of the schemas {', '.join(SCHEMAS)}."
            )
        text, sha256 = _read(path)
        _refuse_transaction_control(relative.as_posix(), text)
        files.append(FunctionFile(relative.as_posix(), text, sha256))
    return files


def pending_migrations(migrations: list[Migration], ledger: dict[int, tuple[str, str]]) -> list[Migration]:
    """The files that are not in the ledger (number -> (name, sha256)), after checking that the ledger still fits.

    Raises:
        MigrationError: an applied file was edited, renamed or removed, or a new file sorts before an applied one.
    """
    by_number = {migration.number: migration for migration in migrations}
    for number, (name, sha256) in sorted(ledger.items()):
        file = by_number.get(number)
        if file is None:
            raise MigrationError(
                f"{name} was applied to this database but is missing from the migrations: restore the file, or use the "
                "newer release of Quire that this database was migrated with."
            )
        if file.name != name:
            raise MigrationError(f"{file.name} was applied as {name}: give it its old name back.")
        if file.sha256 != sha256:
            raise MigrationError(
                f"{name} was edited after it was applied (sha256 {file.sha256[:12]}, applied {sha256[:12]}): restore "
                "it and put the change into a new migration."
            )
    pending = [migration for migration in migrations if migration.number not in ledger]
    newest = max(ledger, default=0)
    for migration in pending:
        if migration.number < newest:
            raise MigrationError(
                f"{migration.name} is out of order: {newest:04d} is already applied. Give it the next free number."
            )
    return pending
