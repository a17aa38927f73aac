"""The sentences of the language about edges, each as a graph."""

import subprocess
import sys

import pytest
from flows import edges, graph_of

EDGES = [
    (
        "steps without an edge or reference between them run side by side",
        "step a = set {}\nstep b = set {}",
        {"a": [], "b": []},
    ),
    ("after a: a completed", "step a = set {}\nstep x = set after a {}", {"x": [("a", "completed")]}),
    ("after failed a", "step a = set {}\nstep x = set after failed a {}", {"x": [("a", "failed")]}),
    ("after denied a", "step a = set {}\nstep x = set after denied a {}", {"x": [("a", "denied")]}),
    ("after finished a", "step a = set {}\nstep x = set after finished a {}", {"x": [("a", "finished")]}),
    (
        "the order in the file means nothing",
        "step x = set after a, failed b {}\nstep a = set {}\nstep b = set {}",
        {"x": [("a", "completed"), ("b", "failed")]},
    ),
    (
        "a switch's -> x, counted without else",
        (
            "step s = switch {\ncase {{ inputs.a }} -> x\nelse -> z\ncase {{ inputs.b }} -> y\n}\n"
            "step x = set {}\nstep y = set {}\nstep z = set {}"
        ),
        {"x": [("s", "case 0")], "y": [("s", "case 1")], "z": [("s", "else")]},
    ),
    (
        "two cases may name one step",
        "step s = switch {\ncase {{ inputs.a }} -> x\ncase {{ inputs.b }} -> x\n}\nstep x = set {}",
        {"x": [("s", "case 0"), ("s", "case 1")]},
    ),
    (
        "after failed * is for any failure among the steps that do not follow this one",
        "step a = set {}\nstep b = set after a {}\nstep alarm = set after failed * {}\nstep c = set after alarm {}",
        {"alarm": [("a", "failed", "*"), ("b", "failed", "*")], "c": [("alarm", "completed")]},
    ),
    (
        "after finished * is for the end of them all, the catch-all's too",
        "step a = set {}\nstep clean = set after finished * {}\nstep alarm = set after failed * {}",
        {"clean": [("a", "finished", "*"), ("alarm", "finished", "*")], "alarm": [("a", "failed", "*")]},
    ),
    (
        "two catch-alls do not wait for each other, nor for what follows the other",
        (
            "step a = set {}\nstep one = set after failed * {}\nstep two = set after failed * {}\n"
            "step then = set after one {}"
        ),
        {"one": [("a", "failed", "*")], "two": [("a", "failed", "*")]},
    ),
    (
        "what follows by a reference follows, too",
        "step a = set {}\nstep clean = set after finished * {}\nstep b = set { x = {{ steps.clean.result.y }} }",
        {"clean": [("a", "finished", "*")], "b": [("clean", "completed")]},
    ),
    (
        "a reference in a template orders the step after what it reads",
        "step a = set {}\nstep x = set { y = {{ steps.a.result.z }} }",
        {"x": [("a", "completed")]},
    ),
    (
        "in text, lists and maps, by brackets too",
        (
            "step a = set {}\nstep b = set {}\n"
            'step x = set { y = ["{{ steps["a"].result.z }}", { k = {{ steps.b.result }} }] }'
        ),
        {"x": [("a", "completed"), ("b", "completed")]},
    ),
    (
        "in `when`, in a gate, in a key",
        (
            "step a = set {}\nstep b = set {}\nstep c = set {}\nstep x = set {\nwhen = {{ steps.a.result.ok }}\n"
            'idempotency_key = {{ steps.b.result.id }}\ngate approval { ask = "{{ steps.c.result.z }}?" }\n}'
        ),
        {"x": [("a", "completed"), ("b", "completed"), ("c", "completed")]},
    ),
    (
        "as steps.a or steps['a'] in a Lua fence, not in its comments and strings",
        (
            "step a = set {}\nstep b = set {}\nstep c = set {}\nstep x = lua ```lua\n"
            '  -- steps.c\n  local s = "steps.c"\n  return { a = steps.a.result, b = steps["b"].result }\n```'
        ),
        {"x": [("a", "completed"), ("b", "completed")]},
    ),
    (
        "a step with a control edge only waits for what it reads",
        "step a = set {}\nstep b = set {}\nstep x = set after b { y = {{ steps.a.result.z }} }",
        {"x": [("b", "completed"), ("a", "read")]},
    ),
    (
        "what a control edge orders already is not read again",
        "step a = set {}\nstep x = set after failed a { join = all, y = {{ steps.a.error.message }} }",
        {"x": [("a", "failed")]},
    ),
    (
        "a join of any waits for what it reads beside its edge",
        "step a = set {}\nstep b = set {}\nstep x = set after failed a, failed b { y = {{ steps.b.error }} }",
        {"x": [("a", "failed"), ("b", "failed"), ("b", "read")]},
    ),
    (
        "one that is read only under default counts as after finished",
        "step a = set {}\nstep x = set { y = {{ steps.a.result.z | default(1) }} }",
        {"x": [("a", "finished")]},
    ),
    (
        "or only as .status or .error",
        "step a = set {}\nstep b = set {}\nstep x = set { y = {{ steps.a.status }}, z = {{ steps.b.error.code }} }",
        {"x": [("a", "finished"), ("b", "finished")]},
    ),
    (
        "in Lua, too",
        "step a = set {}\nstep x = lua ```\n  return { s = steps.a.status }\n```",
        {"x": [("a", "finished")]},
    ),
    (
        "but not when it is read without default elsewhere",
        "step a = set {}\nstep x = set { y = {{ steps.a.status }}, z = {{ steps.a.result.z }} }",
        {"x": [("a", "completed")]},
    ),
    (
        "a human step always counts as after",
        'step a = set {}\nstep x = human approval { title = "{{ steps.a.status }}" }',
        {"x": [("a", "completed")]},
    ),
    (
        "and so does a gated step",
        'step a = set {}\nstep x = set { y = {{ steps.a.status }}, gate approval { ask = "ok?" } }',
        {"x": [("a", "completed")]},
    ),
    (
        "a reference inside a body orders the outermost step that holds it",
        (
            "step a = set {}\nstep l = each [1] as i {\nstep m = repeat { max = 2\n"
            "step n = set { y = {{ steps.a.result.z }} }\n}\n}"
        ),
        {"l": [("a", "completed")], "m": [], "n": []},
    ),
    (
        "and one of a step in between the step of its level",
        (
            "step l = each [1] as i {\nstep b = set {}\n"
            "step m = repeat { max = 2\nstep n = set { y = {{ steps.b.result.z }} }\n}\n}"
        ),
        {"l": [], "m": [("b", "completed")], "n": []},
    ),
    (
        "steps of a body wait for each other in it",
        (
            "step l = each [1] as i {\nstep b = set {}\nstep c = set after b {}\n"
            "step d = set { y = {{ steps.c.result }} }\n}"
        ),
        {"c": [("b", "completed")], "d": [("c", "completed")]},
    ),
    (
        "until and while see the body's steps, which order nothing",
        (
            "step a = set {}\nstep r = repeat { max = 3, until = {{ steps.b.result.done and steps.a.result.ok }}\n"
            "step b = set {}\n}"
        ),
        {"r": [("a", "completed")], "b": []},
    ),
    (
        "a star in a body stands for the body's steps",
        "step a = set {}\nstep l = each [1] as i {\nstep b = set {}\nstep c = set after finished * {}\n}",
        {"c": [("b", "finished", "*")]},
    ),
]


@pytest.mark.parametrize(("sentence", "steps", "expected"), EDGES, ids=[sentence for sentence, _, _ in EDGES])
def test_edges_are_as_the_language_says(sentence, steps, expected):
    graph = graph_of(steps)
    assert {name: edges(graph, name) for name in expected} == expected


JOINS = [
    ("after failed a", "any"),
    ("after failed a, denied b", "any"),
    ("after failed *", "any"),
    ("after a, failed b", "all"),
    ("after finished a", "all"),
    ("after finished *", "all"),
    ("", "all"),
]


@pytest.mark.parametrize(("after", "join"), JOINS)
def test_join_is_any_when_every_control_edge_is_failed_or_denied(after, join):
    graph = graph_of(f"step a = set {{}}\nstep b = set {{}}\nstep x = set {after} {{}}")
    assert graph.scope.nodes["x"].join == join


def test_a_written_join_holds():
    graph = graph_of("step a = set {}\nstep x = set after failed a { join = all }\nstep y = set after a { join = any }")
    assert graph.scope.nodes["x"].join == "all"
    assert graph.scope.nodes["y"].join == "any"


def test_a_case_beside_handlers_makes_the_join_all():
    graph = graph_of("step a = set {}\nstep s = switch {\ncase {{ inputs.a }} -> x\n}\nstep x = set after failed a {}")
    assert graph.scope.nodes["x"].join == "all"


DANGLING = [
    ("step a = set after b {}", [("b", "after", "unknown")]),
    ("step a = set after a {}", [("a", "after", "self")]),
    ("step a = switch {\ncase {{ inputs.a }} -> a\nelse -> b\n}", [("a", "case", "self"), ("b", "case", "unknown")]),
    ("step b = set {}\nstep l = each [1] as i {\nstep a = set after b {}\n}", [("b", "after", "outside")]),
    ("step a = each [1] as i {\nstep b = set after a {}\n}", []),
    ("step a = set after b {}\nstep l = each [1] as i {\nstep b = set {}\n}", [("b", "after", "unknown")]),
]


@pytest.mark.parametrize(("steps", "expected"), DANGLING)
def test_names_that_lead_nowhere_are_kept_for_the_rules(steps, expected):
    graph = graph_of(steps)
    node = next(scope.nodes["a"] for scope in graph.scopes if "a" in scope.nodes)
    assert [(one.name, one.origin, one.reason) for one in node.dangling] == expected


def test_a_taken_name_is_kept_apart_also_when_a_step_around_has_it():
    graph = graph_of("step a = set {}\nstep a = set { x = 1 }\nstep l = each [1] as i {\nstep a = set {}\n}")
    assert [one.step.name.text for scope in graph.scopes for one in scope.duplicates] == ["a", "a"]
    assert len(graph.scope.nodes["a"].step.attributes) == 0


def test_bodies_beside_each_other_may_use_a_name_twice():
    graph = graph_of("step l = each [1] as i {\nstep a = set {}\n}\nstep m = each [1] as i {\nstep a = set {}\n}")
    assert [scope.duplicates for scope in graph.scopes] == [[], [], []]


RINGS = [
    ("step a = set after b {}\nstep b = set after a {}", [["b->a after", "a->b after"]]),
    (
        "step a = set { x = {{ steps.c.result }} }\nstep b = set after a {}\nstep c = set after b {}",
        [["a->b after", "b->c after", "c->a reference"]],
    ),
    (
        "step s = switch after t {\ncase {{ inputs.a }} -> t\n}\nstep t = set {}",
        [["s->t case", "t->s after"]],
    ),
    (
        (
            "step a = set after b {}\nstep b = set after a {}\nstep free = set {}\n"
            "step c = set after d, b {}\nstep d = set after c {}\nstep e = set after d {}"
        ),
        [["a->b after", "b->a after"], ["c->d after", "d->c after"]],
    ),
    (
        "step l = each [1] as i {\nstep a = set after b {}\nstep b = set { x = {{ steps.a.result }} }\n}",
        [["a->b reference", "b->a after"]],
    ),
    ("step a = set { x = {{ steps.a.result }} }", []),
]


@pytest.mark.parametrize(("steps", "expected"), RINGS)
def test_a_ring_is_named_whole_with_the_source_of_each_edge(steps, expected):
    graph = graph_of(steps)
    rings = [ring for scope in graph.scopes for ring in scope.rings]
    said = [[f"{edge.source}->{edge.target} {edge.origin}" for edge in ring.edges] for ring in rings]
    assert [sorted(ring) for ring in said] == [sorted(ring) for ring in expected]
    for ring in rings:
        assert all(one.target == two.source for one, two in zip(ring.edges, ring.edges[1:], strict=False))
        assert ring.edges[-1].target == ring.edges[0].source


def test_the_order_is_the_files_where_it_is_free():
    graph = graph_of("step z = set {}\nstep m = set after c {}\nstep a = set {}\nstep c = set after z {}")
    assert graph.scope.order == ("z", "a", "c", "m")


STARTS = [
    ("one root", "", "step a = set {}\nstep b = set after a {}", "a", {"a", "b"}),
    ("several roots", "", "step a = set {}\nstep b = set {}", "$entry", {"a", "b"}),
    ("a written entry", "entry = a", "step a = set {}\nstep b = set {}\nstep c = set after b {}", "a", {"a"}),
    ("an entry that is none", "entry = x", "step a = set {}", None, {"a"}),
    ("a ring", "", "step a = set after b {}\nstep b = set after a {}", None, {"a", "b"}),
    ("a name that leads nowhere is no root", "", "step a = set {}\nstep b = set after x {}", "a", {"a", "b"}),
    ("no steps", "", "", None, set()),
]


@pytest.mark.parametrize(("what", "header", "steps", "entry", "reachable"), STARTS, ids=[row[0] for row in STARTS])
def test_a_run_starts_at_its_entry_and_reaches_from_there(what, header, steps, entry, reachable):
    graph = graph_of(steps, header)
    assert graph.entry == entry
    assert graph.reachable == reachable


def test_a_lua_reference_stands_where_the_script_names_the_step():
    steps = "step a = set {}\nstep x = lua ```\n    -- first\n\n    return steps.a.result\n```"
    graph = graph_of(steps)
    (edge,) = graph.scope.nodes["x"].edges
    text = f"workflow test {{\n\n{steps}\n}}\n"
    assert (text[edge.span.start : edge.span.end], text[edge.span.start - 6 : edge.span.start]) == ("a", "steps.")


def test_a_lua_reference_behind_blank_lines_of_blanks_is_at_least_in_its_fence():
    steps = "step a = set {}\nstep x = lua ```\n    local y\n      \n    return steps.a.result\n```"
    (edge,) = graph_of(steps).scope.nodes["x"].edges
    text = f"workflow test {{\n\n{steps}\n}}\n"
    assert "steps.a" in text[edge.span.start : edge.span.end] or text[edge.span.start : edge.span.end] == "a"


def test_only_a_ring_pays_for_networkx():
    code = """
import sys; sys.path.insert(0, "tests/compiler")
from flows import graph_of
graph_of("step a = set {}\\nstep b = set after a {}")
before = "networkx" in sys.modules
graph_of("step a = set after b {}\\nstep b = set after a {}")
print(before, "networkx" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
