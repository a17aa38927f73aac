"""`schema`: the JSON Schemas of what this program reads and writes. They are files of the package."""

from __future__ import annotations

import json
from importlib.resources import files

from headgate.api.faults import UsageFault
from headgate.plan import JsonObject

NAMES = ("plan", "events", "workspace", "findings")


def schema(name: str) -> JsonObject:
    """The schema of one of `NAMES`. Raises `UsageFault` for another name."""
    if name not in NAMES:
        from headgate.diagnostics import nearest

        guess = nearest(name, NAMES)
        hint = f"did you mean `{guess}`?" if guess else "expected one of " + ", ".join(f"`{each}`" for each in NAMES)
        raise UsageFault(f"no schema `{name}`; {hint}")
    text = files("headgate").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8")
    found: JsonObject = json.loads(text)
    if name == "events":
        from headgate.runtime.events import EventType

        items = found["items"]
        assert isinstance(items, dict), "the schema of events describes one event"
        properties = items["properties"]
        assert isinstance(properties, dict), "an event has properties"
        properties["type"] = {"enum": [str(each) for each in EventType]}
    return found
