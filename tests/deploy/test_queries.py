"""Every query of the rules and of the dashboard, against what a running server tells."""

import json
import re
import tempfile
from collections.abc import Generator, Iterable

import pytest

from deeper_api.errors import STATUS
from deeper_core import ErrorCode, FinishReason
from deeper_model.conformance import running_upstream
from tests.api.routes.test_chat import QUESTION
from tests.api.telemetry.test_scrapes import answer, scrape, total
from tests.api.telemetry.test_several_servers import fail
from tests.deploy.queries import Known, Query
from tests.deploy.rules import dashboard, rules
from tests.fakes.exchanges import Account, sign_up
from tests.fakes.http import open_client
from tests.fakes.server import free_port
from tests.fixtures.postgres import wait_until
from tests.fixtures.redis import OwnRedis
from tests.fixtures.servers import StartServer

# Whatever may come about, also what no test brings about here.
EVER = {
    "outcome": {*ErrorCode, *FinishReason},
    "http_response_status_code": {"200", *map(str, STATUS.values())},
}
# What Grafana puts in the place of these.
VARIABLES = {"$__rate_interval": "5m", "$job": ".*", "$instance": ".*", "$model": ".*"}


def known(port: int) -> dict[str, dict[str, set[str]]]:
    """The metrics that a server tells, with their labels and values, and what Prometheus makes of them."""
    metrics: dict[str, dict[str, set[str]]] = {"up": target()}
    for name, labels in scrape(port):
        metric = metrics.setdefault(name, target())
        for label, value in labels:
            metric.setdefault(label, {*EVER.get(label, ())}).add(value)
    return metrics


def target() -> dict[str, set[str]]:
    """The labels by which Prometheus tells one server from others."""
    return {"job": {"deeper"}, "instance": {"127.0.0.1:9464"}}


def with_recorded(metrics: Known) -> Known:
    """The same and what rules record, by labels whose values are those that they have anywhere."""
    values: dict[str, set[str]] = {}
    for labels in metrics.values():
        for label, found in labels.items():
            values.setdefault(label, set()).update(found)
    recorded = {rule.record: Query(rule.expr, metrics).labels or () for rule in rules() if rule.record}
    return {**metrics, **{name: {label: values.get(label, set()) for label in on} for name, on in recorded.items()}}


def unknown_in(texts: Iterable[str], query: Query) -> list[str]:
    """The labels that texts show and that the result of a query does not have."""
    shown = {name for text in texts for name in re.findall(r"\{\{\s*(?:\$labels\.)?([a-z_]+)", text)}
    return [f"{name} is shown of {query.text}" for name in sorted(shown - (query.labels or frozenset()))]


def problems_of_rules(metrics: Known) -> list[str]:
    problems: list[str] = []
    for rule in rules():
        query = Query(rule.expr, metrics)
        problems += query.problems + unknown_in(rule.annotations.values(), query)
    return problems


def plain(query: str) -> str:
    """A query of the dashboard as Prometheus gets it."""
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    return query


def problems_of_dashboard(metrics: Known) -> list[str]:
    problems: list[str] = []
    board = dashboard()
    shown = [(target["expr"], target["legendFormat"]) for each in board["panels"] for target in each.get("targets", [])]
    shown += [(each["expr"], each["titleFormat"]) for each in board["annotations"]["list"]]
    for text, legend in shown:
        query = Query(plain(text), metrics)
        problems += query.problems + unknown_in([legend], query)
    asked = [each["definition"] for each in board["templating"]["list"] if each["type"] == "query"]
    for selector, label in (re.fullmatch(r"label_values\((.*), (\w+)\)", text).groups() for text in asked):  # pyright: ignore[reportOptionalMemberAccess]  - or it fails
        query = Query(plain(selector), metrics)
        problems += query.problems + unknown_in([f"{{{{{label}}}}}"], query)
    return problems


@pytest.fixture
def folder() -> Generator[str]:
    with tempfile.TemporaryDirectory(prefix="metrics-", ignore_cleanup_errors=True) as folder:
        yield folder


async def use(account: Account) -> None:
    """Do whatever has metrics of its own, a refusal among it."""
    await account.client.get("/v1/models")
    await account.client.post("/v1/chat", QUESTION)
    await account.client.post("/openai/v1/chat/completions", {})
    for _ in range(2):
        await account.client.post("/v1/auth/login", {"email": account.email, "password": "a wrong one"})


async def test_every_query_names_metrics_labels_and_values_that_a_running_server_tells(
    start_server: StartServer, own_redis: OwnRedis, folder: str
):
    port = free_port()
    async with running_upstream(fail) as first, running_upstream(answer) as second:
        servers = [
            {"name": "first", "kind": "openai", "url": first.url, "weight": 100},
            {"name": "second", "kind": "openai", "url": second.url, "weight": 0.01},
        ]
        server = start_server(
            DEEPER_METRICS_PORT=str(port),
            DEEPER_MODEL_SERVERS=json.dumps(servers),
            DEEPER_MODEL_ATTEMPTS="2",
            DEEPER_LIMITS_ENABLED="true",
            DEEPER_LIMITS_LOGIN_TRIES="1",
            DEEPER_REDIS_URL=own_redis.url,
            TMPDIR=folder,
        )
        async with open_client(server.url) as client:
            account = await sign_up(client)
            await use(account)
            own_redis.stop()
            await account.client.get("/v1/me")
    wait_until(lambda: total(scrape(port), "deeper_limits_switches_total") > 0)
    wait_until(lambda: total(scrape(port), "deeper_event_loop_lag_seconds_count") > 0)
    metrics = with_recorded(known(port))
    assert problems_of_rules(metrics) + problems_of_dashboard(metrics) == []


METRICS: Known = {
    "asked_total": {"route": {"/a", "/b"}, "status": {"200"}, **target()},
    "took_seconds_bucket": {"le": {"1.0", "+Inf"}, "route": {"/a"}, **target()},
}


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("rate(asked[5m])", "there is no metric asked"),
        ('asked_total{path="/a"}', "asked_total has no label path"),
        ('asked_total{route="/c"}', "route of asked_total is never /c"),
        ('asked_total{route=~"/a|/c"}', "route of asked_total is never /c"),
        ("sum by (path) (rate(asked_total[5m]))", "there is no label path"),
        ("sum by (route) (sum by (job) (asked_total))", "there is no label route"),
        ("histogram_quantile(0.5, sum by (route) (took_seconds_bucket))", "there is no label le"),
        ("sum by (job) (asked_total) / sum by (route) (asked_total)", "['job'] never match ['route']"),
        ("sum by (job) (asked_total) / on (route) asked_total", "there is no label route"),
    ],
)
def test_a_query_of_what_there_is_not_is_found(query: str, problem: str):
    assert Query(query, METRICS).problems == [f"{problem}, in: {query}"]


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("time()", None),
        ("1 - asked_total > 2", {"job", "instance", "route", "status"}),
        ("sum(asked_total)", set[str]()),
        ("topk(3, sum by (route) (rate(asked_total[5m])))", {"route"}),
        ("histogram_quantile(0.5, sum by (le, job) (rate(took_seconds_bucket[5m])))", {"job"}),
        ('(sum by (job) (asked_total{route=~"/.*"}) or 0 * sum by (job) (asked_total)) > 0', {"job"}),
    ],
)
def test_the_labels_of_a_result_are_known(query: str, labels: set[str] | None):
    read = Query(query, METRICS)
    assert (read.problems, read.labels) == ([], labels)
