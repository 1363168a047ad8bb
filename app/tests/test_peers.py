"""Whose address counts: the socket's, and what trusted proxies say."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from starlette.requests import Request

from app.peers import peer
from db.settings import Settings, SettingsError

pytestmark = pytest.mark.once

TRUSTED = "10.0.0.0/8, 192.0.2.7, fd00::/8"


def key(
    host: str | None, headers: Mapping[str, str] | list[tuple[str, str]] | None = None, trusted: str = TRUSTED
) -> str:
    pairs = list(headers.items()) if isinstance(headers, Mapping) else headers or []
    scope = {
        "type": "http",
        "client": None if host is None else (host, 4711),
        "headers": [(name.lower().encode(), value.encode()) for name, value in pairs],
    }
    return peer(Request(scope), Settings.from_env({"QUIRE_TRUSTED_PROXIES": trusted}).trusted_proxies)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("198.51.100.9", "198.51.100.9"),
        ("::ffff:198.51.100.9", "198.51.100.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "none"),
        ("", "none"),
        ("testclient", "none"),
    ],
)
def test_the_socket_is_the_peer(host: str | None, expected: str) -> None:
    assert key(host) == expected


@pytest.mark.parametrize(
    ("host", "headers", "expected"),
    [
        # Not from a trusted proxy: nothing it says counts.
        ("198.51.100.9", {"X-Forwarded-For": "203.0.113.1"}, "198.51.100.9"),
        ("198.51.100.9", {"Forwarded": "for=203.0.113.1"}, "198.51.100.9"),
        # The right-most that is no proxy of ours; what stands before it is the client's own story.
        ("10.1.1.1", {"X-Forwarded-For": "203.0.113.1"}, "203.0.113.1"),
        ("10.1.1.1", {"X-Forwarded-For": "6.6.6.6, 203.0.113.1, 10.2.2.2"}, "203.0.113.1"),
        ("10.1.1.1", {"X-Forwarded-For": "6.6.6.6,203.0.113.1:5678"}, "203.0.113.1"),
        ("10.1.1.1", [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "203.0.113.1")], "203.0.113.1"),
        ("fd00::1", {"X-Forwarded-For": "2001:db8::1"}, "2001:db8::/64"),
        ("fd00::1", {"X-Forwarded-For": "[2001:db8::1]:443"}, "2001:db8::/64"),
        ("::ffff:10.1.1.1", {"X-Forwarded-For": "203.0.113.1"}, "203.0.113.1"),
        # Only proxies, or nothing that can be read: the last that is known.
        ("10.1.1.1", {}, "10.1.1.1"),
        ("10.1.1.1", {"X-Forwarded-For": "10.3.3.3, 10.2.2.2"}, "10.3.3.3"),
        ("10.1.1.1", {"X-Forwarded-For": "203.0.113.1, unknown"}, "10.1.1.1"),
        ("10.1.1.1", {"X-Forwarded-For": "203.0.113.1, unknown, 10.2.2.2"}, "10.2.2.2"),
        ("10.1.1.1", {"X-Forwarded-For": "203.0.113.1,"}, "10.1.1.1"),
        ("10.1.1.1", {"X-Forwarded-For": "1" * 5000}, "10.1.1.1"),
        # RFC 7239
        ("10.1.1.1", {"Forwarded": "for=203.0.113.1"}, "203.0.113.1"),
        ("10.1.1.1", {"Forwarded": "for=6.6.6.6, For=203.0.113.1;proto=https;by=10.9.9.9"}, "203.0.113.1"),
        ("10.1.1.1", {"Forwarded": 'proto=http; for="[2001:db8:cafe::17]:4711"'}, "2001:db8:cafe::/64"),
        ("10.1.1.1", {"Forwarded": 'for="203.0.113.1:80", for=10.2.2.2'}, "203.0.113.1"),
        ("10.1.1.1", {"Forwarded": "for=203.0.113.1, for=_hidden"}, "10.1.1.1"),
        ("10.1.1.1", {"Forwarded": "by=203.0.113.1"}, "10.1.1.1"),
        # Two stories: a proxy writes one of the headers, so the other is its client's.
        ("10.1.1.1", {"Forwarded": "for=203.0.113.1", "X-Forwarded-For": "203.0.113.1"}, "203.0.113.1"),
        ("10.1.1.1", {"Forwarded": "for=6.6.6.6", "X-Forwarded-For": "203.0.113.1"}, "10.1.1.1"),
    ],
)
def test_what_proxies_say(host: str, headers: Mapping[str, str] | list[tuple[str, str]], expected: str) -> None:
    assert key(host, headers) == expected


def test_no_proxy_is_trusted_unless_said() -> None:
    assert key("127.0.0.1", {"X-Forwarded-For": "203.0.113.1"}, trusted="") == "127.0.0.1"


def test_the_setting_is_checked() -> None:
    with pytest.raises(SettingsError, match="QUIRE_TRUSTED_PROXIES"):
        Settings.from_env({"QUIRE_TRUSTED_PROXIES": "10.0.0.0/8, proxy.example"})
    settings = Settings.from_env({"QUIRE_TRUSTED_PROXIES": "10.1.2.3/8,::1"})
    assert settings.masked()["trusted_proxies"] == "10.0.0.0/8, ::1/128"
