"""The difference of two plans as a JSON object."""

from __future__ import annotations

from headgate.compiler.compatibility import Judgement
from headgate.plan import Json, JsonObject
from headgate.plan.comparing import SECTIONS, Change, Comparison, Difference, Entry, Side, StepEntry

VERSION = 1


def diff_json(old: Side, new: Side, comparison: Comparison, judgement: Judgement) -> JsonObject:
    """`verdict` is the worst of `verdicts`; the sections hold what differs in them, and nothing else."""
    sections: JsonObject = {
        name: [_entry(entry) for entry in comparison.entries if entry.section == name] for name in SECTIONS
    }
    return {
        "version": VERSION,
        "old": _side(old),
        "new": _side(new),
        "same": comparison.empty,
        "verdict": judgement.worst.value,
        "verdicts": [verdict.value for verdict in judgement.verdicts],
        "breaks": judgement.worst.breaks,
        "reasons": [
            {"verdict": reason.verdict.value, "subject": reason.subject, "message": reason.message}
            for reason in judgement.reasons
        ],
        "workflow": [_difference(each) for each in comparison.header],
        **sections,
        "steps": [_step(step) for step in comparison.steps],
    }


def _side(side: Side) -> JsonObject:
    return {"target": side.shown, "workflow": side.plan.workflow, "digest": side.plan.digest}


def _entry(entry: Entry) -> JsonObject:
    return {
        "name": entry.name,
        "change": entry.change.value,
        "before": entry.before,
        "after": entry.after,
        "differences": [_difference(each) for each in entry.differences],
    }


def _step(entry: StepEntry) -> JsonObject:
    """`changes` are all that apply of added, removed, renamed, rewired and changed."""
    edges: list[Json] = [_difference(each) for each in entry.edges]
    return {
        "step": entry.path,
        "kind": entry.kind,
        "changes": _changes(entry),
        "was": entry.was,
        "edges": edges,
        "differences": [_difference(each) for each in entry.differences],
    }


def _changes(entry: StepEntry) -> list[Json]:
    if entry.change is not Change.CHANGED:
        return [entry.change.value]
    applies = (("renamed", entry.was), ("rewired", entry.edges), ("changed", entry.differences))
    return [word for word, holds in applies if holds]


def _difference(difference: Difference) -> JsonObject:
    return {
        "attribute": difference.attribute,
        "change": difference.change.value,
        "before": difference.before,
        "after": difference.after,
    }
