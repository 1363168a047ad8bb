"""An issuer of JWTs for tests: real keys, and a JWKS served on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://id.example", "quire"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def public_jwk(key: PrivateKey, key_id: str) -> dict[str, Any]:
    """The public half as a JWK."""
    if isinstance(key, rsa.RSAPrivateKey):
        made = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"alg": "RS256"}
    else:
        made = ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"alg": "ES256"}
    return made | {"kid": key_id, "use": "sig"}


class Issuer:
    """Signs tokens; serves what ``document`` is.

    Attributes:
        keys: by id; the first one signs unless told otherwise.
        document: body of the JWKS; None answers 500.
        fetches: how often it was asked for.
    """

    def __init__(self) -> None:
        self.keys: dict[str, PrivateKey] = {"rsa-1": rsa_key(), "ec-1": ec.generate_private_key(ec.SECP256R1())}
        self.document: str | None = self.jwks()
        self.fetches = 0
        self.url = ""

    def jwks(self) -> str:
        return json.dumps({"keys": [public_jwk(key, key_id) for key_id, key in self.keys.items()]})

    def token(self, key_id: str = "rsa-1", *, key: PrivateKey | None = None, headers: Any = None, **claims: Any) -> str:
        """A token that is good, but for what is given; a claim that is None is left out."""
        key = key or self.keys[key_id]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        payload = {name: value for name, value in (default_claims() | claims).items() if value is not None}
        return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": key_id, **(headers or {})})

    def hmac_token(self, key_id: str = "rsa-1") -> str:
        """Signed with the public key as an HMAC secret, which a verifier that believes ``alg`` would take."""
        secret = self.keys[key_id].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signed = f"{part({'alg': 'HS256', 'kid': key_id})}.{part(default_claims())}"
        return f"{signed}.{encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def default_claims() -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": f"s-{uuid.uuid4()}",
        "scope": "read write",
        "exp": now + 600,
        "iat": now,
        "nbf": now,
    }


def part(value: object) -> str:
    return encoded(json.dumps(value).encode())


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@contextmanager
def serving(issuer: Issuer) -> Generator[Issuer]:
    """Serve the JWKS on a free port of loopback; sets ``url``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += 1
            body = (issuer.document or "").encode()
            self.send_response(500 if issuer.document is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    issuer.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
