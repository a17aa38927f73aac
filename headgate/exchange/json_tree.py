"""JSON with places: every value knows its path and where it stands in the text."""

from __future__ import annotations

import json
import re
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from math import isfinite
from typing import Final, TypeAlias, TypeGuard, cast

from headgate.plan import Json
from headgate.records import NamedTuple

DEEPEST: Final = 100
MOST_DIGITS: Final = 1_000
ROOT: Final = "$"

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<fraction>\.[0-9]+)?(?P<exponent>[eE][+-]?[0-9]+)?")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS: Final[tuple[tuple[str, None | bool], ...]] = (("null", None), ("true", True), ("false", False))


class Member(NamedTuple):
    """One value of a JSON text. `raw` is a number as it was written, else empty. `repeated` are keys given twice."""

    value: None | bool | int | float | str | list[Member] | dict[str, Member]
    path: str
    start: int
    raw: str = ""
    repeated: tuple[str, ...] = ()


Members: TypeAlias = "dict[str, Member]"


class NotJson(Exception):  # noqa: N818 - it names a state
    """A text that is no JSON; `offset` is where it stops being some."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def read(text: str) -> Member:
    """The value that a text stands for. Raises NotJson."""
    reader = _Reader(text)
    member, end = reader.member(reader.space(0), ROOT, 0)
    end = reader.space(end)
    if end < len(text):
        raise NotJson("expected the end of the text after the value", end)
    return member


def plain(member: Member) -> Json:
    """A value without its places; a number beyond what a number can hold as the text that it was."""
    value = member.value
    if isinstance(value, float) and not isfinite(value):
        return member.raw
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value


def join(path: str, key: str | int) -> str:
    """The path of a member of the value at `path`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not _PLAIN_KEY.fullmatch(key):
        return f"{path}[{json.dumps(key, ensure_ascii=not key.isprintable())}]"
    return key if path == ROOT else f"{path}.{key}"


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number, which `true` is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text

    def space(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        assert found is not None, "a run of blanks matches the empty one"
        return found.end()

    def member(self, at: int, path: str, depth: int) -> tuple[Member, int]:
        if depth > DEEPEST:
            raise NotJson(f"it is nested more than {DEEPEST} deep", at)
        sign = self.text[at : at + 1]
        if sign == "{":
            return self.object(at, path, depth)
        if sign == "[":
            return self.list(at, path, depth)
        if sign == '"':
            text, end = self.string(at)
            return Member(text, path, at), end
        for word, value in _WORDS:
            if self.text.startswith(word, at):
                return Member(value, path, at), at + len(word)
        return self.number(at, path)

    def number(self, at: int, path: str) -> tuple[Member, int]:
        found = _NUMBER.match(self.text, at)
        if found is None:
            raise NotJson("expected a value" if self.text[at:] else "the text ends where a value was expected", at)
        raw = found.group()
        whole = found["fraction"] is None and found["exponent"] is None
        value: int | float = int(raw) if whole and len(raw) <= MOST_DIGITS else float(raw)
        return Member(value, path, at, raw), found.end()

    def string(self, at: int) -> tuple[str, int]:
        if self.text[at : at + 1] != '"':
            raise NotJson("expected a key in double quotes", at)
        try:
            return cast("tuple[str, int]", scanstring(self.text, at + 1, True))
        except JSONDecodeError as error:
            raise NotJson(f"{error.msg[:1].lower()}{error.msg[1:]}", error.pos) from None

    def list(self, at: int, path: str, depth: int) -> tuple[Member, int]:
        start, items = at, list[Member]()
        at = self.space(at + 1)
        while not self.text.startswith("]", at):
            if items:
                at = self.comma(at, "]")
            item, at = self.member(at, join(path, len(items)), depth + 1)
            items.append(item)
            at = self.space(at)
        return Member(items, path, start), at + 1

    def object(self, at: int, path: str, depth: int) -> tuple[Member, int]:
        start, members, repeated = at, dict[str, Member](), list[str]()
        at = self.space(at + 1)
        while not self.text.startswith("}", at):
            if members:
                at = self.comma(at, "}")
            key, at = self.string(at)
            at = self.space(at)
            if not self.text.startswith(":", at):
                raise NotJson("expected `:` after the key", at)
            member, at = self.member(self.space(at + 1), join(path, key), depth + 1)
            if key in members:
                repeated.append(key)
            else:
                members[key] = member
            at = self.space(at)
        return Member(members, path, start, repeated=tuple(repeated)), at + 1

    def comma(self, at: int, closer: str) -> int:
        if not self.text.startswith(",", at):
            raise NotJson(f"expected `,` or `{closer}`", at)
        return self.space(at + 1)
