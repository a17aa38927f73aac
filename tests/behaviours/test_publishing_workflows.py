"""TJ: publishing and versions; RL: archiving what open runs need."""

from __future__ import annotations

import json
import sqlite3

import pytest
from desk import Desk

from headgate.api import history, publishing
from headgate.api.explaining import Topic, explain
from headgate.api.faults import CompilationFailed, NothingStarted, Refused
from headgate.api.publishing import Because, Done
from headgate.api.site import Site
from headgate.runtime.store.workflows import Signed, ask_workflow
from headgate.runtime.workflow_judging import WorkflowRequest
from headgate.runtime.workflow_status import BREAKERS, Breaker, VersionStatus, WorkflowAct, WorkflowStatus

BECAUSE = Because("we agreed")


def refund(word: str) -> str:
    return f"""
workflow refund {{
  input order: string = "7"
  step say = set {{ text = "{word} {{{{ inputs.order }}}}" }}
  output {{ text = {{{{ steps.say.result.text }}}} }}
}}
"""


WAITS = """
workflow refund {
  input order: string = "7"
  step ask = human approval { title = "Refund {{ inputs.order }}?", assignees = ["finance"] }
  step say = set after ask { text = "WORD {{ inputs.order }}" }
  output { text = {{ steps.say.result.text }} }
}
"""
BROKEN = "workflow refund {\n  step say = set { text = {{ inputs.ordr }} }\n}\n"


def test_TJ05_a_published_workflow_goes_on_dispatching_while_one_of_its_runs_waits(desk: Desk) -> None:
    desk.publish(WAITS)
    first, second = desk.start("refund"), desk.start("refund", order="8")
    assert {desk.status(rest.view.run) for rest in (first, second)} == {"waiting"}
    view = desk.workflow("refund")
    assert (view.status, view.badge, view.runs) == ("published", "Active and dispatching.", {"waiting": 2})


def test_TJ23_what_fails_the_gate_is_refused_and_the_active_version_stays(desk: Desk) -> None:
    desk.publish(refund("hello"))
    with pytest.raises(CompilationFailed, match=r"^Workflow compilation failed: .*; version 1 stays active$") as fault:
        desk.publish(BROKEN)
    assert fault.value.exit_code == 1
    assert [version.status for version in desk.workflow("refund").versions] == ["active"]
    assert desk.start("refund").view.output == {"text": "hello 7"}
    code, out, err = desk.cli("publish", "flow.flow")
    assert (code, out) == (1, "")
    assert "error[HG210]" in err
    assert "Workflow compilation failed: 1 error; nothing was published; version 1 stays active" in err
    code, out, err = desk.cli("publish", "flow.flow", "--format", "json")
    assert (code, json.loads(out)["diagnostics"][0]["code"]) == (1, "HG210")


def test_TJ23_a_rule_that_could_not_run_is_no_pass(desk: Desk) -> None:
    desk.place.folder.joinpath("headgate.toml").write_text('[instances.shop]\nserver_url = "http://127.0.0.1:9/mcp"\n')
    with pytest.raises(CompilationFailed, match="could not be checked") as fault:
        desk.publish("workflow refund {\n  step s = mcp shop.give { args = { a = 1 }, reversibility = safe }\n}\n")
    assert fault.value.exit_code == 1


def test_TJ23_strict_lets_a_warning_stop_it(desk: Desk) -> None:
    text = (
        'workflow refund {\n  trigger late = schedule "30 2 * * *" { timezone = "Europe/Berlin" }\n'
        "  step s = set { a = 1 }\n}\n"
    )
    with pytest.raises(CompilationFailed, match="1 warning"):
        desk.publish(text, strict=True)
    assert desk.publish(text).version == 1


def test_a_suppressed_finding_about_approvals_is_named(desk: Desk) -> None:
    done = desk.publish(
        "workflow refund {\n"
        "  # headgate: ignore[HG601] the till is a test till\n"
        '  step s = ledger { book = "BOOK", line = "x", reversibility = irreversible }\n'
        "}\n"
    )
    assert [finding[:5] for finding in done.suppressed] == ["HG601"]


def test_TJ25_nothing_starts_a_workflow_that_does_not_dispatch_and_the_refusal_says_which(desk: Desk) -> None:
    with pytest.raises(NothingStarted, match="NO_SUCH_WORKFLOW"):
        desk.start("refund")
    desk.publish(refund("hello"), activate=False)
    refused: dict[str, str] = {}
    for act in (None, "activate", "disable", "archive"):
        if act is not None:
            done(desk, act)
        try:
            desk.start("refund")
        except Refused as fault:
            refused[act or "published"] = fault.code
    assert refused == {"published": "WORKFLOW_DRAFT", "disable": "WORKFLOW_DISABLED", "archive": "WORKFLOW_ARCHIVED"}
    assert len(desk.runs()) == 1


def done(desk: Desk, act: str) -> Done:
    match act:
        case "activate":
            return publishing.activate("refund", None, BECAUSE, desk.place)
        case "archive":
            return publishing.archive("refund", None, BECAUSE, desk.place)
        case "deactivate":
            return publishing.deactivate("refund", BECAUSE, desk.place)
        case "disable":
            return publishing.disable("refund", BECAUSE, desk.place)
        case _:
            return publishing.enable("refund", BECAUSE, desk.place)


def test_TJ27_editing_an_active_version_makes_a_draft_of_it(desk: Desk) -> None:
    desk.publish(refund("hello"))
    kept = desk.publish(refund("good day"), draft=True, note="kinder")
    assert "Draft from v1" in kept.message
    view = desk.workflow("refund")
    assert [(each.number, each.status, each.title) for each in view.versions] == [
        (1, "active", "v1"),
        (2, "draft", "Draft from v1"),
    ]
    assert desk.start("refund").view.output == {"text": "hello 7"}, "a draft starts nothing"
    assert publishing.activate("refund", None, BECAUSE, desk.place).version == 2
    assert desk.start("refund").view.output == {"text": "good day 7"}
    assert [each.status for each in desk.workflow("refund").versions] == ["inactive", "active"]


def test_TJ27_a_draft_that_does_not_pass_the_gate_is_kept_and_not_activated(desk: Desk) -> None:
    desk.publish(refund("hello"))
    desk.publish(BROKEN, draft=True)
    with pytest.raises(CompilationFailed, match=r"Workflow compilation failed.*version 1 stays active"):
        publishing.activate("refund", 2, BECAUSE, desk.place)
    assert desk.workflow("refund").active == 1


def test_TJ27_runs_in_flight_finish_on_the_version_they_started_on(desk: Desk) -> None:
    desk.publish(WAITS.replace("WORD", "one"))
    old = desk.start("refund").view.run
    desk.publish(WAITS.replace("WORD", "two"))
    new = desk.start("refund").view.run
    versions = {number: [each.status for each in desk.workflow("refund").versions][number - 1] for number in (1, 2)}
    assert versions == {1: "inactive", 2: "active"}
    for run, number, word in ((old, 1, "one"), (new, 2, "two")):
        desk.act(run, "approve", "ask")
        view = desk.show(run)
        assert (view.version, view.output) == (number, {"text": f"{word} 7"})


def test_TJ27_an_older_version_is_rolled_back_to(desk: Desk) -> None:
    desk.publish(refund("one"))
    desk.publish(refund("two"))
    assert publishing.activate("refund", 1, BECAUSE, desk.place).message == (
        "version 1 of `refund` is active; it was version 2"
    )
    assert desk.start("refund").view.output == {"text": "one 7"}


def test_an_unchanged_plan_makes_no_new_version(desk: Desk) -> None:
    desk.publish(refund("one"))
    again = desk.publish("# a remark changes no plan\n" + refund("one"))
    assert (again.changed, again.version) == (False, 1)
    assert again.message == "`refund` is unchanged: version 1 is active and has this plan"


def test_the_same_request_twice_is_one_act_with_one_answer(desk: Desk) -> None:
    because = Because(None, "deploy-7")
    first = desk.publish(refund("one"), because)
    second = desk.publish(refund("two"), because)
    assert second.message == first.message
    assert len(desk.workflow("refund").versions) == 1


def test_RL13_archiving_a_workflow_that_open_runs_need_lists_them(desk: Desk) -> None:
    desk.publish(WAITS)
    run = desk.start("refund").view.run
    with pytest.raises(
        Refused, match=rf"1 open run needs `refund`: {run}; let them end, or add --cancel-runs"
    ) as fault:
        publishing.archive("refund", None, BECAUSE, desk.place)
    assert fault.value.code == "WORKFLOW_IN_USE"
    assert desk.workflow("refund").status == "published"
    archived = publishing.archive("refund", None, BECAUSE, desk.place, cancel_runs=True)
    assert run in archived.notes[0]
    assert archived.view.runs == {}, "the answer counts them no more"
    view = desk.show(run)
    assert view.failure == ("DEPENDENCY_REMOVED", None, "a connection or workflow that the run needs was removed")
    assert (view.status, view.detail) == ("cancelled", "DEPENDENCY_REMOVED")
    assert desk.workflow("refund").status == "archived"


def test_RL13_a_run_that_calls_the_workflow_needs_it_too(desk: Desk) -> None:
    desk.publish(refund("hello"))
    desk.write('workflow refund "as published" { step s = set { a = 1 } }', "child.flow")
    caller = (
        'workflow shop {\n  step ask = human approval { title = "Go?", assignees = ["finance"] }\n'
        "  step r = call refund after ask\n}\n"
    )
    (desk.folder / "child.flow").unlink()
    desk.write(refund("hello"), "child.flow")
    desk.publish(caller)
    run = desk.start("shop").view.run
    with pytest.raises(Refused, match=run):
        publishing.archive("refund", None, BECAUSE, desk.place)
    desk.act(run, "approve", "ask")
    assert desk.status(run) == "completed"
    assert publishing.archive("refund", None, BECAUSE, desk.place).changed


def test_a_published_workflow_calls_the_active_version_of_another(desk: Desk) -> None:
    desk.publish(refund("published"))
    desk.write(refund("written"), "child.flow")
    caller = (
        'workflow shop {\n  step r = call refund { inputs = { order = "3" } }\n'
        "  output { r = {{ steps.r.result }} }\n}\n"
    )
    desk.publish(caller)
    assert desk.start("shop").view.output == {"r": {"text": "published 3"}}
    assert desk.run(caller).view.output == {"r": {"text": "written 3"}}, "a local run calls what is written"
    child = next(view for view in desk.runs() if view.workflow == "refund" and view.version is not None)
    assert child.version == 1


def test_a_published_workflow_whose_callee_is_disabled_says_so(desk: Desk) -> None:
    desk.publish(refund("published"))
    desk.write(refund("written"), "child.flow")
    noted = desk.publish("workflow shop {\n  step r = call refund\n}\n")
    assert noted.notes == ()
    done(desk, "disable")
    view = desk.start("shop").view
    assert view.failure is not None
    assert "`refund` cannot be called: `refund` is disabled" in str(view.failure.message)


def test_acts_are_kept_with_who_and_why(desk: Desk) -> None:
    desk.publish(refund("one"))
    done(desk, "disable")
    view = desk.workflow("refund")
    assert (view.status, view.by, view.reason) == ("disabled", "ann", "we agreed")
    assert desk.as_("bob").workflow("refund").by == "ann"


def test_a_run_of_a_disabled_workflow_that_is_due_stays_scheduled(desk: Desk) -> None:
    desk.publish(refund("one"))
    code, out, _ = desk.cli("run", "refund", "--at", "+1h", "--format", "json")
    run = json.loads(out)
    assert (code, run["status"]) == (5, "scheduled")
    done(desk, "disable")
    due = desk.show(run["run"]).created_at + 3_600_000
    desk.turned(due + 1000)
    assert desk.status(run["run"]) == "scheduled", "it is overdue, and nothing is lost"
    done(desk, "enable")
    desk.turned(due + 2000)
    assert desk.status(run["run"]) == "completed"


def reasons(desk: Desk, name: str = "refund") -> list[tuple[str, str | None]]:
    """What `why` says: the sentence, and the command."""
    return [(reason.message, reason.command) for reason in history.why(name, desk.place)]


def test_TJ25_why_says_which_of_these_a_workflow_is(desk: Desk) -> None:
    with pytest.raises(NothingStarted, match="NO_SUCH_WORKFLOW: no workflow `refund` is published here"):
        reasons(desk)
    desk.publish(BROKEN, draft=True)
    draft = "`refund` is a draft: version 1 is not published, and no version is active"
    assert reasons(desk) == [(draft, "headgate activate refund 1")]
    desk.publish(refund("hello"))
    assert reasons(desk) == [
        ("`refund` is published: version 2 is active and dispatching", "headgate run refund"),
    ]
    done(desk, "deactivate")
    publishing.archive("refund", 1, BECAUSE, desk.place)
    inactive = "`refund` is a draft: version 2 is inactive, and no version is active"
    assert reasons(desk) == [(inactive, "headgate activate refund")]
    done(desk, "activate")
    done(desk, "disable")
    desk.as_("bob").publish(refund("good day"), draft=True)
    disabled = "`refund` is disabled by ann (we agreed): nothing starts it"
    assert reasons(desk) == [(disabled, "headgate enable refund")]
    done(desk, "archive")
    archived = "`refund` is archived by ann (we agreed): nothing starts it"
    assert reasons(desk) == [(archived, "headgate enable refund")]


def test_TJ25_why_names_each_breaker_that_pauses_a_workflow_and_what_clears_it(desk: Desk) -> None:
    desk.publish(refund("hello"))
    store = Site(desk.place).existing_store()
    with store.transaction() as connection:
        for breaker in Breaker:
            request = WorkflowRequest(WorkflowAct.TRIP, 1_800_000_000_000, breaker=breaker)
            ask_workflow(connection, "refund", request, Signed("system"))
    store.close()
    view = desk.workflow("refund")
    assert (view.status, view.detail) == ("paused-safety", "spend_cap, throughput")
    assert "tripped the throughput cap (likely a loop or polling misconfig)." in view.badge
    assert reasons(desk) == [
        (f"`refund` is paused for safety: {BREAKERS[Breaker.SPEND_CAP]}", "headgate limits"),
        (
            "`refund` is paused for safety: tripped the throughput cap (likely a loop or polling misconfig)",
            "headgate resume-workflow refund",
        ),
    ]


def test_TJ25_why_prints_json_as_for_a_run(desk: Desk) -> None:
    desk.publish(refund("hello"))
    done(desk, "disable")
    code, out, _ = desk.cli("why", "refund", "--format", "json")
    [reason] = json.loads(out)
    assert code == 0
    assert set(reason) == {"kind", "object", "since", "who", "command", "message"}
    assert (reason["kind"], reason["object"], reason["command"]) == ("workflow", "refund", "headgate enable refund")


def test_SP10_workflows_lists_status_badge_and_active_counts(desk: Desk) -> None:
    desk.publish(WAITS)
    desk.start("refund")
    desk.publish(refund("hello").replace("workflow refund", "workflow greet"))
    desk.start("greet")
    code, out, _ = desk.cli("workflows", "--format", "json")
    found = {each["workflow"]: each for each in json.loads(out)}
    assert code == 0
    assert (found["refund"]["active_runs"], found["refund"]["runs"]) == (1, {"waiting": 1})
    assert (found["greet"]["active_runs"], found["greet"]["badge"]) == (0, "Active and dispatching.")
    text = desk.cli("workflows")[1]
    assert "1 waiting" in text
    assert json.loads(desk.cli("runs", "--counts", "--open", "--format", "json")[1]) == {"refund": {"waiting": 1}}
    assert json.loads(desk.cli("runs", "--counts", "--format", "json")[1])["greet"] == {"completed": 1}


def test_versions_are_compared_drawn_and_compiled_by_name(desk: Desk) -> None:
    desk.publish(WAITS)
    run = desk.start("refund").view.run
    desk.publish(refund("hello"))
    code, out, err = desk.cli("diff", "refund@1", "refund@2")
    assert code == 1, "the approval that waits is for a step that is gone"
    assert "breaks waiting approvals" in out
    assert "1 open run stays on it and finishes: refund@1" in err
    desk.write(refund("hello"))
    code, out, err = desk.cli("diff", "refund", "flow.flow", "--format", "json")
    assert (code, err) == (0, "")
    assert desk.cli("diff", "flow.flow", "refund@3")[2] == (
        "headgate: NO_SUCH_VERSION: `refund` has no version 3; it has 1, 2\n"
    )
    plan = json.loads(desk.cli("compile", "refund@1")[1])
    assert (plan["digest"], plan["entryStepId"]) == (desk.show(run).plan_digest, "ask")
    assert "ask" in desk.cli("graph", "refund@1", "--format", "text")[1]
    assert "ask" not in desk.cli("graph", "refund", "--format", "text")[1]
    assert json.loads(desk.cli("simulate", "refund", "--seed", "1", "--format", "json")[1])["outcome"] == "clean"
    assert desk.cli("show", run)[1].startswith(f"refund@1 {run}")


EVENT = """
workflow paid {
  input order: string
  trigger shop = event "order.paid" { ATTRIBUTES inputs = { order = {{ trigger.body.order }} } }
  step say = set { order = {{ inputs.order }} }
  output { order = {{ steps.say.result.order }} }
}
"""


def test_SP02_an_event_starts_a_published_workflow_and_its_payload_reaches_the_first_step(desk: Desk) -> None:
    desk.publish(EVENT.replace("ATTRIBUTES", ""))
    code, out, err = desk.cli("signal", "order.paid", "--data", '{"order": "7"}', "--format", "json")
    [run] = json.loads(out)
    assert (code, run["workflow"], run["trigger"], run["output"]) == (0, "paid", "shop", {"order": "7"}), err
    assert desk.cli("signal", "order.lost", "--data", "{}", "--format", "json")[1].strip() == "[]"
    done_by = desk.cli("signal", "order.paid", "--data", '{"order": "8"}', "--request-id", "s1")[0]
    again = desk.cli("signal", "order.paid", "--data", '{"order": "8"}', "--request-id", "s1")[0]
    assert (done_by, again, len(desk.runs())) == (0, 0, 2), "the same signal again starts nothing"


def test_an_event_with_a_key_that_came_before_starts_nothing(desk: Desk) -> None:
    desk.publish(EVENT.replace("ATTRIBUTES", "key = {{ trigger.body.order }},"))
    for order in ("7", "7", "8"):
        desk.cli("signal", "order.paid", "--data", json.dumps({"order": order}))
    assert sorted(desk.show(view.run).inputs["order"] for view in desk.runs()) == ["7", "8"]  # type: ignore[type-var]
    publishing.disable("paid", BECAUSE, desk.place)
    code, _, said = desk.cli("signal", "order.paid", "--data", '{"order": "9"}')
    assert (code, len(desk.runs())) == (0, 2), "a disabled workflow receives nothing"
    assert "`paid` is disabled and starts nothing of it: `headgate why paid` says more" in said


def test_the_lock_holds_the_published_workflows_that_are_called_and_check_uses_it(desk: Desk) -> None:
    desk.publish(
        "workflow child {\n  input order: integer\n  step s = set { total = {{ inputs.order }} }\n"
        "  output { total = {{ steps.s.result.total }} }\n}\n"
    )
    caller = "workflow shop {{\n  step r = call child {{ inputs = {{ order = {} }} }}\n{}}}\n"
    desk.write(caller.format("7", ""))
    code, out, _ = desk.cli("lock")
    assert code == 0
    assert out == (
        "the workflow `child` is new\nheadgate.lock: 0 tools of 0 instances, 1 published workflow; written\n"
    )
    locked = json.loads((desk.folder / "headgate.lock").read_text())["workflows"]["child"]
    assert locked["inputs"]["properties"]["order"]["type"] == "integer"
    assert locked["outputs"]["properties"] == {"total": {"type": "integer"}}
    assert desk.cli("lock", "--check")[0] == 0
    publishing_checks = (
        (caller.format("7", "  output { t = {{ steps.r.result.total }} }\n"), 0, "clean"),
        (caller.format('"x"', ""), 1, "HG307"),
        (caller.format("7", "  output { t = {{ steps.r.result.totl }} }\n"), 1, "HG307"),
    )
    for text, expected, said in publishing_checks:
        desk.write(text)
        process = desk.check("flow.flow")
        assert process[0] == expected, process
        assert expected == 0 or said in process[1], process
    desk.publish("workflow child {\n  input other: string\n  step s = set { total = 1 }\n}\n")
    desk.write(caller.format("7", ""))
    code, out, _ = desk.cli("lock", "--check")
    assert (code, out.splitlines()[0]) == (1, "the workflow `child` has other inputs and outputs")


def test_the_store_is_checked_for_its_workflows_and_mended(desk: Desk) -> None:
    desk.publish(refund("one"))
    desk.publish(refund("two"))
    assert desk.cli("store", "check")[0] == 0
    path = Site(desk.place).store_path
    for statement in (
        "UPDATE workflows SET status='archived', active=1",
        "UPDATE versions SET status='active'",
        "DELETE FROM versions WHERE number=1",
    ):
        with sqlite3.connect(path) as connection:
            connection.execute(statement)
        code, out, _ = desk.cli("store", "check", "--format", "json")
        [found] = json.loads(out)["differences"]
        assert (code, found["kind"], found["object"]) == (1, "workflow", "refund")
        desk.cli("store", "check", "--repair")
        assert desk.cli("store", "check")[0] == 0
    assert [each.status for each in desk.workflow("refund").versions] == ["inactive", "active"]
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM texts")
    assert "refund@1" in desk.cli("store", "check")[1]


def test_what_is_published_outlives_the_pruning_of_its_runs(desk: Desk) -> None:
    desk.publish(refund("one"))
    desk.start("refund")
    assert desk.cli("store", "prune", "--older-than", "0s", "--yes")[0] == 0
    assert desk.runs() == []
    assert desk.start("refund").view.output == {"text": "one 7"}


def test_the_statuses_of_workflows_and_versions_are_explained() -> None:
    for status in (*WorkflowStatus, *VersionStatus):
        topics = {found.topic for found in explain(status)}
        assert topics & {Topic.WORKFLOW_STATUS, Topic.VERSION_STATUS}, status
    [paused] = explain("paused-safety")
    assert "headgate resume-workflow NAME" in paused.remedy
