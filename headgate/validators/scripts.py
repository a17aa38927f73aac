"""What the rules about Lua scripts share: what Lua says of one, and the globals that it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from headgate.compiler.uses import Site, scripts
from headgate.expressions import Segment
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.rule import Context
from headgate.validators.templates import Read

if TYPE_CHECKING:
    from lupa import lua54

    from headgate.expressions.lua_names import LuaNames

_MESSAGE = re.compile(r"\[string \"[^\n]*?\"\]:(?P<line>\d+): (?P<says>.*)", re.DOTALL)
_BYTECODE = "\x1b"


class LuaFault(NamedTuple):
    """What Lua says of a script that it cannot read; `line` counts from 1."""

    line: int
    says: str


@lru_cache(maxsize=4_096)
def lua_fault(script: str) -> LuaFault | None:
    """Lua's line and message for a script that it does not read; nothing is run."""
    from lupa import lua54

    if script.startswith(_BYTECODE):
        return LuaFault(1, "a script is text; compiled Lua is refused")
    try:
        _runtime().compile(script)
    except lua54.LuaSyntaxError as error:
        return _fault(str(error))
    except UnicodeDecodeError as error:  # Lua counts bytes: it may end its message within a character
        return _fault(error.object.decode(errors="replace"))
    return None


def _fault(message: str) -> LuaFault:
    match = _MESSAGE.match(message.removeprefix("error loading code: "))
    if match is None:
        return LuaFault(1, _one_line(message))
    return LuaFault(int(match["line"]), _one_line(match["says"]))


@cache
def _runtime() -> lua54.LuaRuntime:
    """One Lua for all scripts: they are only read."""
    from lupa import lua54

    return lua54.LuaRuntime(unpack_returned_tuples=True, register_eval=False, register_builtins=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())


class ReadScript(NamedTuple):
    """A script in a fence that Lua can read. `offset` is where its text starts in the file."""

    names: LuaNames
    site: Site
    offset: int

    def place(self, start: int, end: int) -> Span:
        """The place in the file of a stretch of the script."""
        return Span(self.offset + start, self.offset + end)


def read_scripts(context: Context) -> Iterator[ReadScript]:
    """The scripts of a workflow with the globals they read; HG901 speaks of those that Lua cannot read."""
    found = scripts(context.graph)
    if not found:
        return
    from headgate.expressions.lua_names import lua_names

    for script in found:
        if lua_fault(script.fence.text) is None:
            raw = script.fence.raw
            yield ReadScript(lua_names(context.source.text[raw.start : raw.end]), script.site, raw.start)


def setting_reads(context: Context) -> Iterator[Read]:
    """Every read of `inputs` and `vars` in a script, as far as its path is written out."""
    for script in read_scripts(context):
        for read in script.names.reads:
            if read.name in ("inputs", "vars"):
                segments = tuple(Segment(link.name, link.start, link.end) for link in read.links)
                yield Read(segments, script.site, script.offset)
