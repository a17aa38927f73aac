"""`docs/kinds.md` from the kinds' schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from headgate.kinds import HERE, Attribute, Kind, kind

INTRODUCTION = """\
# Step kinds

What each kind takes and returns. Attributes of every step (`when`, `timeout`, `retry`, ...) are in
[the language guide](language.md#attributes-of-every-step). What may stand behind the kind instead of in the braces is
its *positionals*. A word such as `deny` is written without quotes, and so is a duration such as `72h`.
"""
UNITS = (("h", 3_600_000), ("m", 60_000), ("s", 1000))


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for name in sorted(path.stem for path in HERE.glob("*.json")):  # and not those of packages installed here
        found = kind(name)
        assert found is not None, f"the kind {name} is listed and not there"
        parts.append(_kind(found))
    return "\n".join(parts)


def _kind(found: Kind) -> str:
    lines = [f"## `{found.name}`\n", f"{found.summary[:1].upper()}{found.summary[1:]}.\n"]
    positionals = [" or ".join(filter(None, (each.text, ".".join(each.parts)))) for each in found.positionals]
    facts = [f"positionals: `{' '.join(positionals)}`"] if positionals else []
    facts += [f"a fence fills `{found.fence}`"] if found.fence else []
    facts += [f"reversibility: {found.reversibility}"]
    facts += [f"time limit of an attempt: {_duration(found.timeout_ms)}" if found.timeout_ms else "no time limit"]
    lines.append("; ".join(facts) + "\n")
    if found.attributes:
        lines += ["| attribute | | default |", "|---|---|---|"]
        lines += [_attribute(attribute) for attribute in found.attributes.values()]
        lines.append("")
    if found.rest is not None:
        lines.append("Any other name is a value of its own.\n")
    if found.result is not None:
        lines += _returns(found.result)
    return "\n".join(lines)


def _attribute(attribute: Attribute) -> str:
    required = " (required)" if attribute.required else ""
    default = "" if attribute.default is None else f"`{_written(attribute.default, attribute.schema)}`"
    words = _words(attribute.schema)
    text = (f"{attribute.doc}: {words}" if words else attribute.doc).replace("|", "\\|")
    return f"| `{attribute.name}`{required} | {text} | {default} |"


def _words(schema: Mapping[str, object]) -> str:
    """The values that may be written, when they are few."""
    allowed = schema.get("enum")
    return ", ".join(f"`{_written(each, schema)}`" for each in allowed) if isinstance(allowed, list) else ""


def _written(value: object, schema: Mapping[str, object]) -> str:
    """A value as the language writes it."""
    if schema.get("format") == "duration" and isinstance(value, int):
        return _duration(value)
    return str(value) if schema.get("format") == "word" else json.dumps(value)


def _duration(milliseconds: int) -> str:
    """With the largest unit up to hours that keeps it whole, as the language guide has it: `72h`, not `3d`."""
    for unit, size in UNITS:
        if milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def _returns(result: Mapping[str, object]) -> Iterator[str]:
    """What a step returns, and what the items of its lists are."""
    properties = result.get("properties")
    if not isinstance(properties, dict) or not properties:
        return
    yield f"Returns {_names(properties)}.\n"
    for name, schema in properties.items():
        words = _words(schema)
        if words:
            yield f"`{name}` is one of {words}.\n"
        inner = schema.get("items", {}).get("properties")
        if inner:
            yield f"Each item of `{name}` has {_names(inner)}.\n"


def _names(properties: Mapping[str, object]) -> str:
    return ", ".join(f"`{name}`" for name in properties)
