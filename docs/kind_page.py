"""`docs/kinds.md` from the kinds' schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping

from headgate.kinds import HERE, Attribute, Kind, kind
from headgate.render.picture import duration

INTRODUCTION = """\
# Step kinds

What each kind takes and returns. Attributes of every step (`when`, `timeout`, `retry`, ...) are in
[the language guide](language.md#attributes-of-every-step). What may stand behind the kind instead of in the braces is
its *positionals*.
"""


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
    facts += [f"time limit of an attempt: {duration(found.timeout_ms)}" if found.timeout_ms else "no time limit"]
    lines.append("; ".join(facts) + "\n")
    if found.attributes:
        lines += ["| attribute | | default |", "|---|---|---|"]
        lines += [_attribute(attribute) for attribute in found.attributes.values()]
        lines.append("")
    if found.rest is not None:
        lines.append("Any other name is a value of its own.\n")
    if found.result is not None:
        names = _properties(found.result)
        lines.append(f"Returns {names}.\n" if names else "")
    return "\n".join(lines)


def _attribute(attribute: Attribute) -> str:
    required = " (required)" if attribute.required else ""
    default = "" if attribute.default is None else f"`{json.dumps(attribute.default)}`"
    text = attribute.doc.replace("|", "\\|")
    return f"| `{attribute.name}`{required} | {text} | {default} |"


def _properties(schema: Mapping[str, object]) -> str:
    properties = schema.get("properties")
    return ", ".join(f"`{name}`" for name in properties) if isinstance(properties, dict) else ""
