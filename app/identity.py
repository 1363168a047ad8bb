"""Whose JWT a request brings, as far as it can be told without the database.

Quire's own tokens are looked up by api.admit with each request, in the call that counts it: revoking one counts at
once. Floods of bad ones end at the policy `anonymous`, whose refusals app.limiter remembers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import jwt

from app.jwks import Keys, KeysUnreachable
from app.problems import Problem, unavailable
from db.settings import Settings

LEEWAY = 30  # seconds that our clock and the issuer's may differ
_MAX_LENGTH = 8_192  # below what app/guard.py takes of all headers
_JWT = jwt.PyJWT({"enforce_minimum_key_length": True})
_GIVEN_BY_CLAIM = frozenset({"read", "write", "metrics"})

_REASONS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "it has expired"),
    (jwt.ImmatureSignatureError, "it is not valid yet"),
    (jwt.InvalidAudienceError, "it is for another audience"),
    (jwt.InvalidIssuerError, "it is of another issuer"),
    (jwt.InvalidSignatureError, "its signature is not its issuer's"),
    (jwt.InvalidKeyError, "its issuer's key is too short or cannot be used"),
)


@dataclass(frozen=True)
class Subject:
    """Whom a verified JWT is about.

    Attributes:
        issuer: claim iss.
        name: its subject: the claim of QUIRE_JWT_USER_CLAIM.
        scopes: of read, write and metrics, those that it gives.
        workspaces: that it narrows its user to; None: no claim narrows.
    """

    issuer: str
    name: str
    scopes: tuple[str, ...]
    workspaces: frozenset[UUID] | None


class Identity:
    """What the requests of one process share about who sends them."""

    def __init__(self, settings: Settings) -> None:
        """Args: settings: without QUIRE_JWT_ISSUER there are no JWTs."""
        self._settings = settings
        self._keys = Keys(settings.jwt_jwks) if settings.jwt_jwks is not None else None

    async def subject(self, token: str) -> Subject | None:
        """Whom a JWT is about; None for what is none: a token of Quire's own, or no JWTs are taken.

        Raises:
            Problem: 401 for one that must not be believed, 503 where no key is known to check it with.
        """
        if self._keys is None or token.count(".") != 2:
            return None
        if len(token) > _MAX_LENGTH:
            raise invalid("it is longer than any that is taken")
        try:
            claims = await self._verified(token, self._keys)
        except jwt.MissingRequiredClaimError as error:
            raise invalid(f"it lacks the claim {error.claim}") from None
        except jwt.PyJWTError as error:
            raise invalid(
                next((text for kind, text in _REASONS if isinstance(error, kind)), "it cannot be read")
            ) from None
        return self._read(claims)

    async def _verified(self, token: str, keys: Keys) -> dict[str, Any]:
        settings = self._settings
        header = jwt.get_unverified_header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        # Before any key is looked at: `none` and HMAC, which would take the public key for a secret, never get further.
        if algorithm not in settings.jwt_algorithms:
            raise invalid("its algorithm is not taken")
        if "crit" in header:
            raise invalid("it has critical extensions, and none is known")
        if key_id is not None and not isinstance(key_id, str):
            raise invalid("it cannot be read")
        try:
            key = await keys.find(key_id, algorithm)
        except KeysUnreachable:
            raise unavailable(
                "identity_unavailable", "the keys of the tokens' issuer cannot be read: repeat the request", None, 5
            ) from None
        if key is None:
            raise invalid("its key is not among its issuer's")
        return _JWT.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "iss", "aud"]},
        )

    def _read(self, claims: Mapping[str, Any]) -> Subject:
        settings = self._settings
        name = claims.get(settings.jwt_user_claim)
        if not isinstance(name, str) or not 1 <= len(name) <= 255 or not name.isprintable():
            raise invalid(f"its claim {settings.jwt_user_claim} names nobody")
        given = _words(claims.get(settings.jwt_scopes_claim))
        assert settings.jwt_issuer is not None
        workspaces: frozenset[UUID] | None = None
        if settings.jwt_workspaces_claim is not None:
            # Without the claim none, not all: a token that says nothing opens nothing.
            workspaces = frozenset(filter(None, map(_uuid, _words(claims.get(settings.jwt_workspaces_claim)))))
        return Subject(settings.jwt_issuer, name, tuple(sorted(_GIVEN_BY_CLAIM.intersection(given))), workspaces)


def invalid(reason: str) -> Problem:
    """401 for a JWT."""
    return Problem(
        401,
        "token_invalid",
        f"the token is refused: {reason}",
        headers={"WWW-Authenticate": 'Bearer realm="quire", error="invalid_token"'},
    )


def _words(value: object) -> list[str]:
    """A claim that is a list of words, or one string of them with spaces between (RFC 8693 4.2)."""
    if isinstance(value, str):
        return value.split()
    return [word for word in cast("list[object]", value) if isinstance(word, str)] if isinstance(value, list) else []


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
