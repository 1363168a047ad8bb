import importlib
import importlib.util
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from app import quickstart
from app.cli import COMMANDS, PROCESSES, main
from db.settings import as_role

pytestmark = pytest.mark.once


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["--help"])
    assert done.value.code == 0
    shown = capsys.readouterr().out
    for name, (_, summary) in (COMMANDS | PROCESSES).items():
        assert name in shown
        assert summary.split(",")[0] in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main([name, "--help"])
    assert done.value.code == 0
    assert f"quire {name}" in capsys.readouterr().out
    assert callable(importlib.import_module(COMMANDS[name][0]).run)


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_has_a_module_and_help_by_its_own_name(name: str) -> None:
    assert importlib.util.find_spec(PROCESSES[name][0]) is not None
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", name, "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith(f"usage: quire {name} ")


def test_version_and_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert re.fullmatch(r"quire \d+\.\d+\.\d+\n", capsys.readouterr().out)
    assert main([]) == 2


def test_a_wrong_setting_is_a_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "many")
    assert main(["up"]) == 2
    assert "PORT is 'many'" in capsys.readouterr().err


def test_a_taken_port_is_named_before_anything_starts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for name, value in (("PORT", str(port)), ("HOST", "127.0.0.1"), ("DATA", str(tmp_path / "data"))):
            monkeypatch.setenv(name, value)
        assert main(["up"]) == 1
    assert f"port {port}" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_an_unreachable_database_is_named_without_its_password(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"postgresql://me:hunter2@127.0.0.1:{port}/quire"
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "doctor"],
        env={**os.environ, "DATABASE_URL": address, "DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert f"port={port}" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_quickstart_file_is_private_and_a_shell_reads_what_we_wrote(tmp_path: Path) -> None:
    path = tmp_path / "quickstart.env"
    values = {"QUIRE_URL": "http://127.0.0.1:8000", "DATABASE_URL": "postgresql://u:it's & $more@h/q?a=b c"}
    quickstart.write_env_file(path, {"QUIRE_URL": "old"})
    quickstart.write_env_file(path, values)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert quickstart.read_env_file(path) == values
    shell = 'set -a; . "$1"; exec "$2" -c "import json, os; print(json.dumps(dict(os.environ)))"'
    shown = subprocess.run(["sh", "-c", shell, "sh", path, sys.executable], capture_output=True, text=True, check=True)
    assert values.items() <= json.loads(shown.stdout).items()
    assert quickstart.read_env_file(tmp_path / "none") == {}
    assert [file.name for file in tmp_path.iterdir()] == ["quickstart.env"]


def test_base_url_is_one_that_a_client_can_open() -> None:
    assert quickstart.base_url("0.0.0.0", 80) == "http://127.0.0.1:80"
    assert quickstart.base_url("::", 80) == "http://[::1]:80"


def test_curl_lines_are_shell_commands_with_valid_json() -> None:
    lines = quickstart.curl_lines("http://127.0.0.1:1", str(uuid.uuid4()), "token")
    for line in lines:
        shown = subprocess.run(
            ["sh", "-c", f'curl() {{ printf "%s\\n" "$@"; }}; {line}'], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        assert "Authorization: Bearer token" in shown
        if "-d" in shown:
            assert json.loads(shown[shown.index("-d") + 1])


def test_interrupt_is_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_args: object) -> int:
        signal.raise_signal(signal.SIGINT)
        return 0

    monkeypatch.setattr("app.doctor.run", interrupted)
    assert main(["doctor"]) == 130


@pytest.mark.parametrize(
    "command", ["purge", "purge --dry-run", "schedule", "schedule procrastinate", "token list", "user list"]
)
def test_what_a_login_may_not_do_is_a_sentence(database: str, command: str) -> None:
    refused(as_role(database, "quire_api"), command, "the login has not the rights for that")


@pytest.mark.parametrize(
    "command",
    ["purge --dry-run", "schedule", "reembed --status", "indexing state", "limits list", "token list", "user list"],
)
def test_a_database_that_was_not_migrated_is_a_sentence(empty_database: str, command: str) -> None:
    refused(empty_database, command, "is `quire migrate` still to be run?")


def refused(conninfo: str, command: str, reason: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")}
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *command.split()],
        env={**env, "DATABASE_URL": conninfo}, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (done.returncode, reason in done.stderr, "Traceback" in done.stderr) == (1, True, False), done.stderr
