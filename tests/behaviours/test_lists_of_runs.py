"""AR03, RL01, RL02, RL09: what failed recently, what is overdue, how the runs of a workflow stand."""

from __future__ import annotations

import json

from desk import Desk

from headgate.api import history, publishing, running
from headgate.api.inputs import Given
from headgate.api.place import Driving
from headgate.api.publishing import Because
from headgate.api.running import Later
from headgate.runtime.clock import SystemClock
from headgate.runtime.store import RunFilter

TWO = """
workflow w {
  input word: string
  let words = { fine = 1 }
  step one = set { a = 1 }
  step two = set after one { b = {{ vars.words[inputs.word] }} }
  step three = set after two { c = 1 }
}
"""
ASK = 'step ask = human approval { title = "Go?", assignees = ["finance"] }'


def test_AR03_failed_recently_leads_to_the_first_failed_step_and_its_error(desk: Desk) -> None:
    desk.run(TWO, word="fine")
    failed = desk.run(TWO, word="bad").view
    assert failed.ended_at is not None
    code, out, _ = desk.cli("runs", "--failed-recently", "--format", "json")
    assert code == 0
    [run] = json.loads(out)
    assert (run["run"], run["status"], run["failure"]["step"]) == (failed.run, "failed", "two")
    assert run["failure"]["message"]
    text = desk.cli("runs", "--failed-recently")[1]
    assert run["failure"]["message"] in text
    assert f"headgate show {failed.run}" in text
    assert [view.run for view in desk.runs(failed_since=failed.ended_at)] == [failed.run]
    assert desk.runs(failed_since=failed.ended_at + 1) == [], "a day later it is no longer recent"


def test_AR03_what_began_earlier_and_failed_just_now_is_recent(desk: Desk) -> None:
    text = TWO.replace("step one = set {", f"{ASK}\n  step one = set after ask {{")
    run = desk.run(text, word="bad").view
    assert run.status == "waiting"
    desk.act(run.run, "approve", "ask")
    view = desk.show(run.run)
    assert view.ended_at is not None
    assert view.ended_at > view.created_at
    assert [each.run for each in desk.runs(failed_since=view.created_at + 1)] == [run.run]


def test_RL09_the_runs_of_a_workflow_show_trigger_status_and_their_steps(desk: Desk) -> None:
    desk.run(TWO, word="bad")
    desk.run("workflow other {\n  step s = set { a = 1 }\n}\n")
    [run] = json.loads(desk.cli("runs", "--workflow", "w", "--format", "json")[1])
    assert (run["trigger"], run["status"]) == ("manual", "failed")
    assert [(step["step"], step["status"]) for step in run["breakdown"]] == [
        ("one", "completed"),
        ("two", "failed"),
        ("three", "blocked"),
    ]
    assert "steps" not in run
    text = desk.cli("runs", "--workflow", "w")[1]
    assert "✓ one  ✗ two  ⊘ three" in text
    listed = json.loads(desk.cli("runs", "--format", "json")[1])
    assert all("breakdown" not in each for each in listed)


def scheduled(desk: Desk, after_ms: int) -> str:
    """A run of the published workflow that is due so much later; one that is due soon is overdue on return."""
    due = SystemClock().now_ms() + after_ms
    rest = running.run("w", Given({}, {"word": "fine"}), desk.place, Driving(), Later(due))
    assert (rest.view.status, rest.exit_code) == ("scheduled", 5)
    while after_ms < 1000 and SystemClock().now_ms() <= due:
        pass
    return rest.view.run


def test_RL02_overdue_is_derived_listed_and_counted(desk: Desk) -> None:
    desk.publish(TWO)
    soon, late = scheduled(desk, 300), scheduled(desk, 7_200_000)
    views = {view.run: view for view in desk.runs()}
    assert {view.status for view in views.values()} == {"scheduled"}, "overdue is no status, and is not stored"
    assert (views[soon].overdue, views[late].overdue) == (True, False)
    assert desk.show(soon).overdue
    due = views[late].due_at
    assert due is not None
    assert [view.run for view in desk.runs(overdue_at=due)] == [soon]
    assert [view.run for view in desk.runs(overdue_at=due + 1)] == [late, soon]
    assert [run["run"] for run in json.loads(desk.cli("runs", "--overdue", "--format", "json")[1])] == [soon]
    assert "scheduled (overdue)" in desk.cli("runs", "--overdue")[1]
    assert history.counts(RunFilter(overdue_at=due + 1), desk.place) == {"w": {"scheduled": 2}}
    messages = [reason.message for reason in history.why("w", desk.place)]
    assert f"the scheduled run {soon} is overdue and waits for a driver" in messages
    desk.act(soon, "pause")
    assert desk.runs(overdue_at=due) == [], "a run that is held is not overdue"
    desk.act(soon, "resume")
    assert desk.status(soon) == "completed"


def test_RL02_a_run_that_is_driven_too_late_is_skipped_when_it_was_told_so(desk: Desk) -> None:
    desk.publish(TWO)
    made = {
        late: json.loads(
            desk.cli("run", "w", "-i", "word=fine", "--at", "+10m", "--late", late, "--format", "json")[1]
        )["run"]
        for late in ("run", "skip", "30m")
    }
    due = desk.show(made["30m"]).due_at
    assert due is not None
    desk.turned(due + 20 * 60_000)
    views = {late: desk.show(run) for late, run in made.items()}
    assert {late: view.status.value for late, view in views.items()} == {
        "run": "completed",
        "skip": "skipped",
        "30m": "completed",
    }
    assert views["skip"].detail == "missed"


def test_RL02_an_overdue_run_of_a_disabled_workflow_says_what_it_waits_for(desk: Desk) -> None:
    desk.publish(TWO)
    run = scheduled(desk, 300)
    publishing.disable("w", Because(), desk.place)
    assert desk.drive().rests[0].view.status == "scheduled"
    reason = history.why(run, desk.place)[0]
    assert (reason.command, reason.message) == (
        "headgate enable w",
        "it is overdue: its workflow is disabled and starts nothing",
    )


def test_a_time_that_is_none_is_said_so(desk: Desk) -> None:
    desk.write(TWO)
    for words, said in (
        (["--at", "soon"], "`soon` is no time; expected `+2h` from now, `18:30`, or a time such as"),
        (["--at", "+2 hours"], "`2 hours` is no duration"),
        (["--late", "skip"], "`--late` is about a run for later: add --at TIME"),
        (["--at", "+2h", "--late", "never"], "`never` is no duration"),
    ):
        code, _, err = desk.cli("run", "flow.flow", "-i", "word=fine", *words)
        assert code == 2
        assert said in err
    assert desk.runs() == []


def test_RL01_runs_and_steps_pass_through_that_products_words(desk: Desk) -> None:
    text = """
    workflow w {
      step one = http GET "http://127.0.0.1:1/" { retry = { max = 1, backoff = [1h] } }
      step two = set after one { a = 1 }
    }
    """
    desk.write(text + "\n" + TWO.replace("workflow w", "workflow other"))

    def words(*command: str) -> tuple[str, list[str]]:
        run = json.loads(desk.cli(*command, "--format", "json")[1])
        seen = json.loads(desk.cli("show", run["run"], "--vocabulary", "rocketlead", "--format", "json")[1])
        listed = json.loads(desk.cli("runs", "--vocabulary", "rocketlead", "--format", "json")[1])
        assert {one["run"]: one["status"] for one in listed}[run["run"]] == seen["status"]
        return seen["status"], [step["status"] for step in seen["steps"].values()]

    assert words("run", "flow.flow#w", "--at", "+1h") == ("scheduled", ["scheduled", "scheduled"])
    assert words("run", "flow.flow#w", "--wait", "0s") == ("retrying", ["retrying", "scheduled"])
    run = json.loads(desk.cli("runs", "--format", "json")[1])[0]["run"]
    assert words("pause", run) == ("interrupted", ["retrying", "scheduled"])
    desk.cli("resume", run)
    assert words("retry", run, "one") == ("failed", ["failed", "scheduled"])
    fine = words("run", "flow.flow#other", "-i", "word=fine")
    assert fine == ("completed", ["completed", "completed", "completed"])
    called = json.loads(desk.cli("runs", "--vocabulary", "rocketlead", "--status", "completed", "--format", "json")[1])
    assert [one["workflow"] for one in called] == ["other"]
