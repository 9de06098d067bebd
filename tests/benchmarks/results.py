"""What was found, as tables: printed as they come, and kept in a folder with plots."""

import json
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

_HUES: Final = {"deeper": "#0b7285"}
_OTHER: Final = "#adb5bd"


@dataclass
class Table:
    """One row for each server (or size), one column for each quantity; None where it does not apply."""

    name: str
    about: str
    columns: Sequence[str]
    rows: dict[str, list[float | None]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        head = ["", *self.columns]
        lines = [f"### {self.name}", "", self.about, "", _row(head), _row(["---"] + ["---:"] * len(self.columns))]
        lines += [_row([label, *(_said(value) for value in values)]) for label, values in self.rows.items()]
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes), ""])


def median_rows(
    measured: Mapping[str, Sequence[Mapping[str, float]]], columns: Sequence[str]
) -> dict[str, list[float | None]]:
    """Return, for each server, the median over its rounds of each column that it has."""
    return {
        label: [
            statistics.median(found) if (found := [each[column] for each in rounds if column in each]) else None
            for column in columns
        ]
        for label, rounds in measured.items()
    }


class Report:
    """Prints tables, and keeps them in ``folder``, if there is one."""

    def __init__(self, folder: Path | None, command: str) -> None:
        self._folder = folder
        self._command = command
        self._tables: list[Table] = []

    def add(self, table: Table) -> None:
        """Print the table, and write all there are anew: what was measured is kept whatever comes after it."""
        print(table.markdown(), flush=True)
        self._tables.append(table)
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
            drawn = [self._draw(self._folder, each) for each in self._tables]
            parts = [
                f"{each.markdown()}\n![{each.name}]({file})\n" for each, file in zip(self._tables, drawn, strict=True)
            ]
            (self._folder / "README.md").write_text("\n".join([self._head(), *parts]))
            kept = [{"name": each.name, "columns": each.columns, "rows": each.rows} for each in self._tables]
            (self._folder / "results.json").write_text(json.dumps(kept, indent=1) + "\n")

    def _head(self) -> str:
        return (
            f"# Benchmarks\n\n`{self._command}` on {datetime.now(UTC):%Y-%m-%d}: {machine()}, everything on one "
            "machine, one worker of each server. Absolute figures are this machine's; what can be compared are servers "
            "in one table, which were measured in turn.\n"
        )

    @staticmethod
    def _draw(folder: Path, table: Table) -> str:
        """Draw one row of bars for each column; return the name of the file."""
        mpl.rcParams["svg.hashsalt"] = "benchmarks"  # the same figures make the same file
        figure = Figure(figsize=(3.2 * len(table.columns), 0.45 * len(table.rows) + 1.1), layout="constrained")
        places = figure.subplots(1, len(table.columns), squeeze=False)[0]
        labels = list(table.rows)
        for column, place in enumerate(places):
            values = [row[column] or 0 for row in table.rows.values()]
            bars = place.barh(labels, values, color=[_HUES.get(label, _OTHER) for label in labels])
            place.bar_label(bars, [_said(row[column]) for row in table.rows.values()], padding=3, fontsize=8)
            place.set_title(table.columns[column], fontsize=9)
            place.invert_yaxis()
            place.margins(x=0.25)
            place.set_xticks([])
            place.spines[:].set_visible(False)
            place.tick_params(left=False, labelleft=column == 0)
        name = f"{table.name.split(':')[0].replace(' ', '-')}.svg"
        figure.savefig(folder / name, metadata={"Date": None})
        return name


def machine() -> str:
    """What this is measured on."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _said(value: float | None) -> str:
    if value is None:
        return "n/a"
    rounded: Callable[[float], str] = (
        "{:,.0f}".format if abs(value) >= 100 else "{:.1f}".format if abs(value) >= 10 else "{:.2f}".format
    )
    return rounded(value)
