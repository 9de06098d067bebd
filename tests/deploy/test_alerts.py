"""When alerts fire, as Prometheus itself evaluates them."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.deploy.rules import PROMETHEUS, RULES, rules

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")

# Series by what tells them from others; the values are those of promtool: so much at first and more every 30 s.
Series = Mapping[str, str]

_BOUNDS = ("1.0", "10.0", "30.0", "60.0", "+Inf")
_FIRST = "gen_ai_server_time_to_first_token_seconds_bucket{gen_ai_request_model='m', gen_ai_provider_name='a', le='%s'}"
_QUEUE = "deeper_generation_phase_duration_seconds_bucket{phase='queue', le='%s'}"
_REQUESTS = "http_server_request_duration_seconds_count{http_route='%s', http_response_status_code='%s'}"
_ANSWERS = "deeper_generations_total{gen_ai_request_model='m', outcome='%s'}"


def within(histogram: str, bound: str, growth: int = 60) -> Series:
    """A histogram of which everything is below a bound, and nothing below the one before."""
    at = _BOUNDS.index(bound)
    return {histogram % le: f"0+{growth if n >= at else 0}x120" for n, le in enumerate(_BOUNDS)}


# Two model servers, two workers, ten requests and two answers a second.
HEALTHY: Series = {
    "up": "1x120",
    "deeper_workers{state='up'}": "2x120",
    "deeper_workers{state='silent'}": "0x120",
    "deeper_workers_lost_total": "0x120",
    "deeper_start_time_seconds": "1000x120",
    _REQUESTS % ("/v1/chat", "200"): "0+300x120",
    _REQUESTS % ("/v1/chat", "503"): "0x120",
    _ANSWERS % "stop": "0+60x120",
    _ANSWERS % "model_server_failed": "0x120",
    "deeper_journal_failing": "0x120",
    **within(_FIRST, "10.0"),
    **within(_QUEUE, "1.0"),
    "deeper_event_loop_lag_seconds_bucket{le='0.1'}": "0+120x120",
    "deeper_event_loop_lag_seconds_count": "0+120x120",
    "deeper_queue_depth": "0x120",
    "http_server_active_requests": "50x120",
    "deeper_connections_max": "8192x120",
    "deeper_db_pool_wait_seconds_total": "0+0.1x120",
    "db_client_connection_timeouts_total": "0x120",
    "deeper_limits_alone": "0x120",
    "deeper_model_open{server='a'}": "0x120",
    "deeper_model_open{server='b'}": "0x120",
}

# What happens now and then, and wakes nobody.
ORDINARY: Series = {
    "deeper_workers_lost_total": "0x30 1x90",
    "deeper_start_time_seconds": "1000x30 2000x20 3000x70",
    _REQUESTS % ("/v1/chat", "502"): "0+9x120",
    _REQUESTS % ("/v1/chat", "503"): "0+2x120",
    _ANSWERS % "model_server_failed": "0+4x120",
    _ANSWERS % "model_not_found": "0+60x120",
    **within(_FIRST, "30.0"),
    **within(_QUEUE, "10.0"),
    "deeper_event_loop_lag_seconds_bucket{le='0.1'}": "0+118x120",
    "deeper_queue_depth": "0x40 3x25 0x5 3x25 0x30",
    "http_server_active_requests": "6000x120",
    "deeper_db_pool_wait_seconds_total": "0+15x120",
    "deeper_model_open{server='a'}": "0x50 2x2 0x70",
}

# What each alert is for, and which others fire with it.
FAULTS: Mapping[str, tuple[Series, set[str]]] = {
    "DeeperAbsent": ({"up": "_x120"}, set()),
    "DeeperDown": ({"up": "0x120"}, set()),
    "DeeperWithoutWorkers": ({"deeper_workers{state='up'}": "0x120", "http_server_active_requests": "_x120"}, set()),
    "DeeperWorkerHangs": ({"deeper_workers{state='silent'}": "1x120"}, set()),
    "DeeperWorkersDie": ({"deeper_workers_lost_total": "0x90 2x10 3x20"}, set()),
    "DeeperRestarts": ({"deeper_start_time_seconds": "1x85 2x5 3x5 4x5 5x20"}, set()),
    "DeeperErrors": ({_REQUESTS % ("/v1/chat", "503"): "0+30x120"}, set()),
    "DeeperAnswersFail": ({_ANSWERS % "model_server_failed": "0+10x120"}, set()),
    "DeeperJournalFailing": ({"deeper_journal_failing": "1x120"}, set()),
    "DeeperFirstTokenSlow": (within(_FIRST, "60.0"), set()),
    "DeeperQueueSlow": (within(_QUEUE, "60.0"), set()),
    "DeeperEventLoopLate": ({"deeper_event_loop_lag_seconds_bucket{le='0.1'}": "0+100x120"}, set()),
    "DeeperModelServersFull": ({"deeper_queue_depth": "3x120"}, set()),
    "DeeperRefusesQuestions": (
        {_REQUESTS % ("/v1/chat", "503"): "0+6x120", "deeper_queue_depth": "100x120"},
        {"DeeperModelServersFull"},
    ),
    "DeeperConnectionsFull": ({"http_server_active_requests": "200x120", "deeper_connections_max": "240x120"}, set()),
    "DeeperDatabasePoolFull": ({"deeper_db_pool_wait_seconds_total": "0+60x120"}, set()),
    "DeeperDatabaseDown": ({"db_client_connection_timeouts_total": "0+1x120"}, set()),
    "DeeperRedisDown": ({"deeper_limits_alone": "2x120"}, set()),
    "DeeperModelServerDown": ({"deeper_model_open{server='a'}": "2x120"}, set()),
    "DeeperNoModelServer": (
        {"deeper_model_open{server='a'}": "2x120", "deeper_model_open{server='b'}": "1x120"},
        {"DeeperModelServerDown"},
    ),
}


def of_target(series: str) -> str:
    """A series with what Prometheus says of where it comes from."""
    name, _, labels = series.partition("{")
    return f"{name}{{job='deeper', instance='a:9464'{', ' + labels if labels else '}'}"


def fire(folder: Path, series: Series, expected: set[str], *, minutes: int = 50) -> None:
    """See that after so many minutes these alerts fire, and no others."""
    test = {
        "interval": "30s",
        "input_series": [{"series": of_target(name), "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{minutes}m",
                "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(expected)],
            }
        ],
    }
    file = folder / "test.yml"  # JSON is YAML
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "30s", "tests": [test]}))
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("alert", FAULTS)
def test_an_alert_fires_on_what_it_is_for_and_no_other_does(tmp_path: Path, alert: str):
    fault, others = FAULTS[alert]
    fire(tmp_path, {**HEALTHY, **fault}, {alert, *others})


@needs_promtool
def test_nothing_fires_at_a_healthy_server(tmp_path: Path):
    fire(tmp_path, HEALTHY, set())


@needs_promtool
@pytest.mark.parametrize("minutes", range(15, 60, 5))
def test_nothing_fires_on_what_happens_now_and_then(tmp_path: Path, minutes: int):
    fire(tmp_path, {**HEALTHY, **ORDINARY}, set(), minutes=minutes)


@needs_promtool
def test_prometheus_takes_the_example_of_a_configuration_with_its_rules():
    done = subprocess.run(["promtool", "check", "config", PROMETHEUS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tried():
    assert {rule.alert for rule in rules() if rule.alert} == FAULTS.keys()


def test_every_alert_says_how_bad_it_is_what_happened_and_what_to_do():
    for rule in rules():
        if rule.alert:
            assert rule.labels["severity"] in {"critical", "warning"}
            assert rule.annotations.keys() == {"summary", "description"}
