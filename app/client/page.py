"""A page that is being edited: what the server has, what has been changed here, and how the two come together."""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import jsonpatch
import jsonpointer

from app.client import operations
from app.client.differ import Document, diff, same
from app.client.errors import Conflict, Gone, Operations, QuireError, RateLimited, Unavailable, Unprocessable
from app.client.merge import Keep, Overlap, merge
from app.client.operations import Saved
from app.client.steps import Session, Steps

MAX_OPERATIONS = 1000
"""What the server takes in one patch; a longer one is sent as a whole document, which the server compares itself."""


@dataclass(frozen=True)
class PageSaved:
    """What `save` did.

    Attributes:
        version: of the page now.
        rebased: whether others had saved meanwhile; their edits are in the page now.
        overlaps: places where edits made here *while the save was under way* meet edits of others. Yours are in the
            page, unsaved, and the next save replaces theirs: look before you save again, or edit them away.
    """

    version: int
    rebased: bool
    overlaps: list[Overlap]


@dataclass(frozen=True)
class _Attempt:
    """A save whose answer has not come: repeated as it was, under the same key, until it has."""

    key: str
    minimal: bool
    base_version: int
    patch: Operations
    document: Document


class PageState:
    """A page at a version, and its local state to be edited freely; saving sends the difference.

    What needs the server is written here as steps, `saving` and so on; Page.save and AsyncPage.save run them.

    Attributes:
        id: of the page.
        version: that the server has, as far as is known here.
        document: the local state, `{"title", "properties", "blocks"}`: plain dicts and lists of JSON. A block put in
            without `id` gets one when it is saved. Objects in it stay the same objects over saves.
    """

    def __init__(self, session: Session, document: dict[str, Any]) -> None:
        """Args: session: of the page's client. document: as the API answers it, with id and version."""
        self.id: str = document["id"]
        self.version: int = document["version"]
        self.document: Document = _content(document)
        self._session = session
        self._base = _copy(self.document)
        self._attempt: _Attempt | None = None
        self._busy = False

    def __repr__(self) -> str:
        return f"<page {self.id} at version {self.version}: {self.title!r}>"

    @property
    def title(self) -> str:
        """The title; may be set."""
        return self.document["title"]

    @title.setter
    def title(self, value: str) -> None:
        self.document["title"] = value

    @property
    def properties(self) -> dict[str, Any]:
        """The properties; to be edited in place."""
        return self.document["properties"]

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """The blocks in their order; to be edited in place, like any list."""
        return self.document["blocks"]

    def block(self, block_id: str) -> dict[str, Any]:
        """The block with an id.

        Raises:
            KeyError: there is none.
        """
        for block in self.blocks:
            if block.get("id") == block_id:
                return block
        raise KeyError(block_id)

    def pending(self) -> Operations:
        """The local edits that are not saved, as a JSON Patch that addresses blocks by id.

        Raises:
            ValueError: an id that no block can have, two blocks with one id, or NaN. TypeError: what is no JSON.
        """
        return diff(self._base, self._snapshot())

    def _snapshot(self) -> Document:
        """The local state as the server would keep it. New blocks get their ids here, so that answers fit to them."""
        for block in self.blocks:
            block.setdefault("id", str(uuid.uuid4()))
            block.setdefault("data", {})
        return _copy(self.document)

    def _advance(self, document: Document, version: int, seen: Document, keep: Keep = "yours") -> list[Overlap]:
        """Take a newer state of the server as the base, and keep the local edits made since `seen` on top of it."""
        merged, overlaps = merge(seen, self._snapshot(), document, keep)
        self._base, self.version = _copy(document), version
        _settle(self.document, _copy(merged))
        return overlaps

    @contextmanager
    def _alone(self) -> Generator[None]:
        if self._busy:
            raise RuntimeError(f"page {self.id} is being saved or refreshed already: wait for that to end")
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def saving(self, *, minimal: bool = False) -> Steps[PageSaved]:
        """Save the local edits, as differences by block id; nothing is sent when there are none.

        When others have saved meanwhile, the server rebases the edits and the page takes over theirs. When an earlier
        save ended with RateLimited or Unavailable, that one is repeated first, under its key: it is never done twice.

        Args:
            minimal: asks for an answer without patches: less traffic where nobody else edits; a rebase costs a read.

        Raises:
            Conflict: others changed the same. The page is as it was; go on with `resolve`.
            QuireError: any other failure; the edits are still pending.
            ValueError, TypeError: see `pending`.
        """
        with self._alone():
            unanswered = self._attempt
            done = PageSaved(self.version, False, [])
            if unanswered is not None:
                done = yield from self._try(unanswered)
                if done.overlaps:
                    return done
            document = self._snapshot()
            patch = diff(self._base, document)
            if not patch:
                return done
            saved = yield from self._try(_Attempt(str(uuid.uuid4()), minimal, self.version, patch, document))
            return replace(saved, rebased=saved.rebased or done.rebased)

    def refreshing(self, *, keep: Keep = "yours") -> Steps[list[Overlap]]:
        """Catch up with the server, reading only what changed; local edits stay pending.

        Args:
            keep: whose value stays where both changed the same: with "yours" the next save replaces theirs.

        Returns:
            Those places; empty means that nothing was in doubt.
        """
        with self._alone():
            return (yield from self._catch_up(keep))

    def resolving(self, conflict: Conflict, *, keep: Keep) -> Steps[list[Overlap]]:
        """After a Conflict: take over what others saved and keep every local edit that does not collide with it.

        Args:
            conflict: as `save` raised it.
            keep: whose value stays where both changed the same.

        Returns:
            Those places. Nothing is saved yet: look, edit, and save again.
        """
        with self._alone():
            if conflict.base_version == self.version and conflict.current_version is not None:
                document = _apply(self._base, conflict.server_patch)
                if document is not None:
                    return self._advance(document, conflict.current_version, self._base, keep)
            return (yield from self._catch_up(keep))

    def deleting(self) -> Steps[None]:
        """Delete the page if it is still at this version, else PreconditionFailed."""
        yield from operations.delete(self._session, self.id, if_match=self.version)

    def restoring(self, version: int) -> Steps[PageSaved]:
        """Make a new version that equals an old one, and take it over; local edits stay pending on top of it."""
        with self._alone():
            saved = yield from operations.restore(self._session, self.id, version)
            return (yield from self._follow(saved, self._base))

    def _try(self, attempt: _Attempt) -> Steps[PageSaved]:
        """Send a save. It is remembered until its answer has been taken over, even when the caller is cancelled."""
        self._attempt = attempt
        options: dict[str, Any] = {
            "base_version": attempt.base_version,
            "idempotency_key": attempt.key,
            "minimal": attempt.minimal,
        }
        try:
            if len(attempt.patch) > MAX_OPERATIONS:
                saved = yield from operations.put(self._session, self.id, attempt.document, **options)
            else:
                saved = yield from operations.patch(self._session, self.id, attempt.patch, **options)
        except QuireError as error:
            if not isinstance(error, (RateLimited, Unavailable)):
                self._attempt = None
            raise
        done = yield from self._follow(saved, attempt.document)
        self._attempt = None
        return done

    def _follow(self, saved: Saved, seen: Document) -> Steps[PageSaved]:
        """Bring the base to the version of an answer, by its patches or else by a read.

        Args:
            seen: the local state that the save was made of; what differs from it now was edited meanwhile.
        """
        document, version = None, saved.version
        if saved.base_version == self.version and saved.applied_patch is not None:
            document = _apply(self._base, [*(saved.server_patch or []), *saved.applied_patch])
        elif saved.base_version == self.version and not saved.rebased and self._attempt is not None:
            document = seen
        if document is None:
            whole = yield from operations.fetch(self._session, self.id)
            document, version = _content(whole), whole["version"]
        return PageSaved(version, saved.rebased, self._advance(document, version, seen))

    def _catch_up(self, keep: Keep) -> Steps[list[Overlap]]:
        base = self._base
        session = self._session
        try:
            news = yield from operations.since(session, self.id, self.version)
        except (Gone, Unprocessable):  # a version that the server no longer, or after a restored backup not yet, knows
            whole = yield from operations.fetch(session, self.id)
            return self._advance(_content(whole), whole["version"], base, keep)
        blocks = {block["id"]: block for block in (*base["blocks"], *news["blocks"])}
        document = {
            "title": news["title"],
            "properties": news["properties"],
            "blocks": [blocks[name] for name in news["order"]],
        }
        return self._advance(document, news["version"], base, keep)


def _apply(document: Document, patch: Operations | None) -> Document | None:
    """The patched document; None when there is no patch or it does not fit, which is a reason to read the page."""
    if patch is None:
        return None
    try:
        return cast("Document", jsonpatch.apply_patch(document, patch))
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, LookupError, TypeError):
        return None


def _settle(local: Document, merged: Document) -> None:
    """Make the local state equal to another one, leaving objects that callers may hold in their places."""
    held = {block["id"]: block for block in local["blocks"]}
    for block in merged["blocks"]:
        _replace(held.setdefault(block["id"], block), block)
    local["blocks"][:] = [held[block["id"]] for block in merged["blocks"]]
    _replace(local["properties"], merged["properties"])
    local["title"] = merged["title"]


def _replace(held: dict[str, Any], value: dict[str, Any]) -> None:
    """Member by member, so that inner objects stay too."""
    if held is value:
        return
    for name in held.keys() - value.keys():
        del held[name]
    for name, inner in value.items():
        if isinstance(held.get(name), dict) and isinstance(inner, dict):
            _replace(held[name], cast("dict[str, Any]", inner))
        elif name not in held or not same(held[name], inner):
            held[name] = inner


def _content(document: dict[str, Any]) -> Document:
    return {name: document[name] for name in ("title", "properties", "blocks")}


def _copy(document: Document) -> Document:
    """A copy of JSON as it will come back from the server (no tuples, no NaN); faster than deepcopy."""
    return json.loads(operations.encode(document))
