"""Logs: one line of JSON an event."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from db import logs

pytestmark = pytest.mark.once


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("api", "info", stream)
    yield stream
    root.handlers[:], root.level = handlers, level


def test_an_event_is_one_line_with_its_extras(stream: io.StringIO) -> None:
    logging.getLogger("x").info("saved\n%s", "page", extra={"ms": 3, "at": object})
    logging.getLogger("x").debug("not shown")
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert event["event"] == "saved\npage" and event["ms"] == 3 and event["at"] == "<class 'object'>"
    assert (event["level"], event["service"], event["logger"]) == ("info", "api", "x")
    assert event["time"].endswith("Z")


def test_an_exception_is_in_the_same_line(stream: io.StringIO) -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("x").exception("failed")
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert event["error"] == "ValueError: broken" and "Traceback" in event["traceback"]
