"""Which globals a Lua script reads and defines."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.expressions.lua_names import lua_names


def reads(script: str) -> list[str]:
    return [".".join(link.name for link in read.links) for read in lua_names(script).reads]


@pytest.mark.parametrize(
    ("script", "read"),
    [
        ('return a, b.c, d["e"].f, g[h], i:j(k)', ["a", "b.c", "d.e.f", "g", "h", "i", "k"]),
        ("local a = a return a", ["a"]),
        ("local a, b <const> = c, 1 return a + b", ["c"]),
        ("local function f(n, ...) return f(n - 1, m) end", ["m"]),
        ("local f = function() return f end", ["f"]),
        ("for k, v in next, t do x(k, v) end return k", ["next", "t", "x", "k"]),
        ("for i = 1, n do local j = i end return i, j", ["n", "i", "j"]),
        ("while on do local w = 1 end return w", ["on", "w"]),
        ("repeat local done = f() until done return done", ["f", "done"]),
        ("if a then local b = 1 elseif b then c() else local d = 1 end return d", ["a", "b", "c", "d"]),
        ("do local a = 1 end a()", ["a"]),
        ("function obj.new() return self end function obj:get() return self end", ["obj", "self", "obj"]),
        ("local t = { a = 1, [b] = 2, c; d = function() return e end }", ["b", "c", "e"]),
        ("-- a\n--[[ b ]] local s = 'c' .. \"d\" .. [[ e ]] .. [==[ f ]==]", []),
        ("goto out ::out:: local x = 1", []),
        ("local a = 1 local b = a\n(f or g)(b)", ["f", "g", "b"]),
        ("a.b = 1 a.b.c = 2", ["a.b", "a.b.c"]),
        ("local x = y\nz()", ["y", "z"]),
        ("return 1 .. a, 0x1p4, 1e5, 3 // b", ["a", "b"]),
    ],
)
def test_what_is_read_follows_the_scopes_of_lua(script: str, read: list[str]) -> None:
    assert reads(script) == read


@pytest.mark.parametrize(
    ("script", "defined"),
    [
        ("a = 1 b, c = 2, 3", {"a", "b", "c"}),
        ("x, y.z, w = 1, 2, 3", {"x", "w"}),
        ("function f() g = 1 end", {"f", "g"}),
        ("local a a = 1 local function f() a = 2 end", set()),
        ("f(a, b) return a, b", set()),
        ("local t = { a = 1 } if t.a == 1 then c = t end", {"c"}),
    ],
)
def test_what_is_given_a_value_is_a_global_of_the_script(script: str, defined: set[str]) -> None:
    assert lua_names(script).defined == defined


def test_fields_that_a_script_gives_to_libraries_are_known() -> None:
    found = lua_names("function string.trim(s) return s end math.half = 0.5 table['size'] = 1")
    assert found.members >= {("string", "trim"), ("math", "half"), ("table", "size")}


@pytest.mark.parametrize("script", ["_G.x = 1", "local _ENV = {}", "return _ENV", "setmetatable(_G, {})"])
def test_a_script_that_takes_its_environment_in_hand_is_opaque(script: str) -> None:
    assert lua_names(script).opaque


def test_links_and_locals_have_their_places() -> None:
    script = "local sum = 1 return inputs.order.id + sums"
    first, second = lua_names(script).reads
    assert [script[link.start : link.end] for link in first.links] == ["inputs", "order", "id"]
    assert second.visible == ("sum",)


PIECES = (
    *("local", "function", "end", "do", "if", "then", "else", "elseif", "for", "in", "while", "repeat", "until"),
    *("a", "b", "=", ",", ".", ":", "(", ")", "{", "}", "[", "]", "'", "[[", "--", "::", "goto", "<", ">", "1", "..."),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_no_text_is_too_broken_to_be_scanned(pieces: list[str]) -> None:
    script = " ".join(pieces)
    for read in lua_names(script).reads:
        assert all(script[link.start : link.end] == link.name for link in read.links)
