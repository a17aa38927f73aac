"""Real processes, really killed, at every durable point: what was acknowledged stays, and nothing happens twice.

`python -m tests.crash.long` does the same with twenty plans. The ledger is a file beside the store that every effect
adds a line to: what really happened, whatever the store says.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from crash_plans import IN_CI, PLANS

from headgate.api import deciding, history, operating, running, site
from headgate.api.inputs import NOTHING_GIVEN
from headgate.api.operating import Act
from headgate.api.place import Driving, Place
from headgate.runtime.auditing import audit
from headgate.runtime.store import RunFilter, RunWrite, Store, reader_of

IN_FLIGHT_AT_MOST = 2  # the `each` runs two items at once, everything else one attempt
ALL_PLANS = "HEADGATE_ALL_CRASH_PLANS"
BEFORE, AFTER, EFFECT = "before the commit", "after the commit", "after the effect"


class Workflow:
    """One plan in a folder of its own, and what an operator would do to bring its run to an end."""

    def __init__(self, folder: Path, name: str) -> None:
        text, workflow, self.steps, self.failing = PLANS[name]
        self.text = text
        folder.mkdir(parents=True)
        self.book = folder / "book.txt"
        self.target = str(folder / f"{name}.flow") + f"#{workflow}"
        (folder / f"{name}.flow").write_text(text.replace("BOOK", str(self.book)))
        (folder / "headgate.toml").write_text('[project]\nname = "crash"\n')
        self.place = Place(folder, actor="ann")
        self.was_in_doubt = False

    def lines(self) -> list[str]:
        return self.book.read_text().splitlines() if self.book.exists() else []

    def finish(self) -> str:
        """Starts what was not started, drives, approves and confirms, until the run has ended; its status."""
        if not history.runs(RunFilter(), self.place):
            running.run(self.target, NOTHING_GIVEN, self.place, Driving())
        for _ in range(20):
            running.drive([], self.place, Driving(wait_ms=5_000))
            runs = history.runs(RunFilter(), self.place)
            if all(view.status == "completed" for view in runs):
                return "completed"
            for view in runs:
                self._help(view.run)
        return ", ".join(view.status for view in history.runs(RunFilter(), self.place))

    def _help(self, run: str) -> None:
        for approval in history.approvals(self.place, run, ("pending",)):
            deciding.decide(deciding.Chosen(approval.id), Act("approve"), self.place, Driving())
        for path, step in history.show(run, self.place).steps.items():
            if step.status == "held":
                self.was_in_doubt = True
                done = any(line.startswith(f"{path} ") for line in self.lines())
                operating.operate(run, Act("confirm", path, args={"done": done}), self.place, Driving())

    def check(self) -> None:
        """Every effect happened; none of them twice but what was in flight; the log and its projections agree."""
        attempts = [" ".join(line.split(" ")[:2]) for line in self.lines()]
        one_run = "call child" not in self.text
        assert not one_run or len(attempts) == len(set(attempts)), f"an attempt was performed twice: {attempts}"
        steps = Counter(attempt.split(" ")[0] for attempt in attempts)
        assert set(steps) == self.steps
        assert steps.total() - len(steps) - self.failing <= IN_FLIGHT_AT_MOST, steps
        assert steps.get("pay", 1) == 1, "money moved twice"
        read = reader_of(self.place.folder / ".headgate" / "headgate.db")
        assert read is not None
        for row in read.runs(RunFilter()):
            assert [seq for seq, _ in read.events(row.id)] == list(range(1, len(read.events(row.id)) + 1))
        assert list(audit(read, lambda _done, _of: None)) == [], "a projection is not what its log says"
        read.close()


def dying(moment: str, number: int) -> type[Store]:
    """A store that kills its process before or after its commit `number`."""

    class DyingStore(Store):
        commits = 0

        def commit(self, writes: list[RunWrite]) -> frozenset[str]:
            DyingStore.commits += 1
            if moment == BEFORE and DyingStore.commits == number:
                os.kill(os.getpid(), signal.SIGKILL)
            refused = super().commit(writes)
            if moment == AFTER and DyingStore.commits == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return refused

    return DyingStore


def was_killed(act: Callable[[], object], moment: str, number: int) -> bool:
    """Does `act` in a process that dies at the point; False when the act was through before it."""
    child = os.fork()
    if child == 0:
        try:
            import ledger_kind

            site.Store = dying(moment, number)  # type: ignore[misc]
            ledger_kind.Dying.after = number if moment == EFFECT else None
            ledger_kind.Dying.written = 0
            act()
        except BaseException:  # noqa: BLE001 - it is told to the parent
            os.write(2, __import__("traceback").format_exc().encode())
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the killed process failed in another way"
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("moment", [BEFORE, AFTER, EFFECT])
@pytest.mark.parametrize("name", PLANS if os.environ.get(ALL_PLANS) else IN_CI)
def test_a_run_killed_at_any_point_goes_on_and_redoes_only_what_was_in_flight(
    name: str, moment: str, tmp_path: Path
) -> None:
    number = 0
    killed = True
    while killed:
        number += 1
        workflow = Workflow(tmp_path / str(number), name)
        killed = was_killed(workflow.finish, moment, number)
        assert workflow.finish() == "completed", f"killed {moment} {number}"
        workflow.check()
    assert number > len(workflow.steps) / IN_FLIGHT_AT_MOST, "it was killed at every point"


def test_an_irreversible_effect_that_may_have_happened_waits_for_a_person(tmp_path: Path) -> None:
    workflow = Workflow(tmp_path / "money", "money")
    assert was_killed(workflow.finish, EFFECT, 2)
    assert workflow.lines()[-1].startswith("pay ")

    drove = running.drive([], workflow.place, Driving())
    assert drove.exit_code == 5
    (rest,) = drove.rests
    assert (rest.view.status, rest.view.detail) == ("paused", "in_doubt: pay")
    assert [line.split(" ")[0] for line in workflow.lines()] == ["quote", "pay"]

    done = operating.operate(rest.view.run, Act("confirm", "pay", args={"done": True}), workflow.place, Driving())
    assert done.view.status == "completed"
    assert [line.split(" ")[0] for line in workflow.lines()] == ["quote", "pay", "thank"]


def test_a_killed_recovery_is_recovered_from_too(tmp_path: Path) -> None:
    workflow = Workflow(tmp_path / "sequence", "sequence")
    assert was_killed(workflow.finish, EFFECT, 1)
    for number in (2, 1, 2, 1):
        was_killed(workflow.finish, AFTER, number)
    assert workflow.finish() == "completed"
    assert {line.split(" ")[0] for line in workflow.lines()} == workflow.steps
