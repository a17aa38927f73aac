"""Ways out of a script, each tried: the world, Python, the host's memory, its time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from attempts import attempt, ended, perform_all

from headgate.runtime.connections import World
from headgate.runtime.errors import ErrorClass, StepError
from headgate.workspace import EMPTY

MISSING = [
    *("os", "io", "debug", "package", "require", "load", "loadfile", "loadstring", "dofile", "python", "coroutine"),
    *("collectgarbage", "string.dump", "_G.os", "_G.io", "_G.python", "_ENV.load", "math.os", "secrets"),
]


def test_nothing_that_reaches_the_world_is_in_sight() -> None:
    script = "return {" + ", ".join(f"{name} == nil" for name in MISSING) + "}"
    assert perform_all(attempt("lua", {"script": script})) == [[True] * len(MISSING)]


def test_the_environment_holds_only_picked_names() -> None:
    script = "local names = {} for name in pairs(_G) do names[#names + 1] = name end table.sort(names) return names"
    assert perform_all(attempt("lua", {"script": script})) == [
        sorted(
            [
                *(
                    "_G",
                    "_VERSION",
                    "args",
                    "assert",
                    "error",
                    "getmetatable",
                    "ipairs",
                    "math",
                    "next",
                    "pairs",
                    "pcall",
                ),
                *("print", "rawequal", "rawget", "rawlen", "rawset", "select", "setmetatable", "string", "table"),
                *("tonumber", "tostring", "type", "utf8", "xpcall"),
            ]
        )
    ]


@pytest.mark.parametrize("name", ["os.execute('id')", "io.open('/etc/passwd')", "load('return 1')", "require('os')"])
def test_the_classic_escapes_are_told_what_a_script_has(name: str) -> None:
    error = perform_all(attempt("lua", {"script": f"return {name}"}))[0]
    assert isinstance(error, StepError)
    assert error.code == "LUA_FAILED"
    missing = name.partition("(")[0].partition(".")[0]
    assert error.message.endswith(
        f": a script has no `{missing}`, only math, string, table, utf8 and the basic functions"
    )


@pytest.mark.parametrize(
    "script",
    [
        "return ('').dump == nil",
        "return getmetatable('') == false",
        "return pcall(setmetatable, '', {}) == false",
        "return getmetatable(inputs) == nil and inputs.__class__ == nil and inputs.__init__ == nil",
        "local ok = pcall(function() return inputs.l.__class__.__mro__ end) return not ok",
        "local ok, e = pcall(error, setmetatable({}, {__index = function() return _G end})) return e.os == e.io",
        "return tostring(print):find('python') == nil and tostring(error):find('python') == nil",
        "local seen = false for k, v in next, getmetatable(inputs.n) or {} do seen = true end return not seen",
        "string.format = nil; table.concat = nil; return true",
        "return select('#', table.unpack({}, 1, 3)) == 3",
        "return not pcall(setmetatable, {}, {__gc = function() while true do end end})",
        "local mt = {} local t = setmetatable({}, mt) mt.__gc = function() while true do end end t = nil return true",
        "return rawget(_G, 'os') == nil and rawget(string, 'dump') == nil and next(_G, nil) ~= nil",
    ],
)
def test_no_value_leads_anywhere_but_to_lua(script: str) -> None:
    scope = {"inputs": {"l": [1, 2], "n": [None, 1]}}
    assert perform_all(attempt("lua", {"script": script}, scope=scope)) == [True]


@pytest.mark.parametrize(
    "script",
    [
        "local t = {} for i = 1, 1e12 do t[i] = {i} end",
        "return string.rep('x', 2^30)",
        "local s = 'x' while true do s = s .. s end",
        "local function f(n) return f(n + 1) + 1 end return f(1)",
        "return table.concat({string.rep('a', 2^25), string.rep('b', 2^25)})",
    ],
)
def test_a_script_that_eats_memory_fails_with_a_sentence(script: str) -> None:
    error = perform_all(attempt("lua", {"script": script}))[0]
    assert isinstance(error, StepError)
    assert error.code == "LUA_FAILED"
    assert error.error_class is ErrorClass.PERMANENT
    assert "more than 64 MiB of memory" in error.message or "stack overflow" in error.message


@pytest.mark.parametrize(
    "script",
    [
        "while true do end",
        "while true do pcall(error) end",
        "local function f() return f() end return f()",
        "while true do pcall(function() while true do end end) end",
        "return string.rep('a', 100000):find(string.rep('.-', 30) .. 'b')",
        "return string.rep('a', 40):match(string.rep('a?', 40) .. string.rep('a', 41))",
        "local mt = {__index = function(t, k) return nil end} while true do local _ = setmetatable({}, mt).x end",
        "local t = {} for i = 1, 1e5 do t[i] = i end while true do table.sort(t, function(a, b) return a > b end) end",
        "while true do pcall(string.rep, 'x', 1e9) end",
        "print(setmetatable({}, {__tostring = function() while true do end end}))",
    ],
)
def test_a_script_that_does_not_end_is_ended(script: str) -> None:
    error = perform_all(attempt("lua", {"script": script}, timeout=300))[0]
    assert isinstance(error, StepError)
    assert error.code == "STEP_TIMED_OUT"


def test_metatables_on_a_result_run_no_code_when_it_is_read() -> None:
    script = """
      local bad = function() while true do end end
      return setmetatable({a = 1}, {__index = bad, __pairs = bad, __len = bad, __tostring = bad, __name = "x"})
    """
    assert perform_all(attempt("lua", {"script": script}, timeout=2000)) == [{"a": 1}]


def test_the_child_has_no_environment_and_no_file_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_TEST_CANARY", "canary-value")

    async def story() -> bytes:
        world = World(EMPTY, environ={})
        before = _children()
        await ended(attempt("lua", {"script": "return {}"}), world)
        (child,) = _children() - before
        seen = Path(f"/proc/{child}/environ").read_bytes()  # noqa: ASYNC240 - it does not block
        await world.close()
        assert child not in _children()
        return seen

    assert b"canary" not in asyncio.run(story())


def _children() -> set[int]:
    return {int(pid) for pid in Path("/proc/self/task").joinpath(_task(), "children").read_text().split()}


def _task() -> str:
    return str(Path("/proc/thread-self").readlink().name)


def test_a_secret_in_the_arguments_of_a_script_is_refused() -> None:
    one = attempt(
        "lua",
        {"script": "return {args.t}", "args": {"t": {"$secret": "TOKEN"}}},
        config={"script": "return {args.t}", "args": {"t": "{{ secrets.TOKEN }}"}},
    )
    error = perform_all(one)[0]
    assert isinstance(error, StepError)
    assert (error.code, error.error_class) == ("PLATFORM_REJECTED", ErrorClass.POLICY)
    assert error.message == "a script may not see the secret `TOKEN`; send it from a step that calls a provider"
