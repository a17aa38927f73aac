"""`docs/statuses.md` from the tables of the status model."""

from __future__ import annotations

from collections.abc import Mapping

from headgate.runtime.acts import REFUSALS
from headgate.runtime.failure_codes import FAILURE_CODES
from headgate.runtime.status import (
    EDGES,
    HOLD_RULES,
    RUN_STATUSES,
    RUN_TRANSITIONS,
    STEP_STATUSES,
    STEP_TRANSITIONS,
    StatusFacts,
)

INTRODUCTION = """\
# Statuses

A run stores its phase, its holds and its outcome; the status that people see is derived from the log of its events.
What the tables below do not allow is refused with a code and a sentence that says what is allowed instead.

A **paused** run moves only when its holds are released. A **waiting** run moves by itself when what it waits for comes.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            INTRODUCTION,
            "## Runs\n",
            _statuses(RUN_STATUSES),
            "## Steps\n",
            _statuses(STEP_STATUSES),
            "## Holds\n",
            _holds(),
            "## What a run's events lead to\n",
            _transitions({("-" if phase is None else str(phase)): row for phase, row in RUN_TRANSITIONS.items()}),
            "## What a step's events lead to\n",
            _transitions({str(status): row for status, row in STEP_TRANSITIONS.items()}),
            "## Edges\n",
            "How an edge ends, by its kind and by how the step it leaves ended: live, or dead with its cause.\n",
            _edges(),
            "## Errors of a step\n",
            _errors(),
            "## Refusals\n",
            "Exit code 6, with one of these on standard error.\n",
            "| code | means |\n|---|---|",
            *(f"| `{code}` | {text} |" for code, text in REFUSALS.items()),
            "",
        ]
    )


def _statuses(table: Mapping[object, StatusFacts]) -> str:
    lines = ["| status | | means | flags |", "|---|---|---|---|"]
    for status, facts in table.items():
        flags = [
            name.replace("_", " ")
            for name in ("terminal", "successful", "resumable", "needs_human", "wakes_by_itself")
            if getattr(facts, name)
        ]
        lines.append(f"| `{status}` | {facts.mark} | {facts.meaning} | {', '.join(flags)} |")
    return "\n".join(lines) + "\n"


def _holds() -> str:
    lines = ["| hold | means | released by |", "|---|---|---|"]
    for reason, rule in HOLD_RULES.items():
        command = rule.command.format(run="RUN", step="STEP", workflow="WORKFLOW") if rule.command else None
        ways = [f"`{command}`"] if command else []
        ways += [rule.event] if rule.event else []
        lines.append(f"| `{reason}` | {rule.meaning} | {' or '.join(ways)} |")
    return "\n".join(lines) + "\n"


def _transitions(table: Mapping[str, Mapping[object, frozenset[object]]]) -> str:
    lines = ["| from | event | to |", "|---|---|---|"]
    for source, row in table.items():
        for event, targets in row.items():
            lines.append(f"| `{source}` | `{event}` | {', '.join(sorted(f'`{target}`' for target in targets))} |")
    return "\n".join(lines) + "\n"


def _edges() -> str:
    kinds = list(next(iter(EDGES.values())))
    lines = ["| the step | " + " | ".join(f"`{kind}`" for kind in kinds) + " |", "|---|" + "---|" * len(kinds)]
    for ended, row in EDGES.items():
        cells = ["live" if row[kind] is None else f"dead: {row[kind]}" for kind in kinds]
        lines.append(f"| {str(ended).replace('_', ' ')} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _errors() -> str:
    lines = ["| code | means | what to do |", "|---|---|---|"]
    lines += [f"| `{code}` | {facts.meaning} | {facts.remedy} |" for code, facts in FAILURE_CODES.items()]
    return "\n".join(lines) + "\n"
