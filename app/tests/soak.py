"""Saves by HTTP while the API, the worker and PostgreSQL are killed again and again; what has to be true afterwards.

Writers share a few pages. Each of their saves carries a token of its own, is sent again with the same Idempotency-Key
until it is answered, and is based on the version that the writer saw last, so that most are rebased and some conflict.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app.seed import ensure_quickstart
from app.tests import contract
from app.tests.processes import answers, free_port, wait_until
from db.embedded import EmbeddedServer
from db.migrate import migrate
from db.processes import spawn
from db.server_settings import SERVER_SETTINGS
from db.settings import Settings

_SHARED = 20  # blocks that each page begins with and keeps
_HOT = 4  # of them, that all writers write
_TOKEN = re.compile(r"token-\d+-\d+")
# What an answer may be while something is down; anything else is not sent again.
_AGAIN = {429, 503, 504}

# Replays a page's log and compares each version with its hash: the numbers of blocks are those that the log names.
_REPLAY = """
create or replace function pg_temp.replay(p_workspace_id uuid, p_page_id uuid, out bad bigint[], out document jsonb)
language plpgsql as $$
declare
    v_change core.page_changes;
    v_nos jsonb;
begin
    bad := '{}';
    document := 'null';
    for v_change in
        select * from core.page_changes as c
        where c.workspace_id = p_workspace_id and c.page_id = p_page_id order by c.version
    loop
        document := jsonpatch.apply(document, v_change.ops);
        if v_nos is null then
            select jsonb_object_agg(b.block ->> 'id', b.place) into v_nos
            from jsonb_array_elements(document -> 'blocks') with ordinality as b (block, place);
        end if;
        select v_nos || coalesce(jsonb_object_agg(t ->> 1, t -> 2), '{}') into v_nos
        from jsonb_array_elements(v_change.touched) as t where t ->> 0 = 'ins';
        if v_change.content_hash is distinct from (
            select core.page_hash(
                document - 'blocks', array_agg((v_nos ->> (b.block ->> 'id'))::integer order by b.place),
                array_agg(b.block order by b.place)
            )
            from jsonb_array_elements(document -> 'blocks') with ordinality as b (block, place)
        ) then
            bad := bad || v_change.version;
        end if;
    end loop;
end;
$$
"""
_LIVE = """
select
    p.version, p.content_hash, core.page_document(p.*)::jsonb - '{id,version}'::text[],
    (
        select core.page_hash(
            jsonb_build_object('title', p.title, 'properties', p.properties), p.block_order,
            array_agg(jsonb_build_object('id', b.id, 'type', b.type, 'data', b.data) order by o.place)
        )
        from unnest(p.block_order) with ordinality as o (no, place)
        join core.blocks as b on b.workspace_id = p.workspace_id and b.page_id = p.id and b.no = o.no
    ),
    (select count(*) from core.blocks as b where b.workspace_id = p.workspace_id and b.page_id = p.id)
from core.pages as p
where p.workspace_id = %s and p.id = %s
"""


@dataclass
class Report:
    """What happened.

    Attributes:
        counts: saves acknowledged, retried (requests sent again), replayed (answered from the Idempotency-Key),
            rebased, conflicts.
        kills: by kind.
        versions: of all pages together.
        verified: whether `quire verify` was there and ran.
        problems: what should not have happened; empty when all is well.
    """

    counts: Counter[str] = field(default_factory=Counter[str])
    kills: Counter[str] = field(default_factory=Counter[str])
    versions: int = 0
    verified: bool = False
    problems: list[str] = field(default_factory=list[str])


class Process:
    """One of Quire's programs, to be killed and started again. Started by a thread that lives on: it dies with it."""

    def __init__(self, module: str, env: Mapping[str, str], log: Path) -> None:
        self._module, self._env, self._log = module, env, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = spawn(
                [sys.executable, "-m", self._module], env=self._env, cwd=str(contract.ROOT), output=log
            )

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Kill it and wait for its end."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)


class Writer(threading.Thread):
    """Saves until it is told to stop; what it was promised is in acknowledged, blocks and deleted."""

    def __init__(
        self, number: int, url: str, token: str, pages: Sequence[str], stop: threading.Event, seed: int
    ) -> None:
        super().__init__(name=f"writer-{number}")
        self.number, self.stop = number, stop
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.acknowledged: list[tuple[str, int, str]] = []  # page, version, token
        self.refused: list[str] = []  # tokens of saves that were answered by a conflict
        self.blocks: dict[str, dict[str, str]] = {page: {} for page in pages}  # block -> last token, by page
        self.deleted: dict[str, set[str]] = {page: set() for page in pages}
        self._random = random.Random(seed * 1000 + number)
        self._versions = dict.fromkeys(pages, 1)
        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=20, trust_env=False
        )

    def run(self) -> None:
        """Save after save."""
        try:
            count = 0
            while not self.stop.is_set():
                count += 1
                self._save(self._random.choice(list(self.blocks)), count)
        except Exception as error:  # a thread's own exceptions go nowhere
            self.problems.append(f"{self.name}: {error!r}")
        finally:
            self._client.close()

    def _save(self, page: str, count: int) -> None:
        token = f"token-{self.number}-{count}"
        own = self.blocks[page]
        kind = self._random.choice(["insert", "edit", "move", "delete", "shared", "shared"] if own else ["insert"])
        block = self._random.choice(list(own)) if own and kind != "insert" else f"own-{self.number}-{count}"
        place = f"/blocks/{self._random.randrange(_SHARED)}"
        text = {"op": "replace", "path": f"/blocks/{block}/data/text", "value": token}
        patch: list[dict[str, Any]] = {
            "insert": [
                {"op": "add", "path": place, "value": {"id": block, "type": "paragraph", "data": {"text": token}}}
            ],
            "edit": [text],
            "move": [text, {"op": "move", "from": f"/blocks/{block}", "path": place}],
            "delete": [
                {"op": "remove", "path": f"/blocks/{block}"},
                {"op": "add", "path": f"/properties/writer-{self.number}", "value": token},
            ],
            "shared": [
                text | {"path": f"/blocks/shared-{self._random.randrange(_HOT)}/data/text"},
            ],
        }[kind]
        answer = self._send(page, patch)
        if answer is None:
            return
        body = answer.json()
        if answer.status_code == 200:
            self._versions[page] = body["version"]
            self.acknowledged.append((page, body["version"], token))
            self.counts["rebased"] += body["rebased"]
            if kind == "delete":
                del own[block]
                self.deleted[page].add(block)
            elif kind != "shared":
                own[block] = token
        elif answer.status_code == 409:
            self.counts["conflicts"] += 1
            self.refused.append(token)
            self._versions[page] = body["current_version"]
            if kind != "shared":
                self.problems.append(f"{token} ({kind}) touches only its writer's blocks: {answer.text}")
        else:
            self.problems.append(f"{token} ({kind}): {answer.status_code} {answer.text}")

    def _send(self, page: str, patch: list[dict[str, Any]]) -> httpx.Response | None:
        """Send until it is answered; None, and a problem, when that takes more than two minutes."""
        headers = {
            "Content-Type": "application/json-patch+json",
            "Idempotency-Key": str(uuid.UUID(int=self._random.getrandbits(128))),
        }
        parameters = {"base_version": self._versions[page]}
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                answer = self._client.patch(
                    f"/pages/{page}", params=parameters, headers=headers, content=json.dumps(patch)
                )
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code not in _AGAIN:
                self.counts["replayed"] += "idempotency-replayed" in answer.headers
                return answer
            self.counts["retried"] += 1
            time.sleep(self._random.uniform(0.05, 0.3))
        self.problems.append(f"{self.name}: no answer in two minutes to {patch}")
        return None


def soak(
    folder: Path,
    seconds: float,
    *,
    version: int = 18,
    settings: Mapping[str, str] = SERVER_SETTINGS,
    writers: int = 6,
    pages: int = 3,
    seed: int = 1,
) -> Report:
    """Save and kill for some seconds, then look at everything.

    Args:
        folder: for the cluster and logs; as root PostgreSQL's user must be able to pass through it.
        seconds: how long; the last kill and the checks come on top.
        version: of PostgreSQL.
        settings: of PostgreSQL.
        writers: threads that save.
        pages: that they share.
        seed: of all that is random; what happens when is not repeatable all the same.
    """
    report = Report()
    server = EmbeddedServer(folder / "data", version, settings=settings)
    server.start()
    started: list[Process] = []
    stop = threading.Event()
    threads: list[Writer] = []
    try:
        server.create_database("quire")
        database = server.url("quire")
        migrate(database, log=lambda _: None)
        quickstart = ensure_quickstart(Settings.from_env({"DATABASE_URL": database}))
        port = free_port()
        env = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")}
        env |= {"DATABASE_URL": database, "PORT": str(port), "QUIRE_POOL_TIMEOUT": "2"}
        api = Process("app.main", env, folder / "api.log")
        worker = Process("worker.main", env, folder / "worker.log")
        for process in (api, worker):
            started.append(process)
            process.start()
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/livez"), 60)
        url = f"http://127.0.0.1:{port}/v1/workspaces/{quickstart.workspace_id}"
        ids = [create_page(url, quickstart.admin_token) for _ in range(pages)]
        threads += [Writer(number, url, quickstart.admin_token, ids, stop, seed) for number in range(writers)]
        for thread in threads:
            thread.start()
        _kill_again_and_again(report, random.Random(seed), seconds, threads, server, api, worker)
        stop.set()
        for thread in threads:
            thread.join(150)
            report.problems += [f"{thread.name} does not end"] if thread.is_alive() else thread.problems
        # what was promised last is to survive, too
        _kill(server, (api, worker))
        server.start()
        for thread in threads:
            report.counts += thread.counts
            report.counts["acknowledged"] += len(thread.acknowledged)
        _check(report, database, quickstart.workspace_id, ids, threads)
        if find_spec("app.verify") is not None:
            done = subprocess.run(
                [sys.executable, "-m", "app.cli", "verify"],
                env=env,
                cwd=contract.ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            report.verified = True
            if done.returncode != 0:
                report.problems.append(f"quire verify: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return report
    finally:
        stop.set()
        for process in started:
            process.kill()
        server.remove()


def create_page(url: str, token: str) -> str:
    blocks = [
        {"id": f"shared-{number}", "type": "paragraph", "data": {"text": "as created"}} for number in range(_SHARED)
    ]
    answer = httpx.post(
        f"{url}/pages",
        json={"title": "A page", "properties": {}, "blocks": blocks},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def _kill(server: EmbeddedServer | None, processes: Sequence[Process]) -> None:
    for process in processes:
        process.kill()
    if server is not None:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: server.pid is None)


def _kill_again_and_again(
    report: Report,
    chance: random.Random,
    seconds: float,
    threads: Sequence[Writer],
    server: EmbeddedServer,
    api: Process,
    worker: Process,
) -> None:
    """Each kind at least once; each after saves have been acknowledged since the one before."""
    kinds: dict[str, tuple[EmbeddedServer | None, tuple[Process, ...]]] = {
        "api": (None, (api,)),
        "postgres": (server, ()),
        "api_and_postgres": (server, (api,)),
        "worker": (None, (worker,)),
    }
    first = chance.sample(list(kinds), len(kinds))
    deadline = time.monotonic() + seconds
    while first or time.monotonic() < deadline:
        wanted = sum(len(thread.acknowledged) for thread in threads) + len(threads)
        time.sleep(chance.uniform(0.5, 3))  # so that kills find saves at any stage
        try:
            wait_until(lambda least=wanted: sum(len(thread.acknowledged) for thread in threads) >= least, 120)
        except AssertionError:
            report.problems.append(f"no saves in two minutes after {dict(report.kills)}")
            return
        kind = first.pop() if first else chance.choice(list(kinds))
        killed_server, processes = kinds[kind]
        _kill(killed_server, processes)
        report.kills[kind] += 1
        server.start()
        for process in processes:
            process.start()


def _check(
    report: Report, database: str, workspace: uuid.UUID, pages: Sequence[str], threads: Sequence[Writer]
) -> None:
    """Every page: dense versions, hashes, replay, and each promised save exactly once."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(_REPLAY)
        for page in pages:
            key = [workspace, page]
            live = connection.execute(_LIVE.encode(), key).fetchone()
            changes = connection.execute(
                "select version, ops::text, content_hash from core.page_changes"
                " where workspace_id = %s and page_id = %s order by version",
                key,
            ).fetchall()
            replayed = connection.execute("select bad, document from pg_temp.replay(%s, %s)", key).fetchone()
            assert live is not None and replayed is not None
            version, kept_hash, document, real_hash, rows = live
            report.versions += version

            problems: list[str] = []
            versions = [change[0] for change in changes]
            if versions != list(range(1, version + 1)):
                missing = sorted(set(range(1, version + 1)) - set(versions))
                problems.append(f"version {version}, {len(versions)} in the log, missing {missing[:10]}")
            if not kept_hash == real_hash == changes[-1][2]:
                problems.append(f"hash kept {kept_hash}, real {real_hash}, in the log {changes[-1][2]}")
            if replayed[0]:
                problems.append(f"replay does not give the hash of versions {replayed[0][:10]}")
            if replayed[1] != document:
                problems.append("replay does not give the live document")
            if rows != len(document["blocks"]):
                problems.append(f"{rows} rows of blocks, {len(document['blocks'])} in the order")
            found: dict[str, list[int]] = {}
            for number, ops, _ in changes:
                for token in set(_TOKEN.findall(ops)):
                    found.setdefault(token, []).append(number)
            for thread in threads:
                problems += _broken_promises(thread, page, found, document)
            report.problems += [f"page {page}: {problem}" for problem in problems[:20]]


def _broken_promises(writer: Writer, page: str, found: Mapping[str, list[int]], document: Any) -> list[str]:
    """What the log (versions by token) and the live document lack, or have too much, of a writer's saves."""
    promised = {token: number for where, number, token in writer.acknowledged if where == page}
    broken = [
        f"{token} was acknowledged as version {number}, the log has it in {found.get(token, [])}"
        for token, number in promised.items()
        if found.get(token) != [number]
    ]
    broken += [f"{token} was refused, the log has it in {found[token]}" for token in writer.refused if token in found]
    own = f"token-{writer.number}-"
    broken += [
        f"{token} was never acknowledged, the log has it in {numbers}"
        for token, numbers in found.items()
        if token.startswith(own) and token not in promised
    ]
    texts: dict[str, list[str]] = {}
    for block in document["blocks"]:
        texts.setdefault(block["id"], []).append(block["data"]["text"])
    broken += [
        f"block {block} should have {token}, the page has {texts.get(block)}"
        for block, token in writer.blocks[page].items()
        if texts.get(block) != [token]
    ]
    broken += [f"block {block} was deleted and is there" for block in writer.deleted[page] if block in texts]
    return broken
