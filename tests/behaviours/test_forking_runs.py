"""AR17, AR18: running again what ran, with a preview of what is kept, what runs again and which effects may repeat."""

from __future__ import annotations

import json

import pytest
from desk import Desk
from servers.http_server import http_server

from headgate.api import forking, history
from headgate.api.faults import NothingStarted, Refused, UsageFault
from headgate.api.forking import Changes
from headgate.api.place import Driving, Rest

SHOP = """
workflow shop {
  input item: string = "tea"
  input count: integer = 1
  step look = set { item = {{ inputs.item }} }
  # headgate: ignore[HG601] a file of the test
  step pay = ledger after look { book = "BOOK", line = "pay {{ inputs.count }}", reversibility = irreversible }
  step note = ledger after pay { book = "BOOK", line = "note", reversibility = safe }
  step send = ledger after pay { book = "BOOK", line = "send {{ steps.pay.result.line }}", broken = true
    reversibility = recoverable
  }
  step tell = ledger after send { book = "BOOK", line = "tell {{ inputs.item }}", reversibility = recoverable }
}
"""


def fork(desk: Desk, run: str, step: str | None = None, version: str | None = None, **inputs: str) -> Rest:
    return forking.fork_run(run, Changes(step, inputs, version), desk.place, Driving())


def test_AR17_a_dry_run_says_what_is_kept_what_runs_again_and_what_may_repeat(desk: Desk) -> None:
    run = desk.run(SHOP).view.run
    before = desk.events(run)
    seen = forking.preview("redrive", run, Changes(), desk.place)
    assert (seen.kept, seen.again, seen.repeats) == (("look", "pay", "note"), ("send", "tell"), ())
    code, out, _ = desk.cli("redrive", run, "--from", "pay", "--dry-run", "--format", "json")
    assert (code, json.loads(out)) == (
        0,
        {
            "run": run,
            "kept": ["look"],
            "again": ["pay", "note", "send", "tell"],
            "repeats": [{"step": "pay", "kind": "ledger", "reversibility": "irreversible", "why": "completed"}],
        },
    )
    code, out, _ = desk.cli("replay", run, "--dry-run")
    assert "may happen a second time: pay (ledger, irreversible): it completed" in out
    assert desk.events(run) == before
    assert desk.performed() == ["pay", "note", "send"]


def test_AR17_a_dry_run_is_refused_where_the_act_is(desk: Desk) -> None:
    run = desk.run("workflow w { step s = set { a = 1 } }").view.run
    code, out, said = desk.cli("redrive", run, "--dry-run")
    assert (code, out) == (6, "")
    assert "ALREADY_COMPLETED" in said


def test_AR18_a_fork_keeps_what_ended_before_its_step_and_leaves_the_source_as_it_is(desk: Desk) -> None:
    source = desk.run(SHOP).view.run
    before = desk.events(source)
    desk.write(SHOP.replace("broken = true", "seconds = 0"))
    rest = fork(desk, source, "send", "flow.flow", item="coffee")
    assert (rest.view.status, rest.view.outcome) == ("completed", "clean")
    assert rest.notes[0] == f"forked from {source}: kept `look`, `pay`, `note`"
    assert desk.lines()[3:] == ["send 1 send pay 1", "tell 1 tell coffee"]
    assert (rest.view.steps["pay"].detail, rest.view.steps["pay"].attempts) == ("kept", 0)
    assert rest.view.steps["look"].result == {"item": "tea"}
    assert rest.view.inputs == {"item": "coffee", "count": 1}
    assert desk.events(source) == before
    assert [event.step for event in desk.events(rest.view.run, "step_kept")] == ["look", "pay", "note"]
    again = desk.drive(rest.view.run).rests[0]
    assert again.view.steps["pay"].result == {"line": "pay 1"}, "what was kept is in the log of the fork"


def test_AR18_a_fork_without_a_step_starts_over_with_other_inputs(desk: Desk) -> None:
    source = desk.run(SHOP).view.run
    rest = fork(desk, source, count="3")
    assert (rest.view.status, rest.view.inputs["count"]) == ("failed", 3)
    assert desk.lines()[3].startswith("pay 1 pay 3")
    with pytest.raises(UsageFault, match="`count`"):
        fork(desk, source, count="many")
    with pytest.raises(UsageFault, match="no input `cuont`: did you mean `count`"):
        fork(desk, source, cuont="2")


def test_AR18_an_open_run_is_forked_and_a_run_that_has_not_started_is_not(desk: Desk) -> None:
    text = """
    workflow w {
      step a = ledger { book = "BOOK", line = "a", reversibility = recoverable }
      step ask = human approval after a { title = "?" }
    }
    """
    source = desk.run(text).view.run
    rest = fork(desk, source, "ask")
    assert (rest.view.status, desk.performed()) == ("waiting", ["a"])
    assert desk.status(source) == "waiting"
    assert {view.run for view in history.approvals(desk.place, rest.view.run)} == {rest.view.run}
    waiting = desk.run(text, detach=True).view.run
    with pytest.raises(Refused) as refusal:
        fork(desk, waiting)
    assert refusal.value.code == "STEP_NOT_FAILED"
    assert "`pause` or `cancel` it" in refusal.value.message


GATED = """
workflow w {
  input amount: integer = 1
  step look = set { a = 1 }
  # headgate: ignore[HG601] a file of the test
  step pay = ledger after look { book = "BOOK", line = "pay {{ inputs.amount }}", reversibility = irreversible
    gate approval { ask = "pay {{ inputs.amount }}?" }
  }
}
"""


def test_AR18_an_approval_covers_the_input_it_was_shown_in_a_fork_too(desk: Desk) -> None:
    source = desk.run(GATED).view.run
    desk.act(source, "approve", "pay")
    same = fork(desk, source, "pay")
    assert (same.view.status, desk.lines()[-1]) == ("completed", "pay 1 pay 1")
    other = fork(desk, source, "pay", amount="2")
    assert (other.view.status, other.view.detail) == ("waiting", "approval")
    assert desk.performed() == ["pay", "pay"]
    assert desk.act(other.view.run, "approve", "pay").view.status == "completed"
    assert desk.lines()[-1] == "pay 1 pay 2"
    desk.write(GATED.replace('ask = "pay {{ inputs.amount }}?"', 'ask = "really?"'))
    assert fork(desk, source, "pay", "flow.flow").view.status == "waiting", "another gate is another question"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("step look = set", "step peek = set", "the output of `look` is kept, and `flow.flow` has no such step"),
        ("{ item = {{ inputs.item }} }", "{ item = {{ inputs.item }}, price = 3 }", "with `price`, which it lacks"),
        (
            'line = "note", reversibility = safe',
            'line = "note", reversibility = safe, result = list<string>',
            "the output of `note` is kept, and `flow.flow` declares another one: the result is not what was declared",
        ),
        (
            "step look = set { item = {{ inputs.item }} }",
            "step first = set { b = 1 }\n  step look = set after first { item = {{ inputs.item }} }",
            "has it after `first`, which has no output to keep: fork from `first`, or before it",
        ),
        (
            "step look = set { item = {{ inputs.item }} }",
            'step look = lua { script = "return {}" }',
            "has it as `lua`, not `set`: fork from `look`, or before it",
        ),
    ],
)
def test_AR18_a_version_that_the_kept_outputs_do_not_fit_is_refused(desk: Desk, old: str, new: str, said: str) -> None:
    source = desk.run(SHOP).view.run
    assert old in SHOP
    changed = SHOP.replace(old, new).replace("after look {", "after peek {" if "peek" in new else "after look {")
    desk.write(changed)
    with pytest.raises(NothingStarted) as fault:
        fork(desk, source, "send", "flow.flow")
    assert said in fault.value.message, fault.value.message
    assert len(desk.runs()) == 1


def test_AR18_what_was_not_taken_stays_so_and_what_failed_runs_again(desk: Desk) -> None:
    text = """
    workflow w {
      step pick = switch { case {{ true }} -> left
        else -> right
      }
      step left  = set { a = 1 }
      step right = set { a = 2 }
      step bad   = ledger { book = "BOOK", line = "bad", broken = true, on_failure = continue, reversibility = safe }
      step last  = ledger after left, right { book = "BOOK", line = "last", reversibility = safe }
    }
    """
    source = desk.run(text).view.run
    rest = fork(desk, source, "last")
    assert {path: (step.status, step.detail) for path, step in rest.view.steps.items()} == {
        "pick": ("completed", "kept"),
        "left": ("completed", "kept"),
        "right": ("skipped", "branch_not_taken"),
        "bad": ("failed", None),
        "last": ("completed", None),
    }
    assert sorted(desk.performed()) == ["bad", "bad", "last", "last"]


def test_AR18_the_command_line_forks_previews_and_refuses(desk: Desk) -> None:
    source = desk.run(SHOP).view.run
    code, out, _ = desk.cli("fork", source, "--from", "pay", "--dry-run")
    assert (code, out.splitlines()) == (
        0,
        [
            "kept: look",
            "would run again: pay, note, send, tell",
            "may happen a second time: pay (ledger, irreversible): it completed",
        ],
    )
    code, _, said = desk.cli("fork", source, "--from", "zzz")
    assert (code, "NO_SUCH_STEP" in said) == (6, True)
    code, _, said = desk.cli("fork", source, "--set", "count=many")
    assert (code, "Traceback" in said) == (2, False)
    code, out, said = desk.cli("fork", source, "--from", "send", "--reason", "try again", "--format", "json")
    found = json.loads(out)
    assert (code, found["status"], found["run"] != source) == (1, "failed", True)
    (created,) = desk.events(found["run"], "run_created")
    assert (created.actor, created.reason, created.data["source"]) == ("ann", "try again", source)


def test_AR17_what_failed_for_what_it_brought_is_said_to_happen_again_and_asked_about(desk: Desk) -> None:
    text = """
    workflow w {
      # headgate: ignore[HG601] a file of the test
      step pay = ledger { book = "BOOK", line = "p", reversibility = irreversible
        gate review { ask = "as it should be?" }
      }
      step note = ledger after finished pay { book = "BOOK", line = "n", reversibility = recoverable
        result = list<any>
      }
    }
    """
    run = desk.run(text).view.run
    desk.act(run, "deny", "pay")
    assert {name: step.status for name, step in desk.show(run).steps.items()} == {"pay": "failed", "note": "failed"}
    code, out, _ = desk.cli("redrive", run, "--dry-run")
    assert (code, out.splitlines()[1:]) == (
        0,
        [
            "would run again: pay, note",
            "may happen a second time: pay (ledger, irreversible): it was done, and failed for what it brought",
            "may happen a second time: note (ledger, recoverable): it was done, and failed for what it brought",
        ],
    )
    code, _, said = desk.cli("redrive", run)
    assert (code, "`pay` is irreversible and may have happened: running it again needs `--yes`" in said) == (6, True)
    assert desk.performed() == ["pay", "note"]
    code, _, _ = desk.cli("redrive", run, "--yes")
    assert (code, desk.performed()) == (5, ["pay", "note", "pay"])


def test_AR17_an_http_answer_that_was_not_expected_may_have_been_an_effect(desk: Desk) -> None:
    with http_server() as server:
        text = f"""
        workflow w {{
          step post = http POST "{server.url}/echo" {{ expect = [201] }}
          step gone = http POST "{server.url}/status/404"
        }}
        """
        run = desk.run(text.replace("step post", "on_failure = continue\n step post")).view.run
        seen = forking.preview("replay", run, Changes(), desk.place)
        assert [(effect.step, effect.why) for effect in seen.repeats] == [("post", "refused")]


def test_AR18_a_fork_repeats_what_cannot_be_undone_only_when_told_so(desk: Desk) -> None:
    source = desk.run(GATED).view.run
    desk.act(source, "approve", "pay")
    code, _, said = desk.cli("fork", source, "--from", "pay")
    assert (code, desk.performed()) == (6, ["pay"])
    assert "ALREADY_COMPLETED: `pay` is irreversible and may have happened: running it again needs `--yes`" in said
    code, _, _ = desk.cli("fork", source, "--from", "pay", "--yes")
    assert (code, desk.performed()) == (0, ["pay", "pay"])


@pytest.mark.parametrize("verb", ["fork", "replay"])
def test_AR18_a_fork_or_a_replay_does_what_is_due_and_then_rests_with_the_next_wake(desk: Desk, verb: str) -> None:
    desk.write("workflow w { step s = delay 1h\n step t = set after s { a = 1 } }")
    run = json.loads(desk.cli("run", "flow.flow", "--wait", "0s", "--format", "json")[1])["run"]
    if verb == "replay":
        assert desk.cli("cancel", run)[0] == 0
    code, out, said = desk.cli(verb, run, "--format", "json")
    again = json.loads(out)
    assert (code, again["status"], again["detail"], again["run"] != run) == (5, "waiting", "timer", True)
    assert "`s` goes on at " in said


def test_AR18_forks_of_forks_are_bounded(desk: Desk) -> None:
    run = desk.run("workflow w { step s = set { a = 1 } }").view.run
    for _ in range(16):
        run = fork(desk, run).view.run
    with pytest.raises(Refused) as refusal:
        fork(desk, run)
    assert refusal.value.code == "LIMIT_EXCEEDED"


def test_AR18_a_fork_to_a_published_version_has_its_number(desk: Desk) -> None:
    desk.write(SHOP)
    assert desk.cli("publish", "flow.flow")[0] == 0
    code, out, _ = desk.cli("run", "shop", "--format", "json")
    source = json.loads(out)["run"]
    assert (code, json.loads(out)["version"]) == (1, 1)
    desk.write(SHOP.replace("broken = true", "seconds = 0"))
    code, _, said = desk.cli("publish", "flow.flow")
    assert code == 0, said
    code, out, said = desk.cli("fork", source, "--from", "send", "--version", "2", "--format", "json")
    found = json.loads(out)
    assert (code, found["status"], found["version"]) == (0, "completed", 2), said
    assert desk.performed() == ["pay", "note", "send", "send", "tell"]
    code, out, _ = desk.cli("fork", source, "--from", "send", "--format", "json")
    assert (code, json.loads(out)["version"]) == (1, 1)
    code, _, said = desk.cli("fork", source, "--version", "9")
    assert (code, "has no version 9" in said) == (3, True)
