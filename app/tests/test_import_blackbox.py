"""The command line's import and export against a real API and a real worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.importer import page_id
from app.tests import contract
from app.tests.processes import Api, wait_until
from app.tests.test_markdown_roundtrip import EVERYTHING

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty small files in folders, and one with every construct."""
    root = tmp_path_factory.mktemp("docs")
    for number in range(40):
        file = root / f"part-{number % 4}" / f"page-{number}.md"
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            f"# Page {number}\n\nAbout number {number}.\n\n- one\n- two\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
        )
    (root / "everything.md").write_text(EVERYTHING)
    return root


def quire(api: Api, *argv: str | Path) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")}
    env |= {"QUIRE_URL": api.url, "QUIRE_ADMIN_TOKEN": api.admin_token, "QUIRE_WORKSPACE": str(api.workspace)}
    command = [sys.executable, "-m", "app.cli", *map(str, argv)]
    return subprocess.run(command, env=env, cwd=contract.ROOT, capture_output=True, text=True, timeout=120, check=False)


def get(api: Api, path: str) -> dict[str, Any]:
    return api.client().get(f"/pages/{page_id(str(api.workspace), path)}").json()


def test_a_folder_is_imported_once_then_by_differences_and_exported(
    api: Api, worker: None, folder: Path, tmp_path: Path
) -> None:
    first = quire(api, "import", folder)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("41 files: 41 created, 0 updated, 0 unchanged, 0 failed; ")
    assert "blocks/s" in first.stdout

    second = quire(api, "import", folder)
    assert second.returncode == 0
    assert second.stdout.startswith("Nothing changed: all 41 files")

    before = get(api, "part-1/page-5.md")
    file = folder / "part-1" / "page-5.md"
    file.write_text(file.read_text().replace("About number 5.", "An aardvark in number 5.\n\nAnd more."))
    third = quire(api, "import", folder)
    assert "0 created, 1 updated, 40 unchanged, 0 failed" in third.stdout
    after = get(api, "part-1/page-5.md")
    assert (before["version"], after["version"]) == (1, 2)
    kept = {block["id"] for block in before["blocks"]} & {block["id"] for block in after["blocks"]}
    assert len(kept) == len(before["blocks"]) == len(after["blocks"]) - 1

    def found() -> bool:
        hits = api.client().get("/search", params={"q": "aardvark", "mode": "text"}).json()["hits"]
        return [hit["page_id"] for hit in hits] == [after["id"]]

    wait_until(found)

    out = tmp_path / "out"
    exported = quire(api, "export", out)
    assert exported.returncode == 0
    assert (out / "part-1/page-5.md").read_text() == file.read_text()
    assert (out / "part-0/page-0.md").read_text() == (folder / "part-0/page-0.md").read_text()
    again = quire(api, "import", out, "--dry-run")
    assert again.returncode == 0, again.stderr
    assert quire(api, "export", out).stdout.endswith("there already\n")


def test_a_token_without_the_right_to_write_imports_nothing(api: Api, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n")
    reader = api.new_token("read", role="viewer")
    answer = quire(api, "import", tmp_path, "--token", reader)
    assert answer.returncode == 1
    assert "stopped: " in answer.stderr
    assert "1 not reached" in answer.stdout
    wrong = quire(api, "import", tmp_path, "--token", "wrong")
    assert wrong.returncode == 1
    assert "token_invalid" in wrong.stderr
