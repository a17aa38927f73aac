"""The tree of a `.flow` file: values with spans, no meaning.

Offsets in every span count code points of `Source.text`. Nothing here is resolved: a name is a name.
"""

from __future__ import annotations

from typing import TypeAlias

from headgate.records import NamedTuple
from headgate.source import Span


class Name(NamedTuple):
    text: str
    span: Span


class Template(NamedTuple):
    """One `{{ expression }}`. `expression` is the text between the braces, as written; it starts at `inner.start`."""

    expression: str
    inner: Span
    span: Span


class Literal(NamedTuple):
    """A stretch of text between templates. `text` has its escapes resolved; `span` is where it was written."""

    text: str
    span: Span


class Text(NamedTuple):
    """`"..."` or three quotes: literal stretches and templates in order; never empty stretches.

    `span` includes the quotes. Dedent and escapes are already applied to the `Literal` parts.
    """

    parts: tuple[Literal | Template, ...]
    span: Span
    block: bool = False

    @property
    def plain(self) -> str | None:
        """The text when it holds no template, else None."""
        if not self.parts:
            return ""
        if len(self.parts) == 1 and isinstance(self.parts[0], Literal):
            return self.parts[0].text
        return None


class Fence(NamedTuple):
    """Raw text between back-ticks. `text` is dedented; `raw` spans the text as written, opener line to closer.

    `indent` characters were removed from each line that is not blank, so line n, column c of `text` is line n, column
    c + indent of the raw text.
    """

    word: str | None
    text: str
    raw: Span
    indent: int
    span: Span


class Number(NamedTuple):
    """`value` is an int when written without point and exponent."""

    value: int | float
    span: Span


class Boolean(NamedTuple):
    value: bool
    span: Span


class Null(NamedTuple):
    span: Span


class Duration(NamedTuple):
    """`milliseconds` of one number and unit; `text` as written."""

    milliseconds: int
    text: str
    span: Span


class Word(NamedTuple):
    """A bare or dotted name used as a value: `deny`, `stripe.get_charge`, `everything."get-sum"`.

    `parts` are the names between the dots, quotes resolved.
    """

    parts: tuple[str, ...]
    span: Span

    @property
    def text(self) -> str:
        return ".".join(self.parts)


class List(NamedTuple):
    items: tuple[Value, ...]
    span: Span


class Entry(NamedTuple):
    key: Name
    value: Value
    span: Span


class Map(NamedTuple):
    entries: tuple[Entry, ...]
    span: Span


class TypeRef(NamedTuple):
    """A type: `string`, `list<T>` (one argument), `enum("a", "b")` (members), each with `?` when null is allowed."""

    name: Name
    arguments: tuple[TypeRef, ...]
    members: tuple[Text, ...]
    nullable: bool
    span: Span


Value: TypeAlias = Text | Template | Fence | Number | Boolean | Null | Duration | Word | List | Map | TypeRef
"""A value as written. `list<T>`, `enum(...)` and `T?` are TypeRef; a bare `string` is a Word until it is read."""


class Attribute(NamedTuple):
    name: Name
    value: Value
    span: Span
    doc: str | None = None


class Input(NamedTuple):
    name: Name
    type: TypeRef
    default: Value | None
    attributes: tuple[Attribute, ...]
    span: Span
    doc: str | None = None
    broken: bool = False


class Let(NamedTuple):
    name: Name
    value: Value
    span: Span
    doc: str | None = None


class Trigger(NamedTuple):
    name: Name
    kind: Name
    positionals: tuple[Value, ...]
    attributes: tuple[Attribute, ...]
    span: Span
    doc: str | None = None
    broken: bool = False


class Edge(NamedTuple):
    """One `after` edge. `on` is `completed`, `failed`, `denied` or `finished`; `target` may be `*`."""

    on: str
    target: Name
    span: Span


class Case(NamedTuple):
    """`case {{ condition }} -> target`; `condition` is None for `else`."""

    condition: Template | None
    target: Name
    span: Span
    doc: str | None = None


class Gate(NamedTuple):
    """`gate approval|review [before|after] { ... }`; `position` is None when not written."""

    kind: Name
    position: Name | None
    attributes: tuple[Attribute, ...]
    span: Span
    doc: str | None = None
    broken: bool = False


class Step(NamedTuple):
    """One step. `head` spans the step without its block. Lists hold their members in the order of the file."""

    name: Name
    kind: Name
    positionals: tuple[Value, ...]
    as_name: Name | None
    edges: tuple[Edge, ...]
    fence: Fence | None
    attributes: tuple[Attribute, ...]
    gates: tuple[Gate, ...]
    cases: tuple[Case, ...]
    steps: tuple[Step, ...]
    head: Span
    span: Span
    doc: str | None = None
    broken: bool = False
    """Whether an item of it did not parse: what it lacks may be there, so nothing may be called missing."""


class Output(NamedTuple):
    entries: tuple[Entry, ...]
    span: Span
    doc: str | None = None


class Workflow(NamedTuple):
    """One workflow. `broken` is true when an item of it did not parse, so that what needs all of it can say so."""

    name: Name
    title: Text | None
    attributes: tuple[Attribute, ...]
    inputs: tuple[Input, ...]
    lets: tuple[Let, ...]
    triggers: tuple[Trigger, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Output, ...]
    head: Span
    span: Span
    doc: str | None = None
    broken: bool = False
    lost: frozenset[str] = frozenset()
    """Names of steps, inputs and lets whose item was found broken: a reference to one is no finding."""


class Comment(NamedTuple):
    """A `#` comment without its line end; `##` doc comments are listed too."""

    text: str
    span: Span


class File(NamedTuple):
    """What a text says. `comments` are in order; suppressions are read from them."""

    workflows: tuple[Workflow, ...]
    comments: tuple[Comment, ...]
    span: Span
