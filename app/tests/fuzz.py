"""A corpus of requests that nobody would send on purpose: bodies, parameters, headers, bytes that are no HTTP. Seeded.

The bodies follow JSONTestSuite (what a parser must take, must refuse, and may do either with): written out here, cut
short at every byte, nested deep, blown up, with bytes changed, with values of other types at every place.
"""

# ruff: noqa: E501 - tables

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

SEED = 20260501
SIZE = 10_500

NO_JSON = [
    b"", b" ", b"\n", b"[", b"]", b"{", b"}", b"[}", b"{]", b"[1,]", b"[,1]", b"[1,,2]", b"[1 2]", b"[1", b'{"a"}', b'{"a":}',
    b'{"a" 1}', b'{"a":1,}', b"{a:1}", b"{'a':1}", b"{1:1}", b'{"a":1 "b":2}', b'{"a":1}}', b'{"a":1}#', b"{}//x", b"{}/**/",
    b'"', b'"a', b"'a'", b'"\\x00"', b'"\\u12"', b'"\\u"', b'"\\uZZZZ"', b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\u0041"',
    b'"\\ud800\\ud800"', b'"\\u0000"', b'"\\a"', b'"\\"', b'"\\', b'"\t"', b'"\n"', b'"\x01"', b'"\x00"', b'"\x7f"', b'"\xff"',
    b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00",
    b"nul", b"tru", b"NaN", b"Infinity", b"-Infinity", b"undefined", b"True", b"None", b"01", b"-01", b"1.", b".1", b"-.1",
    b"1e", b"1e+", b"1E-", b"0x1", b"1_0", b"+1", b"--1", b"1e1.5", b"1 000", b"\xd9\xa1", b"{}{}", b"[][]", b"1 1",
    b'{"a":1,"a":2}', b'{"":1,"":1}', b'{"a":{"b":1,"b":1}}', b"\x1f\x8b\x08", b"<a/>", b"title=x", b"\x00", b"\xef\xbf\xbf",
]  # fmt: skip
ODD_JSON: list[Any] = [
    None, True, False, 0, -0.0, 1, -1, 1.5, 1e300, 2**31, 2**63, 2**64, "", " ", "a", "\u200b", "\ufeff", "\U0001f600",
    "\uffff", "x" * 300, "/", "~", "~2", "..", "9", "-", "__proto__", "null", [], [[]], [None], {}, {"": ""}, {"a": []},
    {"op": "add"}, {"$ref": "#"}, "00000000-0000-0000-0000-000000000000", "' or 1=1", "%00", "\\", "\r\n", "<script>",
]  # fmt: skip
LONG_NUMBERS = [
    "1e131071",
    "1e-131071",
    "1e400",
    "1e401",
    "-1e99999999999999999999",
    "0." + "0" * 600 + "1",
    "9" * 2000,
    "1" + "0" * 20_000,
    "0e1",
    "1E+2",
]
WORDS = ["", "0", "1", "-1", "1.0", "1e3", "NaN", "99999999999999999999", "7d", "0d", "99999w", "a b", "%00", "%ff", "%ed%a0%80",
         "*", '"1"', "W/", "text", "vector", "[]", "{}", '{"a":1}', '{"a":"%5Cu0000"}', "[" * 300, "\u00e9", "+", "&", "=", ";",
         "null", "a" * 1200, "-x", '"', "or or or", "<->", "( & |", ":*", "!", "\\", "'"]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One input. `path` is below the workspace and may have {page}; `raw` stands for all of it where it is set."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    raw: bytes | None = None


def corpus(size: int = SIZE) -> Iterator[Case]:
    """So many cases, the same each time."""
    chance = random.Random(SEED)
    makers: list[tuple[int, Callable[[random.Random], Case]]] = [
        (14, _no_json), (10, _cut), (14, _odd_value), (10, _bytes_changed), (7, _deep), (5, _numbers), (2, _huge),
        (12, _patch), (12, _query), (9, _headers), (5, _raw),
    ]  # fmt: skip
    weights, functions = zip(*makers, strict=True)
    # Every written-out body on every route first, then by chance.
    first = [
        _sent(route, value) for route in ROUTES for value in [*NO_JSON, *(json.dumps(v).encode() for v in ODD_JSON)]
    ]
    yield from first[:size]
    for _ in range(size - len(first)):
        yield chance.choices(functions, weights)[0](chance)


BLOCK = {"id": "intro", "type": "paragraph", "data": {"text": "Tides", "n": [1, {"a": None}]}}
DOCUMENT: dict[str, Any] = {"title": "Tides", "properties": {"tags": ["a", "b"]}, "blocks": [BLOCK]}
OPERATIONS: list[Any] = [
    {"op": "test", "path": "/title", "value": "Tides"},
    {"op": "add", "path": "/blocks/-", "value": {"type": "code", "data": {"text": "x"}}},
    {"op": "replace", "path": "/blocks/0/data/text", "value": "y"},
    {"op": "move", "from": "/blocks/0", "path": "/blocks/-"},
    {"op": "copy", "from": "/properties", "path": "/properties/copy"},
    {"op": "remove", "path": "/properties/tags/0"},
]
JSON, PATCH, MERGE = "application/json", "application/json-patch+json", "application/merge-patch+json"
ROUTES: list[tuple[str, str, str, Any]] = [
    ("POST", "/pages", JSON, DOCUMENT),
    ("PUT", "/pages/{page}", JSON, DOCUMENT),
    ("PATCH", "/pages/{page}", PATCH, OPERATIONS),
    ("PATCH", "/pages/{page}", MERGE, {"title": "x", "properties": {"tags": None}}),
    ("POST", "/pages:batch", JSON, {"atomic": False, "patches": [
        {"page_id": "00000000-0000-4000-8000-000000000000", "base_version": 1, "patch": OPERATIONS}]}),
    ("POST", "/pages/{page}/restore", JSON, {"version": 1}),
    ("PUT", "/pages/{page}/versions/name", JSON, {"version": 1}),
]  # fmt: skip
QUERIES = [
    ("/pages", ("limit", "cursor", "updated_within")),
    ("/pages/{page}", ("version", "since")),
    ("/pages/{page}/changes", ("since", "limit")),
    ("/pages/{page}/diff", ("from", "to")),
    ("/search", ("q", "mode", "contains", "limit")),
]


def _sent(route: tuple[str, str, str, Any], body: bytes, **headers: str) -> Case:
    method, path, kind, _ = route
    return Case(method, path, {"Content-Type": kind, "If-Match": "*", **headers}, body)


def _no_json(chance: random.Random) -> Case:
    """No JSON, inside of something that is."""
    inner = chance.choice(NO_JSON)
    around = chance.choice(
        [b"%s", b"[%s]", b'{"title": %s}', b'{"blocks": [%s]}', b'[{"op": "add", "path": "/title", "value": %s}]']
    )
    return _sent(chance.choice(ROUTES), around.replace(b"%s", inner))


def _cut(chance: random.Random) -> Case:
    route = chance.choice(ROUTES)
    body = json.dumps(route[3], ensure_ascii=False).encode()
    return _sent(route, body[: chance.randrange(len(body))])


def _bytes_changed(chance: random.Random) -> Case:
    route = chance.choice(ROUTES)
    body = bytearray(json.dumps(route[3]).encode())
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(body))
        change = chance.randrange(4)
        if change == 0:
            body[place] = chance.randrange(256)
        elif change == 1:
            del body[place]
        elif change == 2:
            body.insert(place, chance.choice(b'{}[]",:\\0-eE.\x00\xff'))
        else:
            body[place:place] = body[: chance.randrange(1, 40)]
    return _sent(route, bytes(body))


def _odd_value(chance: random.Random) -> Case:
    """A value of another kind, or a member more or less, somewhere."""
    route = chance.choice(ROUTES)
    return _sent(route, json.dumps(_changed(chance, route[3])).encode("utf-8", "surrogatepass"))


def _changed(chance: random.Random, value: Any) -> Any:
    if not value or not isinstance(value, (dict, list)) or chance.random() < 0.25:
        return chance.choice(ODD_JSON)
    if isinstance(value, dict):
        copy: dict[str, Any] = dict(value)  # pyright: ignore[reportUnknownArgumentType]
        name = chance.choice(list(copy))
        change = chance.random()
        if change < 0.1:
            del copy[name]
        elif change < 0.2:
            copy[str(chance.choice(ODD_JSON))[:80]] = chance.choice(ODD_JSON)
        else:
            copy[name] = _changed(chance, copy[name])
        return copy
    items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
    place = chance.randrange(len(items))
    change = chance.random()
    if change < 0.1:
        del items[place]
    elif change < 0.2:
        items *= chance.choice([2, 5, 120])
    else:
        items[place] = _changed(chance, items[place])
    return items


def _deep(chance: random.Random) -> Case:
    levels = chance.choice([60, 63, 64, 65, 66, 100, 127, 128, 129, 1000, 6000, 50_000])
    opening, closing = chance.choice([(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
    body = opening * levels + b"1" + closing * (levels if chance.random() < 0.7 else chance.randrange(levels))
    around = chance.choice(
        [b"%s", b'{"properties": {"a": %s}}', b'[{"op": "add", "path": "/properties/a", "value": %s}]']
    )
    return _sent(chance.choice(ROUTES), around.replace(b"%s", body))


def _numbers(chance: random.Random) -> Case:
    number = chance.choice(LONG_NUMBERS).encode()
    around = chance.choice(
        [b'{"properties": {"n": %s}}', b'{"version": %s}', b'[{"op": "add", "path": "/properties/n", "value": %s}]',
         b'{"patches": [{"page_id": %s}]}', b'{"patches": [{"base_version": %s}]}', b"%s", b"[%s]"]
    )  # fmt: skip
    return _sent(chance.choice(ROUTES), around.replace(b"%s", number))


def _huge(chance: random.Random) -> Case:
    route = chance.choice(ROUTES)
    size = chance.choice([200_000, 1_000_000, 1_048_576, 1_048_577, 1_500_000])
    filler = chance.choice([b"[", b" ", b'"', b"\\", b"9", b"{}", b'"a",', b"\xff", b"\xf0\x9f\x98\x80"])
    around = chance.choice([b"%s", b'{"title": "%s"}', b"[%s]", b'{"a": %s}'])
    return _sent(route, around.replace(b"%s", filler * (size // len(filler))))


def _patch(chance: random.Random) -> Case:
    tokens = ["", "blocks", "title", "properties", "0", "1", "-", "intro", "data", "text", "tags", "~0", "~1", "~2", "01", "1e0",
              "-1", "99999999999999999999", "id", "version", "\u00e9", "x" * 200]  # fmt: skip

    def pointer() -> str:
        return "".join("/" + chance.choice(tokens) for _ in range(chance.randint(0, chance.choice([2, 4, 4, 80]))))

    operations: list[Any] = []
    count = chance.choice([1, 1, 2, 3, 8, 40, 1001])
    for _ in range(min(count, 40)):
        one: dict[str, Any] = {
            "op": chance.choice(["add", "remove", "replace", "move", "copy", "test", "ADD", ""]),
            "path": pointer(),
        }
        if chance.random() < 0.6:
            one["value"] = chance.choice(ODD_JSON)
        if chance.random() < 0.5:
            one["from"] = pointer()
        operations.append(one)
    body = json.dumps([operations[place % 40] for place in range(count)]).encode()
    if chance.random() < 0.3:
        return _sent(ROUTES[4], b'{"atomic": %s, "patches": [{"page_id": "{page}", "if_match": "*", "patch": %s}]}'
                     .replace(b"%s", chance.choice([b"true", b"false"]), 1).replace(b"%s", body, 1))  # fmt: skip
    return _sent(ROUTES[2], body)


def _query(chance: random.Random) -> Case:
    path, names = chance.choice(QUERIES)
    pairs = [
        f"{chance.choice([*names, *names, 'x', ''])}={quote(chance.choice(WORDS), safe='%')}"
        for _ in range(chance.randint(0, 4))
    ]
    page = chance.choice(["{page}", "{page}", "{page}", quote(chance.choice(WORDS), safe="%")])
    return Case("GET", path.replace("{page}", page) + "?" + chance.choice(["&", "&", ";", "&&"]).join(pairs))


def _headers(chance: random.Random) -> Case:
    names = ["If-Match", "If-None-Match", "Content-Type", "Content-Encoding", "Accept", "Accept-Encoding", "Prefer", "Expect",
             "Idempotency-Key", "Quire-Priority", "X-Request-Id", "Range", "Origin", "Cookie", "Forwarded", "Upgrade", "TE"]  # fmt: skip
    values = ["", "*", '"1"', '"1", "2"', 'W/"1"', '"', "a,b;c=d;q=x", "gzip", "gzip;q=", "application/json; charset=utf-16", "x" * 3000,
              "return=minimal", "return=x; y", "100-continue", "bytes=0-", "\u00e9\u00ff", "a\tb", ",,,", "h2c", "interactive", ";", "="]  # fmt: skip
    method, path, kind, body = chance.choice(ROUTES)
    headers = {"Content-Type": kind, "If-Match": "*"}
    for _ in range(chance.choice([1, 2, 3, 120])):
        name = chance.choice(names)
        if chance.random() < 0.1:
            name = f"X-{chance.randrange(500)}"
        headers[name] = chance.choice(values)
    if chance.random() < 0.4:
        return Case("GET", path.split("/restore")[0].split("/versions")[0].replace(":batch", ""), headers)
    return Case(method, path, headers, json.dumps(body).encode())


def _raw(chance: random.Random) -> Case:
    head = bytearray(
        b"POST {base}/pages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    )
    shape = chance.randrange(7)
    if shape == 0:
        return Case("", "", raw=bytes(chance.randrange(256) for _ in range(chance.randint(1, 300))) + b"\r\n\r\n")
    if shape == 1:
        for _ in range(chance.randint(1, 4)):
            head[chance.randrange(len(head))] = chance.randrange(256)
        return Case("", "", raw=bytes(head) + b"Content-Length: 2\r\n\r\n{}")
    framing = chance.choice(
        [b"Content-Length: 2\r\nContent-Length: 3", b"Content-Length: x", b"Content-Length: 0x2", b"Content-Length:",
         b"Transfer-Encoding: chunked\r\nContent-Length: 2", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunke",
         b"Content-Length: 2, 2", b"Content-Length: 18446744073709551617", b"Transfer-Encoding: chunked"]
    )  # fmt: skip
    body = chance.choice(
        [
            b"{}",
            b"2\r\n{}\r\n0\r\n\r\n",
            b"zz\r\n{}",
            b"-1\r\n",
            b"2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n",
            b"0\r\n\r\n",
            b"2\r\n{}xx",
        ]
    )
    return Case("", "", raw=bytes(head) + framing + b"\r\n\r\n" + body)
