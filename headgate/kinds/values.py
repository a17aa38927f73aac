"""Values as the checker sees them: plain JSON, and one type for each thing of the language that JSON does not have."""

from __future__ import annotations

from typing import TypeAlias

from headgate.records import NamedTuple

EMPTY = '{{ "" }}'
"""What the plan puts behind a template that is alone in its quotes, so that it stays text."""


class Template(NamedTuple):
    """A lone `{{ expression }}`: its value is known when it is evaluated."""

    expression: str


class Mixed(NamedTuple):
    """Text that holds templates; `text` as the plan stores it, `EMPTY` behind a template alone in its quotes."""

    text: str

    @property
    def unquoted(self) -> str | None:
        """The template that stands alone in the quotes, None when there is more."""
        return self.text.removesuffix(EMPTY) if self.text.endswith(EMPTY) else None


class Word(NamedTuple):
    """A bare or dotted name."""

    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        return ".".join(self.parts)


class Duration(NamedTuple):
    """`text` as written."""

    milliseconds: int
    text: str


class TypeName(NamedTuple):
    """A type with arguments, members or `?`: `schema` is its JSON Schema, `names` every name in it."""

    schema: dict[str, object]
    names: tuple[str, ...]


class Fenced(NamedTuple):
    """Raw text; `word` stands behind the opening back-ticks."""

    word: str | None
    text: str


MARKERS = (Template, Mixed, Word, Duration, TypeName, Fenced)
Neutral: TypeAlias = "None | bool | int | float | str | list[Neutral] | dict[str, Neutral] | Template | Mixed | Word | Duration | TypeName | Fenced"  # noqa: E501


def is_plain(value: Neutral) -> bool:
    """Whether a value is JSON through and through."""
    if isinstance(value, MARKERS):
        return False
    if isinstance(value, list):
        return all(is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(is_plain(item) for item in value.values())
    return True


def describe(value: Neutral) -> str:
    """What a value is, for a sentence: "a number", "`deny`"."""
    match value:
        case Template():
            return "a template"
        case Mixed():
            return "text with a template"
        case Word():
            return f"`{value.text}`"
        case Duration():
            return f"the duration `{value.text}`"
        case TypeName():
            return "a type"
        case Fenced():
            return "a fence"
        case None:
            return "`null`"
        case bool():
            return "`true`" if value else "`false`"
        case int() | float():
            return f"`{value}`"
        case str():
            return f'`"{value}"`' if len(value) <= 40 and "\n" not in value else "text"
        case list():
            return "a list"
        case dict():
            return "a map"
