"""What a worker of a test has counted."""

from deeper_api.telemetry.snapshots import Family, Sample, Snapshot


def counted(number: float) -> Snapshot:
    """One counter and one gauge, both at this number."""
    return (
        Family("asked", "counter", "", "d", (Sample("asked_total", (), number),)),
        Family("open", "gauge", "", "d", (Sample("open", (), number),)),
    )


def value(snapshot: Snapshot, name: str, **labels: str) -> float | None:
    """One number, None if it is not there."""
    wanted = tuple(sorted(labels.items()))
    return next((s.value for f in snapshot for s in f.samples if (s.name, s.labels) == (name, wanted)), None)
