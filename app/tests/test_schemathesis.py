"""schemathesis against the running server: what app/openapi.yaml promises is what comes back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.tests.processes import Api

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance"
)


@pytest.mark.slow
@pytest.mark.once
def test_every_answer_is_as_documented(api: Api, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--no-color", "run", f"{api.url}/openapi.json",
            "--url", api.url, "--header", f"Authorization: Bearer {api.admin_token}",
            "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "15",
            "--seed", "20260501", "--generation-database", "none", "--no-shrink", "--max-failures", "20",
        ],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        capture_output=True,
        text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert api.events("fault") == []
    assert len({line["route"] for line in api.events()}) >= 20
