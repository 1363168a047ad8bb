"""An issuer's keys, on a clock that the test moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.identity import Identity
from app.jwks import FRESH_SECONDS, RETRY_SECONDS, UNKNOWN_SECONDS, Keys, KeysUnreachable
from app.problems import Problem
from app.tests.issuer import AUDIENCE, ISSUER, Issuer, public_jwk, rsa_key, serving
from db.settings import Settings

pytestmark = pytest.mark.once


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Generator[Issuer]:
    with serving(Issuer()) as running:
        yield running


def test_keys_are_fetched_once_and_again_for_an_unknown_one(issuer: Issuer) -> None:
    async def scenario() -> None:
        clock = Clock()
        keys = Keys(issuer.url, clock)
        found = await asyncio.gather(*(keys.find("rsa-1", "RS256") for _ in range(20)))
        assert all(key is not None and key.key_id == "rsa-1" for key in found)
        assert issuer.fetches == 1
        issuer.keys["rsa-2"] = rsa_key()
        issuer.document = issuer.jwks()
        clock.now += UNKNOWN_SECONDS - 0.1
        assert await keys.find("rsa-2", "RS256") is None
        clock.now += 0.1
        found = await asyncio.gather(*(keys.find("rsa-2", "RS256") for _ in range(20)))
        assert all(key is not None for key in found)
        assert issuer.fetches == 2
        assert await keys.find("rsa-3", "RS256") is None
        assert issuer.fetches == 2

    asyncio.run(scenario())


def test_a_withdrawn_key_goes_when_keys_are_fetched_anew(issuer: Issuer) -> None:
    async def scenario() -> None:
        clock = Clock()
        keys = Keys(issuer.url, clock)
        assert await keys.find("rsa-1", "RS256") is not None
        del issuer.keys["rsa-1"]
        issuer.document = issuer.jwks()
        clock.now += FRESH_SECONDS + 1
        assert await keys.find("rsa-1", "RS256") is not None, "nobody waits for the fetch"
        while issuer.fetches < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert await keys.find("rsa-1", "RS256") is None

    asyncio.run(scenario())


def test_while_the_issuer_is_away_known_keys_go_on_and_unknown_ones_are_nobodys_fault(issuer: Issuer) -> None:
    async def scenario() -> None:
        clock = Clock()
        keys = Keys(issuer.url, clock)
        issuer.document = None
        with pytest.raises(KeysUnreachable):
            await keys.find("rsa-1", "RS256")
        with pytest.raises(KeysUnreachable):
            await keys.find("rsa-1", "RS256")
        assert issuer.fetches == 1, "not asked for again at once"
        issuer.document = issuer.jwks()
        clock.now += RETRY_SECONDS
        assert await keys.find("rsa-1", "RS256") is not None
        issuer.document = "not JSON"
        clock.now += UNKNOWN_SECONDS
        assert await keys.find("rsa-1", "RS256") is not None
        with pytest.raises(KeysUnreachable):
            await keys.find("rsa-2", "RS256")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "{}",
        '{"keys": {}}',
        '{"keys": []}',
        '{"keys": [1, {}, {"kty": "oct", "k": "c2VjcmV0"}]}',
        "[" * 100_000,
        '{"keys": [' + " " * (1 << 20) + "]}",
    ],
    ids=range(8),
)
def test_what_is_no_jwks_is_no_key(issuer: Issuer, document: str) -> None:
    issuer.document = document

    async def scenario() -> None:
        with pytest.raises(KeysUnreachable):
            await Keys(issuer.url).find("rsa-1", "RS256")

    asyncio.run(scenario())


def test_a_key_is_used_as_it_says_and_for_signatures_only(issuer: Issuer, tmp_path: Path) -> None:
    key = rsa_key()
    entries = [
        public_jwk(key, "plain"),
        {**public_jwk(key, "encryption"), "use": "enc"},
        {name: value for name, value in public_jwk(key, "any").items() if name != "alg"},
        {"kty": "RSA", "kid": "broken", "n": "AQAB"},
        {**public_jwk(key, "twin")},
        {**public_jwk(rsa_key(), "twin")},
    ]
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": entries}))

    async def scenario() -> None:
        keys = Keys(str(path))
        assert await keys.find("plain", "RS256") is not None
        assert await keys.find("plain", "RS512") is None
        assert await keys.find("plain", "ES256") is None
        assert await keys.find("encryption", "RS256") is None
        assert await keys.find("any", "PS256") is not None
        assert await keys.find("broken", "RS256") is None
        assert await keys.find("twin", "RS256") is None, "of two with one id nobody can say which is meant"
        assert await keys.find(None, "RS256") is None, "without an id there must be one only"

    asyncio.run(scenario())


def test_a_key_that_is_too_short_is_not_believed(tmp_path: Path) -> None:
    issuer = Issuer()
    issuer.keys = {"long": rsa_key(), "short": rsa.generate_private_key(65537, 1024)}
    path = tmp_path / "jwks.json"
    path.write_text(issuer.jwks())
    environ = {"QUIRE_JWT_ISSUER": ISSUER, "QUIRE_JWT_AUDIENCE": AUDIENCE, "QUIRE_JWT_JWKS": str(path)}

    async def scenario() -> None:
        identity = Identity(Settings.from_env(environ))
        subject = await identity.subject(issuer.token("long", sub="s", scope=["write", "fly"]))
        assert subject is not None
        assert (subject.issuer, subject.name, subject.scopes, subject.workspaces) == (ISSUER, "s", ("write",), None)
        with pytest.warns(match="below the minimum"):
            short = issuer.token("short")
        with pytest.raises(Problem) as refused:
            await identity.subject(short)
        assert "too short" in refused.value.detail
        assert await identity.subject("quire_token") is None

    asyncio.run(scenario())
