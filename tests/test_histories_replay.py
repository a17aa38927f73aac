"""Histories written by earlier builds: every later one folds them to the same state.

`tests/cases/histories/NAME.json` holds the rows as the store had them, and what they come to. A history is never
rewritten; a change of the format adds a version to codec.py and a history beside these. `python -m tests.golden` adds
histories for new events.
"""

from __future__ import annotations

import json
from pathlib import Path

import golden
import pytest
from memory_runs import gate, human, plan, step

from headgate.plan import Plan, Retry
from headgate.runtime.codec import decode, encode
from headgate.runtime.decider import derive, fold
from headgate.runtime.events import EventType
from headgate.runtime.view import run_view

FOLDER = Path(__file__).parent / "cases" / "histories"
BY_HAND = [path for path in sorted(FOLDER.glob("*.json")) if "_drawn_" not in path.name]
DRAWN = sorted(FOLDER.glob("*_drawn_*.json"))


def refund() -> Plan:
    """The plan of every history of version 1."""
    each = {"over": "{{ inputs.emails }}", "as": "email", "limit": 9, "concurrency": 2, "on_item_failure": "continue"}
    return plan(
        step("charge", config={"order": "{{ inputs.order }}"}, retry=Retry(2, (1_000,))),
        step(
            "size",
            "switch",
            "charge",
            config={"cases": [{"when": "{{ inputs.order > 5 }}", "to": "ask"}], "else": "small"},
        ),
        human("ask", "case 0 size"),
        step("small", "set", "else size", config={"reason": "below"}),
        step("refund", "noop", "ask", "small", gates=(gate("after", "review"),), in_doubt="hold"),
        step("nap", "delay", "refund", config={"for": 5_000}),
        step("notify", "each", "nap", config=each, body=[step("send", config={"to": "{{ email }}"})]),
        step("oops", "set", "failed refund", "denied ask", config={"x": "{{ failure.step }}"}),
        outputs={"n": "{{ steps.notify.result.succeeded }}"},
    )


@pytest.mark.parametrize("history", BY_HAND, ids=lambda path: path.stem)
def test_a_history_of_an_earlier_build_comes_to_what_it_came_to_then(history: Path) -> None:
    kept = json.loads(history.read_text(encoding="utf-8"))
    rows = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in kept["rows"]]
    events = [decode("R", seq, row) for seq, row in enumerate(rows, 1)]
    state = fold("R", refund(), events)
    assert list(derive(state)) == kept["derived"]
    assert {path: [each.status, each.detail] for path, each in run_view(state).steps.items()} == kept["steps"]
    assert state.output == kept["output"]
    assert [encode(event) for event in events] == rows


@pytest.mark.parametrize("history", DRAWN, ids=lambda path: path.stem)
def test_a_drawn_history_comes_to_the_same_state_field_by_field(history: Path) -> None:
    kept = json.loads(history.read_text(encoding="utf-8"))
    rows = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in kept["rows"]]
    events = [decode("R", seq, row) for seq, row in enumerate(rows, 1)]
    now = json.loads(json.dumps(golden.kept_of(fold("R", golden.read_plan(kept), events))))
    for part in ("state", "view"):
        assert golden.lost(kept[part], now[part], part) == []
    assert [encode(event) for event in events] == rows


def test_every_type_of_event_has_its_history():
    assert len(BY_HAND) >= 4
    without = set(EventType) - golden.types_kept()
    assert not without, f"no kept history holds {sorted(without)}: `python -m tests.golden` adds one"


def test_a_change_of_what_a_history_comes_to_is_seen():
    kept = {"steps": {"a": {"status": "completed", "attempts": 1}}}
    assert golden.lost(kept, {"steps": {"a": {"status": "completed", "attempts": 1, "new": 2}}, "more": []}) == []
    assert golden.lost(kept, {"steps": {"a": {"status": "failed"}}}) == [
        ".steps.a.attempts is gone",
        ".steps.a.status was 'completed' and is 'failed'",
    ]
