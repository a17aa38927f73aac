"""The part of `docs/statuses.md` on workflows and their versions, from their tables."""

from __future__ import annotations

from collections.abc import Mapping

from headgate.runtime.workflow_status import (
    VERSION_ACTS,
    VERSION_STATUSES,
    WORKFLOW_ACTS,
    WORKFLOW_STATUSES,
    VersionAct,
    WorkflowAct,
)

WORKFLOWS = """\
What is published under a name. The status is derived from its versions, from what an operator did and from its
breakers.
"""
ACTS = """\
What may be done to a workflow, by its status. `run` is whatever starts a run; `held` runs are made, and wait until the
breakers are released. `resume-workflow` releases the breaker `throughput` alone: with `spend_cap` it is refused.
"""


def section() -> str:
    """The tables, each under its heading."""
    workflows = ["| status | | badge | means |", "|---|---|---|---|"]
    for status, facts in WORKFLOW_STATUSES.items():
        workflows.append(f"| `{status}` | {facts.mark} | {facts.badge} | {facts.meaning} |")
    versions = [
        "| status | means |",
        "|---|---|",
        *(f"| `{name}` | {text} |" for name, text in VERSION_STATUSES.items()),
    ]
    return "\n".join(
        [
            "## Workflows\n",
            WORKFLOWS,
            *workflows,
            "",
            ACTS,
            _acts(WORKFLOW_ACTS, [act for act in WorkflowAct if act not in (WorkflowAct.TRIP, WorkflowAct.RELEASE)]),
            "## Versions\n",
            "At most one is active. A run stays on the version that it started on.\n",
            *versions,
            "",
            _acts(VERSION_ACTS, list(VersionAct)),
        ]
    )


def _acts(table: Mapping[object, Mapping[object, object]], acts: list[object]) -> str:
    lines = ["| | " + " | ".join(f"`{act}`" for act in acts) + " |", "|---|" + "---|" * len(acts)]
    for status, row in table.items():
        lines.append(f"| `{status}` | " + " | ".join(_cell(str(row[act])) for act in acts) + " |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return f"`{text}`" if text.isupper() else text
