"""HG902: a global that is nil in the sandbox of a script."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Edit, Fix, Label, Safety, Severity, nearest
from headgate.expressions.lua_names import BASIC, GIVEN, LIBRARIES, LuaRead
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.scripts import ReadScript, read_scripts
from headgate.validators.templates import visible_steps

_HIDDEN = frozenset({"trigger", "run", "failure"})
_GONE = frozenset(
    {*("os", "io", "debug", "package", "require", "load", "loadfile", "dofile", "loadstring", "coroutine"), "python"}
    | {"collectgarbage", "warn", "module", "setfenv", "getfenv", "bit32", "jit"}
)
_SENTENCES = {
    "secrets": "secrets stand only where they are sent to a provider",
    "json": "a script takes and returns tables: no JSON is read or written in it",
    "cjson": "a script takes and returns tables: no JSON is read or written in it",
}
_ALIASES = {
    **dict.fromkeys(("null", "None", "NULL", "undefined", "none", "Nil"), "nil"),
    **dict.fromkeys(("True", "TRUE"), "true"),
    **dict.fromkeys(("False", "FALSE"), "false"),
    "unpack": "table.unpack",
    "input": "inputs",
    "step": "steps",
    "math.pow": "a ^ b",
    "math.mod": "math.fmod",
    "table.getn": "#list",
    "string.gfind": "string.gmatch",
}
"""What other languages and older Luas call it, and how it is written here."""


def check(context: Context) -> Iterator[Finding]:
    for script in read_scripts(context):
        if not script.names.opaque:
            yield from _script(context, script)


def _script(context: Context, script: ReadScript) -> Iterator[Finding]:
    given = GIVEN | (script.site.names - _HIDDEN - {"secrets"})
    known = BASIC | given | LIBRARIES.keys() | script.names.defined
    missing: dict[str, list[LuaRead]] = {}
    for read in script.names.reads:
        name = _missing(read, known, script)
        if name is not None:
            missing.setdefault(name, []).append(read)
    for name, reads in missing.items():
        yield _member(script, name, reads) if "." in name else _global(context, script, name, reads, known)


def _missing(read: LuaRead, known: frozenset[str], script: ReadScript) -> str | None:
    """The global that is nil, or the member of a library (`math.pow`); None when there is such a thing."""
    if read.name not in known:
        return read.name
    library = LIBRARIES.get(read.name)
    if library is None or len(read.links) == 1 or read.name in script.names.defined:
        return None
    member = read.links[1].name
    if member in library or (read.name, member) in script.names.members:
        return None
    return f"{read.name}.{member}"


def _global(context: Context, script: ReadScript, name: str, reads: list[LuaRead], known: frozenset[str]) -> Finding:
    places = [script.place(read.links[0].start, read.links[0].end) for read in reads]
    if name in _HIDDEN:
        advice = f"give it to the script: `args = {{ {name} = {{{{ {name} }}}} }}`, and read `args.{name}`"
        return _finding(f"`{name}` is nil in a script, which sees only its inputs, steps and `args`", places, advice)
    if name in _SENTENCES:
        return _finding(f"`{name}` is nil in a script: {_SENTENCES[name]}", places, "")
    if name in _GONE:
        libraries = "only `math`, `string`, `table`, `utf8` and the basic functions"
        return _finding(f"`{name}` is nil in a script: its sandbox has {libraries}", places, "")
    meant = _ALIASES.get(name) or _prefixed(context, script, name)
    meant = meant or nearest(name, tuple(dict.fromkeys((*reads[0].visible, *sorted(known)))))
    if meant is None:
        advice = "write `local` before its first assignment, or take it from `inputs`, `steps`, `vars` or `args`"
        return _finding(f"`{name}` is nil in the script: nothing gives it a value", places, advice)
    return _finding(f"`{name}` is nil in the script; did you mean `{meant}`?", places, "", meant)


def _prefixed(context: Context, script: ReadScript, name: str) -> str | None:
    """The input, `let` or step that was written without what stands before it."""
    workflow = context.workflow
    if any(one.name.text == name for one in workflow.inputs):
        return f"inputs.{name}"
    if any(let.name.text == name for let in workflow.lets):
        return f"vars.{name}"
    return f"steps.{name}" if name in visible_steps(script.site.scope) else None


def _member(script: ReadScript, name: str, reads: list[LuaRead]) -> Finding:
    library, _, member = name.partition(".")
    places = [script.place(read.links[1].start, read.links[1].end) for read in reads]
    if name in _ALIASES:
        return _finding(f"`{name}` is nil in Lua 5.4; write `{_ALIASES[name]}`", places, "")
    near = nearest(member, tuple(sorted(LIBRARIES[library])))
    if near is None:
        listed = ", ".join(sorted(LIBRARIES[library]))
        return _finding(f"`{name}` is nil: `{library}` has no `{member}`", places, f"it has {listed}")
    return _finding(f"`{name}` is nil; did you mean `{library}.{near}`?", places, "", near)


def _finding(message: str, places: list[Span], advice: str, meant: str | None = None) -> Finding:
    fixes: tuple[Fix, ...] = ()
    if meant is not None:
        edits = tuple(Edit(place, meant) for place in places)
        fixes = (Fix(f"write `{meant}`", Safety.SAFE, edits),)
    labels = tuple(Label(place, "and here") for place in places[1:])
    return RULE.finding(message, places[0], note="nil here", labels=labels, advice=advice, fixes=fixes)


RULE = Rule(
    code="HG902",
    name="lua-globals",
    severity=Severity.WARNING,
    summary="a script reads a global that is nil in its sandbox",
    explanation="""\
A script sees `inputs`, `vars`, `steps`, `args`, the names of the loop it is in, Lua's `math`, `string`, `table` and
`utf8`, and the basic functions without `load`, `require` and the like. Any other global that it does not define itself
is nil: reading it gives nothing, calling it fails.""",
    wrong="""\
workflow order {
  input lines: list<number> = []
  step total = lua ```lua
    local sum = 0
    for _, amount in ipairz(inputs.lines) do sum = sum + amount end
    return { sum = sum }
  ```
}
""",
    right="""\
workflow order {
  input lines: list<number> = []
  step total = lua ```lua
    local sum = 0
    for _, amount in ipairs(inputs.lines) do sum = sum + amount end
    return { sum = sum }
  ```
}
""",
    check=check,
)
