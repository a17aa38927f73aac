"""A plan from elsewhere is refused by its first fault, before any step of it runs."""

import json

import pytest
from flows import plan_of

from headgate.plan import PlanIntegrity, digest_of, dump, load, load_stored

STEPS = """
step a = set {}
step s = switch after a {
  case {{ inputs.go }} -> b
  else -> c
}
step b = set {}
step c = set {}
step l = each [1] as i after finished b {
  step x = set {}
  step y = set after x {}
}
"""


def written():
    return json.loads(dump(plan_of(STEPS, "input go: boolean")))


def fault_of(content):
    with pytest.raises(PlanIntegrity) as raised:
        load(content if isinstance(content, bytes) else json.dumps(content).encode())
    sentence = str(raised.value)
    assert "this is a fault of the plan and not of the workflow's author" in sentence
    assert "\n" not in sentence
    return raised.value.fault


def body(plan):
    return plan["steps"]["l"]["body"]


def set_at(*path_and_value):
    *path, last, value = path_and_value

    def change(plan):
        for part in path:
            plan = plan[part]
        plan[last] = value

    return change


def drop(*path):
    def change(plan):
        for part in path[:-1]:
            plan = plan[part]
        del plan[path[-1]]

    return change


FAULTS = [
    (set_at("format", "headgate.plan/9"), "its format is `headgate.plan/9`, and this release reads `headgate.plan/1`"),
    (drop("format"), "it has no format version"),
    (drop("entryStepId"), "Missing or invalid entryStepId"),
    (set_at("entryStepId", None), "Missing or invalid entryStepId"),
    (set_at("entryStepId", "nope"), "Missing or invalid entryStepId: no step `nope`"),
    (set_at("entryStepId", "b"), "nothing leads from the entry `b` to `a`"),
    (drop("steps", "a", "join"), "`steps.a` lacks `join`"),
    (set_at("steps", "a", "join", "some"), "`steps.a.join` expects one of `all`, `any`"),
    (set_at("steps", "a", "surprise", 1), "it has the key `steps.a.surprise`, which the format does not know"),
    (set_at("steps", []), "`steps` expects a map, not a list"),
    (
        set_at("steps", "s", "edges", [{"from": "gone", "on": "completed"}]),
        "`s` has an edge from `gone`, and there is no such step",
    ),
    (
        set_at("steps", "b", "edges", [{"from": "s", "on": {"case": 7}}]),
        "`b` has an edge from case 7 of `s`, which has 1",
    ),
    (
        set_at("steps", "b", "edges", [{"from": "a", "on": "else"}]),
        "`b` has an edge from a case of `a`, which is no switch",
    ),
    (set_at("steps", "b", "edges", [{"from": "s", "on": "sometimes"}]), "`steps.b.edges.0.on` expects"),
    (
        lambda plan: plan["steps"]["s"]["edges"].append({"from": "l", "on": "completed"}),
        "a ring: `b` -> `l` -> `s` -> `b`",
    ),
    (set_at("steps", "a", "edges", [{"from": "a", "on": "read"}]), "a ring: `a` -> `a`"),
    (
        lambda plan: body(plan)["steps"]["x"]["edges"].append({"from": "y", "on": "completed"}),
        "a ring: `l.y` -> `l.x` -> `l.y`",
    ),
    (
        lambda plan: body(plan)["steps"]["x"]["edges"].append({"from": "a", "on": "completed"}),
        "`l.x` has an edge from `a`, and there is no such step",
    ),
    (lambda plan: plan["order"].remove("c"), "the order of its steps does not list each step once"),
    (lambda plan: body(plan)["order"].append("x"), "the order of the steps of `l` does not list each step once"),
    (lambda plan: plan["order"].reverse(), "the order puts `b` before `s`, which it waits for"),
    (set_at("steps", "c", "edges", []), "nothing leads from the entry `a` to `c`"),
    (set_at("steps", "a", "kind", "teleport"), "`a` is of the kind `teleport`, which is not installed here"),
    (set_at("steps", "a", "kind", "repeat"), "`a` is a loop without steps"),
    (set_at("steps", "l", "kind", "set"), "`l` is no loop"),
]


@pytest.mark.parametrize(("change", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_the_first_fault_of_a_plan_is_named(change, fault):
    plan = written()
    change(plan)
    if "format" in plan:
        plan["digest"] = digest_of(plan)
    assert fault_of(plan).startswith(fault)


def test_a_plan_that_was_edited_does_not_fit_its_digest():
    plan = written()
    plan["steps"]["a"]["config"] = {"x": 1}
    assert fault_of(plan) == "its digest does not fit its content: it was changed after it was compiled"


def test_a_missing_entry_is_named_before_the_digest():
    plan = written()
    del plan["entryStepId"]
    assert fault_of(plan) == "Missing or invalid entryStepId"


def test_a_plan_may_be_indented_and_its_source_left_out():
    plan = written()
    plan["source"] = {}
    assert load(json.dumps(plan, indent=2).encode()).entry == "a"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "it is not JSON"),
        (b"{", "it is not JSON"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"[1]", "it is no object"),
        (b"[" * 200_000, "it is n"),
        (b'{"format": NaN}', "its format is `nan`"),
        (b"{}", "it has no format version"),
    ],
)
def test_bytes_that_are_no_plan_are_refused(content, fault):
    assert fault_of(content).startswith(fault)


def test_a_stored_plan_is_checked_by_its_digest():
    plan = plan_of(STEPS, "input go: boolean")
    content = dump(plan)
    assert load_stored(content, plan.digest) == plan
    assert load_stored(json.dumps(json.loads(content), indent=1).encode(), plan.digest) == plan
    for damaged in (content.replace(b'"join":"all"', b'"join":"any"', 1), content[:-10]):
        with pytest.raises(PlanIntegrity):
            load_stored(damaged, plan.digest)
    with pytest.raises(PlanIntegrity, match="its digest is not `sha256:0`"):
        load_stored(content, "sha256:0")


def test_loops_nested_out_of_all_proportion_are_refused():
    plan = written()
    body = plan["steps"]["l"]["body"]
    for _ in range(200):
        body = {"steps": {"l": {**plan["steps"]["l"], "edges": [], "body": body}}, "order": ["l"]}
    plan["steps"]["l"]["body"] = body
    assert fault_of(plan) == "it is nested too deep"


def test_a_ring_through_a_thousand_steps_is_found_without_running_out_of_stack():
    plan = json.loads(
        dump(plan_of("\n".join(f"step s{n} = set {f'after s{n - 1}' if n else ''} {{}}" for n in range(3_000))))
    )
    plan["steps"]["s0"]["edges"] = [{"from": "s2999", "on": "completed"}]
    plan["digest"] = digest_of(plan)
    fault = fault_of(plan)
    assert fault.startswith("a ring: `s1` -> `s2` -> ")
    assert "... (3000 steps) -> `s1`" in fault
    assert len(fault) < 200
