"""How the language writes what it read."""

from __future__ import annotations

_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"))


def duration(milliseconds: int) -> str:
    """One number and unit, the largest unit that keeps it whole: `90s`, `2h`."""
    for size, unit in _UNITS:
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def lasting(milliseconds: float) -> str:
    """A length of time for a sentence, in its two largest units: `8m 5s`."""
    left = int(milliseconds)
    said: list[str] = []
    for size, unit in _UNITS:
        if left >= size and len(said) < 2:
            said.append(f"{left // size}{unit}")
            left %= size
    return " ".join(said) or f"{left}ms"
