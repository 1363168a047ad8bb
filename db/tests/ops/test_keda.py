"""The manifests for KEDA: YAML that parses, a query that their role may run, a metric that exists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import yaml

from db.settings import as_role

FOLDER = Path(__file__).parents[3] / "ops" / "keda"


def documents(name: str) -> dict[str, dict[str, Any]]:
    """The objects of a file by kind."""
    return {one["kind"]: one for one in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))}


def test_the_query_runs_as_the_role_it_names_and_gives_one_number(database: str) -> None:
    found = documents("postgresql.yaml")
    assert set(found) == {"Secret", "TriggerAuthentication", "ScaledObject"}
    (trigger,) = found["ScaledObject"]["spec"]["triggers"]
    assert trigger["authenticationRef"]["name"] == found["TriggerAuthentication"]["metadata"]["name"]
    (reference,) = found["TriggerAuthentication"]["spec"]["secretTargetRef"]
    assert reference["key"] in found["Secret"]["stringData"]
    assert reference["name"] == found["Secret"]["metadata"]["name"]
    assert trigger["metadata"]["targetQueryValue"] == "1"
    with psycopg.connect(as_role(database, trigger["metadata"]["userName"]), autocommit=True) as monitor:
        rows = monitor.execute(trigger["metadata"]["query"].encode()).fetchall()
    assert len(rows) == 1 and len(rows[0]) == 1 and isinstance(rows[0][0], int) and rows[0][0] >= 1


def test_the_metric_is_one_that_the_database_gives(conn: psycopg.Connection) -> None:
    (trigger,) = documents("prometheus.yaml")["ScaledObject"]["spec"]["triggers"]
    name = str(trigger["metadata"]["query"]).removeprefix("max(").removesuffix(")")
    assert conn.execute("select count(*) from ops.metrics() where name = %s", [name]).fetchone() == (1,)


def test_both_scale_the_same_deployment_between_the_same_bounds() -> None:
    first, second = (documents(name)["ScaledObject"]["spec"] for name in ("postgresql.yaml", "prometheus.yaml"))
    assert first["scaleTargetRef"] == second["scaleTargetRef"]
    assert first["minReplicaCount"] == second["minReplicaCount"] >= 1
