"""Run ids: 26 characters that sort by time, of which any unique prefix names the run."""

from __future__ import annotations

import os
from collections.abc import Callable

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80


class Identifiers:
    """Makes ids that are greater than every one it made before, also within one millisecond."""

    __slots__ = ("_entropy", "_last")

    def __init__(self, entropy: Callable[[int], bytes] = os.urandom) -> None:
        """`entropy` gives that many random bytes."""
        self._entropy = entropy
        self._last = 0

    def new(self, now_ms: int) -> str:
        """An id for the time `now_ms`."""
        value = (now_ms << _RANDOM_BITS) | int.from_bytes(self._entropy(_RANDOM_BITS // 8), "big")
        if value >> _RANDOM_BITS <= self._last >> _RANDOM_BITS:
            value = self._last + 1 + int.from_bytes(self._entropy(5), "big")
        self._last = value
        return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
