"""TJ14 to TJ19, AR08, SP03: breakers, caps on money, credits, and how many runs go at once."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from desk import Desk
from servers import ledger_mcp
from servers.chat_server import Server, chat_server

from headgate.api import limiting, publishing, running, site, workflows
from headgate.api.faults import NothingStarted, Refused, UsageFault
from headgate.api.inputs import NOTHING_GIVEN
from headgate.api.limits import LimitView, Purses, credits_view, limits_view
from headgate.api.passing import Publishing
from headgate.api.place import Driving
from headgate.api.publishing import Because
from headgate.runtime.clock import SystemClock
from headgate.runtime.errors import StoreError
from headgate.runtime.store import RunWrite, Store

CAP_REACHED = (
    "This workflow paused because the account spend cap was reached. Dispatch resumes after the cap is raised or the "
    "billing period rolls over."
)
TRIPPED = "tripped the throughput cap (likely a loop or polling misconfig)"

PLAIN = "workflow w {\n  step s = set { a = 1 }\n}\n"
OTHER = "workflow other {\n  step s = set { a = 1 }\n}\n"
ASKS = 'workflow w {\n  step s = llm fast { prompt = "one two three four five six seven eight" }\n}\n'
WAITS = 'workflow w {\n  concurrency = MANY\n  step s = human approval { title = "go?" }\n}\n'
SURGE = '[limits]\nthroughput = { max = 2, per = "10m" }\n'


class Turned:
    """A clock that a test turns."""

    now = int(datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp() * 1000)

    def now_ms(self) -> int:
        return Turned.now

    def monotonic(self) -> float:
        return SystemClock().monotonic()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Turned]:
    Turned.now = int(datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp() * 1000)
    monkeypatch.setattr(site, "SystemClock", Turned)
    return Turned


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with chat_server() as running:
        yield running


def desk_of(folder: Path, limits: str, server: Server | None = None, model: str = "echo") -> Desk:
    """A workspace with these limits, and a model whose every answer of n words costs 2n USD."""
    models = ""
    if server is not None:
        models = f'[models.fast]\nbase_url = "{server.url}"\nmodel = "{model}"\n'
        models += "price = { input = 1000000.0, output = 1000000.0 }\n"
    return Desk(folder / "desk", limits + models)


def statuses(desk: Desk, workflow: str = "w") -> list[str]:
    """How each run of a workflow stands, the oldest first."""
    found = desk.runs(workflow=workflow)
    return [f"{view.status} {view.detail}" for view in reversed(found)]


def view_of(desk: Desk, limit: str, workflow: str | None = None) -> LimitView:
    return next(view for view in limits_view(desk.place) if (view.limit, view.workflow) == (limit, workflow))


def notices(desk: Desk) -> list[str]:
    store = Store(desk.folder / ".headgate" / "headgate.db")
    found = [notice.message for notice in store.read.notices()]
    store.close()
    return found


def happened(desk: Desk, subject: str) -> list[str]:
    store = Store(desk.folder / ".headgate" / "headgate.db")
    found = [entry.type for entry in store.read.journal(subject)]
    store.close()
    return found


def resume(desk: Desk, workflow: str = "w") -> limiting.Answered:
    return limiting.resume_workflow(workflow, desk.place)


# Throughput


def test_TJ14_one_run_more_than_the_cap_trips_the_workflow_and_others_go_on(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, SURGE)
    for _ in range(4):
        desk.run(PLAIN)
    assert statuses(desk) == ["completed clean", "completed clean", "paused throughput", "paused throughput"]
    assert desk.run(OTHER).view.status == "completed"
    assert desk.drive().exit_code == 5
    assert statuses(desk)[2:] == ["paused throughput", "paused throughput"]
    [message] = notices(desk)
    assert message == f"`w` {TRIPPED}"
    view = view_of(desk, "throughput", "w")
    assert (view.state, view.used, view.cap, view.held) == ("tripped", 2, 2, 2)
    assert view.release == "headgate resume-workflow w"


def test_TJ14_the_command_line_says_what_tripped_and_what_clears_it(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "")
    desk.write(PLAIN.replace("{\n", "{\n  throughput = { max = 1, per = 10m }\n", 1))
    assert desk.cli("run", "flow.flow")[0] == 0
    code, out, _ = desk.cli("run", "flow.flow")
    assert code == 5
    assert "paused (throughput)" in out
    assert "headgate resume-workflow w" in out
    run = desk.runs()[0].run
    assert TRIPPED in desk.cli("why", run)[1]
    assert TRIPPED in desk.cli("limits")[1]
    listed = json.loads(desk.cli("limits", "--format", "json")[1])
    assert [(each["limit"], each["state"], each["held"], each["per"]) for each in listed] == [
        ("throughput", "tripped", 1, 600)
    ]
    assert desk.cli("runs", "--held", "--format", "json")[1].count(run) == 1


def test_TJ14_held_back_runs_are_operated_as_the_table_says(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, SURGE)
    run = [desk.run(PLAIN).view.run for _ in range(3)][-1]
    for verb in ("resume", "redrive"):
        with pytest.raises(Refused) as refused:
            desk.act(run, verb)
        assert (refused.value.exit_code, refused.value.code) == (6, "HOLD_REMAINS")
        assert "headgate resume-workflow" in refused.value.message
    assert desk.act(run, "pause").exit_code == 0
    resume(desk)
    desk.drive()
    assert statuses(desk)[-1] == "paused operator"
    assert desk.act(run, "resume").view.status == "completed"
    held = [desk.run(PLAIN).view.run for _ in range(3)][-1]
    assert desk.act(held, "cancel").view.status == "cancelled"


def test_TJ15_resume_workflow_starts_it_again_and_the_next_surge_trips_it_again(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, SURGE)
    for _ in range(5):
        desk.run(PLAIN)
    answered = resume(desk)
    assert answered.released == 3
    assert answered.message == "`w` dispatches again: 3 held runs are released, `headgate drive` goes on"
    assert notices(desk) == []
    assert desk.drive().exit_code == 0
    assert statuses(desk) == ["completed clean"] * 5
    for _ in range(3):
        desk.run(PLAIN)
    assert statuses(desk)[5:] == ["completed clean", "completed clean", "paused throughput"]


def test_TJ15_what_was_held_is_released_in_lots_that_do_not_count_to_the_breaker(
    tmp_path: Path, clock: type[Turned]
) -> None:
    desk = desk_of(tmp_path, SURGE)
    for _ in range(15):
        desk.run(PLAIN)
    resume(desk)
    desk.drive()
    assert statuses(desk).count("completed clean") == 12
    assert statuses(desk).count("queued None") == 3
    clock.now += 599_000
    desk.drive()
    assert statuses(desk).count("completed clean") == 12
    clock.now += 1_000
    assert desk.drive().exit_code == 0
    assert statuses(desk).count("completed clean") == 15
    assert desk.run(PLAIN).view.status == "completed"


def test_TJ15_a_workflow_that_is_not_paused_or_unknown_is_not_resumed(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, SURGE)
    desk.run(PLAIN)
    with pytest.raises(Refused, match="`w` is not paused for safety") as refused:
        resume(desk)
    assert refused.value.code == "NOT_PAUSED"
    with pytest.raises(NothingStarted, match="there is no workflow `nobody`"):
        resume(desk, "nobody")


def test_the_window_of_the_throughput_slides(tmp_path: Path, clock: type[Turned]) -> None:
    desk = desk_of(tmp_path, SURGE)
    desk.run(PLAIN)
    clock.now += 400_000
    desk.run(PLAIN)
    clock.now += 200_000
    desk.run(PLAIN)
    clock.now += 1
    desk.run(PLAIN)
    assert statuses(desk) == ["completed clean"] * 3 + ["paused throughput"]


def test_the_backlog_of_held_runs_is_bounded(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, SURGE + "backlog = 2\n")
    for _ in range(6):
        desk.run(PLAIN)
    assert statuses(desk)[2:] == ["paused throughput"] * 2 + ["skipped backlog_full"] * 2


def test_sub_runs_count_for_the_workflow_that_is_called(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "")
    text = """
workflow a {
  step go = each {{ [1, 2, 3] }} as n {
    concurrency = 1
    step one = call b
  }
}
workflow b {
  throughput = { max = 2, per = 10m }
  step s = set { a = 1 }
}
"""
    caller = desk.run(text).view
    assert caller.status == "waiting"
    assert statuses(desk, "b") == ["completed clean", "completed clean", "paused throughput"]
    resume(desk, "b")
    assert desk.drive().exit_code == 0
    assert desk.status(caller.run) == "completed"


# Money


def test_TJ16_near_the_cap_people_are_told_once_and_nothing_stops(
    tmp_path: Path, server: Server, clock: type[Turned]
) -> None:
    desk = desk_of(tmp_path, "[limits]\nspend = { cap = 100, soft = 0.3 }\n", server)
    for _ in range(3):
        assert desk.run(ASKS).view.status == "completed"
    view = view_of(desk, "spend")
    assert (view.state, view.used, view.cap, view.reserved) == ("near", 48.0, 100.0, 0.0)
    [message] = notices(desk)
    assert message.startswith(
        "the spend cap of the account is near: 32.00 USD of 100.00 USD are used; the month ends at"
    )
    assert desk.run(OTHER).view.status == "completed"
    clock.now += 10 * 86_400_000
    desk.drive()
    assert (notices(desk), view_of(desk, "spend").state) == ([], "ok")
    for _ in range(2):
        desk.run(ASKS)
    assert len(notices(desk)) == 1


def test_TJ17_at_the_cap_what_was_not_dispatched_is_held_and_the_run_in_flight_goes_on(
    tmp_path: Path, server: Server
) -> None:
    desk = desk_of(tmp_path, "[limits]\nspend = { cap = 20 }\n", server)
    text = ASKS.replace("}\n}", '}\n  step t = llm fast after s { prompt = "one" }\n}').replace("five", "five " * 5)
    first = desk.run(text).view
    assert first.status == "completed"
    held = desk.run(ASKS).view
    assert (held.status, held.detail) == ("paused", "spend_cap")
    assert desk.run(OTHER).view.detail == "spend_cap"
    assert CAP_REACHED in notices(desk)
    assert CAP_REACHED in desk.cli("why", held.run)[1]
    assert view_of(desk, "spend").state == "tripped"
    with pytest.raises(Refused) as refused:
        desk.act(held.run, "resume")
    assert refused.value.code == "SPEND_CAP_OPEN"


def test_TJ18_resume_workflow_is_refused_and_names_the_cap_and_raising_it_starts_dispatch(
    tmp_path: Path, server: Server
) -> None:
    desk = desk_of(tmp_path, "[limits]\nspend = { cap = 10 }\n", server)
    desk.run(ASKS)
    held = desk.run(ASKS).view
    with pytest.raises(Refused, match=r"16\.00 USD of 10\.00 USD are used in this month") as refused:
        resume(desk)
    assert refused.value.code == "SPEND_CAP_OPEN"
    assert limiting.set_limit("spend", None, {"cap": 300}, desk.place, None).released == 1
    assert notices(desk) == []
    desk.drive()
    assert desk.status(held.run) == "completed"
    assert view_of(desk, "spend").cap == 300


def test_TJ18_a_cap_that_is_raised_in_the_file_counts_with_the_next_drive(tmp_path: Path, server: Server) -> None:
    desk = desk_of(tmp_path, "[limits]\nspend = { cap = 10 }\n", server)
    desk.run(ASKS)
    held = desk.run(ASKS).view
    file = desk.folder / "headgate.toml"
    file.write_text(file.read_text().replace("cap = 10", "cap = 300"))
    desk.drive()
    assert desk.status(held.run) == "completed"


@pytest.mark.parametrize(("period", "over"), [("day", "2026-11-25"), ("week", "2026-11-30"), ("month", "2026-12-01")])
def test_TJ18_a_new_period_starts_dispatch_with_no_other_act(
    tmp_path: Path, server: Server, clock: type[Turned], period: str, over: str
) -> None:
    desk = desk_of(tmp_path, f'[limits]\nspend = {{ cap = 10, period = "{period}" }}\n', server)
    desk.run(ASKS)
    held = desk.run(ASKS).view
    end = int(datetime.fromisoformat(over).replace(tzinfo=UTC).timestamp() * 1000)
    assert view_of(desk, "spend").resets_at == end
    clock.now = end - 1
    desk.drive()
    assert desk.status(held.run) == "paused"
    clock.now = end
    desk.drive()
    assert desk.status(held.run) == "completed"
    assert view_of(desk, "spend").used == 16.0
    assert desk.run(OTHER).view.detail == "spend_cap"


def test_TJ19_with_both_breakers_open_clearing_one_leaves_the_other(tmp_path: Path, server: Server) -> None:
    limits = '[limits]\nspend = { cap = 10 }\nthroughput = { max = 1, per = "10m" }\n'
    for first in ("throughput", "spend_cap"):
        desk = desk_of(tmp_path / first, limits.replace("cap = 10", "cap = 1000"), server)
        desk.run(ASKS)
        desk.run(ASKS)
        limiting.set_limit("spend", None, {"cap": 10}, desk.place, None)
        held = desk.run(ASKS).view
        assert held.detail == "throughput, spend_cap"
        if first == "throughput":
            assert "the spend cap of the account holds `w`" in resume(desk).message
            desk.drive()
            assert desk.status(held.run) == "paused"
            assert desk.show(held.run).detail == "spend_cap"
            limiting.set_limit("spend", None, {"cap": 1000}, desk.place, None)
        else:
            limiting.set_limit("spend", None, {"cap": 1000}, desk.place, None)
            desk.drive()
            assert desk.show(held.run).detail == "throughput"
            resume(desk)
        desk.drive()
        assert desk.status(held.run) == "completed"


def test_TJ14_TJ17_a_published_workflow_is_paused_for_safety_by_each_breaker(
    tmp_path: Path, server: Server, clock: type[Turned]
) -> None:
    desk = desk_of(tmp_path, '[limits]\nthroughput = { max = 1, per = "10m" }\nspend = { cap = 20 }\n', server)
    publishing.publish(desk.write(ASKS), Publishing(), Because(), desk.place)

    def standing(name: str = "w") -> tuple[str, str | None]:
        view = workflows.workflow(name, desk.place)
        return view.status.value, view.detail

    def start() -> str:
        clock.now += 1
        return str(running.run("w", NOTHING_GIVEN, desk.place, Driving()).view.detail)

    assert standing()[0] == "published"
    assert [start(), start()] == ["clean", "throughput"]
    assert standing() == ("paused-safety", "throughput")
    resume(desk)
    assert standing()[0] == "published"
    desk.drive()
    assert standing() == ("paused-safety", "spend_cap")
    assert CAP_REACHED in desk.cli("workflows", "w")[1]
    publishing.publish(desk.write(OTHER, "other.flow"), Publishing(), Because(), desk.place)
    clock.now += 1
    assert running.run("other", NOTHING_GIVEN, desk.place, Driving()).view.detail == "spend_cap"
    assert standing("other") == ("paused-safety", "spend_cap")
    assert start() == "spend_cap"
    clock.now += 10 * 86_400_000
    desk.drive()
    assert (standing()[0], standing("other")[0]) == ("published", "published")
    assert statuses(desk) == ["completed clean"] * 3
    assert [kind for kind in happened(desk, "workflow/w") if kind.startswith("breaker")] == [
        "breaker_tripped",
        "breaker_released",
    ] * 2


def test_a_workflow_may_have_a_cap_of_its_own(tmp_path: Path, server: Server) -> None:
    desk = desk_of(tmp_path, "[limits.workflows.w]\nspend = { cap = 10 }\n", server)
    desk.run(ASKS)
    held = desk.run(ASKS).view
    assert held.detail == "spend_cap"
    assert "its own spend cap" in desk.cli("why", held.run)[1]
    assert desk.run(ASKS.replace("workflow w", "workflow other")).view.status == "completed"
    assert (view_of(desk, "spend", "w").used, view_of(desk, "spend", "w").state) == (16.0, "tripped")
    limiting.set_limit("spend", "w", {"cap": 100}, desk.place, "more for November")
    desk.drive()
    assert desk.status(held.run) == "completed"


def test_a_call_that_failed_costs_nothing_and_an_answer_of_no_use_what_it_did(tmp_path: Path, server: Server) -> None:
    desk = desk_of(tmp_path, "[limits]\nspend = { cap = 1000 }\n", server, "status 400")
    desk.run(ASKS)
    assert (view_of(desk, "spend").used, view_of(desk, "spend").reserved) == (0.0, 0.0)
    file = desk.folder / "headgate.toml"
    file.write_text(file.read_text().replace("status 400", "off-schema"))
    fenced = '{\n    schema = ```json\n    {"type": "object", "additionalProperties": false}\n    ```\n    prompt'
    failed = desk.run(ASKS.replace("{ prompt", fenced).replace('eight" }', 'eight"\n  }')).view
    assert failed.failure is not None
    assert failed.failure.code == "RESULT_INVALID"
    assert view_of(desk, "spend").used == 9.0


def test_what_a_dead_driver_had_reserved_is_given_back_when_its_attempt_is_lost(tmp_path: Path) -> None:
    with chat_server() as server:
        desk = desk_of(tmp_path, "[limits]\nspend = { cap = 4000 }\n", server, "hang")
        desk.write(ASKS)
        process = desk.command("run", "flow.flow")
        server.arrived.acquire()
        assert view_of(desk, "spend").reserved == 4109.0
        assert desk.run(OTHER, wait_ms=0).view.status == "queued", "what is reserved may reach the cap"
        process.kill()
        process.wait()
        assert view_of(desk, "spend").reserved == 4109.0
        file = desk.folder / "headgate.toml"
        file.write_text(file.read_text().replace('"hang"', '"echo"'))
        assert desk.drive().exit_code == 0
        assert statuses(desk) == statuses(desk, "other") == ["completed clean"]
        view = view_of(desk, "spend")
        assert (view.used, view.reserved, view.state) == (16.0, 0.0, "ok")


def test_each_round_of_an_agent_is_counted(tmp_path: Path) -> None:
    with chat_server() as models:
        book, server = tmp_path / "book.txt", ledger_mcp.__file__
        desk = Desk(
            tmp_path / "desk",
            f'[instances.book]\ncommand = ["{sys.executable}", "{server}", "{book}"]\n'
            f'[models.m]\nbase_url = "{models.url}"\nmodel = "script"\nprice = {{ input = 1.0, output = 2.0 }}\n'
            '[agents.clerk]\nmodel = "m"\ntools = ["book.note"]\n[limits]\nspend = { cap = 1 }\n',
        )
        script = json.dumps([{"call": [["book__note", {"line": "b"}]]}, {"say": "done"}])
        rest = desk.run(f"workflow w {{\n  step s = agent clerk {{ input = ```json\n{script}\n``` }}\n}}\n")
    assert rest.view.status == "completed"
    spent = [event.data["spent"] for event in desk.events(rest.view.run, "agent_answered")]
    assert (len(spent), view_of(desk, "spend").used) == (2, pytest.approx(sum(spent) / 1e6))
    [asked] = desk.events(rest.view.run, "agent_asked")
    assert asked.data["reserved"] > spent[1] > 0
    assert view_of(desk, "spend").reserved == 0


def test_store_check_holds_breakers_and_reservations_against_their_logs(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, SURGE)
    for _ in range(3):
        desk.run(PLAIN)
    assert desk.cli("store", "check")[0] == 0
    with sqlite3.connect(desk.folder / ".headgate" / "headgate.db") as connection:
        connection.execute("DELETE FROM breakers")
        connection.execute("INSERT INTO reservations VALUES ('nobody', 's 1', 'w', 0, 5)")
    code, out, _ = desk.cli("store", "check")
    assert code == 1
    assert "breaker throughput of w: the breaker differs from the log of the limits" in out
    assert "reservation nobody: money is set aside for calls of a run that is not open" in out


def test_doctor_tells_of_a_breaker_that_is_open(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, SURGE)
    for _ in range(3):
        desk.run(PLAIN)
    [found] = [each for each in json.loads(desk.cli("doctor", "--format", "json")[1]) if each["subject"] == "limits"]
    assert (found["verdict"], found["fix"]) == ("warning", "`headgate resume-workflow w`")
    assert TRIPPED in found["message"]


def test_limits_are_set_and_reset_on_the_command_line(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "[limits]\nspend = { cap = 10 }\n")
    assert desk.cli("limits", "set", "spend", "--cap", "300", "--soft", "0.5", "--reason", "the campaign") == (
        0,
        "the spend limit of the account is 300.00 USD, near from 50% on\n",
        "",
    )
    assert (view_of(desk, "spend").cap, view_of(desk, "spend").source) == (300.0, "limits set")
    assert desk.cli("limits", "reset", "spend")[1] == "the spend limit of the account is what the files say\n"
    assert (view_of(desk, "spend").cap, view_of(desk, "spend").source) == (10.0, "headgate.toml")
    assert desk.cli("limits", "set", "spend")[::2] == (
        2,
        "headgate: say what to set: `--cap`, `--soft` or `--period`\n",
    )
    code, _, err = desk.cli("limits", "set", "spend", "--soft", "0.5", "--workflow", "w")
    assert (code, err) == (2, "headgate: a limit on money needs a cap: give `--cap USD`\n")
    assert desk.cli("limits", "set", "throughput", "--max", "1", "--per", "10m")[0] == 0
    desk.run(PLAIN)
    assert desk.run(PLAIN).view.detail == "throughput"


# Credits


def purse(desk: Desk) -> Purses:
    return credits_view(desk.place)


def test_AR08_credits_are_spent_trial_then_included_then_paid_and_without_any_a_run_does_not_start(
    tmp_path: Path,
) -> None:
    desk = desk_of(tmp_path, "[limits]\ncredits = { trial = 1, included = 2, payg = false }\n")
    order = []
    for _ in range(3):
        order.append(purse(desk).next)
        assert desk.run(PLAIN).view.status == "completed"
    assert order == ["trial", "included", "included"]
    failed = desk.run(PLAIN).view
    assert failed.failure is not None
    assert (failed.status, failed.failure.code) == ("failed", "INSUFFICIENT_CREDITS")
    assert failed.steps["s"].status == "pending"
    assert purse(desk).next is None
    limiting.add_credits(2, desk.place, None)
    assert purse(desk).next == "payg"
    assert desk.act(failed.run, "redrive").view.status == "completed"
    assert desk.run(PLAIN).view.status == "completed"
    assert desk.run(PLAIN).view.status == "failed"


def test_AR08_a_redrive_without_credits_fails_again(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "[limits]\ncredits = { trial = 0 }\n")
    failed = desk.run(PLAIN).view
    again = desk.act(failed.run, "redrive").view
    assert (again.status, again.epoch) == ("failed", 1)
    assert again.failure is not None
    assert again.failure.code == "INSUFFICIENT_CREDITS"


def test_AR08_where_the_workspace_says_so_runs_wait_for_credits(tmp_path: Path, clock: type[Turned]) -> None:
    limits = '[limits]\non_quota = "hold"\ncredits = { included = 1 }\n'
    desk = desk_of(tmp_path, limits)
    held = []
    for _ in range(3):
        clock.now += 1
        held.append(desk.run(PLAIN).view)
    assert held.pop(0).status == "completed"
    assert {(view.status, view.detail) for view in held} == {("paused", "credits")}
    assert limiting.add_credits(1, desk.place, None).released == 2
    desk.drive()
    assert statuses(desk) == ["completed clean", "completed clean", "paused credits"]
    clock.now += 10 * 86_400_000  # the next month includes another
    desk.drive()
    assert statuses(desk)[-1] == "completed clean"


def test_AR08_pay_as_you_go_has_no_end_and_is_counted(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "[limits]\ncredits = { trial = 1, payg = true }\n")
    for _ in range(3):
        assert desk.run(PLAIN).view.status == "completed"
    assert [(each.bucket, each.spent, each.left) for each in purse(desk).buckets] == [
        ("trial", 1, 0),
        ("included", 0, 0),
        ("payg", 2, None),
    ]


def test_sub_runs_are_paid_with_their_caller(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "[limits]\ncredits = { trial = 1 }\n")
    text = "workflow a {\n  step go = call b\n}\nworkflow b {\n  step s = set { a = 1 }\n}\n"
    assert desk.run(text).view.status == "completed"
    assert purse(desk).buckets[0].spent == 1


def test_a_step_whose_provider_has_no_quota_left_fails_or_is_held(tmp_path: Path, server: Server) -> None:
    failed = desk_of(tmp_path / "fail", "", server, "quota").run(ASKS).view
    assert failed.failure is not None
    assert (failed.status, failed.failure.code, failed.steps["s"].attempts) == ("failed", "LLM_REQUEST_FAILED", 1)
    desk = desk_of(tmp_path / "hold", '[limits]\non_quota = "hold"\n', server, "quota")
    held = desk.run(ASKS).view
    assert (held.status, held.detail, held.steps["s"].status) == ("paused", "credits: s", "held")
    file = desk.folder / "headgate.toml"
    file.write_text(file.read_text().replace('"quota"', '"echo"'))
    code, out, _ = desk.cli("credits", "release")
    assert (code, out) == (0, "what credits held is let go; 1 held run is released, `headgate drive` goes on\n")
    desk.drive()
    assert desk.status(held.run) == "completed"


def test_credits_are_not_added_where_none_are_counted(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="counts no credits"):
        limiting.add_credits(5, desk_of(tmp_path, "").place, None)


# How many at once


def test_runs_wait_in_line_for_a_place_and_say_which(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "")
    runs = [desk.run(WAITS.replace("MANY", "{ max = 1 }")).view for _ in range(3)]
    assert [f"{view.status} {view.detail}" for view in runs] == [
        "waiting approval",
        "queued place 1 in the queue",
        "queued place 2 in the queue",
    ]
    [reason] = json.loads(desk.cli("why", runs[2].run, "--format", "json")[1])
    assert (reason["kind"], reason["object"]) == ("queue", runs[0].run)
    assert "place 2 in the queue of `w`: 1 run of the workflow is out" in reason["message"]
    desk.act(runs[0].run, "approve", "s")
    desk.drive()
    assert statuses(desk) == ["completed clean", "waiting approval", "queued place 1 in the queue"]
    desk.act(runs[1].run, "cancel")
    desk.drive(runs[2].run)
    assert desk.status(runs[2].run) == "waiting"


def test_runs_are_counted_by_the_key_of_their_workflow(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "")
    text = WAITS.replace("MANY", "{ max = 1, key = {{ inputs.who }} }").replace("{\n", "{\n  input who: string\n", 1)
    found = [desk.run(text, who=who).view.status for who in ("ann", "bob", "ann")]
    assert found == ["waiting", "waiting", "queued"]


def test_a_run_over_the_limit_is_skipped_where_the_workflow_says_so(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "")
    text = WAITS.replace("MANY", "{ max = 1, on_limit = skip }")
    desk.run(text)
    rest = desk.run(text)
    assert (rest.view.status, rest.view.detail, rest.exit_code) == ("skipped", "concurrency", 1)


def test_the_newest_run_takes_the_place_of_the_oldest_where_the_workflow_says_so(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "")
    text = WAITS.replace("MANY", "{ max = 2, on_limit = cancel_running }")
    runs = [desk.run(text).view.run for _ in range(3)]
    assert [desk.status(run) for run in runs] == ["cancelled", "waiting", "waiting"]
    [cancelled] = desk.events(runs[0], "run_cancelled")
    assert cancelled.reason == f"run {runs[2]} took its place (concurrency)"


def test_two_processes_never_take_one_place_both(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "")
    text = (
        'workflow w {\n  concurrency = { max = 1 }\n  step s = ledger { book = "BOOK", line = "x", seconds = 0.4 }\n}\n'
    )
    desk.write(text)
    processes = [desk.command("run", "flow.flow") for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    spans = sorted(
        (view.steps["s"].started_at, view.steps["s"].ended_at)
        for view in map(desk.show, (view.run for view in desk.runs()))
    )
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_a_driver_that_dies_between_admission_and_start_has_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_of(tmp_path, '[limits]\nthroughput = { max = 1, per = "10m" }\ncredits = { trial = 3 }\n')

    class Dying(Store):
        def commit(self, writes: Sequence[RunWrite]) -> frozenset[str]:
            if any("run_starting" in text for write in writes for _, text in write.events):
                raise StoreError("the disk is full")
            return super().commit(writes)

    monkeypatch.setattr(site, "Store", Dying)
    text = PLAIN.replace("{\n", "{\n  concurrency = { max = 1 }\n", 1)
    with pytest.raises(NothingStarted, match="the disk is full"):
        desk.run(PLAIN)
    assert (statuses(desk), purse(desk).buckets[0].spent) == (["queued None"], 1)
    monkeypatch.undo()
    desk.drive()
    assert (statuses(desk), purse(desk).buckets[0].spent) == (["completed clean"], 1)
    assert desk.run(text).view.detail == "throughput"


def test_two_processes_never_start_more_than_the_throughput_allows(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, SURGE)
    desk.write(PLAIN)
    processes = [desk.command("run", "flow.flow") for _ in range(5)]
    assert sorted(process.wait() for process in processes) == [0, 0, 5, 5, 5]
    assert sorted(statuses(desk)) == ["completed clean"] * 2 + ["paused throughput"] * 3


def test_a_run_that_another_process_drives_is_cancelled_for_the_newest(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, "")
    slow = 'step s = ledger { book = "BOOK", line = "x", seconds = 60 }'
    text = "workflow w {\n  concurrency = { max = 1, on_limit = cancel_running }\n  STEP\n}\n"
    desk.write(text.replace("STEP", slow))
    process = desk.command("run", "flow.flow")
    while not desk.lines():
        assert process.poll() is None
    assert desk.run(text.replace("STEP", "step s = set { a = 1 }")).view.status == "completed"
    assert process.wait() == 1
    assert statuses(desk) == ["cancelled None", "completed clean"]


def test_SP03_a_hundred_runs_of_one_workflow_at_once_are_independent(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, SURGE.replace("max = 2", "max = 1000"))
    text = """
workflow w {
  input n: integer
  output { n = {{ steps.s.result.line }} }
  step s = ledger { book = "BOOK", line = {{ inputs.n | string }} }
  step odd = fail "as it is told" after s { when = {{ inputs.n % 10 == 3 }} }
}
"""
    runs = {desk.run(text, detach=True, n=number).view.run: number for number in range(100)}
    desk.drive()
    for run, number in runs.items():
        view = desk.show(run)
        assert view.status == ("failed" if number % 10 == 3 else "completed")
        assert view.output == (None if number % 10 == 3 else {"n": str(number)})
    assert sorted(desk.lines()) == sorted(f"s 1 {number}" for number in range(100))
