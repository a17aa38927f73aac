"""What a plan looks at, and the longest that it can take."""

import pytest
from flows import plan_of

from headgate.compiler.interests import interests
from headgate.compiler.time_bounds import time_bound

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000


def test_a_path_knows_the_constants_that_it_is_compared_with():
    plan = plan_of(
        "let limit = 500\n"
        'step a = http GET "https://a.example"\n'
        "step s = switch after a {\n"
        "  case {{ steps.a.result.body.amount > vars.limit }} -> b\n"
        '  case {{ steps.a.result.body.kind in ["x", "y"] }} -> c\n'
        "}\nstep b = set { x = 1 }\nstep c = set { x = 1 }"
    )  # fmt: skip
    found = interests(plan).paths
    assert found["steps", "a", "result", "body", "amount"] == (500,)
    assert found["steps", "a", "result", "body", "kind"] == ("x", "y")


def test_items_of_loops_are_looked_for_in_the_list_also_through_computed_values():
    plan = plan_of(
        'step a = http GET "https://a.example"\n'
        "step b = set { lines = {{ steps.a.result.body.lines }} }\n"
        "step c = each {{ steps.b.result.lines }} as line {\n  step d = set { x = {{ line.amount > 3 }} }\n}"
    )
    assert interests(plan).paths["steps", "a", "result", "body", "lines", "[]", "amount"] == (3,)


def test_scripts_are_read_as_far_as_they_are_plain():
    plan = plan_of(
        'step a = http GET "https://a.example"\n'
        "step b = lua ```lua\n"
        "  for _, line in ipairs(steps.a.result.body.lines) do if line.n >= 7 then return {} end end\n"
        "  return { t = steps.a.result.body.name:upper() }\n```"
    )
    found = interests(plan)
    assert found.paths["steps", "a", "result", "body", "lines", "[]", "n"] == (7,)
    assert found.types["steps", "a", "result", "body", "name"] == "text"


@pytest.mark.parametrize(
    ("steps", "bound"),
    [
        ("step a = set { x = 1 }", 0),
        ("step a = delay 5s\nstep b = delay 7s", 7 * SECOND),
        ("step a = delay 5s\nstep b = delay 7s after a", 12 * SECOND),
        ('step a = http GET "https://a.example" { timeout = 10s, retry = 0 }', 10 * SECOND),
        (
            'step a = http GET "https://a.example" { timeout = 10s, retry = { max = 2, backoff = [10s] } }',
            30 * SECOND + 22 * SECOND,
        ),
        ("step a = human approval { expires = 2h }", 2 * HOUR),
        ('step a = human approval { expires = 2h, on_expiry = escalate, escalate_to = ["x"] }', 4 * HOUR),
        ("step a = delay 1s {\n  gate approval { expires = 1h }\n}", HOUR + SECOND),
        ("step a = each {{ [1, 2, 3] }} as n {\n  limit = 25\n  step b = delay 1s\n}", 3 * SECOND),
        ("step a = repeat {\n  max = 4\n  every = 1m\n  step b = delay 1s\n}", 4 * MINUTE),
        ("step a = delay { for = {{ inputs.x }} }", None),
        ("step a = call other", None),
    ],
)
def test_the_longest_run_is_the_longest_way_with_every_attempt_at_its_limit(steps, bound):
    header = 'input x: string = "1s"' if "inputs.x" in steps else ""  # fmt: skip
    assert time_bound(plan_of(steps, header)) == bound


def test_a_deadline_bounds_what_nothing_else_does():
    assert time_bound(plan_of("step a = call other", "deadline = 3h")) == 3 * HOUR
    assert time_bound(plan_of("step a = delay 5s", "deadline = 3h")) == 5 * SECOND
