"""Who sent a request, as far as its network address tells: what requests without a token are counted by.

A socket's address is the truth; headers are what somebody says. They count only where the socket belongs to a trusted
proxy (QUIRE_TRUSTED_PROXIES), and then from the right: each proxy appends whom it heard, so the right-most address that
is not a trusted proxy is the last one that somebody trusted has seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from starlette.datastructures import Headers
from starlette.requests import Request

from db.settings import Network

NO_ADDRESS = "none"
"""Key of all peers without an address, such as those of a Unix socket."""

# RFC 7239: forwarded-pair = token "=" ( token / quoted-string )
_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^\s;"]*))\s*(?=;|$)', re.IGNORECASE)
_WITH_PORT = re.compile(r"^(?:\[([^\]]+)\]|([0-9.]+))(?::[0-9]+)?$")


def peer(request: Request, trusted: Sequence[Network]) -> str:
    """The key of a request's peer: an IPv4 address, the /64 of an IPv6 one, or NO_ADDRESS.

    Args:
        request: its socket, X-Forwarded-For and Forwarded count.
        trusted: networks of proxies that are believed.
    """
    address = _address(request.client.host) if request.client is not None else None
    if address is None:
        return NO_ADDRESS
    if _is_in(address, trusted):
        address = _forwarded(request.headers, address, trusted)
    return address_key(address)


def address_key(address: IPv4Address | IPv6Address) -> str:
    """The address, an IPv6 one by its /64: one household or host has all of those."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address) >> 64 << 64, 64)))


def _forwarded(
    headers: Headers, proxy: IPv4Address | IPv6Address, trusted: Sequence[Network]
) -> IPv4Address | IPv6Address:
    """Whom the proxies heard. Where the two headers tell different stories, one is the client's: the proxy counts."""
    told: list[IPv4Address | IPv6Address] = []
    for texts in (_x_forwarded_for(headers), _forwarded_for(headers)):
        if not texts:
            continue
        found = proxy
        for text in reversed(texts):
            address = _address(text)
            if address is None:
                break  # "unknown", an obfuscated name: what stands before it nobody vouches for
            found = address
            if not _is_in(address, trusted):
                break
        told.append(found)
    return told[0] if len(set(told)) == 1 else proxy


def _x_forwarded_for(headers: Headers) -> list[str]:
    return [text for line in headers.getlist("x-forwarded-for") for text in line.split(",")]


def _forwarded_for(headers: Headers) -> list[str]:
    """Source: https://www.rfc-editor.org/rfc/rfc7239#section-4"""
    elements = [element for line in headers.getlist("forwarded") for element in line.split(",")]
    return [(found[1] or found[2] or "") if (found := _FOR.search(element)) else "" for element in elements]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Out of an address with or without port and brackets; IPv4 in IPv6 is IPv4."""
    text = text.strip().strip('"')
    if len(text) > 100:
        return None
    found = _WITH_PORT.match(text)
    try:
        address = ip_address((found[1] or found[2] if found else text).partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _is_in(address: IPv4Address | IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
