"""The dashboard as Grafana imports it: on any installation, without plugins."""

import re
from itertools import combinations
from typing import Any

from tests.deploy.rules import DASHBOARD, dashboard

BUILT_IN = {"row", "stat", "timeseries"}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def panels() -> list[dict[str, Any]]:
    return dashboard()["panels"]


def test_it_needs_no_plugin():
    assert {panel["type"] for panel in panels()} <= BUILT_IN


def test_whatever_asks_asks_the_source_that_is_chosen():
    sources = re.findall(r'"datasource": (\{[^{]*"\$\{datasource\}"\s*\}|.*)', DASHBOARD.read_text("utf-8"))
    assert {re.sub(r"\s+", "", source) for source in sources} == {'{"type":"prometheus","uid":"${datasource}"}'}
    for panel in panels():
        for target in panel.get("targets", []):
            assert target["datasource"] == panel["datasource"] == SOURCE


def test_every_variable_that_is_used_is_there_and_the_other_way_round():
    names = {variable["name"] for variable in dashboard()["templating"]["list"]}
    assert set(re.findall(r"\$\{?([a-z]+)", DASHBOARD.read_text("utf-8"))) == names


def test_each_panel_has_an_id_and_a_place_of_its_own_and_says_what_it_shows():
    ids = [panel["id"] for panel in panels()]
    assert len(set(ids)) == len(ids)
    cells = [
        {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        for at in (panel["gridPos"] for panel in panels())
    ]
    assert not any(one & other for one, other in combinations(cells, 2))
    assert max(x for cell in cells for x, _ in cell) < 24
    assert all(panel["title"] and (panel["type"] == "row" or panel["description"]) for panel in panels())
