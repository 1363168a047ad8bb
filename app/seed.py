"""The first workspace: made once, with a user, two tokens and pages to look at."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from importlib.resources import files
from uuid import UUID

import psycopg
import yaml

from db.settings import Settings, SettingsError

TOKEN_PREFIX = "quire_"  # lets secret scanners and people recognise one
_SCOPES = ["read", "write"]
_ADMIN_SCOPES = ["read", "write", "admin", "metrics", "bypass_rate_limit"]


@dataclass(frozen=True)
class Quickstart:
    """What a newcomer needs to try the API.

    Attributes:
        workspace_id: the first workspace.
        token: reads and writes, rate limited like any user's.
        admin_token: of the same user, the workspace's owner; operates the installation and bypasses rate limits.
    """

    workspace_id: UUID
    token: str
    admin_token: str


def new_token() -> str:
    """A token: 256 random bits behind a prefix."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What the database keeps of a token: its sha256, 32 bytes. The token is random, so it needs no salt."""
    return hashlib.sha256(token.encode()).digest()


def ensure_quickstart(settings: Settings, *, token: str | None = None, admin_token: str | None = None) -> Quickstart:
    """Make the first workspace unless it is there, and see to it that both tokens are good. All of it or nothing.

    Args:
        settings: database_url must be the login that migrates.
        token: one made by an earlier run; kept when it is still good, else replaced.
        admin_token: likewise.

    Raises:
        SettingsError: no database_url. psycopg.Error: the database refuses.
    """
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL is not set: it names the database to make the first workspace in")
    with psycopg.connect(settings.database_url) as connection:
        row = connection.execute(
            "select workspace_id, user_id, is_new, token_is_valid, admin_token_is_valid"
            " from ops.ensure_quickstart(%s, %s)",
            [token_hash(token) if token else None, token_hash(admin_token) if admin_token else None],
        ).fetchone()
        assert row is not None
        workspace_id, user_id, is_new, token_is_valid, admin_token_is_valid = row
        if token is None or not token_is_valid:
            token = _create_token(connection, user_id, "quickstart", _SCOPES)
        if admin_token is None or not admin_token_is_valid:
            admin_token = _create_token(connection, user_id, "quickstart admin", _ADMIN_SCOPES)
        if is_new:
            for document in yaml.safe_load(files("app").joinpath("sample_pages.yaml").read_text(encoding="utf-8")):
                connection.execute(
                    "select from api.create_page(%s, %s, %s, 100::smallint)",
                    [workspace_id, user_id, json.dumps(document)],
                )
    return Quickstart(workspace_id, token, admin_token)


def _create_token(connection: psycopg.Connection, user_id: UUID, name: str, scopes: list[str]) -> str:
    token = new_token()
    connection.execute("select ops.create_token(%s, %s, %s, %s)", [user_id, token_hash(token), name, scopes])
    return token
