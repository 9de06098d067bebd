"""A soak of some seconds, so that the command for long ones is known to run."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.soak.balances import Books, Row, compare
from tests.soak.faults import Fault
from tests.soak.models import Model, Question
from tests.soak.records import Asked, Records
from tests.soak.samples import Reading, Sample
from tests.soak.traffic import LOST, Incident, Traffic
from tests.soak.verdicts import judge_memory, judge_requests, unexpected_ends

_SHORT = {"minutes": 0.1, "seed": 3, "clients": 8, "warm-up": 2, "look-every": 1}
_PAUSES = ("--pause", "1", "2", "--hold", "1", "1")


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_what_goes_wrong_for_some_seconds_leaves_all_balanced(tmp_path: Path):
    options = [f"--{name}={value}" for name, value in _SHORT.items()]
    command = [sys.executable, "-m", "tests.soak", *options, *_PAUSES, "--report", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads((tmp_path / "results.json").read_text())
    assert told["holds"]
    assert told["faults"]
    assert all(each["found"] <= each["most"] for each in told["balances"])
    assert "<svg" in (tmp_path / "soak.svg").read_text()
    assert "balances hold." in (tmp_path / "README.md").read_text()


KILLED = Fault("worker is killed", 1, began=100.0, ended=100.1, ready=101.0)
AWAY = Fault("database is away", None, began=200.0, ended=203.0, ready=204.0)


@pytest.mark.parametrize(
    ("incident", "wrong"),
    [
        (Incident("read", 1, 99.0, 100.5, LOST), None),
        (Incident("read", 0, 99.0, 100.5, LOST), "connections lost with no process that ended"),
        (Incident("read", 1, 150.0, 151.0, LOST), "connections lost with no process that ended"),
        (Incident("export", 0, 202.0, 202.5, LOST), None),
        (Incident("read", 0, 202.0, 202.5, LOST), "connections lost with no process that ended"),
        (Incident("ask", 0, 202.0, 202.5, 503, "database_unavailable"), None),
        (Incident("ask", 0, 180.0, 181.0, 503, "database_unavailable"), "other refusals for no reason"),
        (Incident("ask", 0, 202.0, 202.5, 404, "not_found"), "other refusals for no reason"),
        (Incident("ask", 0, 202.0, 202.5, 500, "internal_error"), "responses with status 500"),
        (Incident("ask", 0, 300.0, 300.5, 429, "rate_limited"), None),
    ],
)
def test_what_was_refused_has_to_come_of_what_went_wrong(incident: Incident, wrong: str | None):
    balances = judge_requests(Traffic(incidents=[incident]), [KILLED, AWAY])
    assert [each.name for each in balances if not each.holds] == ([] if wrong is None else [wrong])


ASKED = Asked(Question(7, 3), "somebody", accepted=True, seen="<7.0> <7.1> ", outcome="stop")
KEPT = Row("soak-7", "somebody", "complete", None, 3, 3, False, "<7.0> <7.1> <7.2> ", "complete")


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        (KEPT, set()),
        (None, {"accepted questions that are not kept"}),
        (replace(KEPT, completion_tokens=2), {"answers of which the ledger counts other tokens"}),
        (replace(KEPT, text="<7.0> <7.1> "), {"answers that are no beginning of what the model said"}),
        (replace(KEPT, message_state="running"), {"answers that are no beginning of what the model said"}),
        (
            replace(
                KEPT, state="failed", error="answer_incomplete", text="<7.0> ", completion_tokens=1, estimated=True
            ),
            {
                "answers that are no beginning of what the model said",  # for its message is of another state
                "answers of which somebody saw more than is kept",
                "answers that ended in another way than was told",
            },
        ),
    ],
)
def test_what_was_told_has_to_be_what_is_kept(row: Row | None, wrong: set[str]):
    books = Books({} if row is None else {row.request_id: [row]}, (0, 0, 0), {})
    balances = compare(books, Records({ASKED.request_id: ASKED}), Model(1))
    assert {each.name for each in balances if not each.holds} == wrong


@pytest.mark.parametrize(
    ("blocks", "mib", "holds"),
    [(0, 0, [True, True]), (100, 3, [True, True]), (7_000, 0, [False, True]), (0, 5, [True, False])],
)
def test_a_worker_that_leaves_something_behind_with_each_request_is_found(blocks: int, mib: int, holds: list[bool]):
    # 600 requests a minute of each server, for ten minutes, some of them with much in their hands.
    samples = [
        Sample(
            at=10.0 * n,
            requests=200 * n,
            processes={"1 worker 42": Reading(150_000 + mib * 1_024 * n // 6, 40, 11)},
            blocks={1: 900_000 + blocks * n / 6 + 40_000 * (n % 5 > 0) + 9_000 * (n % 13 == 0)},
        )
        for n in range(61)
    ]
    missing, *growth = judge_memory(samples)
    assert (missing.found, [each.holds for each in growth]) == (2, holds)


def test_a_main_process_that_grows_is_found_and_so_are_objects_of_which_nothing_was_told():
    samples = [
        Sample(at=10.0 * n, requests=200 * n, processes={"1 main 41": Reading(80_000 + 20 * n, 18, 4)})
        for n in range(61)
    ]
    assert [each.holds for each in judge_memory(samples)] == [False, False, False, True]


def test_a_worker_that_ends_by_itself_is_found():
    there, gone = (
        Sample(90.0, 0, {"1 worker 42": Reading(1, 1, 1)}),
        Sample(150.0, 0, {"1 worker 43": Reading(1, 1, 1)}),
    )
    assert unexpected_ends([there, gone], [KILLED]).holds
    assert not unexpected_ends([there, gone], [AWAY]).holds
