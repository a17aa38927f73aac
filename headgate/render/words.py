"""How statuses, times and durations are shown to people."""

from __future__ import annotations

from datetime import UTC, datetime

from headgate.runtime.status import RUN_STATUSES, STEP_STATUSES, RunStatus, StatusFacts, StepStatus

ANSI = {
    "bright_black": "90",
    "red": "31",
    "bright_red": "91",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
_APPROVALS = {
    "pending": ("⏲", "blue"),
    "approved": ("✓", "green"),
    "denied": ("✗", "red"),
    "expired": ("◷", "yellow"),
    "cancelled": ("⊘", "bright_black"),
}


def run_facts(status: str) -> StatusFacts:
    """How a run's status is drawn and what it means."""
    return RUN_STATUSES[RunStatus(status)]


def step_facts(status: str) -> StatusFacts:
    """How a step's status is drawn and what it means."""
    return STEP_STATUSES[StepStatus(status)]


def approval_look(status: str) -> tuple[str, str]:
    """The mark and the colour of an approval's status."""
    return _APPROVALS[status]


def coloured(text: str, colour: str) -> str:
    """The text in a colour of `ANSI`, for a terminal."""
    return f"\x1b[{ANSI[colour]}m{text}\x1b[0m"


def timestamp(at: int | None) -> str | None:
    """UTC milliseconds as `2026-11-20T10:00:00.000Z`; None stays None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at % 1000:03d}Z"


def moment(at: int | None) -> str:
    """UTC milliseconds for a table: `2026-11-20 10:00:00`, or a dash."""
    if at is None:
        return "-"
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def span(milliseconds: int) -> str:
    """How long something took, in the units that matter: `12 ms`, `3.4 s`, `2 m 05 s`, `3 h 20 m`, `4 d 1 h`."""
    milliseconds = max(0, milliseconds)
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(milliseconds // 1000, 60)
    if minutes < 60:
        return f"{minutes} m {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} m"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"
