"""What `quire up` leaves for people and scripts: ``$DATA/quickstart.env`` and three lines to try."""

from __future__ import annotations

import os
import shlex
import uuid
from collections.abc import Mapping
from pathlib import Path

from db.placement import VERSIONS
from db.settings import Settings, SettingsError

FILE_NAME = "quickstart.env"


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a file that a shell can source; empty when there is none. Lines it cannot read are left out."""
    values: dict[str, str] = {}
    if path.exists():
        for line in path.read_text().splitlines():
            name, equals, value = line.removeprefix("export ").partition("=")
            if equals and name.isidentifier():
                values[name] = "".join(shlex.split(value))
    return values


def find_database_url(settings: Settings) -> str | None:
    """DATABASE_URL, else that of the running `quire up` whose data folder DATA is; None where it is not readable."""
    if settings.database_url:
        return settings.database_url
    try:
        return read_env_file(settings.data / FILE_NAME).get("DATABASE_URL")
    except PermissionError:
        return None


def need_database_url(settings: Settings) -> str:
    """What `find_database_url` finds.

    Raises:
        SettingsError: nothing; the message says what to set.
    """
    url = find_database_url(settings)
    if url is None:
        raise SettingsError(
            "no database: set DATABASE_URL, or DATA to the folder of a running `quire up`"
            f" ({settings.data / FILE_NAME} is not there)"
        )
    return url


def names_embedded_server(data: Path, database_url: str | None) -> bool:
    """Whether an address is that of the embedded server of a data folder: a shell that has sourced the file has it."""
    # On a socket, and a cluster is there: with another server the file has that one's address.
    return (
        database_url is not None
        and (data / f"postgres-{VERSIONS[-1]}").exists()
        and "?host=%2F" in database_url
        and read_env_file(data / FILE_NAME).get("DATABASE_URL") == database_url
    )


def write_env_file(path: Path, values: Mapping[str, str]) -> None:
    """Write variables for a shell to source, readable by the owner only (they are secrets), in one step."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("# Written by `quire up` at each start. For a shell: set -a; . this file; set +a\n")
        file.writelines(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    partial.replace(path)


def base_url(host: str, port: int) -> str:
    """The URL for a client on this machine of a server that listens on ``host``."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def curl_lines(url: str, workspace: str, token: str) -> tuple[str, str, str]:
    """Three commands to copy: create a page, change it, find it. The page's id is new in each answer."""
    page = uuid.uuid4()
    pages = f"{url}/v1/workspaces/{workspace}/pages"
    auth = f"-H 'Authorization: Bearer {token}'"
    document = (
        f'{{"id":"{page}","title":"My first page",'
        '"blocks":[{"id":"intro","type":"paragraph","data":{"text":"Hello from curl"}}]}'
    )
    patch = '[{"op":"replace","path":"/blocks/intro/data/text","value":"An aardvark was here"}]'
    return (
        f"curl -sS {auth} -H 'Content-Type: application/json' {pages} -d '{document}'",
        f"curl -sS {auth} -H 'Content-Type: application/json-patch+json' -H 'If-Match: \"1\"' -X PATCH {pages}/{page}"
        f" -d '{patch}'",
        f"curl -sS {auth} '{url}/v1/workspaces/{workspace}/search?q=aardvark'",
    )
