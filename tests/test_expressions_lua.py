"""Which steps a Lua script reads."""

from headgate.expressions import lua_references


def steps(script: str) -> list[str]:
    return [reference.step for reference in lua_references(script)]


def test_both_ways_of_naming_a_step_are_read() -> None:
    script = """return { steps.a.result.x, steps["b-1"].result, steps['c'].status, steps . d , steps [ "e" ] }"""
    assert steps(script) == ["a", "b-1", "c", "d", "e"]
    assert [script[one.start : one.end] for one in lua_references(script)] == ["a", "b-1", "c", "d", "e"]


def test_what_is_read_of_a_step_is_known_when_it_is_written_out() -> None:
    script = """x(steps.a.result, steps["b"]["status"], steps.c, steps.d[k], steps.e .. "x", steps.f . error)"""
    found = lua_references(script)
    assert [(one.step, one.member) for one in found] == [
        ("a", "result"),
        ("b", "status"),
        ("c", None),
        ("d", None),
        ("e", None),
        ("f", "error"),
    ]
    assert [script[one.member_start :][: len(one.member)] for one in found if one.member] == [
        "result",
        "status",
        "error",
    ]


def test_comments_and_strings_hold_no_reads() -> None:
    script = """
    -- steps.a
    --[[ steps.b
    ]] --[==[ ]] steps.c ]==] local x = "steps.d \\" steps.e" .. 'steps.f'
    local long = [[ steps.g ]] .. [=[ ]] steps.h ]=]
    return steps.real -- steps.i
    """
    assert steps(script) == ["real"]


def test_other_names_are_no_reads() -> None:
    assert steps("return args.steps.a, my_steps.b, steps2.c, obj:steps.d, steps, steps[k], steps[1]") == []
    assert steps("local x = a ..steps.b") == ["b"]


def test_a_script_that_does_not_end_its_string_or_comment_is_read_as_far_as_it_goes() -> None:
    assert steps("x = steps.a --[[ steps.b") == ["a"]
    assert steps('x = steps.a "steps.b') == ["a"]
    assert steps("x = [[ steps.b") == []


def test_scanning_a_long_script_takes_linear_time() -> None:
    assert steps("[" * 200_000 + "-" * 200_000) == []
    assert len(steps("steps.a " * 20_000)) == 20_000
