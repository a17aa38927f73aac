"""What an operator may do, read from the table as it is written for people: every pair of status and act, both ways."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from memory_runs import START, MemoryRun, error, human, plan, step

from headgate.plan import JsonObject, Retry
from headgate.runtime.acts import RefusalCode
from headgate.runtime.commands import Record
from headgate.runtime.decider import Accepted, NoOp, Refusal, Request, Verdict, derive, judge
from headgate.runtime.events import EventType
from headgate.runtime.status import RUN_TRANSITIONS, TERMINAL_PHASES, HoldReason, Phase

MATRIX = """
| | pause | resume | cancel | stop --now | stop --graceful | redrive | replay | fork |
|---|---|---|---|---|---|---|---|---|
| scheduled, queued | yes | - | yes | yes | = cancel | - | - | - |
| starting, running, waiting, retrying, interrupted | yes | - | yes | yes | yes | - | - | yes |
| paused: operator | no-op | yes | yes | yes | yes | - | - | yes |
| paused: reauth | yes | after reconnect | yes | yes | yes | - | - | yes |
| paused: step_failed, in_doubt, credits | yes | names what clears it | yes | yes | yes | - | - | yes |
| held back: throughput, spend_cap | yes | names what clears it | yes | yes | = cancel | - | - | - |
| draining | - | - | yes | yes | no-op | - | - | - |
| cancelling | - | - | no-op | no-op | - | - | - | - |
| failed, cancelled | - | - | - | - | - | yes | yes | yes |
| completed, skipped | - | - | - | - | - | - | yes | yes |
"""
ACTS: dict[str, tuple[str, dict[str, object]]] = {
    "stop --now": ("stop", {"graceful": False}),
    "stop --graceful": ("stop", {"graceful": True}),
}
CLEARED_BY = {
    "step_failed": "headgate retry R a",
    "in_doubt": "headgate confirm R a --done",
    "credits": "headgate credits",
    "throughput": "headgate resume-workflow w",
    "spend_cap": "headgate limits set",
}


def queued(**facts: int) -> MemoryRun:
    return MemoryRun(plan(step("a"), step("b", "noop", "a")), **facts)


def going() -> MemoryRun:
    return queued().drive()


def starting() -> MemoryRun:
    run = queued()
    run.append(Record(EventType.RUN_STARTING, {}))
    return run


def held(run: MemoryRun, reason: HoldReason, where: str | None = None) -> MemoryRun:
    run.append(Record(EventType.HOLD_OPENED, {"hold": reason.value}, where))
    return run


def asked(run: MemoryRun, verb: str, **given: object) -> MemoryRun:
    assert isinstance(run.ask(verb, **given), Accepted)
    return run


def in_doubt() -> MemoryRun:
    run = MemoryRun(plan(step("a", in_doubt="hold"))).drive()
    run.crash()
    return run.drive()


def skipped() -> MemoryRun:
    run = queued(due_at=START + 5)
    run.append(Record(EventType.RUN_SKIPPED, {"reason": "missed"}))
    return run


STANDING: dict[str, Callable[[], MemoryRun]] = {
    "scheduled": lambda: queued(due_at=START + 5),
    "queued": queued,
    "starting": starting,
    "running": going,
    "waiting": lambda: MemoryRun(plan(human("a"))).drive(),
    "retrying": lambda: MemoryRun(plan(step("a", retry=Retry(2, (9_000,)))), {"a": error("transient")}).drive(),
    "interrupted": lambda: held(going(), HoldReason.INTERRUPTED),
    "operator": lambda: asked(going(), "pause"),
    "reauth": lambda: MemoryRun(plan(step("a")), {"a": error("auth", detail={"connection": "slack"})}).drive(),
    "step_failed": lambda: MemoryRun(plan(step("a"), on_failure="pause"), {"a": error()}).drive(),
    "in_doubt": in_doubt,
    "credits": lambda: held(going(), HoldReason.CREDITS),
    "throughput": lambda: held(queued(), HoldReason.THROUGHPUT),
    "spend_cap": lambda: held(queued(), HoldReason.SPEND_CAP),
    "draining": lambda: asked(going(), "stop", graceful=True),
    "cancelling": lambda: asked(going(), "cancel"),
    "failed": lambda: MemoryRun(plan(step("a")), {"a": error()}).drive(),
    "cancelled": lambda: asked(MemoryRun(plan(human("a"))).drive(), "cancel"),
    "completed": lambda: MemoryRun(plan(step("a")), {}).drive(),
    "skipped": skipped,
}


def cells() -> list[tuple[str, str, str]]:
    header, _, *rows = ([each.strip() for each in line.strip("|").split("|")] for line in MATRIX.strip().splitlines())
    return [
        (status.strip(), act, cell)
        for names, *row in rows
        for status in names.split(":")[-1].split(",")
        for act, cell in zip(header[1:], row, strict=True)
    ]


CELLS = cells()


def said(run: MemoryRun, act: str) -> Verdict:
    verb, args = ACTS.get(act, (act, {}))
    return judge(run.state, Request(verb, "ann", args=args), run.now)  # type: ignore[arg-type]


def test_the_table_has_every_status_and_every_one_is_reached() -> None:
    assert {status for status, _, _ in CELLS} == set(STANDING)
    assert len(CELLS) == 20 * 8
    paused = {"operator", "reauth", "step_failed", "in_doubt", "credits", "throughput", "spend_cap"}
    for name, make in STANDING.items():
        status, detail = derive(make().state)
        if name in paused:
            assert (status, (detail or "").partition(":")[0]) == ("paused", name)
        else:
            assert status == name


@pytest.mark.parametrize(("status", "act", "cell"), CELLS)
def test_every_act_on_a_run_is_what_the_table_says(status: str, act: str, cell: str) -> None:
    run = STANDING[status]()
    before = len(run.events)
    verdict = said(run, act)
    assert len(run.events) == before, "judging appends nothing"
    match cell:
        case "yes":
            assert isinstance(verdict, Accepted)
        case "no-op":
            assert isinstance(verdict, NoOp)
        case "= cancel":
            assert isinstance(verdict, Accepted)
            assert verdict.records[-1].type is EventType.RUN_CANCELLED
            assert verdict.records[-1].data["code"] == "RUN_STOPPED"
        case "after reconnect":
            assert isinstance(verdict, Accepted) or verdict.code is RefusalCode.HOLD_REMAINS  # type: ignore[union-attr]
        case _:
            assert isinstance(verdict, Refusal), verdict
            assert run.state.run_id in verdict.message
            assert "`" in verdict.message.partition(";")[2] or "wait for its end" in verdict.message, verdict.message
            assert "\n" not in verdict.message
            if cell == "names what clears it":
                assert CLEARED_BY[status] in verdict.message, verdict.message


@pytest.mark.parametrize(("status", "act", "cell"), [each for each in CELLS if each[2] in ("yes", "= cancel")])
def test_what_is_allowed_is_done_and_can_be_replayed(status: str, act: str, cell: str) -> None:
    run = STANDING[status]()
    verdict = said(run, act)
    assert isinstance(verdict, Accepted)
    for record in verdict.records:
        run.append(record)
    run.verify = True
    run.drive()
    now = derive(run.state).status
    expected = {"cancel": {"cancelled", "cancelling"}, "stop --now": {"cancelled", "cancelling"}, "pause": {"paused"}}
    if act in expected:
        assert now in expected[act]
    elif act == "stop --graceful":
        assert now in ({"cancelled"} if cell == "= cancel" else {"cancelled", "draining"})
    elif act == "redrive":
        assert run.state.epoch == 1


@pytest.mark.parametrize("status", ["draining", "cancelling", "failed", "cancelled", "completed", "skipped"])
@pytest.mark.parametrize("verb", ["retry", "skip", "confirm", "force_advance", "approve", "deny"])
def test_no_act_on_a_step_is_allowed_while_a_run_stops_or_when_it_has_ended(status: str, verb: str) -> None:
    run = STANDING[status]()
    verdict = judge(run.state, Request(verb, "ann", "a", args={"done": True}, reason="why"), run.now)
    assert isinstance(verdict, Refusal)
    stopping = {"draining": "STOPPING", "cancelling": "STOPPING", "completed": "ALREADY_COMPLETED"}
    allowed = {stopping.get(status, "TERMINAL")}
    if verb in ("approve", "deny"):
        allowed |= {"NOT_WAITING", "ALREADY_DECIDED", "NO_SUCH_STEP"}
    assert verdict.code in allowed


def test_several_holds_at_once_allow_what_any_of_them_allows_and_are_all_named() -> None:
    run = asked(
        MemoryRun(plan(step("a"), step("b"), on_failure="pause"), {"a": error(), "b": error()}).drive(), "pause"
    )
    assert derive(run.state) == ("paused", "step_failed: a, step_failed: b, operator")
    assert isinstance(said(run, "pause"), NoOp)
    resumed = run.ask("resume")
    assert isinstance(resumed, Accepted)
    assert "still held (step_failed: a, step_failed: b): `headgate retry R a`, `headgate retry R b`" in resumed.answer
    skipped_one = run.ask("skip", "a")
    assert "still held (step_failed: b)" in skipped_one.answer
    assert isinstance(said(run, "resume"), Refusal)
    run.ask("skip", "b")
    assert (run.phase, run.state.outcome) == ("completed", "with_failures")


@pytest.mark.parametrize(
    ("policy", "edge", "phase", "statuses"),
    [
        ("fail", None, "failed", "failed blocked cancelled"),
        ("pause", None, "active", "failed pending running"),
        ("drain", None, "draining", "failed pending running"),
        ("continue", None, "active", "failed blocked running"),
        ("fail", "failed", "active", "failed running running"),
        ("pause", "failed", "active", "failed running running"),
        ("drain", "failed", "active", "failed running running"),
        ("continue", "failed", "active", "failed running running"),
        ("fail", "finished", "active", "failed running running"),
        ("pause", "finished", "active", "failed running running"),
        ("drain", "finished", "active", "failed running running"),
        ("continue", "finished", "active", "failed running running"),
    ],
)
@pytest.mark.parametrize("whose", ["workflow", "step"])
def test_each_policy_with_and_without_an_edge_that_takes_the_failure_up(
    policy: str, edge: str | None, phase: str, statuses: str, whose: str
) -> None:
    bad = step("bad", on_failure=policy if whose == "step" else None)
    after = step("after", "noop", f"{edge} bad" if edge else "bad")
    run = MemoryRun(plan(bad, after, step("slow"), on_failure=policy if whose == "workflow" else "fail")).drive()
    run.verify = True
    run.end("bad", 1, error())
    run.drive()
    assert (run.phase, " ".join(run.statuses[name] for name in ("bad", "after", "slow"))) == (phase, statuses)
    for name in ("after", "slow"):
        if name in run.state.in_flight:
            run.end(name, 1, {})
            run.drive()
    if policy == "continue" or edge:
        assert (run.phase, run.state.outcome) == ("completed", "with_failures")
        assert list(run.state.failures) == ["bad"], "the failed steps are named"
    elif policy in ("fail", "drain"):
        assert (run.phase, run.state.failed_step) == ("failed", "bad")
    else:
        assert derive(run.state) == ("paused", "step_failed: bad")


PHASES: dict[Phase, str] = {
    Phase.SCHEDULED: "scheduled",
    Phase.QUEUED: "queued",
    Phase.STARTING: "starting",
    Phase.ACTIVE: "running",
    Phase.DRAINING: "draining",
    Phase.CANCELLING: "cancelling",
    Phase.COMPLETED: "completed",
    Phase.FAILED: "failed",
    Phase.CANCELLED: "cancelled",
    Phase.SKIPPED: "skipped",
}
FACTS: dict[EventType, JsonObject] = {
    EventType.RUN_SKIPPED: {"reason": "missed"},
    EventType.RUN_FAILED: {"code": "PLAN_INTEGRITY", "step": None, "message": "damaged"},
    EventType.RUN_COMPLETED: {"outcome": "clean", "output": None},
    EventType.RUN_DRAINING: {
        "verdict": "cancelled",
        "code": "RUN_STOPPED",
        "step": None,
        "message": None,
        "deadline": START + 9,
    },
    EventType.RUN_CANCELLING: {"code": None, "deadline": START + 9},
    EventType.RUN_CANCELLED: {"code": None},
    EventType.RUN_REDRIVEN: {"epoch": 1, "from": None, "steps": []},
}
CHANGES = [(phase, kind) for phase, row in RUN_TRANSITIONS.items() if phase is not None for kind in row]


@pytest.mark.parametrize(("phase", "kind"), CHANGES)
def test_every_change_of_phase_in_the_table_leads_where_it_says(phase: Phase, kind: EventType) -> None:
    run = STANDING[PHASES[phase]]()
    assert run.phase is phase
    run.verify = True
    run.append(Record(kind, FACTS.get(kind, {})))
    assert run.phase in RUN_TRANSITIONS[phase][kind]
    if run.phase in TERMINAL_PHASES:
        assert (run.state.in_flight, run.state.timers, run.state.holds, run.state.ends_by) == ({}, {}, {}, None)


def test_a_run_begins_scheduled_when_it_is_due_later_and_queued_otherwise() -> None:
    made = {queued().phase, queued(due_at=START + 5).phase}
    assert made == RUN_TRANSITIONS[None][EventType.RUN_CREATED]
