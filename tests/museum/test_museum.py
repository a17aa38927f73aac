"""Each exhibit of README.md: with the mutation its check fails, without it the check passes."""

from __future__ import annotations

import inspect
import random
import sys
import textwrap
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("properties", "simulation")]

from memory_runs import MemoryRun, error, human, plan, step  # noqa: E402
from sim_world import simulate  # noqa: E402
from watched import WatchedRun  # noqa: E402

from headgate.plan import Retry  # noqa: E402
from headgate.runtime import judging, step_events  # noqa: E402
from headgate.runtime.commands import Record  # noqa: E402
from headgate.runtime.events import EventType  # noqa: E402
from headgate.runtime.judging_steps import approve  # noqa: E402
from headgate.runtime.status import RunStatus  # noqa: E402
from headgate.runtime.status_of import Derived  # noqa: E402
from headgate.runtime.store import Store  # noqa: E402
from headgate.runtime.store.leases import LEASE_MS  # noqa: E402

Patch = pytest.MonkeyPatch


class Exhibit:
    """`breaks` brings the bug in; `check` raises AssertionError where it is seen."""

    def __init__(self, breaks: Callable[[Patch], None], check: Callable[[], None]) -> None:
        self.breaks = breaks
        self.check = check


def rewrite(patch: Patch, owner: type, name: str, old: str, new: str) -> None:
    """A method with a part of its text changed."""
    method = getattr(owner, name)
    text = textwrap.dedent(inspect.getsource(method))
    assert old in text, f"{name} does not say `{old}` any more: the exhibit has to follow it"
    names: dict[str, object] = {}
    exec(f"from __future__ import annotations\n{text.replace(old, new)}", method.__globals__, names)
    patch.setattr(owner, name, names[name])


# Lost wake-up: between two attempts, with nothing that would begin the second.


def _timers_are_forgotten(patch: Patch) -> None:
    patch.setattr(step_events, "arm", lambda _state, _timer, _due: None)


def _a_retry_happens() -> None:
    run = WatchedRun(plan(step("a", "mcp", retry=Retry(1, (1_000,)))))
    run.end("a", 1, error("transient"))
    run.settle()
    run.wait()
    assert run.state.in_flight == {"a": 2}


# Status beside pause: a run that is paused and says that it runs.


def _holds_are_overlooked(patch: Patch) -> None:
    import invariants

    def careless(state):
        return Derived(RunStatus(state.phase.value if state.phase != "active" else "running"), None)

    patch.setattr(invariants, "derive", careless)


def _a_paused_run_says_so() -> None:
    run = WatchedRun(plan(step("a", "mcp"), step("b", "mcp", "a")))
    run.ask("pause")
    run.end("a", 1, {})
    run.settle()
    run.ask("resume")
    assert run.state.in_flight == {"b": 1}


# Double dequeue: two workers go on with one run.


def _any_fence_will_do(patch: Patch) -> None:
    """The store has two locks on this door, the fence and the events' own keys: the bug needs both open."""
    patch.setattr(Store, "_is_led", lambda _self, _write: True)
    rewrite(patch, Store, "_append", "INSERT INTO events", "INSERT OR REPLACE INTO events")


def _many_workers_live_together() -> None:
    for seed in range(1, 13):
        try:
            simulate(seed, days=2.0)
        except AssertionError:
            raise
        except Exception as fault:
            raise AssertionError(f"a worker broke: {fault}") from fault


# The wrong one of two parallel approvals is resumed.


def _the_first_pending_one_is_decided(patch: Patch) -> None:
    def careless(case):
        pending = [each for each in case.state.approvals.values() if each.status == "pending"]
        request = case.request._replace(task=pending[0].task, step=pending[0].step) if pending else case.request
        return approve(case._replace(request=request))

    patch.setitem(judging._VERBS, "approve", careless)


def _the_approval_that_was_meant_is_decided() -> None:
    run = MemoryRun(plan(human("one"), human("two"), step("a", "mcp", "one"), step("b", "mcp", "two")), None).drive()
    run.ask("approve", "two")
    assert (run.statuses["one"], run.statuses["two"]) == ("waiting approval", "completed")
    assert run.state.in_flight == {"b": 1}


# A terminal state is overwritten by what comes late.


def _late_ends_are_applied(patch: Patch) -> None:
    def careless(state, step_state, event):
        state.in_flight.setdefault(step_state.path, event.data.get("attempt"))
        return False

    patch.setattr(step_events, "_is_late", careless)


def _an_end_stays_an_end() -> None:
    run = WatchedRun(plan(step("a", "mcp"), step("b", "mcp")))
    run.end("a", 1, {"n": 1})
    run.settle()
    try:
        run.end("a", 1, error("permanent"))
    except AssertionError:
        raise
    except Exception as fault:
        raise AssertionError(f"refused by the table: {fault}") from fault
    assert run.statuses["a"] == "completed"
    assert run["a"].result == {"n": 1}


EXHIBITS = {
    "lost wake-up": Exhibit(_timers_are_forgotten, _a_retry_happens),
    "status beside pause": Exhibit(_holds_are_overlooked, _a_paused_run_says_so),
    "double dequeue": Exhibit(_any_fence_will_do, _many_workers_live_together),
    "the wrong approval": Exhibit(_the_first_pending_one_is_decided, _the_approval_that_was_meant_is_decided),
    "a terminal state is overwritten": Exhibit(_late_ends_are_applied, _an_end_stays_an_end),
}


@pytest.mark.parametrize("name", EXHIBITS)
def test_the_suite_sees_the_bug(name: str) -> None:
    exhibit = EXHIBITS[name]
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        exhibit.breaks(patch)
        with pytest.raises(AssertionError):
            exhibit.check()
    exhibit.check()


def test_a_driver_that_hangs_loses_its_lease(tmp_path: Path) -> None:
    """The heartbeat is the loop's own: it is sent between two turns, or not at all. A thread beside it would lie."""
    import sim_time
    from sim_store import Disk, faulty
    from sim_workers import FarOwner, NoBindings
    from sim_world import callee, office_plans

    from headgate.plan import dump
    from headgate.runtime.fleet import Fleet
    from headgate.runtime.store import Identifiers

    disk = Disk(random.Random(1))
    disk.faulty = False
    clock = sim_time.SkewedClock(sim_time.Timeline())
    store = Store(tmp_path / "store.db", faulty(disk))
    made = office_plans()["order"]

    def fleet(name: str) -> Fleet:
        return Fleet(
            store, FarOwner(name), callee, NoBindings(), {}, identifiers=Identifiers(random.Random(1).randbytes)
        )

    hung = fleet("hung")
    hung.shelf.keep(made)
    facts = {
        "workflow": made.workflow,
        "plan_digest": made.digest,
        "inputs": {"amount": 3},
        "trigger": {"name": "manual"},
    }
    run = hung.create(Record(EventType.RUN_CREATED, facts), dump(made), clock.now_ms())
    hung.settle(clock.now_ms(), record_only=False)
    store.commit([write for _, write in hung.writes()])

    other = fleet("other")
    assert not other.take(run.id, clock.now_ms()), "its lease stands"
    clock.skew_ms += LEASE_MS + 1
    assert other.take(run.id, clock.now_ms()), "it did not turn, so nothing renewed its lease"
    run.append(Record(EventType.ATTEMPT_LOST, {"attempt": 1}, "quote"), clock.now_ms())
    hung.touch(run.id)
    hung.settle(clock.now_ms(), record_only=True)
    assert store.commit([write for _, write in hung.writes()]) == {run.id}, "what it writes when it wakes is refused"

    # the exhibit: a heartbeat from beside the loop keeps a lease that nobody deserves
    third = fleet("third")
    store.renew_leases(FarOwner("other"), clock.now_ms() + LEASE_MS)
    clock.skew_ms += LEASE_MS + 1
    assert not third.take(run.id, clock.now_ms())
    store.close()
