"""Waits for events and callbacks: nothing that comes from outside is lost, taken twice, or given to the wrong wait."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from desk import Desk

from headgate.api import signalling, site
from headgate.api.faults import Refused, UsageFault
from headgate.api.place import Driving
from headgate.api.signalling import Sending, Signalled
from headgate.plan import Json
from headgate.runtime.store import Signal, Store

WAIT = """
workflow w {
  input n: integer = 1
  step paid = wait "paid" { match = {{ event.n == inputs.n }} }
  output { sum = {{ steps.paid.result.sum }} }
}
"""
LATER = """
workflow w {
  step ask = human approval { title = "go?" }
  step first = wait "paid" after ask
  step second = wait "paid" after first
  output { first = {{ steps.first.result }}, second = {{ steps.second.result }} }
}
"""
PARKED = """
workflow w {
  step a = ledger {
    book = "BOOK", line = "a", tokens = "TOKENS", reversibility = recoverable, retry = 0
    callback_expires = 60000
  }
  step b = set after a { said = {{ steps.a.result }} }
  output { said = {{ steps.b.result.said }} }
}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


def send(desk: Desk, event: str, payload: Json = None, run: str | None = None, **more: str) -> Signalled:
    return signalling.signal(Sending(event, payload, run, **more), desk.place, Driving())


def call_back(desk: Desk, token: str, payload: Json = None) -> str:
    rest = signalling.callback(token, payload, None, desk.place, Driving())
    return f"{rest.view.status} {rest.view.detail or ''}".strip()


def parked(desk: Desk, text: str = PARKED) -> tuple[str, str]:
    """A run that waits to be called back, and the token."""
    file = desk.folder / "token.txt"
    run = desk.run(text.replace("TOKENS", str(file))).view.run
    return run, file.read_text()


# Signals


def test_a_signal_reaches_every_open_wait_that_it_fits_and_is_in_the_log(desk: Desk) -> None:
    first, second, other = (desk.run(WAIT, n=n).view.run for n in (1, 1, 2))
    assert desk.show(first).detail == "event"
    sent = send(desk, "paid", {"n": 1, "sum": 7})
    assert {rest.view.run for rest in sent.rests if rest.view.status == "completed"} == {first, second}
    assert (desk.status(other), desk.show(first).output) == ("waiting", {"sum": 7})
    (event,) = desk.events(first, "signal_received")
    assert (event.step, event.actor, event.data["payload"]) == ("paid", "ann", {"n": 1, "sum": 7})


def test_a_signal_for_a_run_reaches_no_other(desk: Desk) -> None:
    first, second = (desk.run(WAIT).view.run for _ in range(2))
    sent = send(desk, "paid", {"n": 1, "sum": 7}, second)
    assert [rest.view.run for rest in sent.rests] == [second]
    assert (desk.status(first), desk.status(second)) == ("waiting", "completed")


def test_signals_that_come_before_their_waits_are_kept_and_each_is_taken_once(desk: Desk) -> None:
    run = desk.run(LATER).view.run
    kept = send(desk, "paid", 1, run)
    assert (kept.exit_code, kept.notes) == (
        5,
        (f"run {run}: no step waits for `paid` yet; it is kept for a later `wait` of the run",),
    )
    assert send(desk, "paid", 2).exit_code == 0
    rest = desk.act(run, "approve", "ask")
    assert (rest.view.status, rest.view.output) == ("completed", {"first": 1, "second": 2})


def test_one_kept_signal_does_not_answer_two_waits_that_follow_each_other(desk: Desk) -> None:
    run = desk.run(LATER).view.run
    send(desk, "paid", 1, run)
    rest = desk.act(run, "approve", "ask")
    assert (rest.view.status, rest.view.steps["first"].result, rest.view.steps["second"].status) == (
        "waiting",
        1,
        "waiting",
    )


def test_a_signal_that_came_before_any_run_is_taken_by_the_first(desk: Desk) -> None:
    assert send(desk, "paid", {"n": 1, "sum": 3}).rests == ()
    assert desk.run(WAIT).view.output == {"sum": 3}
    assert desk.run(WAIT).view.status == "waiting"


def test_a_signal_during_a_pause_is_recorded_and_acts_on_resume(desk: Desk) -> None:
    run = desk.run(WAIT).view.run
    desk.act(run, "pause")
    assert send(desk, "paid", {"n": 1, "sum": 3}, run).rests[0].view.status == "paused"
    assert len(desk.events(run, "signal_received")) == 1
    assert desk.act(run, "resume").view.output == {"sum": 3}


def test_a_request_id_makes_a_signal_once(desk: Desk) -> None:
    run = desk.run(LATER).view.run
    for _ in range(2):
        send(desk, "paid", 1, run, request_id="order-7")
    desk.act(run, "approve", "ask")
    assert desk.show(run).steps["second"].status == "waiting"
    with pytest.raises(UsageFault, match="used for another signal"):
        send(desk, "paid", 2, run, request_id="order-7")
    desk.act(run, "pause", request_id="mine")
    with pytest.raises(UsageFault, match="used for another act"):
        send(desk, "paid", 2, run, request_id="mine")


def test_an_ended_run_takes_no_signal(desk: Desk) -> None:
    run = desk.run(WAIT).view.run
    desk.act(run, "cancel")
    with pytest.raises(Refused) as refusal:
        send(desk, "paid", None, run)
    assert refusal.value.code == "TERMINAL"


def test_a_payload_that_the_condition_cannot_be_asked_of_harms_nothing_and_is_said(desk: Desk) -> None:
    run = desk.run(WAIT).view.run
    sent = send(desk, "paid", {"sum": 3}, run)
    assert "the `match` of `paid` cannot be asked of it" in sent.notes[0]
    assert desk.status(run) == "waiting"
    assert send(desk, "paid", {"n": 1, "sum": 4}, run).rests[0].view.output == {"sum": 4}


def test_a_payload_that_breaks_the_declared_result_fails_the_step(desk: Desk) -> None:
    run = desk.run('workflow w { step s = wait "e" { result = integer } }').view.run
    rest = send(desk, "e", "no number").rests[0]
    assert (rest.view.run, rest.view.status) == (run, "failed")
    assert rest.view.failure is not None
    assert rest.view.failure.code == "RESULT_INVALID"


@pytest.mark.parametrize(("policy", "ends"), [("fail", ("failed", "STEP_TIMED_OUT")), ("continue", ("completed", ""))])
def test_a_wait_that_expires_fails_or_goes_on_with_null(desk: Desk, policy: str, ends: tuple[str, str]) -> None:
    waits = f'step s = wait "e" {{ expires = 20ms, on_expiry = {policy} }}'
    desk.run(f"workflow w {{ {waits}\n output {{ got = {{{{ steps.s.result }}}} }} }}")
    view = desk.drive(wait_ms=5_000).rests[0].view
    assert (view.status, "" if view.failure is None else view.failure.code) == ends
    assert policy == "fail" or view.output == {"got": None}


def test_an_event_that_came_in_time_counts_though_the_run_hears_of_it_late(desk: Desk) -> None:
    """A store that nobody drives: the event comes before the expiry, the driver after it."""
    run = desk.run('workflow w { step s = wait "e" { expires = 300ms } }').view.run
    store = Store(desk.folder / ".headgate" / "headgate.db")
    until = desk.show(run).steps["s"].resume_at
    assert until is not None
    store.send_signal(Signal("s1", until - 1, "e", run, "came", "ann"))
    store.send_signal(Signal("s2", until + 1, "e", run, "late", "ann"))
    store.close()
    while desk.show(run).status == "waiting":
        desk.drive(wait_ms=400)
    assert desk.show(run).steps["s"].result == "came"


def test_items_of_a_loop_wait_each_for_their_own_event(desk: Desk) -> None:
    run = desk.run("""
    workflow w {
      step all = each {{ [1, 2, 3] }} as item {
        step paid = wait "paid" { match = {{ event.id == item }} }
      }
      output { got = {{ steps.all.result.results }} }
    }
    """).view.run
    send(desk, "paid", {"id": 3})
    steps = desk.show(run).steps
    assert [steps[f"all.{index}.paid"].status for index in range(3)] == ["waiting", "waiting", "completed"]


class Interrupting(Store):
    """Another process sends a signal between the moment a wait is decided and the moment it is stored."""

    event: str | None = None

    def commit(self, writes):
        event, Interrupting.event = Interrupting.event, None
        if event is not None:
            other = Store(self.path)
            sent = other.send_signal(Signal("between", 1, event, None, "heard", "eve"))
            assert sent.requests == (), "the wait is not stored yet, so that the signal finds nobody"
            other.close()
        return super().commit(writes)


@pytest.mark.parametrize("driving", [Driving(), Driving(detach=True)])
def test_no_signal_is_lost_between_a_waits_start_and_its_commit(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, driving: Driving
) -> None:
    desk.run('workflow w { step ask = human approval { title = "?" }\n step s = wait "e" after ask }')
    run = desk.runs()[0].run
    monkeypatch.setattr(site, "Store", Interrupting)
    monkeypatch.setattr(Interrupting, "event", "e")
    from headgate.api import operating

    rest = operating.operate(run, operating.Act("approve", "ask"), desk.place, driving)
    assert (rest.view.status, rest.view.steps["s"].result) == ("completed", "heard")


def test_signals_and_waits_of_several_processes_all_meet(desk: Desk) -> None:
    """Six runs start their waits while another process sends their signals, for each in its own moment."""
    desk.write("""
    workflow w {
      input n: integer
      step s = wait "e" { match = {{ event.n == inputs.n }} }
    }
    """)
    runs = [desk.command("run", "flow.flow", "-i", f"n={n}") for n in range(6)]
    sent = [desk.command("signal", "e", "--data", json.dumps({"n": n})) for n in range(6)]
    for process in (*runs, *sent):
        _, said = process.communicate()
        assert process.returncode in (0, 5), said
    assert [view.status for view in desk.runs()] == ["completed"] * 6


# Callbacks


def test_a_callback_gives_the_step_its_result_and_works_once(desk: Desk) -> None:
    run, token = parked(desk)
    assert (desk.show(run).status, desk.show(run).detail) == ("waiting", "callback")
    assert call_back(desk, token, {"answer": 42}) == "completed clean"
    assert desk.show(run).output == {"said": {"answer": 42}}
    assert token not in (desk.folder / ".headgate" / "headgate.db").read_bytes().decode("latin-1")
    with pytest.raises(Refused, match="used already") as refusal:
        call_back(desk, token, {"answer": 43})
    assert refusal.value.code == "TOKEN_USED"


def test_a_callback_may_fail_the_attempt(desk: Desk) -> None:
    run, token = parked(desk)
    with pytest.raises(UsageFault, match="`message`"):
        call_back(desk, token, {"error": {"code": 3}})
    assert (
        call_back(desk, token, {"error": {"message": "no such customer", "code": "UNKNOWN"}}) == "failed UPSTREAM_ERROR"
    )
    error = desk.show(run).steps["a"].error
    assert error is not None
    assert (error["message"], error["detail"]) == ("no such customer", {"code": "UNKNOWN"})


def test_a_token_that_was_changed_or_is_another_stores_says_so(desk: Desk, tmp_path: Path) -> None:
    _, token = parked(desk)
    _, foreign = parked(Desk(tmp_path / "other"))
    mark, content, signature = token.split(".")
    bad = f"{mark}.{content}.{'A' * len(signature)}"
    for text in (foreign, bad, token[:-1], "nonsense", ""):
        with pytest.raises(Refused) as refusal:
            call_back(desk, text)
        assert refusal.value.code == "TOKEN_INVALID"
    assert desk.runs()[0].status == "waiting"


def test_a_callback_that_does_not_come_is_in_doubt_and_its_token_expires(desk: Desk) -> None:
    run, token = parked(desk, PARKED.replace("retry = 0", "retry = 0, in_doubt = hold").replace("60000", "50"))
    while desk.status(run) == "waiting":
        desk.drive(wait_ms=2_000)
    assert (desk.show(run).status, desk.show(run).detail) == ("paused", "in_doubt: a")
    with pytest.raises(Refused, match="good until") as refusal:
        call_back(desk, token)
    assert refusal.value.code == "TOKEN_EXPIRED"


def test_a_late_callback_is_recorded_and_not_applied(desk: Desk) -> None:
    run, token = parked(desk)
    desk.act(run, "pause")
    desk.act(run, "skip", "a", output="by hand")
    assert call_back(desk, token, "too late") == "paused operator"
    (event,) = desk.events(run, "callback_received")
    assert (event.data["result"], event.step) == ("too late", "a")
    assert desk.act(run, "resume").view.output == {"said": "by hand"}


def test_a_callback_that_is_faster_than_the_call_ends_the_attempt(desk: Desk) -> None:
    file = desk.folder / "token.txt"
    desk.write(PARKED.replace("TOKENS", str(file)).replace('line = "a"', 'line = "a", seconds = 30'))
    driver = desk.command("run", "flow.flow", "--format", "json")
    while not file.exists() or not file.read_text():
        assert driver.poll() is None, driver.communicate()
    assert call_back(desk, file.read_text(), "at once") == "completed clean"
    out, _ = driver.communicate()
    assert (driver.returncode, json.loads(out)["output"]) == (0, {"said": "at once"})


def test_a_callback_that_breaks_the_declared_result_fails_the_step(desk: Desk) -> None:
    _, token = parked(desk, PARKED.replace("retry = 0", "retry = 0, result = integer"))
    assert call_back(desk, token, "no number") == "failed RESULT_INVALID"
