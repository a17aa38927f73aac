"""What `doctor` looked at, a thing a line, and its fix below."""

from __future__ import annotations

from headgate.render.columns import printable
from headgate.render.words import coloured

_LOOKS = {"fine": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}
SUBJECT_WIDTH = 18


def diagnosis_line(subject: str, verdict: str, message: str, fix: str | None, *, colour: bool) -> str:
    """`✓ store  ...`; what to do stands on a line of its own."""
    mark, shade = _LOOKS[verdict]
    shown = coloured(mark, shade) if colour else mark
    line = f"{shown} {printable(subject):<{SUBJECT_WIDTH}} {printable(message)}"
    return f"{line}\n  {'':<{SUBJECT_WIDTH}} fix: {printable(fix)}" if fix else line
