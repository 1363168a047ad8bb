"""`quire user`, `workspace`, `member`, `audit`, and rotation by `quire token`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid

import pytest

from app.audit import ACTIONS
from app.tests import contract
from app.tests.issuer import ISSUER
from app.tests.processes import Api


def quire(api: Api, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        env={**env, "DATABASE_URL": api.database, **environ},
        cwd=contract.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def said(api: Api, *arguments: str, **environ: str) -> str:
    done = quire(api, *arguments, **environ)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refused(api: Api, *arguments: str, **environ: str) -> str:
    done = quire(api, *arguments, **environ)
    assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr, done.stderr
    return done.stderr


def test_people_find_a_workspace(api: Api) -> None:
    ann, bob = f"ann-{uuid.uuid4()}", f"bob-{uuid.uuid4()}"
    ann_id = said(api, "user", "create", ann)
    said(api, "user", "create", bob)
    assert "one of that name already" in refused(api, "user", "create", ann)
    workspace = said(api, "workspace", "create", "Team", "--owner", ann)
    said(api, "workspace", "rename", workspace, "Our team")
    assert re.search(rf"{workspace} .* 1 +1 +Our team", said(api, "workspace", "list"))
    said(api, "member", "add", workspace, bob, "--role", "viewer")
    said(api, "member", "role", workspace, bob, "editor")
    rows = [json.loads(line) for line in said(api, "member", "list", workspace, "--json").splitlines()]
    assert {row["name"]: row["role"] for row in rows} == {ann: "owner", bob: "editor"}
    assert "last owner" in refused(api, "member", "remove", workspace, ann_id)
    assert "last owner" in refused(api, "member", "role", workspace, ann, "viewer")
    assert "last owner" in refused(api, "token", "create", "--user", ann, "--workspace", workspace)
    said(api, "member", "remove", workspace, bob)
    assert "no member" in refused(api, "member", "role", workspace, bob, "editor")
    assert "no such member" in refused(api, "member", "remove", workspace, bob)
    assert "no user nobody" in refused(api, "member", "add", workspace, "nobody")
    assert "nothing was done" in refused(api, "member", "add", str(uuid.uuid4()), bob)
    users = [json.loads(line) for line in said(api, "user", "list", "--json").splitlines()]
    assert next(user for user in users if user["name"] == ann)["workspaces"] == 1
    log = said(api, "audit", "--workspace", workspace)
    assert [line.split()[3] for line in log.splitlines()[1:]] == [
        "members.remove",
        "members.change",
        "members.add",
        "workspaces.rename",
        "members.add",
        "workspaces.create",
    ]
    entries = [json.loads(line) for line in said(api, "audit", "--action", "users.create", "--json").splitlines()]
    assert {entry["details"]["name"] for entry in entries} >= {ann, bob}


def test_a_token_is_rotated(api: Api) -> None:
    name = f"cy-{uuid.uuid4()}"
    old = said(api, "token", "create", "--user", name, "--scopes", "read", "--workspace", str(api.workspace))
    token_id = next(line.split()[0] for line in said(api, "token", "list", "--user", name).splitlines()[1:])
    new = said(api, "token", "rotate", token_id, "--grace", "1h")
    assert new.startswith("quire_") and new != old
    assert [api.client(token).get("/pages").status_code for token in (old, new)] == [200, 200]
    listed = said(api, "token", "list", "--user", name)
    assert re.search(rf"{token_id}.*ends 20", listed) and old not in listed and new not in listed
    assert "already" in refused(api, "token", "rotate", token_id)
    new_id = next(line.split()[0] for line in listed.splitlines()[1:] if token_id not in line)
    newest = said(api, "token", "rotate", new_id)
    assert [api.client(token).get("/pages").status_code for token in (old, new, newest)] == [200, 401, 200]
    assert "--grace takes" in refused(api, "token", "rotate", new_id, "--grace", "long")
    assert "no such token" in refused(api, "token", "rotate", str(uuid.uuid4()))
    assert "no user" in refused(api, "token", "list", "--user", "nobody")


def test_subjects_of_jwts_are_linked_and_disabled(api: Api) -> None:
    name = f"dee-{uuid.uuid4()}"
    said(api, "user", "create", name)
    assert "name the issuer" in refused(api, "user", "link", name, "--subject", "s-1")
    said(api, "user", "link", name, "--subject", "s-1", "--issuer", ISSUER)
    settings = {"QUIRE_JWT_ISSUER": ISSUER, "QUIRE_JWT_AUDIENCE": "quire", "QUIRE_JWT_JWKS": "/nowhere"}
    assert "refused from now on" in said(api, "user", "disable", "--subject", "s-1", **settings)
    assert "no subject s-1" in refused(api, "user", "disable", "--subject", "s-1", **settings)
    rows = [json.loads(line) for line in said(api, "user", "subjects", "--json").splitlines()]
    row = next(row for row in rows if row["user_name"] == name)
    assert (row["subject"], row["disabled_at"] is None) == ("s-1", False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "create", "a\nb"),
        ("workspace", "create", ""),
        ("workspace", "rename", str(uuid.uuid4()), "x"),
        ("audit", "--user", "nobody"),
    ],
)
def test_what_cannot_be_done_is_said(api: Api, arguments: tuple[str, ...]) -> None:
    assert refused(api, *arguments)


@pytest.mark.once
@pytest.mark.parametrize("limit", ["0", "1001", "99999999999999"])
def test_a_limit_of_the_log_is_refused_as_usage(api: Api, limit: str) -> None:
    done = quire(api, "audit", "--limit", limit)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--limit: takes a number from 1 to 1000, not '{limit}'" in done.stderr


@pytest.mark.once
def test_an_action_that_nothing_writes_is_refused(api: Api) -> None:
    done = quire(api, "audit", "--action", "indexing.discard")
    assert (done.returncode, done.stdout) == (2, "") and "dead_letters.discard" in done.stderr


@pytest.mark.once
def test_the_actions_of_the_help_are_those_that_are_written_down() -> None:
    files = (contract.ROOT / "db/functions").rglob("*.sql")
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    assert set(ACTIONS) == set(re.findall(r"perform core\.write_audit\(\s*'([a-z_]+\.[a-z_]+)'", text))
    assert text.count("perform core.write_audit(") == len(re.findall(r"perform core\.write_audit\(\s*'", text)), (
        "an action that is not a literal"
    )


@pytest.mark.once
@pytest.mark.parametrize("command", ["user", "workspace", "member", "audit", "token"])
def test_help_says_what_there_is(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", command, "--help"], cwd=contract.ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0 and "audit log" in done.stdout
