"""The README's settings table says what db/settings.py says, no more and no less."""

from pathlib import Path

from db.settings import SETTINGS_HELP

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_settings_table_is_true() -> None:
    lines = [
        line
        for line in README.read_text(encoding="utf-8").splitlines()
        if line.startswith(("| `QUIRE_", "| `P", "| `H", "| `D"))
    ]
    expected = [f"| `{one.name}` | {one.default or '-'} | {one.meaning} |" for one in SETTINGS_HELP]
    assert lines == expected
