"""Which findings a person asked to see, and what they weigh: `--select`, `--ignore` and `[check]`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from headgate.diagnostics import Diagnostic, Severity, nearest
from headgate.records import NamedTuple
from headgate.validators.suppressions import can_be_ignored
from headgate.validators.table import TABLE

_ALWAYS = ("HG001", "HG002")
OFF = "off"
_RANK = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.ERROR: 2}
Weight = tuple[str, Severity | None]
"""A code or its beginning, and the severity of what is found there; None for findings that are not shown."""


class Selection(NamedTuple):
    """Codes or their beginnings (`HG1`). An empty `select` is all of them.

    `skip` are those that cannot be judged now, because what they lean on is itself at fault. Of several `weights` for a
    code the longest beginning counts.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    weights: tuple[Weight, ...] = ()

    def runs(self, code: str) -> bool:
        """Whether the rule of `code` is asked for at all. Syntax errors always are: a file in part is not checked."""
        if code in _ALWAYS:
            return True
        return (not self.select or code.startswith(self.select)) and not code.startswith(self.skip)

    def shows(self, diagnostic: Diagnostic) -> bool:
        """Whether a finding is shown and counts."""
        code = diagnostic.code
        if not self.runs(code):
            return False
        ignored = (bool(self.ignore) and code.startswith(self.ignore)) or self._weight(code) == (True, None)
        return not (ignored and can_be_ignored(code, diagnostic.severity))

    def weighed(self, diagnostic: Diagnostic) -> Diagnostic:
        """The finding as heavy as the workspace wants it; errors that nobody may ignore stay errors."""
        given, severity = self._weight(diagnostic.code) if self.weights else (False, None)
        if not given or severity is None or not may_weigh(diagnostic.code, diagnostic.severity, severity):
            return diagnostic
        return diagnostic._replace(severity=severity)

    def _weight(self, code: str) -> tuple[bool, Severity | None]:
        """Whether the workspace weighs this code, and how."""
        found = [weight for weight in self.weights if code.startswith(weight[0])]
        return (True, max(found, key=lambda weight: len(weight[0]))[1]) if found else (False, None)


def may_weigh(code: str, severity: Severity, wanted: Severity | None) -> bool:
    """Whether a finding of this severity may be given another one: always, unless it would be lowered and may not."""
    lowered = wanted is None or _RANK[wanted] < _RANK[severity]
    return not lowered or can_be_ignored(code, severity)


def selection_faults(selection: Selection, selecting: str, ignoring: str) -> list[str]:
    """One sentence for each code that cannot be meant; `selecting` and `ignoring` name where they stand."""
    return [
        *(fault for code in selection.select if (fault := _unknown(code, selecting))),
        *(fault for code in selection.ignore if (fault := _unknown(code, ignoring) or _required(code, ignoring))),
    ]


def weight_faults(weights: Iterable[Weight], origin: str) -> list[str]:
    """One sentence for each code that cannot be weighed so."""
    faults = []
    for code, wanted in weights:
        row = TABLE.get(code)
        fault = _unknown(code, origin)
        if fault is None and row is not None and not may_weigh(code, row.severity, wanted):
            verb = "cannot turn off" if wanted is None else "cannot lower"
            fault = f"{origin} {verb} `{code}` {row.name}: what runs later relies on it; fix what it finds"
        faults += [fault] if fault else []
    return faults


def codes_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The codes of options that may hold several each, as in `--select HG1,HG203`; names of rules become codes."""
    return tuple(code_of(code.strip()) for text in texts for code in text.split(",") if code.strip())


def weights_of(severities: Iterable[tuple[str, str]]) -> tuple[Weight, ...]:
    """The weights of `[check] severity`."""
    return tuple((code_of(rule.strip()), None if said == OFF else Severity(said)) for rule, said in severities)


def code_of(text: str) -> str:
    """The code of a rule's name; a code in its capitals; anything else as it is."""
    code = _by_name().get(text.casefold())
    return code or (text.upper() if text[:2].casefold() == "hg" else text)


@cache
def _by_name() -> dict[str, str]:
    return {row.name: code for code, row in TABLE.items()}


def _unknown(code: str, origin: str) -> str | None:
    if any(known.startswith(code) for known in TABLE) and len(code) > len("HG"):
        return None
    guess = nearest(code, (*TABLE, *_by_name()))
    meant = f"did you mean `{guess}`?" if guess else "expected a code such as `HG503`, or its beginning such as `HG5`"
    return f"{origin} names no rule `{code}`; {meant}"


def _required(code: str, origin: str) -> str | None:
    row = TABLE.get(code)
    if row is None or can_be_ignored(code, row.severity):
        return None
    return f"{origin} cannot ignore `{code}` {row.name}: what runs later relies on it; fix what it finds"
