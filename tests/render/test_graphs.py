"""Drawings of plans: what they show, and that what is written is what the formats take."""

import xml.etree.ElementTree as ET

import pytest

from headgate.plan import ENTRY, Plan, PlanBody, PlanEdge, PlanGate, PlanStep, Policies, Retry
from headgate.render.graph_dot import graph_dot
from headgate.render.graph_mermaid import graph_mermaid
from headgate.render.graph_svg import graph_svg
from headgate.render.graph_text import graph_text
from headgate.render.picture import duration, picture

SVG = "{http://www.w3.org/2000/svg}"
GATE = PlanGate("approval", "before", "sure?", [], 259_200_000, "deny", [], "inbox")


def step(name, kind="set", edges=(), **more):
    return PlanStep(
        name=name,
        kind=kind,
        title=more.get("title"),
        owner=None,
        config=more.get("config", {}),
        edges=tuple(edges),
        join="all",
        when=None,
        enabled=True,
        retry=Retry(3, (5000,)),
        timeout=60_000,
        on_failure=None,
        in_doubt="retry",
        reversibility=more.get("reversibility", "safe"),
        idempotency_key=None,
        result=None,
        gates=more.get("gates", ()),
        body=more.get("body"),
    )


def plan(*steps, entry=None, triggers=None):
    return Plan(
        workflow="refund",
        title="Refund",
        digest="sha256:0",
        entry=entry or steps[0].name,
        inputs={},
        vars={},
        triggers=triggers or {},
        policies=Policies("fail", 86_400_000, None, None, None, resume_on_reconnect=False),
        requires={},
        steps={each.name: each for each in steps},
        order=tuple(each.name for each in steps),
        outputs={},
        source={},
    )


CASES = {"cases": [{"when": "{{ steps.charge.result.amount > 500 }}", "to": "ask"}], "else": "small"}
REFUND = plan(
    step("charge", "mcp", config={"instance": "stripe", "tool": "get_charge"}),
    step("size", "switch", [PlanEdge("charge", "completed")], config=CASES),
    step("ask", "human", [PlanEdge("size", "case", 0), PlanEdge("charge", "read")], config={"kind": "approval"}),
    step("small", "set", [PlanEdge("size", "else")], title='say "<no>" & go'),
    step("refund", "mcp", [PlanEdge("ask", "completed")], gates=(GATE,), reversibility="irreversible"),
    step("end", "set", [PlanEdge("ask", "denied")]),
    step(
        "notify",
        "each",
        [PlanEdge("refund", "completed")],
        config={"over": "{{ inputs.emails }}", "as": "email"},
        body=PlanBody(
            {"send": step("send"), "log": step("log", "set", [PlanEdge("send", "completed")])}, ("send", "log")
        ),
    ),
    step(
        "alarm", "set", [PlanEdge("refund", "failed", None, star=True), PlanEdge("charge", "failed", None, star=True)]
    ),
    triggers={"shop": {"kind": "webhook", "config": {"path": "/shop"}}},
)


def texts(svg):
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_an_svg_names_every_step_and_the_conditions_of_its_cases():
    shown = texts(graph_svg(picture(REFUND), "refund"))
    for name in ("charge", "size", "ask", "small", "refund", "notify", "send", "log", "alarm", "shop", "end"):
        assert name in shown
    assert "steps.charge.result.amount > 500" in shown
    assert "else" in shown
    assert "approval before" in shown
    assert "irreversible" in shown
    assert 'say "<no>" & go' in shown


def test_an_svg_follows_the_readers_light_or_dark_and_holds_no_script():
    svg = graph_svg(picture(REFUND), "refund")
    assert "prefers-color-scheme: dark" in svg
    assert "<script" not in svg
    assert "http://" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_an_svg_explains_only_what_it_shows():
    shown = texts(graph_svg(picture(plan(step("one"))), "one"))
    assert "computes" in shown
    assert "asks a person" not in shown
    assert "after it failed" not in shown


def test_a_run_colours_its_steps_by_status():
    drawn = picture(REFUND, {"charge": "completed", "ask": "waiting", "notify.send": "failed"})
    svg = graph_svg(drawn, "refund")
    classes = [element.get("class", "") for element in ET.fromstring(svg).iter(f"{SVG}g")]
    assert any("status-completed" in name for name in classes)
    assert any("status-waiting" in name for name in classes)
    assert "[waiting]" in graph_text(drawn, "refund")


def test_what_is_read_from_a_step_that_comes_before_anyway_has_no_line_of_its_own():
    links = [(link.source, link.target, link.on) for link in picture(REFUND).links]
    assert ("charge", "ask", "read") not in links
    assert ("size", "ask", "case") in links


def test_a_catch_all_is_drawn_from_one_box_that_stands_for_any_step():
    drawn = picture(REFUND)
    assert [(link.source, link.on) for link in drawn.links if link.target == "alarm"] == [("*", "failed")]


def test_a_clean_up_is_drawn_from_the_last_steps_only():
    star = [PlanEdge(name, "finished", None, star=True) for name in ("a", "b")]
    drawn = picture(plan(step("a"), step("b", "set", [PlanEdge("a", "completed")]), step("tidy", "set", star)))
    assert [link.source for link in drawn.links if link.target == "tidy"] == ["b"]


def test_several_roots_start_at_one_point():
    roots = [step(name, "set", [PlanEdge(ENTRY, "completed")]) for name in ("a", "b")]
    drawn = picture(plan(step(ENTRY), *roots, entry=ENTRY, triggers={"asked": {"kind": "manual", "config": {}}}))
    assert {(link.source, link.target) for link in drawn.links} == {
        ("trigger asked", ENTRY),
        (ENTRY, "a"),
        (ENTRY, "b"),
    }
    ET.fromstring(graph_svg(drawn, "two"))


def test_mermaid_keeps_names_and_moves_out_of_the_way_of_its_own_words():
    text = graph_mermaid(picture(REFUND))
    assert text.startswith("flowchart TD\n")
    assert 'charge["charge<br/>mcp stripe.get_charge"]' in text
    assert "  charge --> size\n" in text
    assert '  size -->|"steps.charge.result.amount #gt; 500"| ask\n' in text
    assert 'end_["end<br/>set"]' in text
    assert 'subgraph notify["notify: each inputs.emails as email"]' in text
    assert "#quot;#lt;no#gt;#quot; #amp; go" in text


def test_dot_puts_loops_into_clusters():
    text = graph_dot(picture(REFUND), "refund")
    assert 'subgraph "cluster notify"' in text
    assert '"refund" -> "notify.send" [lhead="cluster notify"];' in text
    assert '"notify.send" -> "notify.log";' in text


def test_text_says_of_each_step_what_leads_to_it():
    lines = graph_text(picture(REFUND), "refund").splitlines()
    assert "  charge  mcp stripe.get_charge  <- shop (trigger)" in lines
    assert any(line.startswith("  ask ") and "<- size (steps.charge.result.amount > 500)" in line for line in lines)
    assert any(line.startswith("  end ") and "<- ask (denied)" in line for line in lines)


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0, "0ms"), (500, "500ms"), (30_000, "30s"), (5_400_000, "90m"), (604_800_000, "7d")]
)
def test_durations_are_shown_as_the_language_writes_them(milliseconds, text):
    assert duration(milliseconds) == text
