"""Which steps a Lua script reads: `steps.a` and `steps["a"]`, outside its comments and strings."""

from __future__ import annotations

import re
from functools import lru_cache

from headgate.records import NamedTuple

_LONG = r"\[(?P<{level}>=*)\[.*?(?:\](?P={level})\]|\Z)"
_TOKEN = re.compile(
    r"--" + _LONG.format(level="comment") + r"|--[^\n]*|" + _LONG.format(level="string") + "|"
    r"\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|"
    r"(?P<read>(?P<before>(?:(?<!\.)\.\s*|:\s*)?)(?<![A-Za-z0-9_])steps\s*"
    r"(?:\.(?!\.)\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\[\s*(?:\"(?P<double>[^\"\\\n]*)\"|'(?P<single>[^'\\\n]*)')\s*\])"
    r"(?P<rest>\s*(?:\.(?!\.)\s*(?P<member>[A-Za-z_][A-Za-z0-9_]*)|\[\s*[\"'](?P<quoted>[^\"'\\\n]*)[\"']\s*\])?))"
    r"|[A-Za-z0-9_]+",
    re.DOTALL,
)


class LuaReference(NamedTuple):
    """A step that a script reads; `start` and `end` are offsets of its name in the script.

    `member` is what it reads of it (`result`, `status`, ...), at `member_start`; None when that is not written out.
    """

    step: str
    start: int
    end: int
    member: str | None = None
    member_start: int = 0


@lru_cache(maxsize=4_096)
def lua_references(script: str) -> tuple[LuaReference, ...]:
    """The steps that a Lua script reads, in the order of its text."""
    found: list[LuaReference] = []
    for token in _TOKEN.finditer(script):
        if token["read"] is None or token["before"]:
            continue
        group = "name" if token["name"] is not None else "double" if token["double"] is not None else "single"
        inner = "member" if token["member"] is not None else "quoted"
        start, end = token.span(group)
        found.append(LuaReference(token[group], start, end, token[inner], max(token.start(inner), 0)))
    return tuple(found)
