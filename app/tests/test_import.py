"""Import and export against a small real HTTP server that can be made to misbehave as a deployment does."""

from __future__ import annotations

import argparse
import json
import socket
import threading
import time
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app import exporter, importer
from app.target import TargetError, find_target

WORKSPACE = str(uuid.UUID(int=7))
PREFIX = "/v1/workspaces/{workspace}"


class Pages:
    """Pages in memory with the API's answers. `trouble` answers are given first, one to each write."""

    def __init__(self) -> None:
        self.pages: dict[str, dict[str, Any]] = {}
        self.trouble: list[Response | str] = []
        self.requests: list[tuple[str, str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.url = ""
        self.app = Starlette(
            routes=[
                Route(f"{PREFIX}/pages", self.list, methods=["GET"]),
                Route(f"{PREFIX}/pages", self.create, methods=["POST"]),
                Route(f"{PREFIX}/pages/{{page}}", self.get, methods=["GET"]),
                Route(f"{PREFIX}/pages/{{page}}", self.put, methods=["PUT"]),
            ]
        )

    def writes(self) -> list[str]:
        return [method for method, _, _ in self.requests if method in ("POST", "PUT")]

    async def _begin(self, request: Request) -> Response | str | None:
        self.requests.append((request.method, request.url.path, request.headers.get("Quire-Priority", "")))
        if request.headers.get("Authorization") != "Bearer secret":
            return problem(401, "token_invalid")
        if request.method in ("POST", "PUT"):
            self.bodies.append(await request.json())
            if self.trouble:
                return self.trouble.pop(0)
        return None

    async def list(self, request: Request) -> Response:
        trouble = await self._begin(request)
        if isinstance(trouble, Response):
            return trouble
        names = sorted(self.pages)
        start = names.index(request.query_params["cursor"]) if "cursor" in request.query_params else 0
        shown = names[start : start + 2]  # two a time, so that there is a second part
        following = names[start + 2] if start + 2 < len(names) else None
        pages = [{**self.pages[name], "blocks": len(self.pages[name]["blocks"])} for name in shown]
        return JSONResponse({"pages": pages, "next_cursor": following})

    async def create(self, request: Request) -> Response:
        trouble = await self._begin(request)
        if isinstance(trouble, Response):
            return trouble
        body = await request.json()
        if body["id"] in self.pages:
            return problem(409, "page_exists")
        self.pages[body["id"]] = {**body, "version": 1}
        if trouble == "lose the answer":
            return problem(503, "database_unavailable")
        return Response(status_code=201, headers={"ETag": '"1"', "Location": f"{request.url.path}/{body['id']}"})

    async def get(self, request: Request) -> Response:
        trouble = await self._begin(request)
        if isinstance(trouble, Response):
            return trouble
        page = self.pages.get(request.path_params["page"])
        if page is None:
            return problem(404, "page_not_found")
        return JSONResponse(page, headers={"ETag": f'"{page["version"]}"'})

    async def put(self, request: Request) -> Response:
        trouble = await self._begin(request)
        if isinstance(trouble, Response):
            return trouble
        page = self.pages[request.path_params["page"]]
        if trouble == "edited meanwhile":
            page["version"] += 1
        if request.headers["If-Match"] != f'"{page["version"]}"':
            return problem(412, "version_mismatch")
        page.update(await request.json(), version=page["version"] + 1)
        return JSONResponse({"version": page["version"]}, headers={"ETag": f'"{page["version"]}"'})


def problem(status: int, code: str, headers: dict[str, str] | None = None) -> Response:
    body = {"status": status, "code": code, "title": code, "detail": f"Sentence about {code}."}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Generator[Pages]:
    pages = Pages()
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(pages.app, log_level="warning", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    pages.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for name in ("QUIRE_TOKEN", "QUIRE_MAX_BODY_BYTES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA", str(tmp_path_factory.mktemp("data")))
    monkeypatch.setenv("QUIRE_URL", pages.url)
    monkeypatch.setenv("QUIRE_ADMIN_TOKEN", "secret")
    monkeypatch.setenv("QUIRE_WORKSPACE", WORKSPACE)
    yield pages
    server.should_exit = True
    thread.join(10)
    listener.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files in a tree, and what is not to be imported."""
    root = tmp_path / "docs"
    write(root, "index.md", "# Home\n\nWelcome.\n\n- [ ] read\n")
    write(root, "guide/first.md", "---\ntags: [a]\n---\n\n# First\n\nOne.\n\nTwo.\n")
    write(root, "guide/last.markdown", "Text only.\n")
    write(root, ".git/no.md", "no")
    write(root, "node_modules/no.md", "no")
    write(root, "picture.png", "no")
    return root


def write(root: Path, path: str, text: str | bytes) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())


def run(module: Any, *argv: str) -> int:
    parser = argparse.ArgumentParser()
    module.add_parser(parser.add_subparsers())
    name = "import" if module is importer else "export"
    return module.run(parser.parse_args([name, *argv]))


def page_of(api: Pages, path: str) -> dict[str, Any]:
    return api.pages[importer.page_id(WORKSPACE, path)]


def test_files_become_pages_and_a_second_run_changes_nothing(
    api: Pages, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(importer, str(folder)) == 0
    first = capsys.readouterr()
    assert "3 files: 3 created, 0 updated, 0 unchanged, 0 failed; 7 blocks" in first.out
    assert first.err == ""
    page = page_of(api, "guide/first.md")
    assert page["title"] == "First"
    assert page["properties"]["tags"] == ["a"]
    assert page["properties"]["source"]["path"] == "guide/first.md"
    assert {priority for _, _, priority in api.requests} == {"import"}

    sent = len(api.writes())
    assert run(importer, str(folder)) == 0
    assert "Nothing changed: all 3 files are pages already" in capsys.readouterr().out
    assert len(api.writes()) == sent


def test_a_changed_file_is_saved_with_the_ids_that_its_page_has(
    api: Pages, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(importer, str(folder))
    page = page_of(api, "guide/first.md")
    for number, block in enumerate(page["blocks"]):
        block["id"] = f"made-elsewhere-{number}"
    write(folder, "guide/first.md", "# First\n\nOne.\n\nNew.\n\nTwo, edited.\n")
    assert run(importer, str(folder)) == 0
    assert "0 created, 1 updated, 2 unchanged" in capsys.readouterr().out
    ids = [block["id"] for block in page_of(api, "guide/first.md")["blocks"]]
    assert [ids[0], ids[1], ids[3]] == ["made-elsewhere-0", "made-elsewhere-1", "made-elsewhere-2"]
    assert "tags" not in page_of(api, "guide/first.md")["properties"]


def test_a_dry_run_writes_nothing(api: Pages, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(importer, str(folder), "--dry-run") == 0
    assert "Dry run, nothing was written. 3 files: 3 created" in capsys.readouterr().out
    assert api.pages == {}


def test_bad_files_are_named_and_the_rest_is_imported(
    api: Pages, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUIRE_MAX_BODY_BYTES", "20000")
    write(folder, "latin.md", b"caf\xe9")
    write(folder, "yaml.md", "---\na: [\n---\n")
    write(folder, "long.md", "word " * 5000)
    write(folder, "huge.md", "word " * 50000)
    assert run(importer, str(folder), "--jobs", "1") == 1
    answer = capsys.readouterr()
    assert "7 files: 3 created, 0 updated, 0 unchanged, 4 failed" in answer.out
    assert "failed: latin.md: it is not UTF-8 (byte 3): convert it" in answer.err
    assert "failed: yaml.md: the front matter is not valid YAML" in answer.err
    assert "failed: long.md: as a page it has" in answer.err
    assert "failed: huge.md: it is larger than 80000 bytes: split it" in answer.err


def test_what_the_server_refuses_is_named_with_its_reason(
    api: Pages, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api.trouble = [problem(413, "block_too_large")]
    assert run(importer, str(folder), "--jobs", "1") == 1
    answer = capsys.readouterr()
    assert "2 created, 0 updated, 0 unchanged, 1 failed" in answer.out
    assert "failed: guide/first.md: Sentence about block_too_large. (413 block_too_large)" in answer.err


def test_too_many_blocks_are_refused_before_they_are_sent(
    api: Pages, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "MAX_BLOCKS", 2)
    write(tmp_path, "a.md", "a\n\nb\n\nc\n")
    assert run(importer, str(tmp_path)) == 1
    assert "it makes 3 blocks, a page has at most 2: split it" in capsys.readouterr().err
    assert api.writes() == []


def test_limits_and_restarts_of_the_server_are_waited_out(
    api: Pages, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api.trouble = [problem(429, "rate_limited", {"Retry-After": "1"}), problem(503, "database_unavailable")]
    start = time.monotonic()
    assert run(importer, str(folder), "--jobs", "1") == 0
    assert time.monotonic() - start > 1.0
    answer = capsys.readouterr()
    assert "3 created" in answer.out
    assert "waiting: Sentence about database_unavailable." in answer.err
    assert api.writes() == ["POST"] * 5


def test_a_create_whose_answer_was_lost_is_not_an_error(
    api: Pages, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api.trouble = ["lose the answer"]
    assert run(importer, str(folder), "--jobs", "1") == 0
    assert "3 created, 0 updated" in capsys.readouterr().out
    assert "PUT" not in api.writes()


def test_an_edit_in_between_is_read_again(api: Pages, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(importer, str(folder))
    write(folder, "index.md", "# Home\n\nWelcome back.\n")
    api.trouble = ["edited meanwhile", "edited meanwhile"]
    assert run(importer, str(folder)) == 0
    assert page_of(api, "index.md")["blocks"][1]["data"]["text"] == "Welcome back."

    write(folder, "index.md", "# Home\n\nOnce more.\n")
    api.trouble = ["edited meanwhile"] * 3
    assert run(importer, str(folder)) == 1
    assert "was edited by others 3 times meanwhile: try again" in capsys.readouterr().err


def test_a_deleted_page_is_reported_not_recreated(api: Pages, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    api.trouble = [problem(409, "page_exists")]  # of a deleted page, which GET does not show
    assert run(importer, str(folder), "--jobs", "1") == 1
    assert "was deleted: restore the page" in capsys.readouterr().err


def test_a_lost_token_ends_the_import_at_once(api: Pages, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    api.trouble = [problem(401, "token_invalid")]
    assert run(importer, str(folder), "--jobs", "1") == 1
    answer = capsys.readouterr()
    assert "3 files: 0 created, 0 updated, 0 unchanged, 0 failed, 3 not reached" in answer.out
    assert "Run it again to go on." in answer.err
    assert len(api.writes()) == 1


def test_links_out_of_the_folder_are_not_followed(api: Pages, folder: Path, tmp_path: Path) -> None:
    write(tmp_path, "outside/secret.md", "secret")
    (folder / "link.md").symlink_to(tmp_path / "outside" / "secret.md")
    (folder / "inside.md").symlink_to(folder / "index.md")
    (folder / "linked").symlink_to(tmp_path / "outside")
    assert importer.find_files(folder) == ["guide/first.md", "guide/last.markdown", "index.md", "inside.md"]


def test_export_gives_the_files_back(
    api: Pages, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(importer, str(folder))
    out = tmp_path / "out"
    assert run(exporter, str(out)) == 0
    assert "3 pages: 3 files written" in capsys.readouterr().out
    assert (out / "index.md").read_text() == (folder / "index.md").read_text()
    assert (out / "guide/last.markdown").read_text() == "Text only.\n"
    assert (out / "guide/first.md").read_text() == "---\ntags:\n- a\n---\n\n# First\n\nOne.\n\nTwo.\n"

    assert run(exporter, str(out)) == 0
    assert "3 pages: 0 files written" in capsys.readouterr().out
    write(out, "index.md", "mine")
    assert run(exporter, str(out)) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert (out / "index.md").read_text() == "mine"
    assert run(exporter, str(out), "--overwrite") == 0
    assert (out / "index.md").read_text() != "mine"


@pytest.mark.parametrize(
    "path",
    ["../x.md", "a/../../x.md", "/etc/x.md", "a//x.md", "a\\..\\x.md", ".git/x.md", "a/.x.md", "x.sh", "", "a\0.md",
     " ./x.md", "x" * 300 + ".md"],
)  # fmt: skip
def test_a_path_out_of_the_folder_becomes_a_title(path: str) -> None:
    assert exporter.safe_path(path) is None
    page = {"id": "i", "title": "../A Title!", "properties": {"source": {"path": path, "sha256": "0"}}}
    assert exporter.choose_paths([page]) == {"i": "a-title.md"}


def test_pages_that_would_be_the_same_file_get_their_ids() -> None:
    noted = {"source": {"path": "A.md", "sha256": "0"}}
    pages: list[dict[str, Any]] = [
        {"id": "1", "title": "a", "properties": {}},
        {"id": "2", "title": "other", "properties": noted},
        {"id": "3", "title": "***", "properties": {}},
    ]
    assert exporter.choose_paths(pages) == {"2": "A.md", "1": "a-1.md", "3": "page.md"}


def test_a_link_in_the_folder_leads_no_file_out(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "guide").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        exporter.write_file(tmp_path / "out", "guide/x.md", "x", overwrite=True)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_target_comes_from_options_then_environment_then_the_quickstart_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("QUIRE_URL", "QUIRE_TOKEN", "QUIRE_ADMIN_TOKEN", "QUIRE_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA", str(tmp_path))
    args = argparse.Namespace(url=None, token=None, workspace=None)
    with pytest.raises(TargetError, match="--url is missing"):
        find_target(args)
    (tmp_path / "quickstart.env").write_text(
        f"QUIRE_URL=http://127.0.0.1:1\nQUIRE_TOKEN=user\nQUIRE_ADMIN_TOKEN=admin\nQUIRE_WORKSPACE={WORKSPACE}\n"
    )
    target = find_target(args)
    assert (target.url, target.token, target.workspace) == ("http://127.0.0.1:1", "admin", WORKSPACE)
    monkeypatch.setenv("QUIRE_TOKEN", "mine")
    assert find_target(args).token == "mine"
    monkeypatch.delenv("QUIRE_TOKEN")
    args.url = "http://other.example"
    with pytest.raises(TargetError, match="--token is missing"):
        find_target(args)
    args.url = "other.example:80"
    args.token, args.workspace = "t", WORKSPACE
    with pytest.raises(TargetError, match="must be like"):
        find_target(args)


def test_the_body_that_is_sent_is_the_document(api: Pages, folder: Path) -> None:
    run(importer, str(folder))
    body = next(body for body in api.bodies if body["title"] == "Home")
    assert set(body) == {"id", "title", "properties", "blocks"}
    assert [block["type"] for block in body["blocks"]] == ["heading", "paragraph", "todo"]
    assert len(json.dumps(body)) < 1000
