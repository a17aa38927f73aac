"""Histories written by earlier builds: every later one folds them to the same state.

`tests/cases/histories/NAME.json` holds the rows as the store had them, and what they come to. A history is never
rewritten; a change of the format adds a version to codec.py and a history beside these.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from memory_runs import gate, human, plan, step

from headgate.plan import Plan, Retry
from headgate.runtime.codec import decode, encode
from headgate.runtime.decider import derive, fold
from headgate.runtime.view import run_view

FOLDER = Path(__file__).parent / "cases" / "histories"


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


@pytest.mark.parametrize("history", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_a_history_of_an_earlier_build_comes_to_what_it_came_to_then(history: Path) -> None:
    kept = json.loads(history.read_text(encoding="utf-8"))
    rows = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in kept["rows"]]
    events = [decode("R", seq, row) for seq, row in enumerate(rows, 1)]
    state = fold("R", refund(), events)
    assert list(derive(state)) == kept["derived"]
    assert {path: [each.status, each.detail] for path, each in run_view(state).steps.items()} == kept["steps"]
    assert state.output == kept["output"]
    assert [encode(event) for event in events] == rows


def test_there_are_histories():
    assert len(list(FOLDER.glob("*.json"))) >= 4
