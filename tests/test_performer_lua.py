"""Scripts: what goes in, what comes out, what they are told when they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from attempts import attempt, ended, perform_all
from hypothesis import given
from hypothesis import strategies as st

from headgate.expressions.lua_names import BASIC, GIVEN, LIBRARIES
from headgate.plan import Json
from headgate.runtime.connections import World
from headgate.runtime.errors import ErrorClass, StepError
from headgate.workspace import EMPTY


def run(script: str, scope: Mapping[str, object] | None = None, **changes: object) -> Json | StepError:
    return perform_all(attempt("lua", {"script": script}, scope=scope, **changes))[0]


def fails(script: str, **scope: object) -> StepError:
    error = run(script, scope)
    assert isinstance(error, StepError), error
    assert error.code == "LUA_FAILED"
    assert error.error_class is ErrorClass.PERMANENT
    return error


def test_a_script_sees_steps_inputs_vars_args_and_the_names_of_its_loop() -> None:
    scope = {
        "steps": {"charge": {"result": {"amount": 3}, "status": "completed", "error": None, "input": {}}},
        "inputs": {"order": "o1"},
        "vars": {"limit": 500},
        "email": "a@b",
        "index": 4,
    }
    script = (
        "return {steps.charge.result.amount, steps['charge'].status, inputs.order, vars.limit, email, index, args.x}"
    )
    one = attempt("lua", {"script": script, "args": {"x": True}}, scope=scope)
    assert perform_all(one) == [[3, "completed", "o1", 500, "a@b", 4, True]]


def test_a_script_sees_neither_secrets_nor_the_trigger() -> None:
    scope = {"secrets": {"TOKEN": "s"}, "trigger": {"body": 1}, "run": {"id": 1}}
    assert run("return {secrets == nil, trigger == nil, run == nil}", scope) == [True, True, True]


def test_steps_named_by_a_computed_key_are_there_too() -> None:
    scope = {"steps": {"a": {"result": 1}, "b": {"result": 2}}}
    script = "local sum = 0 for _, name in ipairs({'a', 'b'}) do sum = sum + steps[name].result end return {sum = sum}"
    assert run(script, scope) == {"sum": 3}


def test_lists_count_from_one() -> None:
    assert run("return {first = inputs.l[1], zero = inputs.l[0], n = #inputs.l}", {"inputs": {"l": [7, 8]}}) == {
        "first": 7,
        "n": 2,
    }


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, {}),
        ({"type": "array"}, []),
        ({"type": "object"}, {}),
        ({"anyOf": [{"type": "array"}, {"type": "null"}]}, []),
        ({"$ref": "#/$defs/rows", "$defs": {"rows": {"type": "array"}}}, []),
    ],
)
def test_an_empty_table_is_a_list_only_where_the_declared_result_wants_one(result: object, expected: object) -> None:
    assert run("return {}", result=result) == expected


def test_an_empty_table_deep_inside_follows_the_declared_result_too() -> None:
    schema = {
        "type": "object",
        "properties": {"rows": {"type": "array", "items": {"type": "array"}}, "tags": {"type": ["array", "null"]}},
        "additionalProperties": {"type": "array"},
    }
    assert run("return {rows = {{}}, tags = {}, more = {}}", result=schema) == {"rows": [[]], "tags": [], "more": []}


def test_nulls_inside_lists_and_maps_come_back_where_they_were() -> None:
    value = {"l": [None, 1, None, {"x": None}], "n": None, "m": {"a": None, "b": [None]}, "e": [], "o": {}}
    assert run("return inputs", {"inputs": value}) == value


def test_a_list_with_nulls_has_its_length_and_grows() -> None:
    script = "local l = inputs.l; l[#l + 1] = 9; return {n = #l, l = l}"
    assert run(script, {"inputs": {"l": [None, 1, None]}}) == {"n": 4, "l": [None, 1, None, 9]}


def test_a_hole_in_a_new_list_is_null_and_scattered_numbers_are_keys() -> None:
    assert run("return {1, nil, 3}") == [1, None, 3]
    assert run("return {[1001] = 'a', [1005] = 'b'}") == {"1001": "a", "1005": "b"}


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_integers_stay_exact(number: int) -> None:
    assert run_warm("return inputs.n", {"inputs": {"n": number}}) == number


_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON)
def test_what_passes_through_a_script_is_what_it_was(value: Json) -> None:
    assert run_warm("return {inputs.v}", {"inputs": {"v": value}}) in ([value], {} if value is None else [value])


def test_a_number_that_lua_cannot_hold_is_named_and_not_rounded() -> None:
    error = fails("return inputs.n", inputs={"n": {"deep": [2**70]}})
    assert (
        error.message
        == "`inputs.n.deep[1]` is a number of more than 64 bits, which Lua cannot hold exactly; pass it as text"
    )


def test_an_error_is_told_with_its_line_and_what_was_printed() -> None:
    error = fails("local x = 1\nprint('seen', x)\nerror('no such order')")
    assert error.message == "line 3: no such order"
    assert error.detail == {"line": 3, "printed": "seen\t1"}


def test_an_error_with_a_table_keeps_the_table() -> None:
    error = fails("error({message = 'too much', code = 7})")
    assert error.message == "line 1: too much"
    assert error.detail == {"line": 1, "value": {"code": 7, "message": "too much"}}


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("return x.y", "line 1: attempt to index a nil value (global 'x')"),
        ("return (", "line 1: unexpected symbol near <eof>"),
        ("error()", "the script called `error` without a message"),
        ("return print", "`result` is a function; a result holds tables, texts, numbers, booleans and nil"),
        ("return {a = {0/0}}", "`result.a[1]` is nan, which is no JSON number"),
        ("return {'\\255'}", "a text in `result` is not UTF-8"),
        ("return {[true] = 1}", "`result` has a key that is a boolean; the keys of a map are texts or whole numbers"),
        ("return {['1'] = 1, [1] = 2}", "`result` has the key `1` both as a text and as a number"),
        ("return string.rep('x', 2^24)", "the result is larger than 8 MiB"),
    ],
)
def test_a_failing_script_says_what_was_wrong(script: str, message: str) -> None:
    error = fails(script)
    assert error.message.removeprefix("line 1: ") == message.removeprefix("line 1: ")


def test_a_table_that_holds_itself_is_refused() -> None:
    assert "holds itself" in fails("local t = {} t.t = t return t").message


def test_what_cannot_go_in_is_told() -> None:
    assert "half a character" in fails("return 1", inputs={"s": "\ud800"}).message
    deep: Json = 1
    for _ in range(5000):
        deep = [deep]
    assert "nests too deep" in fails("return 1", inputs={"d": deep}).message
    deep = 1
    for _ in range(400):
        deep = {"x": deep}
    assert "nests" in fails("return inputs", inputs=deep).message


def test_a_script_that_loops_for_ever_is_stopped_and_not_tried_again() -> None:
    error = run("while true do end", timeout=400)
    assert isinstance(error, StepError)
    assert error.code == "STEP_TIMED_OUT"
    assert error.error_class is ErrorClass.PERMANENT
    assert error.message == "the script ran longer than 0.4s and was stopped"


def test_scripts_of_one_run_share_children_but_nothing_else() -> None:
    results = perform_all(
        attempt("lua", {"script": "leak = 1; string.leak = 2; return {}"}),
        attempt("lua", {"script": "return {leak == nil, string.leak == nil}"}),
    )
    assert results == [{}, [True, True]]


def test_a_cancelled_script_is_killed_and_the_next_one_gets_a_fresh_child() -> None:
    async def story() -> object:
        world = World(EMPTY, environ={})
        task = asyncio.create_task(ended(attempt("lua", {"script": "while true do end"}), world))
        answer = await ended(attempt("lua", {"script": "return {1}"}), world)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        second = await ended(attempt("lua", {"script": "return {2}"}), world)
        await world.close()
        return task.cancelled(), answer, second

    assert asyncio.run(story()) == (True, [1], [2])


def test_a_script_that_is_no_text_is_a_fault_of_the_configuration() -> None:
    error = perform_all(attempt("lua", {"script": 3}))[0]
    assert isinstance(error, StepError)
    assert error.code == "CONFIG_INVALID"


class _Warm:
    """One world for many examples: a start of a child for each would be most of the time."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.world = World(EMPTY, environ={})


_warm: list[_Warm] = []


@pytest.fixture(autouse=True, scope="module")
def _warm_world() -> object:
    _warm.append(_Warm())
    yield None
    warm = _warm.pop()
    warm.loop.run_until_complete(warm.world.close())
    warm.loop.close()


def run_warm(script: str, scope: Mapping[str, object]) -> Json | StepError:
    warm = _warm[0]
    return warm.loop.run_until_complete(ended(attempt("lua", {"script": script}, scope=scope), warm.world))


def test_the_gate_knows_every_name_of_the_sandbox_and_no_other() -> None:
    script = "local t = {} for name in pairs(%s) do t[#t + 1] = name end return t"
    scope: dict[str, object] = {"inputs": {}, "vars": {}, "steps": {}}
    found = run(script % "_G", scope)
    assert isinstance(found, list)
    assert set(found) == BASIC | GIVEN | LIBRARIES.keys()
    for library, members in LIBRARIES.items():
        listed = run(script % library, scope)
        assert isinstance(listed, list)
        assert set(listed) == members, library
