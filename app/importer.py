"""`quire import`: a folder of Markdown becomes pages, over HTTP.

Nothing is remembered on this machine. A page's id follows from the workspace and the file's path, and the page's
property `source` holds the file's sha256: an interrupted import goes on, and an unchanged file is not sent again.
"""

import argparse
import hashlib
import os
import sys
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from app.client import (
    Client,
    Conflict,
    NotFound,
    PreconditionFailed,
    QuireError,
    RateLimited,
    Unauthorized,
    Unavailable,
    encode,
)
from app.markdown.align import align
from app.markdown.document import Document, MarkdownError, import_source
from app.markdown.parse import parse
from app.progress import Progress
from app.target import TargetError, add_target_arguments, find_target

SUFFIXES = frozenset({".md", ".markdown"})
SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__"})
MAX_BLOCKS = 10_000
PUT_ATTEMPTS = 3
_FATAL = frozenset({"insufficient_scope", "role_required", "workspace_not_found"})

Outcome = Literal["created", "updated", "unchanged", "failed"]


class BadFile(Exception):
    """A file that cannot become a page; the message says why."""


@dataclass
class Report:
    """What an import did.

    Attributes:
        counts: files by outcome.
        failures: path and reason of each file that failed.
        blocks: in the pages that were written.
        seconds: of the whole import.
        stopped: why it ended before the last file; empty when it did not.
    """

    counts: Counter[str] = field(default_factory=Counter[str])
    failures: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    blocks: int = 0
    seconds: float = 0.0
    stopped: str = ""


def page_id(workspace: str, path: str) -> str:
    """The id of the page that a file becomes.

    Args:
        workspace: id of the workspace.
        path: of the file, relative to the imported folder, with forward slashes.
    """
    return str(uuid.uuid5(uuid.UUID(workspace), path))


def find_files(root: Path) -> list[str]:
    """Relative paths of the Markdown files in a folder, sorted; hidden folders and links out of it are left out."""
    found: list[str] = []
    inside = root.resolve()
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED_FOLDERS)
        for name in names:
            path = Path(folder, name)
            if path.suffix.lower() not in SUFFIXES or name.startswith("."):
                continue
            if not path.is_symlink() or path.resolve().is_relative_to(inside):
                found.append(path.relative_to(root).as_posix())
    return sorted(found)


class Importer:
    """Imports the files of a folder; its method `run` may be called once.

    Args:
        client: of the workspace.
        workspace: its id.
        root: the folder.
        max_body: largest request body in bytes.
        dry_run: look, and write nothing.
    """

    def __init__(self, client: Client, workspace: str, root: Path, *, max_body: int, dry_run: bool = False) -> None:
        self._client = client
        self._workspace = workspace
        self._root = root
        self._max_body = max_body
        self._dry_run = dry_run
        self._known: dict[str, str] = {}
        self._report = Report()
        self._lock = threading.Lock()

    def run(self, files: list[str], jobs: int, progress: Progress) -> Report:
        """Import files.

        Args:
            files: paths relative to the folder.
            jobs: how many at once.
            progress: told of each file.

        Raises:
            QuireError: the workspace's pages cannot be listed, so nothing was begun.
        """
        start = time.monotonic()
        for page in self._client.pages():
            notes = import_source(page)
            self._known[page["id"]] = notes["sha256"] if notes else ""
        with ThreadPoolExecutor(jobs) as pool:
            try:
                for _ in pool.map(self._one, files, [progress] * len(files)):
                    pass
            except KeyboardInterrupt:
                self._stop("interrupted")
        self._report.seconds = time.monotonic() - start
        return self._report

    def _stop(self, reason: str) -> None:
        with self._lock:
            self._report.stopped = self._report.stopped or reason
        self._client.stop()

    def _one(self, path: str, progress: Progress) -> None:
        """Import one file; whatever is wrong with it does not stop the others."""
        if self._report.stopped:
            return
        blocks = 0
        try:
            outcome, blocks = self._import(path)
        except QuireError as error:
            if _is_fatal(error):
                self._stop(str(error))
                return
            self._fail(path, str(error), progress)
            outcome = "failed"
        except (BadFile, MarkdownError, OSError) as error:
            self._fail(path, error.strerror or str(error) if isinstance(error, OSError) else str(error), progress)
            outcome = "failed"
        with self._lock:
            self._report.counts[outcome] += 1
            self._report.blocks += blocks
        progress.advance(blocks)

    def _fail(self, path: str, reason: str, progress: Progress) -> None:
        with self._lock:
            self._report.failures.append((path, reason))
        progress.note(f"failed: {_printable(path)}: {reason}")

    def _import(self, path: str) -> tuple[Outcome, int]:
        try:
            page = page_id(self._workspace, path)
        except UnicodeEncodeError as error:
            raise BadFile("its name is not UTF-8: rename it") from error
        file = self._root / path
        # Far above the limit it is not even read: a page's JSON is about as long as its Markdown.
        if file.stat().st_size > 4 * self._max_body:
            raise BadFile(f"it is larger than {4 * self._max_body} bytes: split it")
        content = file.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if self._known.get(page) == digest:
            return "unchanged", 0
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise BadFile(f"it is not UTF-8 (byte {error.start}): convert it") from error
        try:
            document = parse(text, path)
        except RecursionError as error:
            raise BadFile("its lists or quotes are nested too deeply") from error
        if len(document.blocks) > MAX_BLOCKS:
            raise BadFile(f"it makes {len(document.blocks)} blocks, a page has at most {MAX_BLOCKS}: split it")
        if page in self._known:
            return self._update(page, path, digest, document, "updated")
        return self._create(page, path, digest, document)

    def _create(self, page: str, path: str, digest: str, document: Document) -> tuple[Outcome, int]:
        body = self._encode({"id": page, **document.to_json(path, digest)})
        if not self._dry_run:
            try:
                self._client.post(body, minimal=True)
            except Conflict as error:
                if error.code != "page_exists":
                    raise
                # Another import runs beside this one.
                return self._update(page, path, digest, document, "created")
        return "created", len(document.blocks)

    def _update(self, page: str, path: str, digest: str, document: Document, done: Outcome) -> tuple[Outcome, int]:
        """Save a file over its page, as a difference to the blocks that it has now."""
        for _ in range(PUT_ATTEMPTS):
            try:
                stored = self._client.fetch(page)
            except NotFound as error:
                if error.code in _FATAL:
                    raise
                raise BadFile(
                    f"its page {page} was deleted: restore the page, or give the file another name"
                ) from error
            notes = import_source(stored)
            if notes is not None and notes["sha256"] == digest:
                return done, len(document.blocks)
            blocks = align(stored["blocks"], document.blocks)
            body = self._encode({**document.to_json(path, digest), "blocks": blocks})
            if self._dry_run:
                return done, len(blocks)
            try:
                self._client.put(page, body, if_match=stored["version"], minimal=True)
            except PreconditionFailed:
                continue  # somebody saved in between
            return done, len(blocks)
        raise BadFile(f"its page {page} was edited by others {PUT_ATTEMPTS} times meanwhile: try again")

    def _encode(self, body: dict[str, Any]) -> bytes:
        encoded = encode(body)
        if len(encoded) > self._max_body:
            raise BadFile(f"as a page it has {len(encoded)} bytes, a request has at most {self._max_body}: split it")
        return encoded


def add_parser(subparsers: Any) -> None:
    """Add `quire import` to the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "import",
        help="turn a folder of Markdown into pages",
        description="Turn the .md files of a folder into pages of typed blocks. It can be repeated and interrupted: "
        "unchanged files are skipped, changed ones are saved as differences (the file wins over edits made to its "
        "page), and a file that cannot be imported is named while the others go on. Deleted files leave their pages.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder; its subfolders belong to it")
    parser.add_argument("--jobs", type=_jobs, default=4, metavar="N", help="files at once (default 4)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done and write nothing")
    add_target_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run `quire import`; 0 when every file is a page now, 1 when some are not, 130 when interrupted."""
    if not args.folder.is_dir():
        print(f"quire import: {args.folder} is not a folder", file=sys.stderr)
        return 1
    files = find_files(args.folder)
    progress = Progress(len(files))
    try:
        target = find_target(args)
        max_body = _max_body()
        uuid.UUID(target.workspace)
    except (TargetError, ValueError) as error:
        reason = error if isinstance(error, TargetError) else "--workspace must be a UUID"
        print(f"quire import: {reason}", file=sys.stderr)
        return 1
    waiting = _Waiting(progress)
    with Client(target.url, target.token, target.workspace, priority="import", on_wait=waiting) as client:
        importer = Importer(client, target.workspace, args.folder, max_body=max_body, dry_run=args.dry_run)
        try:
            report = importer.run(files, args.jobs, progress)
        except QuireError as error:
            print(f"quire import: {error}", file=sys.stderr)
            return 1
        finally:
            progress.close()
    print(summary(report, len(files), dry_run=args.dry_run))
    if report.stopped:
        print(f"quire import: stopped: {report.stopped}. Run it again to go on.", file=sys.stderr)
        return 130 if report.stopped == "interrupted" else 1
    return 1 if report.failures else 0


def summary(report: Report, files: int, *, dry_run: bool) -> str:
    """What an import did, in one or two lines."""
    counts = report.counts
    done = sum(counts.values())
    parts = [f"{counts[outcome]} {outcome}" for outcome in ("created", "updated", "unchanged", "failed")]
    if done < files:
        parts.append(f"{files - done} not reached")
    rate = report.blocks / report.seconds if report.seconds else 0.0
    line = f"{files} files: {', '.join(parts)}; {report.blocks} blocks in {report.seconds:.1f} s ({rate:.0f} blocks/s)"
    if counts["unchanged"] == files:
        line = f"Nothing changed: all {files} files are pages already ({report.seconds:.1f} s)."
    return f"Dry run, nothing was written. {line}" if dry_run else line


class _Waiting:
    """Says at most once in ten seconds that the server is being waited for."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._next = 0.0

    def __call__(self, reason: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 10
            self._progress.note(f"waiting: {reason}")


def _is_fatal(error: QuireError) -> bool:
    """Whether the next file would meet the same. 504 is about one request that takes the database too long."""
    if isinstance(error, Unavailable):
        return error.status != 504
    return isinstance(error, (Unauthorized, RateLimited)) or error.code in _FATAL


def _max_body() -> int:
    given = os.environ.get("QUIRE_MAX_BODY_BYTES") or "1048576"
    if not given.isdigit() or int(given) == 0:
        raise TargetError(f"QUIRE_MAX_BODY_BYTES must be a number of bytes, not {given}")
    return int(given)


def _jobs(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"must be 1 to 64, not {text}")
    return int(text)


def _printable(path: str) -> str:
    return path.encode(errors="backslashreplace").decode()
