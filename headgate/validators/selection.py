"""Which findings a person asked to see: `--select`, `--ignore` and `[check] ignore`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from headgate.diagnostics import Diagnostic, nearest
from headgate.validators.suppressions import can_be_ignored
from headgate.validators.table import TABLE

_ALWAYS = ("HG001", "HG002")


class Selection(NamedTuple):
    """Codes or their beginnings (`HG1`). An empty `select` is all of them.

    `skip` are those that cannot be judged now, because what they lean on is itself at fault.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()

    def runs(self, code: str) -> bool:
        """Whether the rule of `code` is asked for at all. Syntax errors always are: a file in part is not checked."""
        if code in _ALWAYS:
            return True
        return (not self.select or code.startswith(self.select)) and not code.startswith(self.skip)

    def shows(self, diagnostic: Diagnostic) -> bool:
        """Whether a finding is shown and counts."""
        if not self.runs(diagnostic.code):
            return False
        ignored = bool(self.ignore) and diagnostic.code.startswith(self.ignore)
        return not (ignored and can_be_ignored(diagnostic.code, diagnostic.severity))


def selection_faults(selection: Selection, origin: str) -> list[str]:
    """One sentence for each code that cannot be meant. `origin` names where ignored ones stand (`--ignore`)."""
    return [
        *(fault for code in selection.select if (fault := _unknown(code, "--select"))),
        *(fault for code in selection.ignore if (fault := _unknown(code, origin) or _required(code, origin))),
    ]


def codes_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The codes of options that may hold several each, as in `--select HG1,HG203`."""
    return tuple(code.strip().upper() for text in texts for code in text.split(",") if code.strip())


def _unknown(code: str, origin: str) -> str | None:
    if any(known.startswith(code) for known in TABLE) and len(code) > len("HG"):
        return None
    by_name = next((known for known, row in TABLE.items() if row.name == code.casefold()), None)
    guess = by_name or nearest(code, tuple(TABLE))
    meant = f"did you mean `{guess}`?" if guess else "expected a code such as `HG503`, or its beginning such as `HG5`"
    return f"{origin} names no rule `{code}`; {meant}"


def _required(code: str, origin: str) -> str | None:
    row = TABLE.get(code)
    if row is None or can_be_ignored(code, row.severity):
        return None
    return f"{origin} cannot ignore `{code}` {row.name}: what runs later relies on it; fix what it finds"
