"""How many mutants of every example the gate finds, and on the right line: `python tests/recall/report.py [-v]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mutations import OPERATORS, Mutant, mutants

from headgate.api.checking import check_text
from headgate.api.surroundings import Options
from headgate.diagnostics import Severity
from headgate.source import Source

ROOT = Path(__file__).parents[2]
SEED = 20


class Verdict(NamedTuple):
    """`found`: there is an error or a warning. `placed`: one of them, or a label of it, is on a right line."""

    path: Path
    mutant: Mutant
    found: bool
    placed: bool
    said: tuple[str, ...]


def examples() -> list[Path]:
    return sorted(ROOT.glob("examples/*/*.flow"))


def verdicts(paths: list[Path], seed: int = SEED) -> Iterator[Verdict]:
    for path in paths:
        source = Source(path.name, path.read_text(encoding="utf-8"))
        for mutant in mutants(source, seed):
            yield _verdict(path, mutant)


def _verdict(path: Path, mutant: Mutant) -> Verdict:
    report = check_text(mutant.text, path, Options(start=ROOT, today="2026-11-20"))
    source = Source(path.name, mutant.text)
    shown = [one for file in report.files for one in file.diagnostics if one.severity is not Severity.NOTE]
    spans = [(one.span, *(label.span for label in one.labels)) for one in shown]
    lines = [{source.position(span.start).line for span in each} for each in spans]
    placed = any(mutant.lines & each for each in lines)
    said = tuple(f"{one.code} {source.position(one.span.start).line}: {one.message}" for one in shown)
    return Verdict(path, mutant, bool(shown), placed, said)


def main() -> None:
    judged = list(verdicts(examples()))
    if "-v" in sys.argv:
        for one in judged:
            if not one.placed:
                print(_missed(one))
    for operator in (*OPERATORS, "all"):
        mine = [one for one in judged if operator in (one.mutant.operator, "all")]
        found, placed = sum(one.found for one in mine), sum(one.placed for one in mine)
        shares = f"{found / len(mine):6.1%} found  {placed / len(mine):6.1%} on the right line"
        print(f"{operator:10} {len(mine):5} made  {shares}")


def _missed(one: Verdict) -> str:
    lines = ", ".join(map(str, sorted(one.mutant.lines)))
    said = "; ".join(one.said) or "nothing"
    return f"{one.path.name}: {one.mutant.operator} {one.mutant.what}, expected on {lines}: {said}"


if __name__ == "__main__":
    main()
