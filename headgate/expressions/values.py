"""What stands in a template's scope beside JSON, and what goes wrong with it."""

from __future__ import annotations

from typing import Final

from headgate.plan import Json

SECRET = "$secret"  # noqa: S105 - the key of its placeholder
TEXT = "$text"


class TemplateFailed(Exception):  # noqa: N818 - it is named as the step error is
    """A template that gives no value: the step fails for good. The message is one sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class PathMissing(TemplateFailed):
    """A link of a path leads nowhere. `path` is the path as far as it was followed, the missing link last."""

    def __init__(self, message: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


class ResultMissing(Exception):  # noqa: N818 - it names a state
    """A template needs the result of a step that has none: the step that reads it stops as at a dead edge."""

    def __init__(self, step: str) -> None:
        super().__init__(f"`{step}` has no result")
        self.step = step


class Absent:
    """Stands in a scope for the result that a step does not have."""

    __slots__ = ("step",)

    def __init__(self, step: str) -> None:
        self.step = step

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Absent) and other.step == self.step

    def __hash__(self) -> int:
        return hash((Absent, self.step))

    def __repr__(self) -> str:
        return f"Absent({self.step!r})"


class Secrets:
    """Stands in a scope as `secrets`: every name is there, and none has a value before it is sent."""

    __slots__ = ()


class Secret:
    """A secret, or a text around secrets, while an expression is evaluated: it may be passed on whole, nothing else.

    `name` is how a message names it; `parts` are the texts and `{"$secret": NAME}` it is made of.
    """

    __slots__ = ("name", "parts")

    def __init__(self, name: str, parts: tuple[Json, ...]) -> None:
        self.name = name
        self.parts = parts

    @property
    def placeholder(self) -> Json:
        """What stands for it in what is stored: `{"$secret": NAME}`, or `{"$text": [part, ...]}` of several parts."""
        return self.parts[0] if len(self.parts) == 1 else {TEXT: list(self.parts)}

    def __bool__(self) -> bool:
        raise self.refusal()

    def refusal(self) -> TemplateFailed:
        """What is said when anything is done with it."""
        return TemplateFailed(f"`{self.name}` can only be sent as it is: nothing can be computed from a secret")


def secret(name: str) -> Secret:
    """The secret `secrets.NAME`."""
    return Secret(f"secrets.{name}", ({SECRET: name},))


def sealed(value: Json) -> object:
    """A rendered value of the workflow's own text, its placeholders secrets again: for a `let` that holds one.

    Data from outside must never pass here.
    """
    if isinstance(value, dict):
        name, parts = value.get(SECRET), value.get(TEXT)
        if len(value) == 1 and isinstance(name, str):
            return secret(name)
        if len(value) == 1 and isinstance(parts, list):
            return Secret("a text with a secret", tuple(parts))
        return {key: sealed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [sealed(item) for item in value]
    return value


class Omitted:
    """The value of `x | omit` when `x` is missing or null: its key or item is left out."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED: Final = Omitted()


def describe(value: object) -> str:
    """The kind of a value, in a sentence: `text`, `a number`, `a list`, ..."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list() | tuple():
            return "a list"
        case Secret() | Secrets():
            return "a secret"
        case Omitted():
            return "nothing (`omit`)"
        case _:
            return "a map"
