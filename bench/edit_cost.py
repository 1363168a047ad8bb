"""What does a typical edit cost: on the wire, in WAL, as the page grows, and when it has to be rebased?

    python -m bench.edit_cost [--edits 300] [--runs 60] [--version 18]

A throwaway server with production's durability. First: an edit of one block of 1000 as a patch, and as a full save of
the same page, by HTTP against a real API: bytes of request and answer, headers included, and bytes of WAL from right
after a checkpoint, of which full-page images apart (pg_waldump); the WAL also with the snapshots that the edits order
made at once. Then, interleaved, the milliseconds of api.patch_page (statement, and commit apart: a disk flush is the
same for all pages) on pages of 10 to 10,000 blocks, and of saves based on the version 0, 1, 10, 100 versions ago. The
result goes to bench/results/edit_cost.json; exit code 1 when a limit is not met.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app.tests.processes import running_api
from bench.harness import (
    ACTOR,
    WORKSPACE,
    Connection,
    at_most,
    create_page,
    document,
    durable_server,
    exists,
    make_workspace,
    median,
    run,
    sentence,
    shown_settings,
)
from db.embedded import EmbeddedServer

BLOCKS = 1000
SIZES = (10, 100, 1000, 10_000)
BEHIND = (0, 1, 10, 100)
SNAPSHOTS = "ops.make_snapshots(integer)"
PATCH = {"Content-Type": "application/json-patch+json"}
WAL_LIMIT, WAL_LIMIT_WITH_SNAPSHOTS, WIRE_LIMIT, GROWTH_LIMIT, REBASE_LIMIT = 2048, 15 * 1024, 2048, 2.0, 10.0


class Wire:
    """A TCP relay before the API that counts what goes each way: exactly what a client sends and gets."""

    def __init__(self, port: int) -> None:
        self.sent = self.received = 0
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, sent: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                if sent:  # one thread a direction and one connection at a time: no lock
                    self.sent += len(data)
                else:
                    self.received += len(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()


class Wal:
    """Bytes of WAL written inside a `with` block that begins right after a checkpoint."""

    def __init__(self, server: EmbeddedServer, connection: Connection) -> None:
        self._server, self._connection = server, connection

    def _lsn(self) -> tuple[str, int]:
        row = self._connection.execute("select pg_current_wal_insert_lsn(), pg_current_wal_insert_lsn() - '0/0'")
        lsn, offset = row.fetchone() or ("", 0)
        return lsn, int(offset)

    @contextmanager
    def counted(self, into: dict[str, Any], edits: int) -> Generator[None]:
        """Put bytes an edit into a dict: all, of them full-page images, and the rest."""
        self._connection.execute("vacuum")  # pages at rest, as most are: no first look at rows just loaded
        self._connection.execute("checkpoint")
        before, first = self._lsn()
        yield
        after, last = self._lsn()
        self._connection.execute("select pg_switch_wal()")  # all of it is in its file now
        printed = subprocess.run(
            [
                *(self._server.bin / "pg_waldump", "--stats"),
                *("-p", self._server.cluster / "pg_wal", "-s", before, "-e", after),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found = re.search(r"^Total\s+\d+\s+\d+ \[.*?\]\s+(\d+) \[", printed, re.M)
        assert found, printed
        images = int(found[1])
        into["wal_bytes"] = round((last - first) / edits)
        into["wal_full_page_image_bytes"] = round(images / edits)
        into["wal_bytes_without_images"] = round((last - first - images) / edits)


def wire_and_wal(server: EmbeddedServer, connection: Connection, args: argparse.Namespace) -> dict[str, Any]:
    """Bytes of patches and full saves by HTTP."""
    chance = random.Random(args.seed)
    content = document(chance, BLOCKS)
    result: dict[str, Any] = {"page_json_bytes": len(json.dumps(content))}
    wal = Wal(server, connection)
    with tempfile.TemporaryDirectory() as folder, running_api(server.url("quire"), Path(folder) / "log") as api:
        wire = Wire(int(api.url.rpartition(":")[2]))
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{wire.port}/v1/workspaces/{api.workspace}",
            headers={"Authorization": f"Bearer {api.admin_token}"},
            timeout=60,
            trust_env=False,
        )
        page = client.post("/pages", json=content).json()["id"]
        version = 1

        def edit(prefer: dict[str, str], whole: bool) -> None:
            nonlocal version
            index = chance.randrange(BLOCKS)
            block = content["blocks"][index]
            text = block["data"]["text"] = sentence(chance, 70)
            parameters = {"base_version": version}
            if whole:
                answer = client.put(f"/pages/{page}", params=parameters, headers=prefer, json=content)
            else:
                patch = [{"op": "replace", "path": f"/blocks/{block['id']}/data/text", "value": text}]
                headers = PATCH | prefer
                answer = client.patch(f"/pages/{page}", params=parameters, headers=headers, content=json.dumps(patch))
            assert answer.status_code == 200, answer.text
            version = answer.json()["version"]

        for name, prefer in (("", {}), ("_minimal", {"Prefer": "return=minimal"})):
            for kind, whole, edits in (("patch", False, args.edits), ("full_save", True, max(10, args.edits // 10))):
                edit(prefer, whole)  # connects, plans
                figures: dict[str, Any] = {"edits": edits}
                sent, received = wire.sent, wire.received
                with wal.counted(figures, edits):
                    for _ in range(edits):
                        edit(prefer, whole)
                figures["request_bytes"] = round((wire.sent - sent) / edits)
                figures["answer_bytes"] = round((wire.received - received) / edits)
                figures["wire_bytes"] = figures["request_bytes"] + figures["answer_bytes"]
                result[kind + name] = figures
                print(kind + name, json.dumps(figures), flush=True)
        client.close()
        wire.close()
    return result


def wal_of_saves(server: EmbeddedServer, connection: Connection, args: argparse.Namespace) -> dict[str, Any]:
    """WAL of the saves alone (no admission, no rate limit), without and with the snapshots that they order."""
    chance = random.Random(args.seed)
    page = create_page(connection, document(chance, BLOCKS))
    result: dict[str, Any] = {}
    for name, snapshots in (("without_snapshots", False), ("with_snapshots", True)):
        if snapshots and not exists(connection, SNAPSHOTS):
            print("no ops.make_snapshots: WAL with snapshots is not measured")
            continue
        connection.execute("truncate core.page_snapshots_due")
        figures: dict[str, Any] = {"edits": args.edits}
        with Wal(server, connection).counted(figures, args.edits):
            for _ in range(args.edits):
                patch_page(connection, page, [set_text(f"b{chance.randint(1, BLOCKS)}", sentence(chance, 70))])
                if snapshots:
                    connection.execute("select ops.make_snapshots(10)")
        result[name] = figures
        print(name, json.dumps(figures), flush=True)
    return result


def set_text(block: str | int, text: str) -> dict[str, Any]:
    """The operation that replaces a block's text."""
    return {"op": "replace", "path": f"/blocks/{block}/data/text", "value": text}


def patch_page(
    connection: Connection, page: uuid.UUID, patch: list[dict[str, Any]], base_version: int | None = None
) -> tuple[int, float]:
    """Save; the version and the milliseconds that the statement took."""
    arguments = [WORKSPACE, ACTOR, page, None if base_version else ["*"], base_version, json.dumps(patch)]
    began = time.perf_counter()
    row = connection.execute(
        "select status, version from api.patch_page(%s, %s, %s, %s, %s, %s, 'patch', 100::smallint)", arguments
    ).fetchone()
    took = (time.perf_counter() - began) * 1000
    assert row is not None and row[0] == 200, row
    return row[1], took


def timed_save(connection: Connection, *arguments: Any) -> tuple[int, float, float]:
    """The version, the milliseconds of the statement, and those of its commit."""
    with connection.transaction():
        version, took = patch_page(connection, *arguments)
        began = time.perf_counter()
    return version, took, (time.perf_counter() - began) * 1000


def growth(connection: Connection, args: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of four kinds of edit on pages of four sizes, all interleaved."""
    chance = random.Random(args.seed)
    # 30 characters: 10,000 blocks have to fit into a body of 1 MiB. One block short: room for the insert.
    pages = {size: create_page(connection, document(chance, size - 1, 30)) for size in SIZES}
    connection.execute("vacuum analyze")
    kinds: dict[str, Callable[[int], dict[str, Any]]] = {
        "edit_by_id": lambda size: set_text(f"b{chance.randrange(1, size)}", sentence(chance, 30)),
        "edit_by_index": lambda size: set_text(chance.randrange(size - 1), sentence(chance, 30)),
        "insert_in_the_middle": lambda size: {
            "op": "add",
            "path": f"/blocks/{size // 2}",
            "value": {"type": "paragraph", "data": {"text": sentence(chance, 30)}},
        },
        "move": lambda size: {
            "op": "move",
            "from": f"/blocks/{chance.randrange(size - 1)}",
            "path": f"/blocks/{size // 2}",
        },
    }
    taken: dict[tuple[str, int], list[float]] = {(kind, size): [] for kind in kinds for size in SIZES}
    commits: list[float] = []
    for number in range(args.runs + 5):
        for size in SIZES:
            for kind, operation in kinds.items():
                _, took, committed = timed_save(connection, pages[size], [operation(size)])
                if kind == "insert_in_the_middle":  # out again, untimed: the page keeps its size
                    patch_page(connection, pages[size], [{"op": "remove", "path": f"/blocks/{size // 2}"}])
                if number >= 5:  # plans and caches are warm
                    taken[kind, size].append(took)
                    commits.append(committed)
    result: dict[str, Any] = {
        kind: {f"{size}_blocks_ms": median(taken[kind, size]) for size in SIZES} for kind in kinds
    }
    for kind in kinds:
        result[kind]["ratio_1000_to_10"] = median([median(taken[kind, 1000], 6) / median(taken[kind, 10], 6)])
    return result | {"commit_ms": median(commits)}


def rebases(connection: Connection, args: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of an edit of one block of 1000 that is based on an earlier version, block after block.

    Each block comes again only after 1000 saves, so none conflicts.
    """
    chance = random.Random(args.seed)
    page = create_page(connection, document(chance, BLOCKS))
    version, number = 1, 0

    def next_edit() -> dict[str, Any]:
        nonlocal number
        number = number % BLOCKS + 1
        return set_text(f"b{number}" if number % 2 else number - 1, sentence(chance, 70))

    while version <= max(BEHIND) + 10:
        version, _ = patch_page(connection, page, [next_edit()])
    connection.execute("vacuum analyze")
    taken: dict[int, list[float]] = {behind: [] for behind in BEHIND}
    for _ in range(args.runs):
        for behind in BEHIND:
            for _ in range(2):  # one by id, one by index
                version, took, _ = timed_save(connection, page, [next_edit()], version - behind)
                taken[behind].append(took)
    plain = median(taken[0], 6)
    return {
        f"{behind}_versions_behind": {"ms": median(times), "ratio": median([median(times, 6) / plain])}
        for behind, times in taken.items()
    }


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """All parts; the result as it is written."""
    with durable_server(args.version) as server, psycopg.connect(server.url("quire"), autocommit=True) as connection:
        given = shown_settings(connection, args)
        make_workspace(connection)
        result: dict[str, Any] = {"settings": given | {"blocks": BLOCKS}}
        result["http"] = wire_and_wal(server, connection, args)
        result["save"] = wal_of_saves(server, connection, args)
        result["growth"] = growth(connection, args)
        print("growth", json.dumps(result["growth"]), flush=True)
        result["rebase"] = rebases(connection, args)
    save, http = result["save"], result["http"]
    result["limits"] = {
        "wal_bytes_of_an_edit": at_most(save["without_snapshots"]["wal_bytes"], WAL_LIMIT),
        "wal_bytes_of_an_edit_with_snapshots": at_most(
            save.get("with_snapshots", {}).get("wal_bytes"), WAL_LIMIT_WITH_SNAPSHOTS
        ),
        "wire_bytes_of_an_edit": at_most(http["patch"]["wire_bytes"], WIRE_LIMIT),
        "wire_bytes_of_an_edit_minimal": at_most(http["patch_minimal"]["wire_bytes"], WIRE_LIMIT),
        "edit_by_id_1000_to_10_blocks": at_most(result["growth"]["edit_by_id"]["ratio_1000_to_10"], GROWTH_LIMIT),
        "edit_by_index_1000_to_10_blocks": at_most(result["growth"]["edit_by_index"]["ratio_1000_to_10"], GROWTH_LIMIT),
        "rebase_100_versions_to_plain": at_most(result["rebase"]["100_versions_behind"]["ratio"], REBASE_LIMIT),
    }
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.edit_cost", description=main.__doc__)
    parser.add_argument("--edits", type=int, default=300, help="whose bytes are averaged")
    parser.add_argument("--runs", type=int, default=60, help="of each timed edit")
    return run("edit_cost", parser, measure, argv)


if __name__ == "__main__":
    sys.exit(main())
