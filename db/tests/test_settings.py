import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.settings import SETTINGS_HELP, Settings, SettingsError, as_role

pytestmark = pytest.mark.once


def test_defaults_need_no_environment() -> None:
    settings = Settings.from_env({})
    assert (settings.port, settings.host, str(settings.data)) == (8000, "127.0.0.1", ".data")
    assert settings.database_url is None
    assert settings.api_database_url is None


def test_each_process_gets_its_role_beside_the_options_that_are_there() -> None:
    settings = Settings.from_env({"DATABASE_URL": "postgresql://u:p@h/quire?options=-c%20statement_timeout%3D5s"})
    assert settings.api_database_url is not None
    parameters = conninfo_to_dict(settings.api_database_url)
    assert str(parameters["options"]).endswith(" -c statement_timeout=5s -c role=quire_api")
    assert (parameters["password"], parameters["dbname"]) == ("p", "quire")
    for value, role in (
        (settings.worker_database_url, "quire_worker"),
        (settings.monitor_database_url, "quire_monitor"),
        (settings.maintenance_database_url, "quire_maintenance"),
    ):
        assert value is not None
        assert value.count(f"role={role}") == 1


def test_an_own_address_of_a_process_wins() -> None:
    own = "postgresql://api@h/quire"
    assert Settings.from_env({"DATABASE_URL": "dbname=x", "QUIRE_API_DATABASE_URL": own}).api_database_url == own


def test_as_role_accepts_conninfo_strings() -> None:
    options = conninfo_to_dict(as_role("host=/tmp dbname=quire", "quire_maintenance"))["options"]
    assert options == "-c role=quire_maintenance"


@pytest.mark.parametrize("role", ["quire_api", "quire_worker", "quire_monitor"])
def test_who_acts_as_a_role_has_its_timeouts(database: str, role: str) -> None:
    """`alter role .. set` in db/roles.sql counts for a login; as_role has to say the same."""
    with psycopg.connect(as_role(database, role)) as acting:
        rows = acting.execute(
            "select split_part(s, '=', 1), split_part(s, '=', 2)"
            " from pg_roles, unnest(rolconfig) as s where rolname = %s",
            [role],
        ).fetchall()
        assert rows
        for name, value in rows:
            same = acting.execute("select current_setting(%s)::interval = %s::interval", [name, value])
            assert same.fetchone() == (True,), name
    own = make_conninfo(database, options="-c statement_timeout=7s")
    with psycopg.connect(as_role(own, role)) as acting:
        assert acting.execute("show statement_timeout").fetchone() == ("7s",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "80a"),
        ("PORT", "70000"),
        ("QUIRE_POOL_TIMEOUT", "0"),
        ("QUIRE_POOL_TIMEOUT", "nan"),
        ("QUIRE_EMBEDDER", "magic"),
        ("QUIRE_EMBEDDING_URL", "ftp://x"),
        ("QUIRE_EMBEDDING_DIMENSIONS", "-1"),
        ("QUIRE_LOG_LEVEL", "loud"),
        ("DATABASE_URL", "nonsense"),
        ("QUIRE_WORKER_DATABASE_URL", "postgresql://h/x?nonsense=1"),
        ("QUIRE_POOL_MIN", "30"),
        ("QUIRE_JWT_ALGORITHMS", "HS256"),
        ("QUIRE_JWT_ALGORITHMS", "RS256,none"),
        ("QUIRE_JWT_ALGORITHMS", ","),
        ("QUIRE_JWT_WORKSPACE_ROLE", "king"),
        ("QUIRE_JWT_CREATE_USERS", "yes"),
        ("QUIRE_JWT_JWKS", "http://id.example/jwks.json"),
        ("QUIRE_JWT_JWKS", "file:///etc/jwks.json"),
        ("QUIRE_JWT_JWKS", "https:///jwks.json"),
    ],
)
def test_a_wrong_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_env({name: value})


def test_settings_of_jwts_belong_together() -> None:
    whole = {
        "QUIRE_JWT_ISSUER": "https://id.example",
        "QUIRE_JWT_AUDIENCE": "quire",
        "QUIRE_JWT_JWKS": "https://user:secret@id.example/jwks.json?key=secret",
    }
    settings = Settings.from_env(whole)
    assert settings.jwt_algorithms == ("RS256", "ES256")
    assert (settings.jwt_create_users, settings.jwt_user_claim, settings.jwt_workspaces_claim) == (False, "sub", None)
    assert "secret" not in repr(settings)
    assert settings.masked()["jwt_algorithms"] == "RS256, ES256"
    for name in whole:
        with pytest.raises(SettingsError, match=f"{name} is not set"):
            Settings.from_env({other: value for other, value in whole.items() if other != name})
    with pytest.raises(SettingsError, match="QUIRE_JWT_WORKSPACES_CLAIM"):
        Settings.from_env({**whole, "QUIRE_JWT_WORKSPACE_ROLE": "viewer"})


def test_the_openai_embedder_says_what_it_lacks() -> None:
    with pytest.raises(SettingsError, match="QUIRE_EMBEDDING_MODEL"):
        Settings.from_env({"QUIRE_EMBEDDER": "openai", "QUIRE_EMBEDDING_URL": "http://127.0.0.1:1/v1"})


def test_no_secret_is_printed() -> None:
    settings = Settings.from_env(
        {
            "DATABASE_URL": "postgresql://u:hunter2@h/quire",
            "QUIRE_API_DATABASE_URL": "host=h password=hunter2",
            "QUIRE_EMBEDDING_API_KEY": "hunter2",
            "QUIRE_EMBEDDING_URL": "http://me:hunter2@h/v1?key=hunter2",
            "QUIRE_ALERT_WEBHOOK_URL": "https://hooks.example/services/hunter2",
        }
    )
    for text in (repr(settings), str(settings), str(settings.masked())):
        assert "hunter2" not in text
    for wrong in (
        {"DATABASE_URL": "hunter2"},
        {"QUIRE_ALERT_WEBHOOK_URL": "hunter2"},
        {"QUIRE_ALERT_WEBHOOK_URL": "http://[hunter2/x"},
    ):
        with pytest.raises(SettingsError, match=next(iter(wrong))) as caught:
            Settings.from_env(wrong)
        assert "hunter2" not in str(caught.value)


def test_every_setting_is_in_the_table_and_read_from_it() -> None:
    asked: set[str] = set()

    class Environment(dict[str, str]):
        def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
            asked.add(key)
            return default

    Settings.from_env(Environment())
    assert asked == {setting.name for setting in SETTINGS_HELP}
