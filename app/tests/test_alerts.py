"""ops/alerts.yml: what its rules name is there in a live scrape, from the start; promtool runs their tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from typing import Any

import httpx
import psycopg
import pytest
import yaml

from app.tests.contract import ROOT
from app.tests.processes import Api

OPS = ROOT / "ops"


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((OPS / "alerts.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_what_the_rules_name_is_in_a_live_scrape(api: Api, conn: psycopg.Connection) -> None:
    scrape = httpx.get(f"{api.url}/metrics", trust_env=False).text
    for rule in rules():
        selectors = re.findall(r"\b((?:quire|indexing)_\w+)(?:\{([^}]*)\})?", rule["expr"])
        assert selectors, rule["alert"]
        for name, labels in selectors:
            samples = [line for line in scrape.splitlines() if re.match(rf"{name}[{{ ]", line)]
            assert [line for line in samples if all(label in line for label in labels.split(","))], (name, labels)
    failures = re.findall(r'^quire_rate_limit_failures_total\{outcome="open",policy="([^"]+)"\}', scrape, re.M)
    assert set(failures) == {name for (name,) in conn.execute("select name from core.rate_policies").fetchall()}


@pytest.mark.once
def test_every_rule_has_a_severity_and_is_tested() -> None:
    tested: dict[str, list[bool]] = {}
    for case in yaml.safe_load((OPS / "alerts_test.yml").read_text())["tests"]:
        for each in case["alert_rule_test"]:
            tested.setdefault(each["alertname"], []).append("exp_alerts" in each)
    for rule in rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert set(tested.pop(rule["alert"])) == {True, False}, "a case that fires, and one that stays silent"
    assert not tested


@pytest.mark.once
def test_promtool_is_content() -> None:
    promtool = shutil.which("promtool") or shutil.which("promtool", path=sysconfig.get_path("scripts"))
    if promtool is None:
        if os.environ.get("CI"):
            pytest.fail("where changes are let in, promtool has to be there: see scripts/fetch-promtool")
        pytest.skip("PROMTOOL IS NOT HERE, ops/alerts.yml is not tested (Debian's package prometheus has it)")
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run([promtool, *command], cwd=OPS, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
