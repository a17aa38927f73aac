"""The step kinds, and everything else of the language that has attributes: read from one JSON Schema file each.

A kind's file is a JSON Schema of its attributes; its key `headgate` holds what JSON Schema has no words for. An
installed package adds a kind by an entry point in the group `headgate.kinds`: its name is the kind's, and it loads to
such a schema or to a function that returns one. Installed kinds are looked for only when no file has the name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from headgate.kinds.checker import compile_schema
from headgate.kinds.faults import TYPES, Check, Fault, Schema, expects
from headgate.kinds.values import Neutral
from headgate.records import NamedTuple

HERE = Path(__file__).parent
SAFE = "safe"
IRREVERSIBLE = "irreversible"
UNKNOWN = "unknown"
REVERSIBILITIES = ("safe", "recoverable", IRREVERSIBLE, UNKNOWN)
NO_LIMIT = frozenset({"human", "wait", "call", "delay", "each", "repeat"})
"""Kinds that wait for others: an attempt has no time limit of its own unless written, and none is retried."""


class KindDamaged(Exception):  # noqa: N818 - it names a state
    """An installed kind is not what the language can use; the message names the kind and what is wrong."""


class Positional(NamedTuple):
    """What stands behind the kind: `text` is the attribute it fills, `parts` those that a dotted word is split over.

    Either may be empty; with both, a bare word is split and anything else fills `text`.
    """

    text: str
    parts: tuple[str, ...]


class Attribute:
    """One attribute: `schema` as written, `doc` one line for people. `default` is None without one."""

    __slots__ = ("_check", "_root", "default", "doc", "name", "required", "schema")

    def __init__(self, name: str, schema: Schema, root: Schema, *, required: bool) -> None:
        self.name = name
        self.schema = schema
        self.required = required
        self.default = schema.get("default")
        self.doc = str(schema.get("description", ""))
        self._root = root
        self._check: Check | None = None

    @property
    def format(self) -> str | None:
        form = self.schema.get("format")
        return form if isinstance(form, str) else None

    def faults(self, value: Neutral) -> list[Fault]:
        """What is wrong with a value of this attribute; paths start at the value."""
        if self._check is None:
            self._check = compile_schema(self.schema, self._root)
        found: list[Fault] = []
        self._check(value, (), found)
        return found


class Kind(NamedTuple):
    """A step kind, a trigger kind, or another block with attributes.

    `rest` stands for attributes of any name, None when there are none. `fence` is the attribute that a fence fills;
    `takes_as` says whether `as NAME` may be written, which fills `as`. `blocks` may hold `case` and `step`. `result` is
    the JSON Schema of what a step returns, None when only its author or its tool knows. `effect` is false when it only
    computes. `reversibility` may be `unknown`; `timeout_ms` is of one attempt, None without a limit.
    """

    name: str
    summary: str
    schema: Schema
    attributes: Mapping[str, Attribute]
    rest: Attribute | None
    positionals: tuple[Positional, ...]
    fence: str | None
    takes_as: bool
    blocks: frozenset[str]
    result: Schema | None
    effect: bool
    reversibility: str
    timeout_ms: int | None
    retry: bool

    @property
    def required(self) -> tuple[str, ...]:
        """The attributes without which it makes no sense."""
        return tuple(name for name, attribute in self.attributes.items() if attribute.required)

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of a name, the open-ended one where any name may stand."""
        return self.attributes.get(name, self.rest)


@cache
def kind(name: str) -> Kind | None:
    """The step kind of a name, from a file here or from an installed package; None when there is none.

    Raises KindDamaged when an installed package offers something else than a schema.
    """
    schema = _file("", name) or _installed(name)
    return None if schema is None else read_kind(name, schema)


@cache
def is_ours(name: str) -> bool:
    """Whether a step kind is one of this package, whatever else is installed."""
    return _file("", name) is not None


def kind_names() -> tuple[str, ...]:
    """All step kinds, those of installed packages included."""
    return tuple(sorted({*_names(""), *(point.name for point in _entry_points())}))


@cache
def trigger_kind(name: str) -> Kind | None:
    """The trigger kind of a name."""
    schema = _file("triggers", name)
    return None if schema is None else read_kind(name, schema)


def trigger_names() -> tuple[str, ...]:
    return _names("triggers")


@cache
def common(name: str) -> Kind:
    """What every block of a sort has: `step`, `workflow`, `input`, `trigger` or `gate`."""
    schema = _file("common", name)
    assert schema is not None, f"kinds/common/{name}.json is part of the package"
    return read_kind(name, schema)


def read_kind(name: str, schema: Schema) -> Kind:
    """A kind out of its schema. Raises KindDamaged when a part of it is of the wrong sort."""
    try:
        return _read(name, schema)
    except (KeyError, TypeError, ValueError, AttributeError, AssertionError) as error:
        raise KindDamaged(f"the kind `{name}` has a schema that cannot be read: {error}") from error


def _read(name: str, schema: Schema) -> Kind:
    facts = schema.get("headgate", {})
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    more = schema.get("additionalProperties", False)
    if not isinstance(facts, dict) or not isinstance(properties, dict) or not isinstance(required, list):
        raise TypeError("`headgate` and `properties` are objects, `required` is a list")
    reversibility = str(facts.get("reversibility", UNKNOWN))
    if reversibility not in REVERSIBILITIES:
        raise ValueError(f"`reversibility` is `{reversibility}`, expected one of {', '.join(REVERSIBILITIES)}")
    free = more if isinstance(more, dict) else {"template": True} if more is True else None
    return Kind(
        name=name,
        summary=str(schema.get("description", "")),
        schema=schema,
        attributes={key: Attribute(key, one, schema, required=key in required) for key, one in properties.items()},
        rest=None if free is None else Attribute("", free, schema, required=False),
        positionals=tuple(_positional(one) for one in facts.get("positionals", ())),
        fence=facts.get("fence"),
        takes_as=bool(facts.get("as", False)),
        blocks=frozenset(facts.get("blocks", ())),
        result=facts.get("result"),
        effect=bool(facts.get("effect", True)),
        reversibility=reversibility,
        timeout_ms=facts.get("timeout_ms", None if name in NO_LIMIT else 60_000),
        retry=bool(facts.get("retry", name not in NO_LIMIT)),
    )


def _positional(written: object) -> Positional:
    if isinstance(written, str):
        return Positional(written, ())
    if isinstance(written, list):
        return Positional("", tuple(written))
    if isinstance(written, dict):
        return Positional(str(written["text"]), tuple(written["parts"]))
    raise TypeError("a positional is a name, a list of names, or both as `text` and `parts`")


def _file(folder: str, name: str) -> Schema | None:
    """The schema of a file of this package; names come from files of users, so only plain ones are looked for."""
    if not (name.isascii() and name.isidentifier()):
        return None
    try:
        text = (HERE / folder / f"{name}.json").read_text("utf-8")
    except FileNotFoundError:
        return None
    schema = json.loads(text)
    assert isinstance(schema, dict), f"kinds/{folder}/{name}.json holds a schema"
    return schema


def _names(folder: str) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in (HERE / folder).glob("*.json")))


class _EntryPoint(NamedTuple):
    name: str
    value: str


@cache
def _entry_points() -> tuple[_EntryPoint, ...]:
    from importlib.metadata import entry_points

    return tuple(_EntryPoint(point.name, point.value) for point in entry_points(group="headgate.kinds"))


def _installed(name: str) -> Schema | None:
    from importlib.metadata import EntryPoint

    for point in _entry_points():
        if point.name == name:
            try:
                loaded = EntryPoint(point.name, point.value, "headgate.kinds").load()
                schema = loaded() if callable(loaded) else loaded
            except (ImportError, AttributeError) as error:
                raise KindDamaged(f"the kind `{name}` is installed, but does not load: {error}") from error
            if not isinstance(schema, dict):
                raise KindDamaged(f"the kind `{name}` is installed, but offers no schema")
            return schema
    return None


__all__ = [
    "IRREVERSIBLE",
    "NO_LIMIT",
    "SAFE",
    "TYPES",
    "UNKNOWN",
    "Attribute",
    "Fault",
    "Kind",
    "KindDamaged",
    "Positional",
    "Schema",
    "common",
    "expects",
    "is_ours",
    "kind",
    "kind_names",
    "trigger_kind",
    "trigger_names",
]
