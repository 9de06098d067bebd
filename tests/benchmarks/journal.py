"""What the journal costs: the relay with it, and with one that keeps nothing, in turn."""

from tests.benchmarks.relay import measure
from tests.benchmarks.servers import database, forgetful, product, sign_up, upstream

_SCENARIOS = ("z50", "d50", "ttft")


def measure_journal(rounds: int) -> None:
    """Print what each scenario costs without the journal and with it, and the ratio."""
    with (
        upstream() as model_server,
        database() as url,
        forgetful(model_server, url) as without,
        product(model_server, url) as deeper,
    ):
        sign_up(without)
        deeper.token = without.token
        print(f"{'case':6} {'journal':8} {'tokens/CPU s':>13} {'µs/token':>9} {'first token p50':>16} {'failures':>9}")
        for name in _SCENARIOS:
            measure(name, {"without": without, "with": deeper}, rounds)
