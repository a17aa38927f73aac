"""Runs, from start to end, as their users drive them: output, JSON and exit codes."""

import json
import re

import pytest
from command_line import headgate

ASK = """\
workflow ask "Ask first" {
  input who: string
  input amount: integer = 5

  step double = lua ```lua
    return { amount = inputs.amount * 2 }
  ```

  step ok = human approval after double {
    title     = "Pay {{ steps.double.result.amount }} to {{ inputs.who }}?"
    assignees = ["finance"]
  }

  step pay = set after ok { paid = {{ steps.double.result.amount }} }

  step sorry = set after denied ok { text = "not paid" }

  output { paid = {{ steps.pay.result.paid | default(0) }} }
}
"""
BREAKS = """\
workflow breaks {
  on_failure = pause

  step try = lua ```lua
    error("no luck")
  ```

  step rest = set after try { got = {{ steps.try.result.value | default("nothing") }} }

  output { got = {{ steps.rest.result.got }} }
}
"""
RUN_KEYS = {
    "run", "workflow", "version", "plan_digest", "status", "detail", "outcome", "trigger", "epoch", "created_at",
    "started_at", "ended_at", "inputs", "output", "failure", "holds", "steps",
}  # fmt: skip
STEP_KEYS = {
    "kind", "status", "detail", "attempts", "input", "result", "error", "agent", "started_at", "ended_at",
}  # fmt: skip
AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "headgate.toml").write_text('[project]\nname = "t"\n\n[people]\nfinance = ["ann"]\nadmins = ["root"]\n')
    (tmp_path / "ask.flow").write_text(ASK)
    (tmp_path / "breaks.flow").write_text(BREAKS)
    return tmp_path


@pytest.fixture
def waiting(folder):
    said = headgate("run", "ask.flow", "-i", "who=Cy", "--format", "json", cwd=folder)
    assert said.code == 5, said.err
    return said.json


@pytest.fixture
def paused(folder):
    said = headgate("run", "breaks.flow", "--format", "json", cwd=folder)
    assert said.code == 5, said.err
    return said.json


def test_a_run_that_waits_for_a_person_exits_5_and_names_the_command(folder):
    said = headgate("run", "ask.flow", "-i", "who=Cy", cwd=folder)
    assert said.code == 5
    assert "waiting (approval)" in said.out
    run = re.search(r"01[0-9A-Z]{24}", said.out)[0]
    assert f"headgate approve {run} ok" in said.out
    assert "\x1b[" not in said.out


def test_the_json_of_a_run_has_the_documented_shape(waiting):
    assert set(waiting) == RUN_KEYS
    assert waiting["status"] == "waiting"
    assert waiting["detail"] == "approval"
    assert waiting["inputs"] == {"who": "Cy", "amount": 5}
    assert waiting["epoch"] == 0
    assert AT.fullmatch(waiting["created_at"])
    assert waiting["ended_at"] is None
    assert list(waiting["steps"]) == ["double", "ok", "pay", "sorry"]
    assert all(set(step) == STEP_KEYS for step in waiting["steps"].values())
    assert waiting["steps"]["double"]["result"] == {"amount": 10}


def test_approved_by_run_and_step_the_run_completes(folder, waiting):
    said = headgate("approve", waiting["run"], "ok", "--as", "ann", "--comment", "fine", "--format", "json", cwd=folder)
    assert said.code == 0
    assert said.json["status"] == "completed"
    assert said.json["outcome"] == "clean"
    assert said.json["output"] == {"paid": 10}
    decided = headgate("approvals", "--run", waiting["run"], "--format", "json", cwd=folder).json[0]
    assert decided["status"] == "approved"
    assert decided["decided_by"] == "ann"
    assert decided["comment"] == "fine"


def test_denied_by_its_id_the_action_does_not_run(folder, waiting):
    (pending,) = headgate("approvals", "--format", "json", cwd=folder).json
    assert set(pending) == {
        "id", "run", "step", "status", "title", "assignees", "reversibility", "expires_at", "on_expiry", "decided_by",
        "decided_at", "comment",
    }  # fmt: skip
    assert pending["title"] == "Pay 10 to Cy?"
    assert pending["assignees"] == ["finance"]
    said = headgate("deny", pending["id"], "--as", "ann", "--format", "json", cwd=folder)
    assert said.code == 0
    assert said.json["outcome"] == "denied"
    assert said.json["steps"]["pay"]["status"] == "skipped"
    assert said.json["steps"]["sorry"]["status"] == "completed"
    assert headgate("approvals", "--format", "json", cwd=folder).json == []
    again = headgate("approve", pending["id"], "--as", "ann", cwd=folder)
    assert again.code == 6
    assert "headgate: " in again.err


def test_somebody_who_is_not_asked_is_refused_with_a_code(folder, waiting):
    said = headgate("approve", waiting["run"], "ok", "--as", "eve", cwd=folder)
    assert said.code == 6
    assert "NOT_ASSIGNED" in said.err
    assert said.out == ""


def test_runs_are_named_by_any_unique_beginning(folder, waiting):
    assert headgate("show", waiting["run"][:20], "--format", "json", cwd=folder).json["run"] == waiting["run"]
    missing = headgate("show", "02", cwd=folder)
    assert missing.code == 3
    assert "no run `02`" in missing.err


def test_a_required_input_is_exit_2_where_nobody_can_be_asked(folder):
    said = headgate("run", "ask.flow", cwd=folder)
    assert said.code == 2
    assert "`who`" in said.err
    assert headgate("runs", "--format", "json", cwd=folder).json == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-i", "who=Cy", "-i", "amount=much"], "amount"),
        (["-i", "who=Cy", "-i", "amont=3"], "did you mean `amount`?"),
        (["-i", "who"], "NAME=VALUE"),
        (["-i", "who=Cy", "-i", "who=Bo"], "twice"),
        (["--inputs", "nowhere.json"], "nowhere.json"),
    ],
)
def test_inputs_that_do_not_fit_are_exit_2_and_make_no_run(folder, arguments, words):
    said = headgate("run", "ask.flow", *arguments, cwd=folder)
    assert said.code == 2, said
    assert words in said.err
    assert headgate("runs", "--format", "json", cwd=folder).json == []


def test_inputs_come_from_a_file_and_the_command_line_goes_first(folder):
    (folder / "inputs.json").write_text(json.dumps({"who": "Bo", "amount": 7}))
    said = headgate(
        "run", "ask.flow", "--inputs", "inputs.json", "-i", "who=123", "--detach", "--format", "json", cwd=folder
    )
    assert said.json["inputs"] == {"who": "123", "amount": 7}


@pytest.mark.parametrize("target", ["nowhere.flow", "nowhere.plan.json"])
def test_a_target_that_is_not_there_is_exit_3(folder, target):
    said = headgate("run", target, cwd=folder)
    assert said.code == 3
    assert "nowhere" in said.err
    assert not (folder / ".headgate" / "headgate.db").exists()


def test_gate_findings_start_nothing_and_are_shown(folder):
    (folder / "bad.flow").write_text(ASK.replace("after ok", "after okk"))
    said = headgate("run", "bad.flow", "-i", "who=Cy", cwd=folder)
    assert said.code == 3
    assert "error[HG104]" in said.err
    assert said.out == ""


def test_a_damaged_plan_is_exit_3_and_makes_no_run(folder):
    headgate("compile", "ask.flow", "-o", "ask.plan.json", cwd=folder)
    plan = json.loads((folder / "ask.plan.json").read_text())
    plan["entryStepId"] = "nobody"
    (folder / "ask.plan.json").write_text(json.dumps(plan))
    said = headgate("run", "ask.plan.json", "-i", "who=Cy", cwd=folder)
    assert said.code == 3
    assert "PLAN_INTEGRITY" in said.err


def test_detached_a_run_is_recorded_and_drive_drives_it(folder):
    said = headgate("run", "ask.flow", "-i", "who=Cy", "--detach", "--format", "json", cwd=folder)
    assert said.code == 5
    assert said.json["status"] in {"queued", "starting"}
    driven = headgate("drive", "--format", "json", cwd=folder)
    assert driven.code == 5
    assert [run["status"] for run in driven.json] == ["waiting"]
    assert driven.json[0]["steps"]["ok"]["status"] == "waiting"


def test_drive_with_nothing_to_do_exits_0(folder):
    said = headgate("drive", "--format", "json", cwd=folder)
    assert (said.code, said.json) == (0, [])


def test_pause_and_cancel_answer_0_and_resume_goes_on(folder, waiting):
    run = waiting["run"]
    paused = headgate("pause", run, "--reason", "looking", "--as", "ann", "--format", "json", cwd=folder)
    assert (paused.code, paused.json["status"], paused.json["detail"]) == (0, "paused", "operator")
    (hold,) = paused.json["holds"]
    assert (hold["reason"], hold["by"], hold["release"]) == ("operator", "ann", f"headgate resume {run}")
    resumed = headgate("resume", run, "--format", "json", cwd=folder)
    assert (resumed.code, resumed.json["status"]) == (5, "waiting")
    cancelled = headgate("cancel", run, "--yes", "--format", "json", cwd=folder)
    assert (cancelled.code, cancelled.json["status"]) == (0, "cancelled")
    refused = headgate("resume", run, cwd=folder)
    assert refused.code == 6
    assert "redrive" in refused.err


def test_resume_of_a_run_that_is_not_paused_is_refused(folder, waiting):
    said = headgate("resume", waiting["run"], cwd=folder)
    assert said.code == 6
    assert said.err.startswith("headgate: NOT_PAUSED: ")


def test_a_failure_that_pauses_is_retried_with_an_edit(folder, paused):
    assert paused["status"] == "paused"
    assert paused["detail"] == "step_failed: try"
    assert paused["steps"]["try"]["error"]["code"] == "LUA_FAILED"
    again = headgate("retry", paused["run"], "try", "--format", "json", cwd=folder)
    assert (again.code, again.json["steps"]["try"]["attempts"]) == (5, 2)
    edit = 'script="return { value = 3 }"'
    said = headgate("retry", paused["run"], "try", "--edit", edit, "--as", "bo", "--format", "json", cwd=folder)
    assert said.code == 0, said.err
    assert said.json["output"] == {"got": 3}
    retried = [event for event in headgate("events", paused["run"], "--format", "json", cwd=folder).json
               if event["type"] == "step_retried"]  # fmt: skip
    assert [event["actor"] for event in retried][-1] == "bo"


def test_an_edit_that_names_no_attribute_is_wrong_usage(folder, paused):
    said = headgate("retry", paused["run"], "try", "--edit", 'scirpt="x"', cwd=folder)
    assert said.code == 2
    assert "did you mean `script`?" in said.err


def test_a_failed_step_is_skipped_with_an_output_in_its_place(folder, paused):
    said = headgate("skip", paused["run"], "try", "--output", '{"value": 9}', "--format", "json", cwd=folder)
    assert said.code == 0, said.err
    assert said.json["output"] == {"got": 9}
    assert said.json["steps"]["try"]["status"] == "skipped"


def test_confirm_needs_an_answer_and_a_step_in_doubt(folder, paused):
    assert headgate("confirm", paused["run"], "try", cwd=folder).code == 2
    said = headgate("confirm", paused["run"], "try", "--done", cwd=folder)
    assert said.code == 6
    assert "STEP_NOT_IN_DOUBT" in said.err


def test_a_cancelled_run_is_redriven_and_a_dry_run_says_what_would_run(folder, waiting):
    run = waiting["run"]
    headgate("cancel", run, "--yes", cwd=folder)
    dry = headgate("redrive", run, "--dry-run", "--format", "json", cwd=folder).json
    assert "ok" in dry["again"]
    assert "double" not in dry["again"]
    said = headgate("redrive", run, "--format", "json", cwd=folder)
    assert (said.code, said.json["status"], said.json["epoch"]) == (5, "waiting", 1)


def test_replay_starts_a_new_run_and_leaves_the_source(folder, waiting):
    run = waiting["run"]
    assert headgate("replay", run, cwd=folder).code == 6
    headgate("deny", run, "ok", "--as", "ann", cwd=folder)
    before = headgate("show", run, "--format", "json", cwd=folder).json
    said = headgate("replay", run, "--format", "json", cwd=folder)
    assert said.code == 5
    assert said.json["run"] != run
    assert said.json["inputs"] == before["inputs"]
    assert headgate("show", run, "--format", "json", cwd=folder).json == before


def test_runs_filters_and_lists_without_steps(folder, waiting, paused):
    listed = headgate("runs", "--format", "json", cwd=folder).json
    assert [run["run"] for run in listed] == [paused["run"], waiting["run"]]
    assert set(listed[0]) == RUN_KEYS - {"steps", "inputs", "output"}
    by_status = headgate("runs", "--status", "paused", "--format", "json", cwd=folder).json
    assert [run["run"] for run in by_status] == [paused["run"]]
    assert headgate("runs", "--workflow", "nobody", "--format", "json", cwd=folder).json == []
    assert headgate("runs", "--until", "2020-01-01", "--format", "json", cwd=folder).json == []
    assert len(headgate("runs", "--since", "1h", "--format", "json", cwd=folder).json) == 2
    unknown = headgate("runs", "--status", "pausd", cwd=folder)
    assert unknown.code == 2
    assert "did you mean `paused`?" in unknown.err


def test_the_lists_text_has_a_mark_for_each_status(folder, waiting, paused):
    text = headgate("runs", cwd=folder).out
    assert "⏲ waiting" in text
    assert "⏸ paused" in text


def test_events_follow_their_published_schema(folder, waiting):
    from jsonschema import Draft202012Validator

    events = headgate("events", waiting["run"], "--format", "json", cwd=folder).json
    Draft202012Validator(headgate("schema", "events", cwd=folder).json).validate(events)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["type"] == "run_created"
    assert "run_created" in headgate("events", waiting["run"], cwd=folder).out


def test_the_timeline_shows_what_ran_and_what_waited(folder, waiting):
    headgate("approve", waiting["run"], "ok", "--as", "ann", "--comment", "fine", cwd=folder)
    text = headgate("timeline", waiting["run"], cwd=folder).out
    rows = {line.split()[1]: line for line in text.splitlines()[2:]}
    assert "█" in rows["double"]
    assert "░" in rows["ok"]
    assert 'approved by ann "fine"' in rows["ok"]
    assert "branch_not_taken" in rows["sorry"]
    chart = headgate("timeline", waiting["run"], "--format", "json", cwd=folder).json
    states = {step["step"]: [each["state"] for each in step["intervals"]] for step in chart["steps"]}
    assert states["double"] == ["running"]
    assert states["ok"] == ["waiting"]


def test_why_names_what_holds_a_run_and_the_command_that_clears_it(folder, waiting, paused):
    reasons = headgate("why", waiting["run"], "--format", "json", cwd=folder).json
    assert reasons
    assert all(set(reason) == {"kind", "object", "since", "who", "command", "message"} for reason in reasons)
    assert any(reason["command"] and "approve" in reason["command"] for reason in reasons)
    text = headgate("why", paused["run"], cwd=folder).out
    assert f"headgate retry {paused['run']} try" in text


def test_the_graph_of_a_run_shows_its_statuses(folder, waiting):
    text = headgate("graph", "ask.flow", "--format", "text", "--run", waiting["run"], cwd=folder).out
    assert "[completed]" in text
    assert "[waiting]" in text


def test_the_same_request_id_is_one_act(folder, waiting):
    first = headgate("pause", waiting["run"], "--request-id", "r1", "--format", "json", cwd=folder)
    second = headgate("pause", waiting["run"], "--request-id", "r1", "--format", "json", cwd=folder)
    assert (first.code, second.code) == (0, 0)
    events = headgate("events", waiting["run"], "--format", "json", cwd=folder).json
    assert sum(event["type"] == "hold_opened" for event in events) == 1


def test_the_store_may_stand_elsewhere(folder, tmp_path):
    store = tmp_path / "other.db"
    said = headgate("run", "ask.flow", "-i", "who=Cy", "--format", "json", cwd=folder, HEADGATE_STORE=str(store))
    assert said.code == 5
    assert store.exists()
    assert not (folder / ".headgate" / "headgate.db").exists()
    assert headgate("show", said.json["run"], "--store", str(store), cwd=folder).code == 0


def test_what_is_no_store_is_exit_3_with_one_sentence(folder):
    (folder / "no.db").write_text("this is no database, and it is long enough to be looked at" * 40)
    said = headgate("runs", "--store", "no.db", cwd=folder)
    assert said.code == 3
    assert said.err.count("\n") == 1
    assert "no.db" in said.err


def test_a_reader_that_leaves_is_no_fault(folder, waiting):
    import os
    import subprocess
    import sys

    command = f"{sys.executable} -m headgate events {waiting['run']} --format json | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


def test_every_status_of_the_model_can_be_filtered_for():
    from headgate.cli.history import STATUSES
    from headgate.runtime.status import RunStatus

    assert set(STATUSES) == {str(status) for status in RunStatus}


def test_what_the_gate_refuses_to_run_is_told_as_json_too(tmp_path):
    (tmp_path / "bad.flow").write_text("workflow bad {\n  step a = set { v = {{ inputs.nothing }} }\n}\n")
    said = headgate("run", "bad.flow", "--format", "json", cwd=tmp_path)
    assert said.code == 3
    assert [finding["code"] for finding in said.json["diagnostics"]] == ["HG210"]
    assert said.err == "headgate: `bad.flow` does not pass the gate: nothing was started\n"


def test_a_run_that_is_kept_elsewhere_says_how_to_reach_it(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "headgate.toml").write_text('[project]\nname = "shop"\n')
    (tmp_path / "shop" / "one.flow").write_text('workflow one {\n  step ask = human approval { title = "?" }\n}\n')
    said = headgate("run", "shop/one.flow", "--format", "json", cwd=tmp_path)
    assert said.code == 5
    store = said.err.partition("--store ")[2].splitlines()[0]
    assert store == str(tmp_path / "shop" / ".headgate" / "headgate.db")
    approved = headgate("approve", said.json["run"], "ask", "--store", store, cwd=tmp_path)
    assert approved.code == 0, approved.err
    inside = headgate("run", "one.flow", cwd=tmp_path / "shop")
    assert "--store" not in inside.err


def test_a_secret_input_that_does_not_fit_is_not_repeated(tmp_path):
    text = (
        'workflow w {\n  input key: string { secret = true, pattern = "^k-" }\n  input pin: integer { secret = true }\n'
    )
    (tmp_path / "w.flow").write_text(text + "  step a = set { x = 1 }\n}\n")
    for given, told in (("key=hunter2", "`pattern`"), ("pin=hunter2", "expected JSON")):
        whole = {"key": "k-1", "pin": "1"} | dict([given.split("=")])
        said = headgate("run", "w.flow", *(f"-i{name}={value}" for name, value in whole.items()), cwd=tmp_path)
        assert said.code == 2
        assert told in said.err
        assert "hunter2" not in said.out + said.err
