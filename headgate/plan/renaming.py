"""Steps that only changed their name: found by everything else being equal, then followed wherever they are named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from headgate.plan.nouns import Json, JsonObject
from headgate.plan.writing import canonical

Renames: TypeAlias = "Mapping[str, str]"
"""Old name to new name, of the steps of one scope."""


def renames(old: JsonObject, new: JsonObject) -> Renames:
    """Which steps of one scope have another name in `new` and are else the same, edges and readers included.

    A step with several such twins is taken for removed. Steps are looked at again once others were found, so that a
    chain of renamed steps is followed from its root.
    """
    found: dict[str, str] = {}
    gone = {name for name in old if name not in new}
    come = {name for name in new if name not in old}
    while gone and come:
        before = _by_content(old, gone, found)
        after = _by_content(new, come, {})
        pairs = [
            (names[0], after[content][0])
            for content, names in before.items()
            if len(names) == 1 and len(after.get(content, ())) == 1
        ]
        if not pairs:
            break
        found.update(pairs)
        gone -= {was for was, _ in pairs}
        come -= {now for _, now in pairs}
    return found


def _by_content(steps: JsonObject, chosen: set[str], names: Renames) -> dict[bytes, list[str]]:
    found: dict[bytes, list[str]] = {}
    for name in sorted(chosen):
        found.setdefault(canonical(_renamed_step(steps[name], names)), []).append(name)
    return found


def renamed_scope(steps: JsonObject, names: Renames) -> JsonObject:
    """The steps of a scope as they would read with the new names."""
    if not names:
        return steps
    return {names.get(name, name): _renamed_step(step, names) for name, step in steps.items()}


def _renamed_step(step: Json, names: Renames) -> Json:
    assert isinstance(step, dict), "a step of a plan is an object"
    made = {name: _renamed_value(value, _pattern(names), names) for name, value in step.items() if name != "body"}
    edges, config, body = step["edges"], made["config"], step["body"]
    assert isinstance(edges, list), "a step of a plan has a list of edges"
    made["edges"] = sorted((_renamed_edge(edge, names) for edge in edges), key=canonical)
    if step["kind"] == "switch" and isinstance(config, dict):
        made["config"] = _renamed_cases(config, names)
    made["body"] = body
    if isinstance(body, dict):
        inner = body["steps"]
        assert isinstance(inner, dict), "a body has its steps"
        mine = {name: value for name, value in names.items() if name not in inner}
        made["body"] = {**body, "steps": {name: _renamed_step(each, mine) for name, each in inner.items()}}
    return made


def _renamed_edge(edge: Json, names: Renames) -> JsonObject:
    assert isinstance(edge, dict), "an edge is an object"
    source = str(edge["from"])
    return {**edge, "from": names.get(source, source)}


def _renamed_cases(config: JsonObject, names: Renames) -> JsonObject:
    cases, otherwise = config.get("cases"), config.get("else")
    made: list[Json] = []
    for case in cases if isinstance(cases, list) else []:
        assert isinstance(case, dict), "a case has its condition and its step"
        target = str(case["to"])
        made.append({**case, "to": names.get(target, target)})
    other = names.get(otherwise, otherwise) if isinstance(otherwise, str) else otherwise
    return {**config, "cases": made, "else": other}


def renamed_value(value: Json, names: Renames) -> Json:
    """A value whose templates name the steps by their new names."""
    return _renamed_value(value, _pattern(names), names) if names else value


def _pattern(names: Renames) -> re.Pattern[str]:
    listed = "|".join(re.escape(name) for name in sorted(names)) or r"(?!)"
    return re.compile(rf"""(?P<head>\bsteps(?:\.|\[\s*["']))(?P<name>{listed})\b""")


def _renamed_value(value: Json, pattern: re.Pattern[str], names: Renames) -> Json:
    match value:
        case str():
            if "steps" not in value:
                return value
            return pattern.sub(lambda found: found["head"] + names[found["name"]], value)
        case list():
            return [_renamed_value(item, pattern, names) for item in value]
        case dict():
            return {key: _renamed_value(item, pattern, names) for key, item in value.items()}
        case _:
            return value
