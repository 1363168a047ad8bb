"""`quire export`: the pages of a workspace as a folder of Markdown, imported ones at the paths they came from."""

import argparse
import os
import re
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

from app.client import Client, NotFound, QuireError
from app.markdown.document import Document, import_source
from app.markdown.render import render
from app.progress import Progress
from app.target import TargetError, add_target_arguments, find_target

RETRY_SECONDS = 60.0
_MAX_NAME_BYTES = 200
_RESERVED = re.compile(r"[\x00-\x1f\x7f\\]" if os.name == "posix" else r"[\x00-\x1f\x7f<>:\"|?*\\]")


def safe_path(path: str) -> str | None:
    """A page's noted path if it stays inside any folder it is put in, else None.

    Pages are written by many; a path such as `../../.ssh/authorized_keys` must not become a file.
    """
    parts = path.split("/")
    if not path or _RESERVED.search(path) or any(part.strip(". ") == "" for part in parts):
        return None
    if any(len(part.encode(errors="replace")) > _MAX_NAME_BYTES for part in parts) or len(path) > 1000:
        return None
    # Hidden names configure programs (.git/hooks, .envrc); the importer takes none either.
    if any(part.startswith(".") for part in parts):
        return None
    return path if PurePosixPath(path).suffix.lower() in (".md", ".markdown") else None


def slug(title: str) -> str:
    """A file name out of a title, without extension; `page` when nothing is left."""
    plain = unicodedata.normalize("NFKC", title).lower()
    words = re.sub(r"[^\w]+", "-", plain).strip("-_")
    while len(words.encode()) > 80:
        words = words[:-1]
    return words.strip("-_") or "page"


def choose_paths(pages: list[dict[str, Any]]) -> dict[str, str]:
    """File path by page id. The noted path where there is a safe one, else the title; the id where two would meet.

    Names that differ only in case count as the same, because on many disks they are.
    """
    chosen: dict[str, str] = {}
    taken: set[str] = set()
    noted = {page["id"]: safe_path(str(source["path"])) for page in pages if (source := import_source(page))}
    for page in sorted(pages, key=lambda page: (noted.get(page["id"]) is None, page["id"])):
        path = noted.get(page["id"]) or f"{slug(page['title'])}.md"
        if path.casefold() in taken:
            stem, dot, suffix = path.rpartition(".")
            path = f"{stem}-{page['id']}{dot}{suffix}"
        taken.add(path.casefold())
        chosen[page["id"]] = path
    return chosen


def write_file(root: Path, path: str, text: str, *, overwrite: bool) -> bool:
    """Write one file below a folder.

    Returns:
        False when the same text is there already.

    Raises:
        OSError: it cannot be written, is there with other text, or a link leads out of the folder.
    """
    file = root / path
    folder = file.parent
    folder.mkdir(parents=True, exist_ok=True)
    if not folder.resolve().is_relative_to(root.resolve()) or file.is_symlink():
        raise OSError("a symbolic link is in the way")
    content = text.encode()
    if file.exists():
        if file.read_bytes() == content:
            return False
        if not overwrite:
            raise OSError("a file with other content is there: give --overwrite to replace such files")
    partial = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(content)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return True


def add_parser(subparsers: Any) -> None:
    """Add `quire export` to the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "export",
        help="write pages as a folder of Markdown",
        description="Write every page of a workspace as a Markdown file: imported pages at the path they came from, "
        "others by their title. No file with other content is replaced unless --overwrite is given.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder; made when it is not there")
    parser.add_argument("--overwrite", action="store_true", help="replace files that have other content")
    parser.add_argument(
        "--jobs", type=int, choices=range(1, 65), default=4, metavar="N", help="pages at once (default 4)"
    )
    add_target_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run `quire export`; 0 when every page is a file now, else 1."""
    root: Path = args.folder
    try:
        target = find_target(args)
        root.mkdir(parents=True, exist_ok=True)
        with Client(target.url, target.token, target.workspace, retry_seconds=RETRY_SECONDS) as client:
            pages = list({page["id"]: page for page in client.pages()}.values())
            return _export(client, choose_paths(pages), root, args)
    except (TargetError, QuireError, OSError) as error:
        print(f"quire export: {error}", file=sys.stderr)
        return 1


def _export(client: Client, paths: dict[str, str], root: Path, args: argparse.Namespace) -> int:
    progress = Progress(len(paths))
    counts = {"written": 0, "same": 0, "deleted": 0, "failed": 0}

    def export_one(page_id: str) -> str:
        path = paths[page_id]
        try:
            page = client.fetch(page_id)
            document = Document.from_json(page)
            written = write_file(root, path, render(document), overwrite=args.overwrite)
        except NotFound:
            return "deleted"  # since the list was made
        except QuireError as error:
            progress.note(f"failed: {path}: {error}")
            return "failed"
        except (OSError, UnicodeEncodeError) as error:
            progress.note(f"failed: {path}: {error}")
            return "failed"
        progress.advance(len(document.blocks))
        return "written" if written else "same"

    with ThreadPoolExecutor(args.jobs) as pool:
        for outcome in pool.map(export_one, paths):
            counts[outcome] += 1
    progress.close()
    line = f"{len(paths)} pages: {counts['written']} files written to {root}"
    for outcome, words in (("same", "there already"), ("deleted", "deleted meanwhile"), ("failed", "failed")):
        if counts[outcome]:
            line += f", {counts[outcome]} {words}"
    print(line)
    return 1 if counts["failed"] else 0
