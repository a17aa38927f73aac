"""What the gate says: findings as values, never exceptions and never prints."""

from __future__ import annotations

from enum import StrEnum

from headgate.records import NamedTuple
from headgate.source import Span


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Safety(StrEnum):
    """Whether a fix may be applied without being asked for by name (`--unsafe`)."""

    SAFE = "safe"
    UNSAFE = "unsafe"


class Label(NamedTuple):
    """A second place that explains the finding."""

    span: Span
    message: str


class Edit(NamedTuple):
    """Replace the text of `span` by `text`; an empty span inserts, an empty text deletes."""

    span: Span
    text: str


class Fix(NamedTuple):
    title: str
    safety: Safety
    edits: tuple[Edit, ...]


class WitnessStep(NamedTuple):
    """One stop on the path through the graph that proves a finding; `edge` says how it was entered."""

    step: str
    edge: str
    span: Span


class Diagnostic(NamedTuple):
    """One finding. `message` is lower case, fits one line and names things in back-quotes; `span` is the primary place.

    `note` stands behind the carets of the snippet and may be empty.
    """

    code: str
    name: str
    severity: Severity
    message: str
    span: Span
    note: str = ""
    labels: tuple[Label, ...] = ()
    witness: tuple[WitnessStep, ...] = ()
    help: str = ""
    fixes: tuple[Fix, ...] = ()


def nearest(name: str, candidates: list[str] | tuple[str, ...]) -> str | None:
    """The candidate that a person most likely meant by `name`, or None when none is near.

    Near is what differs by one slip of the hand, or little for its length: `AUD` is not meant as `USD`.
    """
    from difflib import SequenceMatcher, get_close_matches

    folded = {candidate.casefold(): candidate for candidate in reversed(candidates)}
    if name.casefold() in folded:
        return folded[name.casefold()]
    if len(candidates) > _MANY:
        candidates = [one for one in candidates if abs(len(one) - len(name)) <= 1 + len(name) // 4]
    for found in get_close_matches(name, candidates, n=3, cutoff=0.6):
        if _one_slip(name, found) or SequenceMatcher(None, found, name).ratio() >= _ALIKE:
            return found
    return None


_MANY = 200
_ALIKE = 0.7


def _one_slip(name: str, other: str) -> bool:
    """Whether one letter is lost, added, changed, or swapped with the next."""
    if len(name) > len(other):
        name, other = other, name
    at = next((number for number, pair in enumerate(zip(name, other, strict=False)) if pair[0] != pair[1]), len(name))
    if len(name) < len(other):
        return name[at:] == other[at + 1 :]
    rest, its = name[at:], other[at:]
    return rest[1:] == its[1:] or (rest[:2] == its[:2][::-1] and rest[2:] == its[2:])


def replace(title: str, span: Span, text: str, safety: Safety = Safety.SAFE) -> Fix:
    """The fix that replaces one place."""
    return Fix(title, safety, (Edit(span, text),))
