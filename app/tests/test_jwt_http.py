"""JWTs as bearer tokens, over HTTP against a real process that fetches a JWKS from a real issuer."""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.tests.issuer import AUDIENCE, ISSUER, Issuer, default_claims, encoded, part, rsa_key, serving
from app.tests.processes import Api, running_api

pytestmark = pytest.mark.once


def settings(issuer: Issuer, **more: str) -> dict[str, str]:
    return {
        "QUIRE_JWT_ISSUER": ISSUER,
        "QUIRE_JWT_AUDIENCE": AUDIENCE,
        "QUIRE_JWT_JWKS": issuer.url,
        **more,
    }


@pytest.fixture(scope="module")
def issuer() -> Generator[Issuer]:
    with serving(Issuer()) as running:
        yield running


@pytest.fixture(scope="module")
def api(database: str, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Api]:
    """One that takes JWTs, whose claim `spaces` names workspaces."""
    more = {"QUIRE_JWT_WORKSPACES_CLAIM": "spaces"}
    with running_api(database, tmp_path_factory.mktemp("api") / "log", **settings(issuer, **more)) as running:
        yield running


@pytest.fixture
def subject(api: Api) -> Iterator[str]:
    """A linked subject whose user is an editor of the first workspace."""
    yield link(api, "editor")


def link(api: Api, role: str | None, workspace: uuid.UUID | None = None) -> str:
    subject = f"s-{uuid.uuid4()}"
    with psycopg.connect(api.database) as connection:
        row = connection.execute("select ops.create_user(%s)", [f"user of {subject}"]).fetchone()
        assert row is not None
        connection.execute("select ops.link_subject(%s, %s, %s)", [ISSUER, subject, row[0]])
        if role is not None:
            connection.execute("select ops.add_member(%s, %s, %s)", [workspace or api.workspace, row[0], role])
    return subject


def get(api: Api, token: str, path: str = "/v1/me") -> httpx.Response:
    client = api.client(token)
    client.base_url = api.url
    return client.get(path)


def refused(answer: httpx.Response, code: str, reason: str) -> bool:
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    return (answer.status_code, answer.json()["code"]) == (401, code) and reason in answer.json()["detail"]


@pytest.mark.parametrize("key_id", ["rsa-1", "ec-1"])
def test_a_good_one_is_its_subject(api: Api, issuer: Issuer, subject: str, key_id: str) -> None:
    token = issuer.token(key_id, sub=subject, spaces=[str(api.workspace)])
    me = get(api, token).json()
    assert (me["user"]["name"], me["token"], me["scopes"]) == (f"user of {subject}", None, ["read", "write"])
    assert [workspace["id"] for workspace in me["workspaces"]] == [str(api.workspace)]
    made = api.client(token).post("/pages", json={"title": "by JWT"})
    assert (made.status_code, made.headers["x-ratelimit-remaining"]) == (201, "29")


def test_scopes_are_those_of_the_claim(api: Api, issuer: Issuer, subject: str) -> None:
    spaces = str(api.workspace)
    reader = api.client(issuer.token(sub=subject, scope=["read"], spaces=spaces))
    assert reader.get("/pages").status_code == 200
    assert reader.post("/pages", json={}).json()["code"] == "insufficient_scope"
    greedy = issuer.token(sub=subject, scope="read admin bypass_rate_limit")
    assert get(api, greedy).json()["scopes"] == ["read"]
    assert get(api, greedy, "/v1/users").json()["code"] == "insufficient_scope"
    assert get(api, issuer.token(sub=subject, scope=None)).json()["code"] == "insufficient_scope"


def test_the_claim_narrows_and_opens_nothing(api: Api, issuer: Issuer, subject: str) -> None:
    with psycopg.connect(api.database) as connection:
        row = connection.execute("select ops.create_workspace('elsewhere')").fetchone()
        assert row is not None
    elsewhere = row[0]
    member_of = str(api.workspace)
    outside = api.client(issuer.token(sub=subject, spaces=[str(elsewhere)])).get("/pages")
    nowhere = api.client(issuer.token(sub=subject)).get("/pages")
    unknown = api.client(issuer.token(sub=subject, spaces=["all", 7])).get("/pages")
    for answer in (outside, nowhere, unknown):
        assert (answer.status_code, answer.json()["code"]) == (404, "workspace_not_found")
    not_member = get(api, issuer.token(sub=subject, spaces=[str(elsewhere)]), f"/v1/workspaces/{elsewhere}/pages")
    assert not_member.json()["code"] == "workspace_not_found"
    # A workspace outside the claim and one that is not there look alike.
    inside = issuer.token(sub=subject, spaces=[str(uuid.uuid4())])
    other = get(api, inside, f"/v1/workspaces/{uuid.uuid4()}/pages").json()
    assert {**other, "request_id": 0, "workspace_id": 0} == {**outside.json(), "request_id": 0, "workspace_id": 0}
    assert get(api, issuer.token(sub=subject, spaces=[str(elsewhere)])).json()["workspaces"] == []
    assert api.client(issuer.token(sub=subject, spaces=member_of)).get("/pages").status_code == 200


def test_who_is_not_linked_is_told_so(api: Api, issuer: Issuer) -> None:
    answer = get(api, issuer.token())
    assert refused(answer, "subject_unknown", "quire user link")
    assert answer.headers["ratelimit-policy"].startswith('"anonymous"'), "counted as an unknown token is"


def test_a_disabled_subject_is_refused_at_once(api: Api, issuer: Issuer, subject: str) -> None:
    token = issuer.token(sub=subject)
    assert get(api, token).status_code == 200
    with psycopg.connect(api.database) as connection:
        connection.execute("select ops.disable_subject(%s, %s)", [ISSUER, subject])
    assert refused(get(api, token), "subject_unknown", "not any more")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": int(time.time()) - 31}, "has expired"),
        ({"exp": None}, "lacks the claim exp"),
        ({"exp": "soon"}, "cannot be read"),
        ({"nbf": int(time.time()) + 3600}, "not valid yet"),
        ({"iat": int(time.time()) + 3600}, "not valid yet"),
        ({"aud": "another"}, "another audience"),
        ({"aud": None}, "lacks the claim aud"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"iss": None}, "lacks the claim iss"),
        ({"sub": None}, "names nobody"),
        ({"sub": ""}, "names nobody"),
        ({"sub": "a\x00b"}, "names nobody"),
        ({"sub": "x" * 256}, "names nobody"),
    ],
    ids=str,
)
def test_claims_that_are_refused(api: Api, issuer: Issuer, subject: str, claims: dict[str, Any], reason: str) -> None:
    changed: dict[str, Any] = {"sub": subject} | claims
    answer = get(api, issuer.token(**changed))
    assert refused(answer, "token_invalid", reason), answer.text


def test_clocks_may_differ_a_little(api: Api, issuer: Issuer, subject: str) -> None:
    now = int(time.time())
    assert get(api, issuer.token(sub=subject, exp=now - 10)).status_code == 200
    assert get(api, issuer.token(sub=subject, nbf=now + 15, iat=now + 15)).status_code == 200
    assert get(api, issuer.token(sub=subject, aud=["other", AUDIENCE])).status_code == 200


def test_forgeries_are_refused(api: Api, issuer: Issuer, subject: str) -> None:
    good = issuer.token(sub=subject)
    head, payload, signature = good.split(".")
    stolen = part(default_claims() | {"sub": subject, "scope": "read write metrics"})
    for forged, reason in (
        (issuer.token(sub=subject, key=rsa_key()), "signature is not its issuer's"),
        (f"{head}.{stolen}.{signature}", "signature is not its issuer's"),
        (f"{head}.{payload}.{encoded(b'x' * 256)}", "signature is not its issuer's"),
        (f"{head}.{payload}.", "signature is not its issuer's"),
        (f"{part({'alg': 'none'})}.{payload}.", "algorithm is not taken"),
        (f"{part({'alg': 'None', 'kid': 'rsa-1'})}.{payload}.", "algorithm is not taken"),
        (issuer.hmac_token(), "algorithm is not taken"),
        (issuer.token("ec-1", sub=subject, headers={"kid": "rsa-1"}), "key is not among"),
        (issuer.token(sub=subject, headers={"kid": "nobody's"}), "key is not among"),
        (issuer.token(sub=subject, headers={"crit": ["x"], "x": 1}), "cannot be read"),
        (f"{part({'alg': 'RS256', 'kid': 'rsa-1', 'crit': ['b64'], 'b64': True})}.{payload}.{signature}", "critical"),
        (f"{part({'alg': 'RS256', 'kid': 7})}.{payload}.{signature}", "cannot be read"),
        (f"{part(['RS256'])}.{payload}.{signature}", "cannot be read"),
        ("a.b.c", "cannot be read"),
        (f"{head}.{payload}.{'A' * 9_000}", "longer than any"),
        (f"{part({'alg': ['RS256'], 'kid': 'rsa-1'})}.{payload}.{signature}", "not taken"),
    ):
        answer = get(api, forged)
        assert refused(answer, "token_invalid", reason), (forged[:80], answer.text)
    assert get(api, good).status_code == 200
    assert not api.events("fault")


def test_tokens_of_quire_go_on_beside_them(api: Api) -> None:
    assert api.client(api.token).get("/pages").status_code == 200


def test_a_rotated_key_is_found_but_unknown_ones_do_not_flood_the_issuer(
    database: str, issuer: Issuer, tmp_path: Path
) -> None:
    with serving(Issuer()) as own, running_api(database, tmp_path / "log", **settings(own)) as api:
        subject = link(api, "viewer")
        for _ in range(5):
            assert get(api, own.token(sub=subject)).status_code == 200
        assert own.fetches == 1
        own.keys["rsa-2"] = rsa_key()
        own.document = own.jwks()
        # Fetched less than 30 seconds ago: a new key is not looked for yet, whoever asks how often.
        for _ in range(5):
            assert refused(get(api, own.token("rsa-2", sub=subject)), "token_invalid", "key is not among")
        assert own.fetches == 1


def test_without_any_key_it_is_503_and_then_it_works(database: str, tmp_path: Path) -> None:
    with serving(Issuer()) as own:
        own.document = None
        with running_api(database, tmp_path / "log", **settings(own)) as api:
            subject = link(api, "viewer")
            answer = get(api, own.token(sub=subject))
            assert (answer.status_code, answer.json()["code"]) == (503, "identity_unavailable")
            assert int(answer.headers["retry-after"]) == 5
            assert api.client(api.token).get("/pages").status_code == 200, "tokens of Quire need no issuer"
            own.document = own.jwks()
            deadline = time.monotonic() + 20
            while get(api, own.token(sub=subject)).status_code == 503:
                assert time.monotonic() < deadline
                time.sleep(0.5)
            assert get(api, own.token(sub=subject)).status_code == 200
            assert own.fetches == 2, "not asked in between"
            own.document = None
            assert get(api, own.token(sub=subject)).status_code == 200, "known keys outlive the issuer"


def test_users_and_roles_by_claim(database: str, issuer: Issuer, tmp_path: Path) -> None:
    more = {
        "QUIRE_JWT_CREATE_USERS": "on",
        "QUIRE_JWT_WORKSPACES_CLAIM": "spaces",
        "QUIRE_JWT_WORKSPACE_ROLE": "viewer",
        "QUIRE_JWT_USER_CLAIM": "oid",
        "QUIRE_JWT_SCOPES_CLAIM": "scp",
    }
    with running_api(database, tmp_path / "log", **settings(issuer, **more)) as api:
        oid = str(uuid.uuid4())
        token = issuer.token(oid=oid, scp=["read", "write"], spaces=[str(api.workspace)])
        assert api.client(token).get("/pages").status_code == 200
        assert api.client(token).post("/pages", json={}).json()["code"] == "role_required"
        me = get(api, token).json()
        assert me["user"]["name"] == f"{oid} (id.example)"
        assert [workspace["role"] for workspace in me["workspaces"]] == ["viewer"]
        without = issuer.token(oid=oid, scp="read")
        assert api.client(without).get("/pages").json()["code"] == "workspace_not_found"
        with psycopg.connect(database) as connection:
            rows = connection.execute(
                "select action from core.audit_log where details->>'user_id' = %s order by action", [me["user"]["id"]]
            ).fetchall()
        assert rows == [("members.add",), ("subjects.link",), ("users.create",)]


@contextmanager
def file_of(issuer: Issuer, folder: Path) -> Generator[str]:
    path = folder / "jwks.json"
    path.write_text(issuer.jwks())
    yield str(path)


def test_keys_out_of_a_file(database: str, issuer: Issuer, tmp_path: Path) -> None:
    with (
        file_of(issuer, tmp_path) as path,
        running_api(database, tmp_path / "log", **(settings(issuer) | {"QUIRE_JWT_JWKS": path})) as api,
    ):
        assert get(api, issuer.token(sub=link(api, None))).status_code == 200


def test_without_the_settings_a_jwt_is_an_unknown_token(database: str, issuer: Issuer, tmp_path: Path) -> None:
    with running_api(database, tmp_path / "log") as api:
        answer = get(api, issuer.token())
        assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
