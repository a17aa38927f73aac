"""The gate's answer for many files: what every shell shows, and the exit code it leaves with."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from headgate.diagnostics import Diagnostic, Safety, Severity
from headgate.records import NamedTuple
from headgate.source import Source
from headgate.validators.table import TABLE


class Verdict(StrEnum):
    """`incomplete`: nothing was found, but a rule or a file could not be checked, so nothing is proved."""

    CLEAN = "clean"
    INCOMPLETE = "incomplete"
    FINDINGS = "findings"


class Gap(NamedTuple):
    """A rule that could not run on a file, and why."""

    code: str
    reason: str

    @property
    def sentence(self) -> str:
        """What was not checked, and why."""
        return f"`{self.code}` {TABLE[self.code].name} was not checked: {self.reason}"


class CheckedFile(NamedTuple):
    """One file that was read. `diagnostics` are sorted by place; `suppressed` are those a comment in the file silences.

    `skipped` are the codes of rules that could not run, `workflows` the names found, and `strict` is whether warnings
    and skipped rules block here. `gaps` say why rules could not run, `rules` how many did. `file` is where it stands,
    None for a text that stands nowhere. `hidden` are the findings that a baseline knows.
    """

    source: Source
    diagnostics: tuple[Diagnostic, ...]
    suppressed: tuple[Diagnostic, ...] = ()
    skipped: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    strict: bool = False
    gaps: tuple[Gap, ...] = ()
    rules: int = 0
    file: Path | None = None
    hidden: tuple[Diagnostic, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether the file may not pass: an error, or under `strict` a warning or a rule that could not run."""
        worst = {diagnostic.severity for diagnostic in self.diagnostics}
        return Severity.ERROR in worst or (self.strict and (Severity.WARNING in worst or bool(self.skipped)))

    @property
    def unsaid(self) -> tuple[Gap, ...]:
        """The gaps that no finding of this file speaks of, because HG904 is ignored."""
        return () if any(found.code == "HG904" for found in self.diagnostics) else self.gaps


class Unreadable(NamedTuple):
    """A path that could not be checked, and one sentence why. `file` is where it would stand."""

    path: str
    message: str
    file: Path | None = None


class BaselineUse(NamedTuple):
    """What a baseline did: how many findings it hides, and how many that it knows are there no more."""

    path: str
    hidden: int
    stale: int


class CheckReport(NamedTuple):
    """What `check` found. `faults` are sentences about wrong usage or configuration."""

    files: tuple[CheckedFile, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    faults: tuple[str, ...] = ()
    baselines: tuple[BaselineUse, ...] = ()

    @property
    def rules_skipped(self) -> tuple[str, ...]:
        """The codes of the rules that could not run on some file, sorted."""
        return tuple(sorted({code for file in self.files for code in file.skipped}))

    @property
    def gaps(self) -> dict[str, tuple[str, ...]]:
        """Why rules could not run: the reasons by code, each once, sorted by code."""
        reasons: dict[str, dict[str, None]] = {code: {} for code in self.rules_skipped}
        for file in self.files:
            for gap in file.gaps:
                reasons.setdefault(gap.code, {})[gap.reason] = None
        return {code: tuple(reasons[code]) for code in sorted(reasons)}

    @property
    def rules(self) -> int:
        """How many rules ran on the file on which most did."""
        return max((file.rules for file in self.files), default=0)

    @property
    def suppressed(self) -> int:
        """How many findings comments in the files silence."""
        return sum(len(file.suppressed) for file in self.files)

    @property
    def fixable(self) -> int:
        """How many findings have a safe fix."""
        return sum(
            any(fix.safety is Safety.SAFE for fix in diagnostic.fixes)
            for file in self.files
            for diagnostic in file.diagnostics
        )

    @property
    def verdict(self) -> Verdict:
        """`findings` when anything but HG904 was found."""
        if any(diagnostic.code != "HG904" for file in self.files for diagnostic in file.diagnostics):
            return Verdict.FINDINGS
        complete = self.files and not (self.rules_skipped or self.unreadable or self.faults)
        return Verdict.CLEAN if complete else Verdict.INCOMPLETE

    def findings(self) -> Iterator[tuple[Source, Diagnostic]]:
        """Every finding that counts, with the text it stands in."""
        for file in self.files:
            for diagnostic in file.diagnostics:
                yield file.source, diagnostic

    def count(self, severity: Severity) -> int:
        """How many findings have that severity."""
        return sum(d.severity is severity for file in self.files for d in file.diagnostics)

    def exit_code(self, *, strict: bool = False) -> int:
        """0 clean, 1 findings at or above the threshold, 2 wrong usage or configuration, 3 something was unreadable.

        When several apply: 2, 3, 1. Under `strict` (given here, or by a file's workspace) warnings and rules that
        could not run count too.
        """
        if self.faults:
            return 2
        if self.unreadable or not self.files:
            return 3
        return 1 if any(file._replace(strict=strict or file.strict).blocks for file in self.files) else 0
