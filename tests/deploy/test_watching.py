"""Alerts and dashboard name what there is: metrics that are exposed, labels they have, entries in the runbook."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from syncd.http.metrics import metric_names
from syncd.vitals.figure import Figure

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "deploy/alerts.yml").read_text(encoding="utf-8"))["groups"]
DASHBOARD = json.loads((ROOT / "deploy/grafana-dashboard.json").read_text(encoding="utf-8"))
RUNBOOK = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")

FOREIGN = frozenset({"up", "process_resident_memory_bytes", "process_open_fds", "process_max_fds"})
"""Metrics that Prometheus and the library's own collector of process figures bring."""

FUNCTIONS = frozenset(
    {"histogram_quantile", "sum", "by", "rate", "increase", "and", "on", "le", "or", "max", "min", "ignoring"}
)
DURATION = re.compile(r"^\d+[smhd]$")
ALERTS: list[dict[str, Any]] = [rule for group in RULES for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    """Every PromQL expression in deploy/, with where it stands."""
    for rule in ALERTS:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def metrics_in(expression: str) -> set[str]:
    """The metrics an expression names: words that are no function, no label and no matcher."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"", " ", expression)
    bare = re.sub(r"\b(by|on|ignoring)\s*\([^)]*\)", " ", bare)
    return {word for word in re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", bare) if word not in FUNCTIONS and word != "e9"}


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_metric_named_is_exposed(where: str, expression: str) -> None:
    """A rule on a metric that does not exist never fires, and nobody notices."""
    named = metrics_in(expression)
    assert named, where
    assert named <= metric_names() | FOREIGN
    assert expression.count("(") == expression.count(")")


def test_the_test_finds_a_metric_that_is_not_there() -> None:
    """What this file relies on: a misspelt name is found, whatever stands around it."""
    told = 'sum by (channel) (rate(syncd_push_aknowledged_total{job="syncd"}[5m])) > 1.5e9'
    assert metrics_in(told) == {"syncd_push_aknowledged_total"}
    assert not metrics_in(told) <= metric_names()


def test_labels_in_legends_exist() -> None:
    """A legend {{channel}} stands over a figure that has a channel."""
    labels = {figure.value: set(figure.labels) for figure in Figure}
    labels |= {"syncd_propagation_seconds_bucket": {"channel"}, "syncd_worker_stalled": {"worker"}}
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            wanted = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            for name in metrics_in(target["expr"]):
                assert wanted <= labels.get(name, set()), panel["title"]


def test_rules_are_as_prometheus_reads_them() -> None:
    """The keys of a rule, a duration, a severity, and no name twice."""
    assert [set(group) for group in RULES] == [{"name", "rules"}]
    for rule in ALERTS:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}, rule
        assert DURATION.match(rule["for"]), rule
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    names = [rule["alert"] for rule in ALERTS]
    assert len(names) == len(set(names))


def test_each_alert_has_its_entry_in_the_runbook_and_each_entry_its_alert() -> None:
    """The link of every alert goes to a heading that is there; no entry has outlived its alert."""
    headings = re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)
    assert headings == [rule["alert"] for rule in ALERTS]
    for rule in ALERTS:
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
