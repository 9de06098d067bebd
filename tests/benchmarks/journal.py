"""What the journal costs: the relay with it, and with one that keeps nothing, in turn."""

from tests.benchmarks.relay import compare
from tests.benchmarks.results import Report
from tests.benchmarks.servers import database, forgetful, product, sign_up, upstream

_CASES = ("z50", "d50", "ttft")


def measure_journal(rounds: int, report: Report) -> None:
    """Report what each case costs without the journal and with it."""
    with (
        upstream() as model_server,
        database() as url,
        forgetful(model_server, url) as without,
        product(model_server, url) as deeper,
    ):
        sign_up(without)
        deeper.token = without.token
        for name in _CASES:
            compare(name, {"without the journal": without, "deeper": deeper}, rounds, report)
