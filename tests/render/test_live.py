"""The live list of steps, as rich draws it."""

from io import StringIO

from rich.console import Console

from headgate.render.live import LiveSteps
from headgate.runtime.status import RunStatus
from headgate.runtime.view import RunView, StepView

NOW = 1_795_168_800_000


def step(kind, status, detail=None, **more):
    return StepView(
        kind=kind,
        status=status,
        detail=detail,
        attempts=more.get("attempts", 1),
        input=None,
        result=None,
        error=more.get("error"),
        agent=None,
        started_at=more.get("started_at", NOW - 3400),
        ended_at=more.get("ended_at"),
        resume_at=more.get("resume_at"),
    )


def drawn(steps, status="running", detail=None):
    view = RunView(
        run="01RUN", workflow="refund", version=None, plan_digest="sha256:0", status=RunStatus(status), detail=detail,
        outcome=None, trigger="manual", epoch=0, created_at=NOW, started_at=NOW, ended_at=None, inputs={}, output=None,
        failure=None, holds=(), steps=steps,
    )  # fmt: skip
    live = LiveSteps(lambda: NOW)
    live.show(view)
    return paper(live)


def paper(live):
    console = Console(file=StringIO(), width=110, no_color=True)
    console.print(live.drawing())
    return console.file.getvalue().splitlines()


def test_each_step_has_its_mark_its_time_and_what_it_waits_for():
    lines = drawn(
        {
            "charge": step("mcp", "completed", ended_at=NOW - 2400),
            "ask": step("human", "waiting", "approval"),
            "nap": step("delay", "waiting", "timer", resume_at=NOW + 65_000),
            "call": step("http", "retrying", attempts=2, resume_at=NOW + 5000, error={"code": "X", "message": "503"}),
            "rest": step("set", "pending", started_at=None),
        }
    )
    assert lines[0] == "refund 01RUN  ▶ running"
    assert lines[1].split() == ["✓", "charge", "mcp", "1.0", "s"]
    assert lines[2].split(maxsplit=5)[-1] == "waits for approval: headgate approve 01RUN ask"
    assert lines[3].endswith("waits for timer, 1 m 05 s left")
    assert lines[4].endswith("tries again, 5.0 s left  X: 503")
    assert lines[5].split() == ["·", "rest", "set"]


def test_of_many_steps_those_that_move_and_those_that_ended_last_are_shown():
    steps = {f"s{n}": step("set", "completed", ended_at=NOW - 1000 + n) for n in range(100)}
    steps["s50"] = step("lua", "running")
    lines = drawn(steps)
    assert lines[-1].strip() == "and 70 more"
    shown = [line.split()[1] for line in lines[1:-1]]
    assert "s50" in shown
    assert "s99" in shown
    assert "s0" not in shown


def test_a_loop_that_waits_names_no_command_of_its_own():
    lines = drawn(
        {"items": step("each", "waiting", "approval"), "items.0.ask": step("human", "waiting", "approval")}, "waiting"
    )
    assert "headgate approve" not in lines[1]
    assert "headgate approve 01RUN items.0.ask" in lines[2]


def test_before_anything_is_known_it_says_that_it_starts():
    assert paper(LiveSteps(lambda: NOW)) == ["starting"]
