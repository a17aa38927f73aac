"""Takes secret values out of whatever came back from the world."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from headgate.plan import Json

STARS = "***"
_SHORTEST = 4
_SURE = 8
_URL_SAFE = str.maketrans("+/", "-_")


class Mask:
    """The values to hide, in the spellings in which servers send them back: as they are, escaped, quoted, base64, hex.

    A value of fewer than four characters is hidden only where it stands alone: it would tear holes into every text.
    """

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._spellings: tuple[str, ...] = ()

    @property
    def hides(self) -> bool:
        """Whether there is anything to hide."""
        return bool(self._values)

    def add(self, value: str) -> None:
        if value in self._values or not value:
            return
        self._values.add(value)
        spellings = {spelling for one in self._values if len(one) >= _SHORTEST for spelling in _spellings(one)}
        self._spellings = tuple(sorted(spellings, key=len, reverse=True))

    def found_in(self, value: Json) -> list[str]:
        """The values that occur in `value`."""
        return sorted(one for one in self._values if _alone(one).apply(value) != value)

    def apply(self, value: Json) -> Json:
        """The value with each secret in its texts, keys and numbers replaced; the same object when there is none."""
        return self._apply(value) if self._values else value

    def _apply(self, value: Json) -> Json:
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(key): self._apply(item) for key, item in value.items()}
            case list():
                return [self._apply(item) for item in value]
            case int() | float() if not isinstance(value, bool) and str(value) in self._values:
                return STARS
        return value

    def text(self, text: str) -> str:
        if text in self._values:
            return STARS
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, STARS)
        return text


def _alone(value: str) -> Mask:
    mask = Mask()
    mask.add(value)
    return mask


def _spellings(value: str) -> set[str]:
    escaped = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    content = value.encode("utf-8", "surrogatepass")
    encoded = {b64encode(content).decode(), content.hex(), content.hex().upper(), *_inside_base64(content)}
    quoted = {quote(value, safe=""), quote(value), quote_plus(value)}
    return {value, *quoted, *escaped, *encoded, *(json.dumps(one)[1:-1] for one in escaped)}


def _inside_base64(content: bytes) -> Iterator[str]:
    """How it looks inside of something longer, as `user:password` in base64: at each of three places."""
    for before in range(3):
        whole = b64encode(bytes(before) + content).decode().rstrip("=")
        sure = whole[-(-before * 8 // 6) : (before + len(content)) * 8 // 6]
        if len(sure) >= _SURE:
            yield sure
            yield sure.translate(_URL_SAFE)
