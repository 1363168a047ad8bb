"""The contract and the code say the same: routes, problem codes, functions of schema api."""

from __future__ import annotations

import psycopg
import pytest
from starlette.routing import Route

from app import service_routes
from app.calls import FUNCTIONS, Function
from app.limiter import ANONYMOUS
from app.main import create_app
from app.metrics import save_status
from app.problems import APP_CODES
from app.routes import ACTIONS
from app.tests import contract
from db.settings import Settings


def test_every_problem_code_is_given_and_every_given_code_is_listed() -> None:
    assert contract.problem_codes() == APP_CODES | contract.raised_slugs()


def test_the_reader_of_slugs_sees_chosen_ones_too() -> None:
    slugs = contract.raised_slugs()
    assert {"patch_index_out_of_range", "block_data_not_object", "version_mismatch", "cost_over_limit"} <= slugs


def test_codes_are_listed_in_order() -> None:
    codes = contract.document()["components"]["schemas"]["ProblemCode"]["enum"]
    assert codes == sorted(set(codes))


def test_routes_and_parameters_are_those_of_the_contract() -> None:
    paths = contract.document()["paths"]
    assert set(paths) == set(ACTIONS) | {route.path for route in service_routes.routes()}
    for route, actions in ACTIONS.items():
        assert {method.upper() for method in paths[route] if method != "parameters"} == set(actions)
        for method, action in actions.items():
            listed = paths[route][method.lower()].get("parameters", [])
            resolved = [
                contract.document()["components"]["parameters"][item["$ref"].rsplit("/", 1)[1]]
                if "$ref" in item
                else item
                for item in listed
            ]
            assert {item["name"] for item in resolved if item["in"] == "query"} == set(action.parameters)


def test_every_route_has_a_rate_policy_that_is_there(conn: psycopg.Connection) -> None:
    names = {name for (name,) in conn.execute("select name from core.rate_policies").fetchall()}
    used = {action.policy for actions in ACTIONS.values() for action in actions.values()}
    assert used <= names
    served = create_app(Settings.from_env({"DATABASE_URL": "dbname=nowhere"})).routes
    unlimited = {route.path for route in served if isinstance(route, Route)} - set(ACTIONS)
    assert unlimited == set(service_routes.POLICIES), "a route outside ACTIONS says its policy in POLICIES"
    assert {path for path, policy in service_routes.POLICIES.items() if policy is None} == {"/livez", "/readyz"}
    assert {policy for policy in service_routes.POLICIES.values() if policy is not None} <= names
    assert ANONYMOUS in names and all(isinstance(route, Route) for route in served)


def test_references_lead_somewhere() -> None:
    document = contract.document()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
                if key == "$ref":
                    target: object = document
                    for part in str(inner).removeprefix("#/").split("/"):  # pyright: ignore[reportUnknownArgumentType]
                        assert isinstance(target, dict) and part in target, inner
                        target = target[part]  # pyright: ignore[reportUnknownVariableType]
                else:
                    walk(inner)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(value, list):
            for inner in value:  # pyright: ignore[reportUnknownVariableType]
                walk(inner)  # pyright: ignore[reportUnknownArgumentType]

    walk(document)


def test_the_status_label_of_saves_is_a_fixed_list() -> None:
    listed = set(contract.document()["components"]["schemas"]["SaveStatus"]["enum"])
    assert {save_status(status) for status in (200, 201, 204, 304, 404, 409, 412, 428, 429, 500, 503)} == listed


@pytest.mark.parametrize("function", FUNCTIONS, ids=[function.name for function in FUNCTIONS])
def test_a_call_fits_its_function(conn: psycopg.Connection, function: Function) -> None:
    row = conn.execute(
        """
        select
            array(
                select format_type(a.type, null)
                from unnest(p.proargtypes::oid[]) with ordinality as a (type, place)
                order by a.place
            ),
            coalesce(
                -- a composite type, or the function's own columns
                (
                    select array_agg(f.attname::text order by f.attnum)
                    from pg_type as t
                    inner join pg_attribute as f on f.attrelid = t.typrelid and f.attnum > 0 and not f.attisdropped
                    where t.oid = p.prorettype
                ),
                p.proargnames[p.pronargs + 1:], '{}'
            )
        from pg_proc as p
        where p.pronamespace = 'api'::regnamespace and p.proname = %s
        """,
        [function.name],
    ).fetchone()
    assert row is not None, f"api.{function.name} is not there"
    assert tuple(row[0]) == function.arguments
    assert tuple(row[1]) == function.columns


def test_every_function_of_schema_api_is_called(conn: psycopg.Connection) -> None:
    rows = conn.execute("select proname from pg_proc where pronamespace = 'api'::regnamespace").fetchall()
    assert {name for (name,) in rows} == {function.name for function in FUNCTIONS}
