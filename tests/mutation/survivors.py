"""Mutants that survived: those of the last run, and those that are expected to."""

import subprocess
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

# How mutmut calls a mutant that a test noticed, by failing or by never ending, and one that it has not tried.
_SETTLED = ("killed", "timeout", "not checked")


@dataclass(frozen=True)
class Survivor:
    """One mutant: its function, and the lines that it takes away and adds, as in a diff."""

    function: str
    change: str


def argued() -> list[Survivor]:
    """Return those of ``survivors.toml``, whose reasons are for people."""
    groups = tomllib.loads(Path(__file__).with_name("survivors.toml").read_text("utf-8"))["because"]
    return [Survivor(one["in"], one["change"].strip()) for group in groups for one in group["survivors"]]


def survivors(mutmut: str, folder: Path, names: list[str]) -> list[Survivor]:
    """Return those that mutmut has noted in ``folder`` of all whose name fits one of ``names``, or of all."""
    noted = [line.strip().rpartition(": ") for line in _say(mutmut, "results", folder=folder).splitlines()]
    return [
        _look_at(mutmut, mutant, folder)
        for mutant, _, what in noted
        if what not in _SETTLED and (not names or any(fnmatch(mutant, name) for name in names))
    ]


def _look_at(mutmut: str, mutant: str, folder: Path) -> Survivor:
    diff = _say(mutmut, "show", mutant, folder=folder).splitlines()
    changed = [
        f"{line[0]} {line[1:].strip()}" for line in diff if line[:1] in {"-", "+"} and line[1:3] not in {"--", "++"}
    ]
    function = mutant.partition("__mutmut_")[0].replace(".xǁ", ".").replace("ǁ", ".").replace(".x_", ".")
    return Survivor(function, "\n".join(changed))


def _say(mutmut: str, *command: str, folder: Path) -> str:
    return subprocess.run([mutmut, *command], cwd=folder, capture_output=True, text=True, check=True).stdout
