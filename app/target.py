"""Where a command of the command line sends its requests: which server, workspace and token."""

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from app.quickstart import FILE_NAME, read_env_file


class TargetError(Exception):
    """The target is not named, or not well; the message is for people."""


@dataclass(frozen=True)
class Target:
    """Where a command sends its requests."""

    url: str
    token: str = field(repr=False)
    workspace: str


def add_target_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that say which server and workspace a command talks to."""
    group = parser.add_argument_group(
        "server", f"Each is taken from the environment when not given, or else from $DATA/{FILE_NAME} of `quire up`."
    )
    group.add_argument("--url", help="base URL of the API (QUIRE_URL)")
    group.add_argument("--token", help="access token (QUIRE_ADMIN_TOKEN, else QUIRE_TOKEN)")
    group.add_argument("--workspace", metavar="ID", help="id of the workspace (QUIRE_WORKSPACE)")


def find_target(args: argparse.Namespace) -> Target:
    """The target out of options, environment and quickstart.env, in this order.

    The file's values belong to the file's server: with another URL they are not used, so that no token goes astray.

    Raises:
        TargetError: something is missing; the message names it.
    """
    file = Path(os.environ.get("DATA") or "./.data") / FILE_NAME
    try:
        quickstart = read_env_file(file)
    except OSError:
        quickstart = {}
    url = args.url or os.environ.get("QUIRE_URL") or quickstart.get("QUIRE_URL", "")
    if url.rstrip("/") != quickstart.get("QUIRE_URL", "").rstrip("/"):
        quickstart = {}
    sources = (os.environ, quickstart)
    tokens = [source.get(name) for source in sources for name in ("QUIRE_ADMIN_TOKEN", "QUIRE_TOKEN")]
    token = args.token or next((value for value in tokens if value), "")
    workspaces = (source.get("QUIRE_WORKSPACE") for source in sources)
    workspace = args.workspace or next((value for value in workspaces if value), "")
    for value, option, variable in (
        (url, "--url", "QUIRE_URL"),
        (token, "--token", "QUIRE_ADMIN_TOKEN"),
        (workspace, "--workspace", "QUIRE_WORKSPACE"),
    ):
        if not value:
            raise TargetError(f"{option} is missing: give it, set {variable}, or start `quire up`, which writes {file}")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TargetError(f"--url must be like http://127.0.0.1:8000, not {url}")
    return Target(url, token, workspace)
