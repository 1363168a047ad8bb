"""What the modules of commands share: the type of the object that ``add_parser`` gets, and types of arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    # argparse has no public name for it
    Subparsers: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # pyright: ignore[reportPrivateUsage]
else:
    Subparsers = object


def number(least: int, most: int) -> Callable[[str], int]:
    """An argument's type: a number between two, both included."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.removeprefix("-").isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"takes a number from {least} to {most}, not {text!r}")
        return int(text)

    return parse
