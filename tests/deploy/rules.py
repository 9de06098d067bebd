"""The files in deploy/ as tests read them."""

import json
from pathlib import Path
from typing import Any, cast

import yaml
from msgspec import Struct

_DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = _DEPLOY / "prometheus" / "prometheus.yml"
RULES = _DEPLOY / "prometheus" / "deeper.rules.yml"
DASHBOARD = _DEPLOY / "grafana" / "deepersensor.json"


class Rule(Struct, frozen=True, kw_only=True):
    """A rule: it records a series, or it is an alert."""

    expr: str
    record: str = ""
    alert: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


def rules() -> list[Rule]:
    """All rules, in their order."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    fields = Rule.__struct_fields__
    return [Rule(**{k: v for k, v in rule.items() if k in fields}) for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    return cast("dict[str, Any]", json.loads(DASHBOARD.read_text("utf-8")))
