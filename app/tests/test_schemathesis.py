"""schemathesis against the running server: what app/openapi.yaml promises is what comes back."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from app.routes import ACTIONS
from app.seed import token_hash
from app.tests.processes import Api

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance"
)


# Ids that are there, so that more is seen than 404; what is deleted is not what the others look at.
CONFIG = """
[parameters]
"path.workspace_id" = "{workspace}"
"path.page_id" = "{page}"
"path.user_id" = "{user}"
"path.token_id" = "{token}"

[[operations]]
include-name = "DELETE /v1/workspaces/{{workspace_id}}/pages/{{page_id}}"
parameters = {{"path.page_id" = "{doomed}", "header.If-Match" = "*"}}

[[operations]]
include-name-regex = "(PUT|PATCH) /v1/workspaces/{{workspace_id}}/pages/{{page_id}}$"
parameters = {{"header.If-Match" = "*"}}

[[operations]]
include-name = "DELETE /v1/tokens/{{token_id}}"
parameters = {{"path.token_id" = "{doomed_token}"}}
"""


@pytest.mark.slow
@pytest.mark.once
def test_every_answer_is_as_documented(api: Api, tmp_path: Path) -> None:
    with psycopg.connect(api.database) as connection:

        def of_token(token: str, column: str) -> uuid.UUID:
            query = f"select {column} from core.tokens where token_hash = %s"  # noqa: S608
            row = connection.execute(query.encode(), [token_hash(token)]).fetchone()
            assert row is not None
            return row[0]

        config = CONFIG.format(
            workspace=api.workspace,
            page=api.create(blocks=[{"id": "intro", "type": "code", "data": {}}]),
            user=of_token(api.new_token("read"), "user_id"),
            token=of_token(api.new_token("read"), "id"),
            doomed=api.create(),
            doomed_token=of_token(api.new_token("read"), "id"),
        )
    (tmp_path / "schemathesis.toml").write_text(config)
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--no-color", "run", f"{api.url}/openapi.json",
            "--url", api.url, "--header", f"Authorization: Bearer {api.admin_token}",
            "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "5",
            "--seed", "20260501", "--generation-database", "none", "--no-shrink", "--max-failures", "20",
        ],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        capture_output=True,
        text=True,
        timeout=300,
    )  # fmt: skip
    # Lines that are long are long parameters.
    told = "\n".join(line[:300] for line in done.stdout.splitlines())
    assert done.returncode == 0, told[-12_000:] + done.stderr[-2000:]
    assert api.events("fault") == []
    lines = api.events()
    print(len(lines), "requests", Counter(line["status"] for line in lines))
    good = {(line["method"], line["route"]) for line in lines if line["status"] < 300}
    missing = {(method, route) for route, actions in ACTIONS.items() for method in actions} - good
    # A batch names its pages in the body.
    assert missing <= {("POST", "/v1/workspaces/{workspace_id}/pages:batch")}, f"nothing but refusals: {missing}"
