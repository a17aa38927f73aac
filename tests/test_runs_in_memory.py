from __future__ import annotations

from memory_runs import MemoryRun, error, gate, human, plan, step
from headgate.plan import Retry
from headgate.runtime.decider import Accepted, derive


def test_a_chain_of_sets_runs_to_its_end():
    run = MemoryRun(plan(step("a", "set", config={"x": 1}), step("b", "set", "a", config={"y": "{{ steps.a.result.x + 1 }}"}), outputs={"y": "{{ steps.b.result.y }}"})).drive()
    assert run.phase == "completed"
    assert run.state.output == {"y": 2}
    assert run.state.outcome == "clean"
