"""Settings out of the environment: read once, checked at start, printable without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

EMBEDDERS = ("hashing", "local", "openai")
MAX_DIMENSIONS = 16_000  # of a vector, as core.check_model has it
Network = IPv4Network | IPv6Network
LOG_LEVELS = ("debug", "info", "warning", "error")
JWT_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
ROLES = ("viewer", "editor", "owner")


class SettingsError(ValueError):
    """A setting that cannot be used; the message names its variable."""


@dataclass(frozen=True)
class Setting:
    """One line of the settings table.

    Attributes:
        name: the environment variable.
        default: its default as a person would write it; empty when there is none.
        meaning: what it does, in a sentence.
    """

    name: str
    default: str
    meaning: str


SETTINGS_HELP: tuple[Setting, ...] = (
    Setting("PORT", "8000", "Port of the HTTP API"),
    Setting("HOST", "127.0.0.1", "Address that the API listens on"),
    Setting("DATA", "./.data", "Folder of the embedded server and of quickstart.env"),
    Setting("DATABASE_URL", "", "Database for migrations; without it `quire up` runs the embedded PostgreSQL"),
    Setting("QUIRE_API_DATABASE_URL", "DATABASE_URL as role quire_api", "Database for the API"),
    Setting("QUIRE_WORKER_DATABASE_URL", "DATABASE_URL as role quire_worker", "Database for the worker"),
    Setting("QUIRE_MONITOR_DATABASE_URL", "DATABASE_URL as role quire_monitor", "Database for /metrics"),
    Setting(
        "QUIRE_MAINTENANCE_DATABASE_URL",
        "DATABASE_URL as role quire_maintenance",
        "Database for VACUUM and concurrent index builds",
    ),
    Setting("QUIRE_POOL_MIN", "5", "Connections that the API's pool keeps open"),
    Setting("QUIRE_POOL_MAX", "20", "Most connections of the API's pool"),
    Setting("QUIRE_POOL_TIMEOUT", "30", "Seconds that a request waits for a connection before it gets 503"),
    Setting("QUIRE_POOL_MAX_WAITING", "200", "Requests that may wait for a connection; more get 503 at once"),
    Setting("QUIRE_MAX_BODY_BYTES", "1048576", "Largest request body in bytes; larger ones get 413"),
    Setting(
        "QUIRE_TRUSTED_PROXIES",
        "",
        "Networks of proxies whose X-Forwarded-For and Forwarded are believed, such as `10.0.0.0/8, ::1`",
    ),
    Setting("QUIRE_REFUSAL_CACHE", "10000", "Blocked keys that one API process remembers, for up to 2 s; 0 for none"),
    Setting(
        "QUIRE_REQUEST_TIMEOUT",
        "30",
        "Seconds in which a request, headers and body, has to arrive; slower ones get 408",
    ),
    Setting(
        "QUIRE_CORS_ORIGINS",
        "",
        "Origins, such as https://app.example.org, whose scripts may call the API; several with commas",
    ),
    Setting("QUIRE_WORKER_CONCURRENCY", "5", "Jobs that one worker process runs at once"),
    Setting("QUIRE_INDEX_BATCH", "100", "Queue entries that a drain claims at once"),
    Setting("QUIRE_INDEX_LEASE_SECONDS", "60", "Seconds after which a lost worker's entries come back"),
    Setting(
        "QUIRE_EMBEDDER",
        "hashing",
        "Where a new database's vectors come from: `hashing` (built in), `local` (all-MiniLM-L6-v2), `openai` (HTTP)",
    ),
    Setting("QUIRE_EMBEDDING_URL", "", "Base URL of an OpenAI-compatible endpoint, such as http://127.0.0.1:11434/v1"),
    Setting("QUIRE_EMBEDDING_MODEL", "", "Model name at that endpoint"),
    Setting("QUIRE_EMBEDDING_DIMENSIONS", "", "Dimensions of that model's vectors"),
    Setting("QUIRE_EMBEDDING_API_KEY", "", "Key for that endpoint; never printed"),
    Setting("QUIRE_EMBEDDING_TIMEOUT", "30", "Seconds that one call of that endpoint may take as a whole"),
    Setting("QUIRE_EMBEDDING_MAX_TOKENS", "50000", "Most tokens of all texts of one request, estimated"),
    Setting(
        "QUIRE_EMBEDDING_TEXT_TOKENS",
        "8000",
        "Most tokens of one text, estimated; a longer one counts by its beginning",
    ),
    Setting("QUIRE_EMBEDDING_MAX_INPUTS", "256", "Most texts of one request"),
    Setting(
        "QUIRE_ALERT_WEBHOOK_URL",
        "",
        "Webhook (Slack or compatible) that is told of dead letters, once an hour a cause; never printed",
    ),
    Setting("QUIRE_JWT_ISSUER", "", "Whose JWTs are taken as bearer tokens beside Quire's own: their claim `iss`"),
    Setting("QUIRE_JWT_AUDIENCE", "", "What their claim `aud` must name; needed with an issuer"),
    Setting(
        "QUIRE_JWT_JWKS",
        "",
        "The issuer's public keys: an https URL (http on this machine only) or a file; needed with an issuer",
    ),
    Setting(
        "QUIRE_JWT_ALGORITHMS", "RS256,ES256", "Signatures that are taken: RS, PS, ES and EdDSA, never HMAC or none"
    ),
    Setting("QUIRE_JWT_USER_CLAIM", "sub", "Claim that names the user; one that never changes or is given to another"),
    Setting("QUIRE_JWT_SCOPES_CLAIM", "scope", "Claim with the scopes: of read, write and metrics"),
    Setting(
        "QUIRE_JWT_WORKSPACES_CLAIM",
        "",
        "Claim with ids of workspaces: the JWT opens only those, of those that its user is a member of",
    ),
    Setting(
        "QUIRE_JWT_WORKSPACE_ROLE",
        "",
        "viewer, editor or owner: what a user becomes in a workspace that the claim names where it is no member yet",
    ),
    Setting("QUIRE_JWT_CREATE_USERS", "off", "on: who was never seen gets a user at the first request, else 401"),
    Setting("QUIRE_LOG_LEVEL", "info", "Least severe log lines shown: debug, info, warning or error"),
)

# Those of db/roles.sql: `alter role .. set` counts for a login only, not for who acts as the role. A test compares.
_ROLE_TIMEOUTS: Mapping[str, Mapping[str, str]] = {
    "quire_api": {"statement_timeout": "10s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "30s"},
    "quire_worker": {"statement_timeout": "60s", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "30s"},
    "quire_monitor": {"statement_timeout": "2s"},
}

_SECRETS = frozenset({"embedding_api_key", "alert_webhook_url"})


@dataclass(frozen=True, repr=False)
class Settings:
    """Every setting, checked. See SETTINGS_HELP for what each means; times are in seconds, sizes in bytes."""

    host: str
    port: int
    data: Path
    database_url: str | None
    api_database_url: str | None
    worker_database_url: str | None
    monitor_database_url: str | None
    maintenance_database_url: str | None
    pool_min: int
    pool_max: int
    pool_timeout: float
    pool_max_waiting: int
    max_body_bytes: int
    trusted_proxies: tuple[Network, ...]
    refusal_cache: int
    request_timeout: float
    cors_origins: tuple[str, ...]
    worker_concurrency: int
    index_batch: int
    index_lease_seconds: int
    embedder: str
    embedding_url: str | None
    embedding_model: str | None
    embedding_dimensions: int | None
    embedding_api_key: str | None
    embedding_timeout: float
    embedding_max_tokens: int
    embedding_text_tokens: int
    embedding_max_inputs: int
    alert_webhook_url: str | None
    jwt_issuer: str | None
    jwt_audience: str | None
    jwt_jwks: str | None
    jwt_algorithms: tuple[str, ...]
    jwt_user_claim: str
    jwt_scopes_claim: str
    jwt_workspaces_claim: str | None
    jwt_workspace_role: str | None
    jwt_create_users: bool
    log_level: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read and check the settings.

        Args:
            environ: the environment; None reads this process's own. An empty value counts as not set.

        Raises:
            SettingsError: a value that cannot be used; the message names the variable and what it takes.
        """
        read = _Reader(os.environ if environ is None else environ)
        database_url = read.database_url("DATABASE_URL")
        settings = cls(
            host=read.text("HOST"),
            port=read.integer("PORT", 1, 65535),
            data=Path(read.text("DATA")),
            database_url=database_url,
            api_database_url=read.role_url("QUIRE_API_DATABASE_URL", database_url, "quire_api"),
            worker_database_url=read.role_url("QUIRE_WORKER_DATABASE_URL", database_url, "quire_worker"),
            monitor_database_url=read.role_url("QUIRE_MONITOR_DATABASE_URL", database_url, "quire_monitor"),
            maintenance_database_url=read.role_url("QUIRE_MAINTENANCE_DATABASE_URL", database_url, "quire_maintenance"),
            pool_min=read.integer("QUIRE_POOL_MIN", 0, 1000),
            pool_max=read.integer("QUIRE_POOL_MAX", 1, 1000),
            pool_timeout=read.seconds("QUIRE_POOL_TIMEOUT"),
            pool_max_waiting=read.integer("QUIRE_POOL_MAX_WAITING", 1, 100_000),
            max_body_bytes=read.integer("QUIRE_MAX_BODY_BYTES", 1024, 1 << 30),
            trusted_proxies=read.networks("QUIRE_TRUSTED_PROXIES"),
            refusal_cache=read.integer("QUIRE_REFUSAL_CACHE", 0, 1_000_000),
            request_timeout=read.seconds("QUIRE_REQUEST_TIMEOUT"),
            cors_origins=read.origins("QUIRE_CORS_ORIGINS"),
            worker_concurrency=read.integer("QUIRE_WORKER_CONCURRENCY", 1, 100),
            index_batch=read.integer("QUIRE_INDEX_BATCH", 1, 10_000),
            index_lease_seconds=read.integer("QUIRE_INDEX_LEASE_SECONDS", 1, 86_400),
            embedder=read.choice("QUIRE_EMBEDDER", EMBEDDERS),
            embedding_url=read.http_url("QUIRE_EMBEDDING_URL"),
            embedding_model=read.optional("QUIRE_EMBEDDING_MODEL"),
            embedding_dimensions=read.optional_integer("QUIRE_EMBEDDING_DIMENSIONS", 1, MAX_DIMENSIONS),
            embedding_api_key=read.optional("QUIRE_EMBEDDING_API_KEY"),
            embedding_timeout=read.seconds("QUIRE_EMBEDDING_TIMEOUT"),
            embedding_max_tokens=read.integer("QUIRE_EMBEDDING_MAX_TOKENS", 16, 10_000_000),
            embedding_text_tokens=read.integer("QUIRE_EMBEDDING_TEXT_TOKENS", 16, 1_000_000),
            embedding_max_inputs=read.integer("QUIRE_EMBEDDING_MAX_INPUTS", 1, 10_000),
            alert_webhook_url=read.secret_url("QUIRE_ALERT_WEBHOOK_URL"),
            jwt_issuer=read.optional("QUIRE_JWT_ISSUER"),
            jwt_audience=read.optional("QUIRE_JWT_AUDIENCE"),
            jwt_jwks=read.key_source("QUIRE_JWT_JWKS"),
            jwt_algorithms=read.choices("QUIRE_JWT_ALGORITHMS", JWT_ALGORITHMS),
            jwt_user_claim=read.text("QUIRE_JWT_USER_CLAIM"),
            jwt_scopes_claim=read.text("QUIRE_JWT_SCOPES_CLAIM"),
            jwt_workspaces_claim=read.optional("QUIRE_JWT_WORKSPACES_CLAIM"),
            jwt_workspace_role=read.optional_choice("QUIRE_JWT_WORKSPACE_ROLE", ROLES),
            jwt_create_users=read.choice("QUIRE_JWT_CREATE_USERS", ("off", "on")) == "on",
            log_level=read.choice("QUIRE_LOG_LEVEL", LOG_LEVELS),
        )
        read.all_or_none(("QUIRE_JWT_ISSUER", "QUIRE_JWT_AUDIENCE", "QUIRE_JWT_JWKS"))
        if settings.jwt_workspace_role is not None and settings.jwt_workspaces_claim is None:
            raise SettingsError("QUIRE_JWT_WORKSPACE_ROLE needs QUIRE_JWT_WORKSPACES_CLAIM: it gives a role there")
        if settings.pool_min > settings.pool_max:
            raise SettingsError(f"QUIRE_POOL_MIN ({settings.pool_min}) is above QUIRE_POOL_MAX ({settings.pool_max})")
        if settings.embedder == "openai":
            for name in ("QUIRE_EMBEDDING_URL", "QUIRE_EMBEDDING_MODEL", "QUIRE_EMBEDDING_DIMENSIONS"):
                if read.optional(name) is None:
                    raise SettingsError(f"{name} is not set, and QUIRE_EMBEDDER=openai needs it")
        return settings

    def masked(self) -> dict[str, str]:
        """Every setting as text, passwords and keys masked: for logs and for `quire doctor`."""
        shown: dict[str, str] = {}
        for field in fields(self):
            value: object = getattr(self, field.name)
            if value is None:
                shown[field.name] = ""
            elif field.name in _SECRETS:
                shown[field.name] = "***"
            elif field.name.endswith("database_url"):
                shown[field.name] = mask_password(str(value))
            elif field.name in ("embedding_url", "jwt_jwks"):
                parts = urlsplit(str(value))
                shown[field.name] = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
            elif isinstance(value, tuple):
                shown[field.name] = ", ".join(map(str, cast("tuple[object, ...]", value)))
            else:
                shown[field.name] = str(value)
        return shown

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.masked().items())})"


def mask_password(conninfo: str) -> str:
    """A conninfo or URL in key=value form, its password masked; unreadable ones are not shown at all."""
    try:
        parameters = conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:
        return "***"
    for name in ("password", "sslpassword"):
        if name in parameters:
            parameters[name] = "***"
    return make_conninfo("", **parameters)


def as_role(conninfo: str, role: str) -> str:
    """The same connection acting as a role that its login is a member of, with the role's timeouts.

    Options that the connection has already are kept, and win.

    A start-up option rather than `set role`: it needs no round trip and no session state. PgBouncer does not pass
    options on: behind it, give each process a login of its own by its own variable.
    """
    options = str(conninfo_to_dict(conninfo).get("options") or "")
    timeouts = " ".join(f"-c {name}={value}" for name, value in _ROLE_TIMEOUTS.get(role, {}).items())
    return make_conninfo(conninfo, options=" ".join(filter(None, (timeouts, options, f"-c role={role}"))))


class _Reader:
    """Values of the environment by variable, their defaults out of SETTINGS_HELP."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._defaults = {setting.name: setting.default for setting in SETTINGS_HELP}

    def text(self, name: str) -> str:
        return self._environ.get(name, "").strip() or self._defaults[name]

    def optional(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def integer(self, name: str, low: int, high: int) -> int:
        return int(self._number(name, self.text(name), int, low, high))

    def optional_integer(self, name: str, low: int, high: int) -> int | None:
        value = self.optional(name)
        return None if value is None else int(self._number(name, value, int, low, high))

    def seconds(self, name: str) -> float:
        return self._number(name, self.text(name), float, 0.001, 86_400)

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name)
        if value not in choices:
            raise SettingsError(f"{name} is {value!r}: it takes one of {', '.join(choices)}")
        return value

    def networks(self, name: str) -> tuple[Network, ...]:
        parts = [part.strip() for part in (self.optional(name) or "").split(",") if part.strip()]
        try:
            return tuple(ip_network(part, strict=False) for part in parts)
        except ValueError:
            raise SettingsError(
                f"{name} is {self.text(name)!r}: it takes networks or addresses with commas between, such as"
                " 10.0.0.0/8, 192.0.2.7, fd00::/8"
            ) from None

    def choices(self, name: str, choices: tuple[str, ...]) -> tuple[str, ...]:
        values = tuple(value.strip() for value in self.text(name).split(",") if value.strip())
        if not values or not set(values) <= set(choices):
            raise SettingsError(f"{name} is {self.text(name)!r}: it takes {', '.join(choices)}, with commas between")
        return values

    def optional_choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        return None if self.optional(name) is None else self.choice(name, choices)

    def all_or_none(self, names: tuple[str, ...]) -> None:
        missing = [name for name in names if self.optional(name) is None]
        if missing and len(missing) < len(names):
            raise SettingsError(f"{missing[0]} is not set: {', '.join(names)} belong together")

    def key_source(self, name: str) -> str | None:
        """An https URL, an http one on this machine, or a path. Whoever can change keys on their way is everybody."""
        value = self.optional(name)
        if value is not None and "://" in value:
            parts = urlsplit(value)
            local = parts.hostname in ("localhost", "127.0.0.1", "::1")
            if not parts.netloc or (parts.scheme != "https" and not (parts.scheme == "http" and local)):
                raise SettingsError(f"{name} takes an https URL, an http URL on this machine, or the path of a file")
        return value

    def http_url(self, name: str) -> str | None:
        value = self.optional(name)
        if value is not None and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
            raise SettingsError(f"{name} is {value!r}: it takes an http or https URL")
        return value

    def origins(self, name: str) -> tuple[str, ...]:
        """Origins as browsers send them (RFC 6454): scheme, host, port; never a pattern."""
        found = tuple(filter(None, (part.strip() for part in self._environ.get(name, "").split(","))))
        for origin in found:
            if re.fullmatch(r"https?://[a-z0-9.\[\]:-]+", origin) is None:
                raise SettingsError(
                    f"{name} has {origin!r}: it takes origins such as https://app.example.org, no path, no *"
                )
        return found

    def secret_url(self, name: str) -> str | None:
        """An http or https URL that is a secret as a whole: an error does not show it."""
        try:
            return self.http_url(name)
        except ValueError:  # urlsplit's, too
            raise SettingsError(f"{name} cannot be used: it takes an http or https URL") from None

    def database_url(self, name: str) -> str | None:
        value = self.optional(name)
        if value is not None:
            try:
                conninfo_to_dict(value)
            except psycopg.ProgrammingError:
                # Neither the value nor libpq's message: both may hold the password.
                raise SettingsError(
                    f"{name} is neither a URL such as postgresql://user:password@host:5432/quire (special characters"
                    " percent-encoded) nor a conninfo string such as host=.. dbname=.. user=.."
                ) from None
        return value

    def role_url(self, name: str, database_url: str | None, role: str) -> str | None:
        own = self.database_url(name)
        return own if own or not database_url else as_role(database_url, role)

    @staticmethod
    def _number(name: str, value: str, kind: Callable[[str], float], low: float, high: float) -> float:
        try:
            number = kind(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            what = "a whole number" if kind is int else "a number"
            raise SettingsError(f"{name} is {value!r}: it takes {what} from {low} to {high}")
        return number
