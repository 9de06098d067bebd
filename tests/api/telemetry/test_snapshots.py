"""What several processes have counted, as one."""

import re

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from deeper_api.telemetry.scrapes import expose
from deeper_api.telemetry.snapshots import Family, Sample, Snapshot, decode, encode, lasting, merge, never_less

Key = tuple[str, tuple[tuple[str, str], ...]]
ROUTES = st.sampled_from(["/v1/me", "/v1/chat", 'a "quoted"\\\n one'])
COUNTS = st.integers(0, 2**40).map(float)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """What a worker may have counted: a counter, a gauge and a histogram, with some labels or none yet."""
    counted = draw(st.dictionaries(ROUTES, COUNTS))
    lasted = draw(st.dictionaries(ROUTES, st.tuples(COUNTS, COUNTS, COUNTS)))
    histogram: list[Sample] = []
    for route, (fast, slow, total) in lasted.items():
        labels = (("route", route),)
        histogram += [
            Sample("took_seconds_bucket", (("le", "0.5"), *labels), fast),
            Sample("took_seconds_bucket", (("le", "+Inf"), *labels), fast + slow),
            Sample("took_seconds_count", labels, fast + slow),
            Sample("took_seconds_sum", labels, total),
        ]
    return (
        Family("asked", "counter", "", "d", tuple(Sample("asked_total", (("r", r),), n) for r, n in counted.items())),
        Family("open", "gauge", "", "d", (Sample("open", (), draw(COUNTS)),)),
        Family("took_seconds", "histogram", "seconds", "d", tuple(histogram)),
    )


def sums(snapshot: Snapshot) -> dict[Key, float]:
    return {(s.name, s.labels): s.value for family in snapshot for s in family.samples}


@given(st.lists(snapshots(), max_size=4))
def test_the_whole_is_the_sum_of_its_parts(parts: list[Snapshot]):
    expected: dict[Key, float] = {}
    for part in parts:
        for key, value in sums(part).items():
            expected[key] = expected.get(key, 0.0) + value
    assert sums(merge(parts)) == expected


@given(st.lists(snapshots(), max_size=3))
def test_it_does_not_matter_in_which_steps_parts_are_added(parts: list[Snapshot]):
    stepwise: Snapshot = ()
    for part in parts:
        stepwise = merge([stepwise, part])
    assert stepwise == merge(parts)


@given(snapshots(), snapshots())
def test_what_lasts_is_never_told_to_be_less(before: Snapshot, now: Snapshot):
    told = sums(never_less(now, before))
    assert told.keys() == sums(now).keys()
    was = sums(lasting(before))
    assert told == {key: max(value, was.get(key, value)) for key, value in sums(now).items()}


@given(snapshots())
def test_a_snapshot_arrives_as_it_was(snapshot: Snapshot):
    assert decode(encode(snapshot)) == snapshot


@given(snapshots())
def test_of_a_process_that_is_gone_only_what_it_counted_remains(snapshot: Snapshot):
    assert [family.kind for family in lasting(snapshot)] == ["counter", "histogram"]


@given(st.lists(snapshots(), min_size=1, max_size=3), st.booleans())
def test_both_formats_tell_the_same_numbers(parts: list[Snapshot], is_open: bool):
    whole = merge(parts)
    body, media_type = expose(whole, "application/openmetrics-text; version=1.0.0" if is_open else "*/*")
    assert media_type.startswith("application/openmetrics-text" if is_open else "text/plain")
    parse = parse_openmetrics if is_open else parse_text
    told = {
        (s.name, tuple(sorted(s.labels.items()))): s.value for metric in parse(body.decode()) for s in metric.samples
    }
    assert told == {(name, tuple(sorted(labels))): value for (name, labels), value in sums(whole).items()}


def test_a_series_stands_together_whoever_told_of_it_first():
    def histogram(*routes: str) -> Snapshot:
        samples = [
            Sample(f"took_{part}", (("route", route),), 1.0) for route in routes for part in ("bucket", "count", "sum")
        ]
        return (Family("took", "histogram", "", "d", tuple(samples)),)

    body, _ = expose(merge([histogram("a"), histogram("b", "a"), histogram("c")]), "")
    assert re.findall(r'route="(.)"', body.decode()) == list("aaabbbccc")
