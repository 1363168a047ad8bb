"""Clients of the old application, which read and write with its statements before, during and after the migration.

What they were told is kept in a model, so that every acknowledged write can be looked for afterwards.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from db.tests.migrations.old_application import Page, read_old_pages


@dataclass(frozen=True)
class Timing:
    """One statement of a client: what, when it began (time.monotonic), how long in seconds."""

    what: str
    began: float
    seconds: float


class Client(threading.Thread):
    """A thread with a connection that runs old statements one after the other until it is told to stop."""

    def __init__(self, conninfo: str, name: str, seed: int, pause: float) -> None:
        super().__init__(name=name, daemon=True)
        self.timings: list[Timing] = []
        self.failure: BaseException | None = None
        self.random = random.Random(seed)
        self._conninfo = conninfo
        self._pause = pause
        self._done = threading.Event()

    def stop(self) -> None:
        """Ask it to end after its present transaction, and wait for that."""
        self._done.set()
        self.join(60)
        if self.failure is not None:
            raise self.failure

    def run(self) -> None:
        try:
            with psycopg.connect(self._conninfo, autocommit=True) as connection:
                connection.execute("set search_path = public")
                while not self._done.is_set():
                    self.step(connection)
                    time.sleep(self._pause)
        except BaseException as error:  # given to whoever stops it
            self.failure = error

    def step(self, connection: psycopg.Connection[Any]) -> None:
        """One transaction or read."""
        raise NotImplementedError

    @contextlib.contextmanager
    def timed(self, what: str) -> Generator[None]:
        """Keep how long the block took, also when it fails."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.timings.append(Timing(what, began, time.monotonic() - began))


class Reader(Client):
    """Lists pages and reads whole pages, as a page view does."""

    def __init__(self, conninfo: str, name: str, seed: int, pause: float, page_ids: Sequence[str]) -> None:
        super().__init__(conninfo, name, seed, pause)
        self.page_ids = page_ids
        self.reads = 0

    def step(self, connection: psycopg.Connection[Any]) -> None:
        page_id = self.random.choice(self.page_ids)
        with self.timed("read page"):
            page = connection.execute(
                "select id, workspace_id, title, properties, updated_at from pages where id = %s", [page_id]
            ).fetchone()
        with self.timed("read blocks"):
            connection.execute(
                "select id, type, data from blocks where page_id = %s order by position, id", [page_id]
            ).fetchall()
        if page is not None:
            with self.timed("list pages"):
                connection.execute(
                    "select id, title from pages where workspace_id = %s order by updated_at desc limit 20", [page[1]]
                ).fetchall()
        self.reads += 1


class Dawdler(Client):
    """Keeps a transaction open for a quarter of a second after it has read: what a switch has to get past."""

    def step(self, connection: psycopg.Connection[Any]) -> None:
        with connection.transaction():
            with self.timed("read workspaces"):
                connection.execute("select id, name from workspaces").fetchall()
            with self.timed("read queue"):
                connection.execute("select count(*) from indexing_queue where page_id = %s", [uuid.uuid4()]).fetchall()
            time.sleep(0.25)
        time.sleep(0.1)


class Writer(Client):
    """Edits pages that nobody else edits, and remembers what was acknowledged.

    Attributes:
        pages: its pages by id, as the database told it that they are.
        queued: (page id, block id) of acknowledged queue entries.
        refused: messages of refused transactions.
    """

    def __init__(self, conninfo: str, name: str, seed: int, pause: float, pages: dict[str, Page]) -> None:
        super().__init__(conninfo, name, seed, pause)
        self.pages = pages
        self.queued: set[tuple[str, str]] = set()
        self.refused: list[str] = []
        self.versioned = 0
        self.acknowledged = 0
        self.switched = False
        self._counter = 0

    def step(self, connection: psycopg.Connection[Any]) -> None:
        self._counter += 1
        actions: list[Callable[[psycopg.Connection[Any], str], None]] = [
            *[self._edit_block] * 12,
            *[self._edit_title] * 6,
            *[self._add_block] * 4,
            *[self._remove_block] * 3,
            *[self._move_block] * 3,
            self._add_page,
            self._remove_page,
        ]
        alive = [page_id for page_id, page in self.pages.items() if not page.deleted]
        page_id = self.random.choice(alive)
        try:
            self.random.choice(actions)(connection, page_id)
            self.acknowledged += 1
        except psycopg.Error as error:
            if error.sqlstate != "PT409":
                raise
            self.refused.append(str(error))

    def _edit_block(self, connection: psycopg.Connection[Any], page_id: str) -> None:
        page = self.pages[page_id]
        if not page.blocks:
            return
        block_id = self.random.choice(sorted(page.blocks))
        data = {"text": f"{self.name} wrote {self._counter}"}
        with connection.transaction():
            with self.timed("write block"):
                connection.execute(
                    "update blocks set data = %s, updated_at = now() where id = %s", [Jsonb(data), block_id]
                )
            with self.timed("write page"):
                connection.execute("update pages set updated_at = now() where id = %s", [page_id])
            with self.timed("write queue"):
                connection.execute(
                    "insert into indexing_queue (page_id, block_ids) values (%s, %s::uuid[])", [page_id, [block_id]]
                )
        position, kind, _ = page.blocks[block_id]
        page.blocks[block_id] = (position, kind, data)
        self.queued.add((page_id, block_id))

    def _add_block(self, connection: psycopg.Connection[Any], page_id: str) -> None:
        page = self.pages[page_id]
        position = self.random.randint(-3, 40)
        data = {"text": f"{self.name} added {self._counter}"}
        with connection.transaction(), self.timed("write block"):
            row = connection.execute(
                "insert into blocks (page_id, position, type, data) values (%s, %s, 'paragraph', %s) returning id",
                [page_id, position, Jsonb(data)],
            ).fetchone()
        assert row is not None
        page.blocks[str(row[0])] = (position, "paragraph", data)

    def _remove_block(self, connection: psycopg.Connection[Any], page_id: str) -> None:
        page = self.pages[page_id]
        if not page.blocks:
            return
        block_id = self.random.choice(sorted(page.blocks))
        with connection.transaction():
            with self.timed("write block"):
                connection.execute("delete from blocks where id = %s", [block_id])
            with self.timed("write queue"):
                connection.execute(
                    "insert into indexing_queue (page_id, block_ids, action) values (%s, %s::uuid[], 'delete')",
                    [page_id, [block_id]],
                )
        del page.blocks[block_id]

    def _move_block(self, connection: psycopg.Connection[Any], page_id: str) -> None:
        page = self.pages[page_id]
        target_id = self.random.choice(sorted(key for key, other in self.pages.items() if not other.deleted))
        if not page.blocks:
            return
        block_id = self.random.choice(sorted(page.blocks))
        position = self.random.randint(-3, 40)
        with connection.transaction(), self.timed("write block"):
            connection.execute(
                "update blocks set page_id = %s, position = %s where id = %s", [target_id, position, block_id]
            )
        _, kind, data = page.blocks.pop(block_id)
        self.pages[target_id].blocks[block_id] = (position, kind, data)

    def _edit_title(self, connection: psycopg.Connection[Any], page_id: str) -> None:
        page = self.pages[page_id]
        title = f"{self.name} titled {self._counter}"
        if not self.switched:
            try:
                with self.timed("write page"):
                    connection.execute(
                        "update pages set title = %s, updated_at = now() where id = %s", [title, page_id]
                    )
            except psycopg.Error as error:
                self.switched = error.sqlstate == "PT409"
                raise
        else:
            with self.timed("write page"):
                done = connection.execute(
                    "update pages set title = %s, updated_at = now(), version = version + 1"
                    " where id = %s and version = %s",
                    [title, page_id, page.version],
                )
            assert done.rowcount == 1, "nobody else writes this page"
            page.version += 1
            self.versioned += 1
        page.title = title

    def _add_page(self, connection: psycopg.Connection[Any], page_id: str) -> None:
        workspace_id = self.pages[page_id].workspace_id
        title = f"{self.name} made {self._counter}"
        with self.timed("write page"):
            row = connection.execute(
                "insert into pages (workspace_id, title) values (%s, %s) returning id", [workspace_id, title]
            ).fetchone()
        assert row is not None
        self.pages[str(row[0])] = Page(workspace_id, title, {})

    def _remove_page(self, connection: psycopg.Connection[Any], page_id: str) -> None:
        if sum(not page.deleted for page in self.pages.values()) < 5:
            return
        with self.timed("write page"):
            connection.execute("delete from pages where id = %s", [page_id])
        self.pages[page_id].deleted = True


@dataclass
class Run:
    """A migration under load: the clients, and when it began and ended (time.monotonic)."""

    readers: list[Reader]
    writers: list[Writer]
    dawdler: Dawdler
    pages: dict[str, Page]
    began: float
    ended: float

    def longest(self, kind: str) -> Timing:
        """The longest statement of "read" or "write" that was under way during the migration."""
        clients: list[Client] = [*self.readers, *self.writers, self.dawdler]
        return max(
            (
                timing
                for client in clients
                for timing in client.timings
                if timing.what.startswith(kind if kind == "write" else ("read", "list"))
                and timing.began < self.ended
                and timing.began + timing.seconds > self.began
            ),
            key=lambda timing: timing.seconds,
        )

    def typical(self, kind: str, *, before: bool) -> list[float]:
        """Seconds of all statements of a kind before (or during) the migration, sorted."""
        clients: list[Client] = [*self.readers, *self.writers, self.dawdler]
        return sorted(
            timing.seconds
            for client in clients
            for timing in client.timings
            if timing.what.startswith(kind if kind == "write" else ("read", "list"))
            and ((timing.began < self.began) if before else (self.began <= timing.began < self.ended))
        )


def migrate_under_load(
    conninfo: str,
    migrate: Callable[[], None],
    *,
    readers: int = 2,
    writers: int = 2,
    pause: float = 0.01,
    around: float = 1.0,
    seed: int = 1,
) -> Run:
    """Run a migration while clients read and write; stop them some time after it.

    Args:
        conninfo: the old database.
        migrate: does the migration.
        readers: reading clients.
        writers: writing clients; the pages that exist are shared out among them.
        pause: seconds that a client waits between transactions.
        around: seconds of load before and after the migration.
        seed: of what the clients do.
    """
    pages = read_old_pages(conninfo)
    ids = sorted(pages)
    reading = [Reader(conninfo, f"reader {i}", seed * 100 + i, pause, ids) for i in range(readers)]
    writing = [
        Writer(conninfo, f"writer {i}", seed * 100 + 50 + i, pause, {key: pages[key] for key in ids[i :: 2 * writers]})
        for i in range(writers)
    ]
    dawdler = Dawdler(conninfo, "dawdler", seed, pause)
    clients: list[Client] = [*reading, *writing, dawdler]
    for client in clients:
        client.start()
    try:
        time.sleep(around)
        began = time.monotonic()
        migrate()
        ended = time.monotonic()
        time.sleep(around)
    finally:
        for client in clients:
            client.stop()
    for writer in writing:
        pages.update(writer.pages)
    return Run(reading, writing, dawdler, pages, began, ended)
