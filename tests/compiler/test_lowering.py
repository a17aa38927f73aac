"""Graph to plan: defaults by kind, forms of values, and the same bytes everywhere."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from flows import plan_of, plan_of_text

from headgate.api.compiling import compile_target
from headgate.plan import dump, load, load_stored, to_json
from headgate.workspace import parse, parse_lock

CASES = Path(__file__).parent.parent / "cases" / "plans"
SCHEMA = json.loads((Path(sys.modules["headgate"].__file__).parent / "schemas" / "plan.json").read_text())
TARGETS = ["refund.flow", "constructs.flow#constructs", "constructs.flow#other"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_plan_is_what_it_was(target):
    plan = compile_target(str(CASES / target)).plan
    golden = CASES / f"{target.replace('.flow', '').replace('#', '.')}.plan.json"
    assert json.loads(dump(plan)) == json.loads(golden.read_text())


@pytest.mark.parametrize("target", TARGETS)
def test_every_plan_passes_the_published_schema_and_comes_back_from_its_bytes(target):
    plan = compile_target(str(CASES / target)).plan
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(to_json(plan))
    assert load(dump(plan)) == plan
    assert load_stored(dump(plan), plan.digest) == plan


def test_the_bytes_are_the_same_under_every_hash_seed():
    code = (
        "import sys; from headgate.api.compiling import compile_target; from headgate.plan import dump;"
        "sys.stdout.buffer.write(dump(compile_target(sys.argv[1]).plan))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code, str(CASES / "constructs.flow#constructs")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(outputs) == 1


LAYOUT = """workflow w {
  input a: string
  step one = set { x = {{ inputs.a | default("a  b") }}, y = [1, 2] }
  step two = http POST "https://e.com" after one, failed one { body = { k = 1 }, timeout = 90s }
  step three = lua after two ```lua
    return {}
  ```
}
"""
OTHER_LAYOUT = """## A comment.
workflow w
{
input a: string   # another
step one = set {
  x = {{ inputs.a   | default("a  b")
      }}
  y = [
    1,
    2,
  ]
}

## Not in the plan either.
step two = http POST "https://e.com" after failed one, one { body = {k = 1}, timeout = 1.5m }
  step three = lua after two ```lua
        return {}
        ```
}
"""


def test_layout_and_comments_do_not_change_the_digest_and_meaning_does():
    plan = plan_of_text(LAYOUT)
    other = plan_of_text(OTHER_LAYOUT.replace("workflow w\n{", "workflow w {"))
    assert other.digest == plan.digest
    assert other.source != plan.source
    assert plan_of_text(LAYOUT.replace('"a  b"', '"a b"')).digest != plan.digest
    assert plan_of_text(LAYOUT.replace("after two", "after one")).digest != plan.digest


def step_of(steps, name="x", **around):
    return plan_of(steps, **around).steps[name]


DEFAULTS = [
    # kind, timeout, retries, reversibility, in_doubt
    ("set {}", 60_000, 3, "safe", "retry"),
    ("switch {\ncase {{ inputs.a }} -> y\n}\nstep y = set {}", 60_000, 3, "safe", "retry"),
    ("lua ```\nreturn 1\n```", 60_000, 3, "safe", "retry"),
    ('llm m { prompt = "p" }', 180_000, 3, "safe", "retry"),
    ("agent a {}", 180_000, 3, "unknown", "hold"),
    ('http GET "u" {}', 60_000, 3, "safe", "retry"),
    ('http HEAD "u" {}', 60_000, 3, "safe", "retry"),
    ('http POST "u" {}', 60_000, 3, "unknown", "hold"),
    ('http DELETE "u" { idempotency_key = {{ run.id }} }', 60_000, 3, "unknown", "retry"),
    ("mcp i.t {}", 60_000, 3, "unknown", "hold"),
    ("mcp i.t { idempotency_key = {{ run.id }} }", 60_000, 3, "unknown", "hold"),
    ('mcp i.t { idempotency_key = {{ run.id }}, idempotency_arg = "k" }', 60_000, 3, "unknown", "retry"),
    ('http POST "u" { reversibility = recoverable }', 60_000, 3, "recoverable", "retry"),
    ('http POST "u" { reversibility = irreversible }', 60_000, 3, "irreversible", "hold"),
    ('http GET "u" { reversibility = irreversible, in_doubt = fail }', 60_000, 3, "irreversible", "fail"),
    ("human approval {}", None, 0, "unknown", "hold"),
    ('wait "e" {}', None, 0, "unknown", "hold"),
    ("call c {}", None, 0, "unknown", "hold"),
    ("delay 3s {}", None, 0, "safe", "retry"),
    ("delay 3s { timeout = 5s, retry = 3 }", 5_000, 0, "safe", "retry"),
    ("each [1] as i { step y = set {} }", None, 0, "safe", "retry"),
    ("repeat { max = 2, step y = mcp i.t {} }", None, 0, "unknown", "hold"),
    ('fail "no" {}', 60_000, 3, "unknown", "hold"),
]


@pytest.mark.parametrize(("kind", "timeout", "retries", "reversibility", "in_doubt"), DEFAULTS)
def test_defaults_are_those_of_the_kind(kind, timeout, retries, reversibility, in_doubt):
    step = step_of(f"step x = {kind}")
    assert (step.timeout, step.retry.max, step.reversibility, step.in_doubt) == (
        timeout,
        retries,
        reversibility,
        in_doubt,
    )


RETRIES = [
    ("", (3, (5_000, 60_000, 300_000))),
    ("retry = 0", (0, ())),
    ("retry = 7", (7, (5_000, 60_000, 300_000))),
    ("retry = { max = 2, backoff = [1s, 2m] }", (2, (1_000, 120_000))),
    ("retry = { max = 2 }", (2, (5_000, 60_000, 300_000))),
    ("retry = { max = 5, first = 1s, factor = 2, ceiling = 6s }", (5, (1_000, 2_000, 4_000, 6_000))),
    ("retry = { max = 2, first = 1s, factor = 10, ceiling = 1h }", (2, (1_000, 10_000))),
    ("retry = { max = 9, first = 3s, factor = 1 }", (9, (3_000,))),
    ("retry = { max = 3, ceiling = 8s }", (3, (5_000, 8_000))),
]


@pytest.mark.parametrize(("written", "expected"), RETRIES)
def test_retry_becomes_a_number_and_waits(written, expected):
    assert step_of(f'step x = http GET "u" {{ {written} }}').retry == expected


LOCK = parse_lock(
    json.dumps(
        {
            "version": 1,
            "instances": {
                "i": {
                    "tools": {
                        "read": {"inputSchema": {}, "annotations": {"readOnlyHint": True}},
                        "drop": {"inputSchema": {}, "annotations": {"destructiveHint": True}},
                        "put": {
                            "inputSchema": {},
                            "outputSchema": {"type": "object"},
                            "annotations": {"destructiveHint": True, "idempotentHint": True},
                        },
                    }
                }
            },
            "workflows": {},
        }
    ).encode()
)
SHOP = parse(
    "[instances.i]\nserver_url = 'https://i'\n[instances.i.tools.drop]\nreversibility = 'recoverable'\n"
    "[models.m]\nbase_url = 'x'\nmodel = 'y'\n[agents.a]\nmodel = 'm'\ntools = ['i.read', 'i.put']\n"
)[0]


@pytest.mark.parametrize(
    ("kind", "reversibility", "in_doubt"),
    [
        ("mcp i.read {}", "safe", "retry"),
        ("mcp i.put {}", "irreversible", "retry"),
        ("mcp i.drop {}", "recoverable", "retry"),
        ('mcp { server_url = "https://i", tool = read }', "safe", "retry"),
        ("agent a {}", "irreversible", "hold"),
        ('agent a { tools = ["i.read"] }', "safe", "retry"),
        ("each [1] as n {\nstep y = mcp i.read {}\nstep z = mcp i.put {}\n}", "irreversible", "hold"),
    ],
)
def test_the_lock_and_the_workspace_say_what_a_tool_does(kind, reversibility, in_doubt):
    step = step_of(f"step x = {kind}", workspace=SHOP, lock=LOCK)
    assert (step.reversibility, step.in_doubt) == (reversibility, in_doubt)


def test_a_locked_output_schema_is_part_of_the_declared_result():
    assert step_of("step x = mcp i.put {}", workspace=SHOP, lock=LOCK).result == {"type": "object"}
    both = step_of("step x = mcp i.put { result = object }", workspace=SHOP, lock=LOCK).result
    assert [one.get("type") for one in both["allOf"]] == ["object", "object"]
    assert step_of("step x = mcp i.read { result = list<string> }", workspace=SHOP, lock=LOCK).result == {
        "type": "array",
        "items": {"type": "string"},
    }


def test_a_server_url_is_resolved_to_its_instance_and_required_by_name():
    plan = plan_of('step x = mcp { server_url = "https://i", tool = read }', workspace=SHOP, lock=LOCK)
    assert plan.steps["x"].config == {"instance": "i", "server_url": "https://i", "tool": "read"}
    assert plan.requires["instances"] == ["i"]


def test_a_call_is_as_harmful_as_the_worst_of_a_workflow_of_the_same_file():
    text = "workflow a {\nstep x = call b {}\n}\nworkflow b {\nstep y = mcp i.put {}\nstep z = call a {}\n}\n"
    assert plan_of_text(text, SHOP, LOCK).steps["x"].reversibility == "irreversible"


VALUES = [
    ("1.0", 1),
    ("0.5", 0.5),
    ("-3", -3),
    ("true", True),
    ("null", None),
    ("1.5h", 5_400_000),
    ('"a \\"b\\""', 'a "b"'),
    ("{{ inputs.a }}", "{{ inputs.a }}"),
    ("{{   inputs.a\n | upper   }}", "{{ inputs.a | upper }}"),
    ("{{ \"a   b\" ~ 'c\\'  d' }}", "{{ \"a   b\" ~ 'c\\'  d' }}"),
    ('"{{ inputs.a }}"', '{{ inputs.a }}{{ "" }}'),
    ('"x {{ inputs.a }} y"', "x {{ inputs.a }} y"),
    ('"\\u007b{ a }}"', {"$raw": "{{ a }}"}),
    ('"\\u007b{ {{ inputs.a }}"', '{{ "{{ " }}{{ inputs.a }}'),
    ('"\\u007b{{ inputs.a }}}"', '{{ "{" }}{{ inputs.a }}}'),
    ("```\n  {{ raw }}\n```", {"$raw": "{{ raw }}"}),
    ("```sql\n  select 1\n    from t\n```", "select 1\n  from t"),
    ('{ "$raw" = 1 }', {"$raw": {"$raw": 1}}),
    ('{ a = { "$secret" = "\\u007b{" } }', {"a": {"$raw": {"$secret": "{{"}}}),
    ('[1, "a", { b = {{ inputs.a }} }]', [1, "a", {"b": "{{ inputs.a }}"}]),
]


@pytest.mark.parametrize(("written", "stored"), VALUES)
def test_values_are_stored_so_that_rendering_gives_them_back(written, stored):
    assert step_of(f"step x = set {{ v = {written} }}").config == {"v": stored}


@pytest.mark.parametrize(
    ("written", "rendered"),
    [
        ('"{{ inputs.a }}"', "5"),
        ("{{ inputs.a }}", 5),
        ('"\\u007b{ a }}"', "{{ a }}"),
        ('"\\u007b{ {{ inputs.a }}"', "{{ 5"),
        ('"\\u007b{{ inputs.a }}}"', "{5}"),
        ("```\n  {{ raw }}\n```", "{{ raw }}"),
        ('"a\\\\ \\u007b{ {{ inputs.a }} }}"', "a\\ {{ 5 }}"),
        ("{ a = [{{ inputs.a }}] }", {"a": [5]}),
    ],
)
def test_what_is_stored_renders_to_what_was_written(written, rendered):
    from headgate.expressions import render

    config = step_of(f"step x = set {{ v = {written} }}").config
    assert render(config["v"], {"inputs": {"a": 5}}) == rendered


def test_positionals_and_their_attributes_are_the_same_step():
    one = plan_of('step x = http GET "https://e.com" {}')
    two = plan_of('step x = http { method = GET, url = "https://e.com" }')
    assert one.digest == two.digest
    assert plan_of("step x = mcp i.t {}").digest == plan_of("step x = mcp { instance = i, tool = t }").digest
    assert (
        plan_of("step x = each [1] as i {\nstep y = set {}\n}").digest
        == plan_of("step x = each { over = [1], as = i\nstep y = set {}\n}").digest
    )


def test_inputs_are_a_json_schema_of_their_types():
    plan = plan_of(
        "step x = set {}",
        'input a: string\ninput b: list<integer>? = null\ninput c: enum("x", "y")?\ninput d: any\n'
        'input e: number = 1.0 { minimum = 0, maximum = 2 }\ninput f: string { secret = true, pattern = "^a" }\n'
        'input g: object { schema = ```json\n{"required": ["k"]}\n``` }\ninput h: boolean { secret = false }\n',
    )
    assert plan.inputs == {
        "type": "object",
        "properties": {
            "a": {"type": "string"},
            "b": {"type": ["array", "null"], "items": {"type": "integer"}, "default": None},
            "c": {"enum": ["x", "y", None]},
            "d": {},
            "e": {"type": "number", "minimum": 0, "maximum": 2, "default": 1},
            "f": {"type": "string", "secret": True, "pattern": "^a"},
            "g": {"type": "object", "required": ["k"]},
            "h": {"type": "boolean"},
        },
        "required": ["a", "c", "d", "f", "g", "h"],
        "additionalProperties": False,
    }
    jsonschema.Draft202012Validator.check_schema(plan.inputs)


def test_several_roots_start_from_an_entry_of_their_own():
    plan = plan_of("step a = set {}\nstep b = set {}\nstep c = set after a {}")
    assert plan.entry == "$entry"
    assert plan.order == ("$entry", "a", "b", "c")
    assert [(edge.source, edge.on) for edge in plan.steps["b"].edges] == [("$entry", "completed")]
    assert plan.steps["$entry"].kind == "set"
    assert plan_of("step a = set {}").entry == "a"


def test_policies_have_their_defaults():
    assert plan_of("step a = set {}").policies == ("fail", 86_400_000, None, None, None, False)
    assert plan_of("step a = agent x {}").policies.resume_on_reconnect
    assert plan_of("step l = each [1] as i {\nstep a = agent x {}\n}").policies.resume_on_reconnect
    assert not plan_of("step a = agent x {}", "resume_on_reconnect = false").policies.resume_on_reconnect


def test_a_switch_keeps_its_conditions_and_where_they_lead():
    step = step_of("step x = switch {\nelse -> z\ncase {{ inputs.a }} -> y\n}\nstep y = set {}\nstep z = set {}")
    assert step.config == {"cases": [{"when": "{{ inputs.a }}", "to": "y"}], "else": "z"}
    step = step_of("step x = switch {\ncase {{ inputs.a }} -> y\n}\nstep y = set {}")
    assert step.config["else"] is None


def test_what_a_plan_needs_is_named():
    plan = plan_of(
        'step a = llm m { prompt = "{{ secrets.P }}" }\nstep b = agent g {}\nstep c = call w {}\n'
        'step d = http GET "u" { connection = k }\nstep e = each [1] as i {\nstep f = mcp s.t {}\n}\n'
        'step g = set { instance = "no", model = "no" }',
        "trigger p = poll q.t { every = 1m }\ntrigger h = webhook { auth = { token = {{ secrets.H }} } }",
    )
    assert plan.requires == {
        "instances": ["q", "s"],
        "connections": ["k"],
        "models": ["m"],
        "agents": ["g"],
        "secrets": ["H", "P"],
        "workflows": ["w"],
    }


def test_a_gate_keeps_who_is_asked_as_a_list_or_a_template():
    gate = 'gate approval { assignees = {{ inputs.team }}, escalate_to = ["ann", {{ inputs.boss }}] }'
    made = plan_of(f"step x = set {{ {gate} }}", "input team: list<string>\ninput boss: string")
    assert made.steps["x"].gates[0].assignees == "{{ inputs.team }}"
    assert made.steps["x"].gates[0].escalate_to == ["ann", "{{ inputs.boss }}"]
    assert load(dump(made)) == made


def test_gates_have_their_defaults():
    step = step_of("step x = set { gate approval {}, gate review { expires = 1h }, gate approval after {} }")
    assert [(gate.kind, gate.when, gate.expires, gate.on_expiry, gate.channel) for gate in step.gates] == [
        ("approval", "before", 259_200_000, "deny", "inbox"),
        ("review", "after", 3_600_000, "deny", "inbox"),
        ("approval", "after", 259_200_000, "deny", "inbox"),
    ]


def test_spans_tell_people_where_a_step_stands():
    plan = plan_of("step l = each [1] as i {\n  step a = set {}\n}")
    assert plan.source["path"] == "test.flow"
    assert plan.source["spans"]["l.a"] == {"start": {"line": 4, "column": 3}, "end": {"line": 4, "column": 18}}


def test_the_largest_integers_are_written_and_read_as_they_are():
    text = "workflow w {\n  step a = set { most = 9007199254740992, least = -9007199254740992 }\n}\n"
    plan = plan_of_text(text)
    assert b'"most":9007199254740992' in dump(plan)
    assert load(dump(plan)).steps["a"].config == {"most": 2**53, "least": -(2**53)}
