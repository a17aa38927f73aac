"""The status model of workflows and their versions, as tables. Absent means illegal, as in `status.py`."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from headgate.records import NamedTuple
from headgate.runtime.acts import Cell, RefusalCode


class WorkflowStatus(StrEnum):
    """What people see of a workflow, derived from its versions, its marks and its breakers."""

    DRAFT = "draft"
    PUBLISHED = "published"
    DISABLED = "disabled"
    ARCHIVED = "archived"
    PAUSED_SAFETY = "paused-safety"


class VersionStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    INACTIVE = "inactive"
    ARCHIVED = "archived"


class Breaker(StrEnum):
    """What pauses a workflow for safety."""

    THROUGHPUT = "throughput"
    SPEND_CAP = "spend_cap"


class WorkflowEventType(StrEnum):
    """What happens to a workflow, each with the data it carries. They are the journal's, of `workflow/NAME`."""

    # version, plan_digest, text (the digest of its source), path, note, environment, based_on, findings (suppressed)
    VERSION_DRAFTED = "version_drafted"
    VERSION_PUBLISHED = "version_published"
    # version, schedules: for each trigger that the clock starts {cron, timezone, since}
    VERSION_ACTIVATED = "version_activated"
    VERSION_DEACTIVATED = "version_deactivated"  # version
    VERSION_ARCHIVED = "version_archived"  # version
    WORKFLOW_DISABLED = "workflow_disabled"
    WORKFLOW_ENABLED = "workflow_enabled"
    WORKFLOW_ARCHIVED = "workflow_archived"  # runs: those that were cancelled
    WORKFLOW_RESTORED = "workflow_restored"
    BREAKER_TRIPPED = "breaker_tripped"  # breaker, message
    BREAKER_RELEASED = "breaker_released"  # breaker


class Facts(NamedTuple):
    """How a status is drawn (`colour` is a terminal colour's name), and what it means.

    `dispatching` says whether what starts a run is let through; `badge` is what lists say beside the status.
    """

    mark: str
    colour: str
    badge: str
    meaning: str
    dispatching: bool = False


WORKFLOW_STATUSES: Final[dict[WorkflowStatus, Facts]] = {
    WorkflowStatus.DRAFT: Facts("✎", "bright_black", "No active version.", "no version of it is active"),
    WorkflowStatus.PUBLISHED: Facts(
        "✓", "green", "Active and dispatching.", "a version of it is active and starts runs", dispatching=True
    ),
    WorkflowStatus.DISABLED: Facts("⊘", "bright_black", "Disabled by an operator.", "a person has switched it off"),
    WorkflowStatus.ARCHIVED: Facts("▣", "bright_black", "Archived.", "it is put away, with all its versions"),
    WorkflowStatus.PAUSED_SAFETY: Facts("⏸", "yellow", "Paused for safety.", "a breaker tripped: new runs are held"),
}

VERSION_STATUSES: Final[dict[VersionStatus, str]] = {
    VersionStatus.DRAFT: "kept, and not published yet",
    VersionStatus.ACTIVE: "the one that new runs start on",
    VersionStatus.INACTIVE: "published, and not active: `activate` makes it so",
    VersionStatus.ARCHIVED: "put away; it is never activated",
}

BREAKERS: Final[dict[Breaker, str]] = {
    Breaker.THROUGHPUT: "tripped the throughput cap (likely a loop or polling misconfig)",
    Breaker.SPEND_CAP: "This workflow paused because the account spend cap was reached. Dispatch resumes after the cap "
    "is raised or the billing period rolls over.",
}


class WorkflowAct(StrEnum):
    """The columns of the table of acts on a workflow; the last three are the platform's own."""

    DRAFT = "publish --draft"
    PUBLISH = "publish"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    DISABLE = "disable"
    ENABLE = "enable"
    ARCHIVE = "archive"
    RESUME = "resume-workflow"
    START = "run"
    TRIP = "trip"
    RELEASE = "release"


class StartCell(StrEnum):
    """What becomes of a run that starts while a breaker is open."""

    HELD = "held"


_C = RefusalCode
_MARKS: Final[dict[str, Cell | StartCell]] = {"y": Cell.YES, "0": Cell.NO_OP, "h": StartCell.HELD}


def _row(cells: str, default: RefusalCode, **other: RefusalCode) -> dict[WorkflowAct, Cell | StartCell | RefusalCode]:
    return {
        act: _MARKS.get(mark) or other.get(act.name.lower(), default)
        for act, mark in zip(WorkflowAct, cells, strict=True)
    }


# columns: publish --draft, publish, activate, deactivate, disable, enable, archive, resume-workflow, run, trip, release
WORKFLOW_ACTS: Final[dict[WorkflowStatus, dict[WorkflowAct, Cell | StartCell | RefusalCode]]] = {
    WorkflowStatus.DRAFT: _row("yyy---y---y", _C.WORKFLOW_DRAFT, resume=_C.NOT_PAUSED),
    WorkflowStatus.PUBLISHED: _row("yyyyy0y-yy0", _C.NOT_PAUSED),
    WorkflowStatus.DISABLED: _row("yyyy0yy---y", _C.WORKFLOW_DISABLED),
    WorkflowStatus.ARCHIVED: _row("-----y0---y", _C.WORKFLOW_ARCHIVED),
    WorkflowStatus.PAUSED_SAFETY: _row("yyyyy-yyhyy", _C.NOT_DISABLED),
}

# What a refusal offers instead, by the workflow's status. `{name}` is the workflow.
WORKFLOW_ALLOWED: Final[dict[WorkflowStatus, str]] = {
    WorkflowStatus.DRAFT: "no version of `{name}` is active: `headgate activate {name}` or `headgate publish FILE`",
    WorkflowStatus.PUBLISHED: "`{name}` is active and dispatching",
    WorkflowStatus.DISABLED: "`{name}` is disabled: `headgate enable {name}`",
    WorkflowStatus.ARCHIVED: "`{name}` is archived: `headgate enable {name}` brings it back as a draft",
    WorkflowStatus.PAUSED_SAFETY: "`{name}` is paused for safety, not disabled: `headgate resume-workflow {name}`",
}


class VersionAct(StrEnum):
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    ARCHIVE = "archive"


VERSION_ACTS: Final[dict[VersionStatus, dict[VersionAct, Cell | RefusalCode]]] = {
    VersionStatus.DRAFT: {
        VersionAct.ACTIVATE: Cell.YES,
        VersionAct.DEACTIVATE: _C.VERSION_NOT_ACTIVE,
        VersionAct.ARCHIVE: Cell.YES,
    },
    VersionStatus.ACTIVE: {
        VersionAct.ACTIVATE: Cell.NO_OP,
        VersionAct.DEACTIVATE: Cell.YES,
        VersionAct.ARCHIVE: _C.VERSION_ACTIVE,
    },
    VersionStatus.INACTIVE: {
        VersionAct.ACTIVATE: Cell.YES,
        VersionAct.DEACTIVATE: _C.VERSION_NOT_ACTIVE,
        VersionAct.ARCHIVE: Cell.YES,
    },
    VersionStatus.ARCHIVED: {
        VersionAct.ACTIVATE: _C.VERSION_ARCHIVED,
        VersionAct.DEACTIVATE: _C.VERSION_NOT_ACTIVE,
        VersionAct.ARCHIVE: Cell.NO_OP,
    },
}

VERSION_ALLOWED: Final[dict[VersionStatus, str]] = {
    VersionStatus.DRAFT: "`headgate activate {name} {version}` publishes and activates it",
    VersionStatus.ACTIVE: "`headgate activate {name}` another one, or `headgate deactivate {name}` first",
    VersionStatus.INACTIVE: "`headgate activate {name} {version}` makes it active",
    VersionStatus.ARCHIVED: "publish its text anew: `headgate publish FILE`",
}

_E = WorkflowEventType
_V = VersionStatus

# A version's statuses: status -> event -> the statuses it may lead to. None is the version that does not exist yet.
# `version_activated` of another version makes the active one inactive.
VERSION_TRANSITIONS: Final[dict[VersionStatus | None, dict[WorkflowEventType, frozenset[VersionStatus]]]] = {
    None: {
        _E.VERSION_DRAFTED: frozenset({_V.DRAFT}),
        _E.VERSION_PUBLISHED: frozenset({_V.INACTIVE}),
    },
    _V.DRAFT: {
        _E.VERSION_DRAFTED: frozenset({_V.DRAFT}),
        _E.VERSION_PUBLISHED: frozenset({_V.INACTIVE}),
        _E.VERSION_ARCHIVED: frozenset({_V.ARCHIVED}),
        _E.WORKFLOW_ARCHIVED: frozenset({_V.ARCHIVED}),
    },
    _V.INACTIVE: {
        _E.VERSION_ACTIVATED: frozenset({_V.ACTIVE}),
        _E.VERSION_ARCHIVED: frozenset({_V.ARCHIVED}),
        _E.WORKFLOW_ARCHIVED: frozenset({_V.ARCHIVED}),
    },
    _V.ACTIVE: {
        _E.VERSION_ACTIVATED: frozenset({_V.INACTIVE}),
        _E.VERSION_DEACTIVATED: frozenset({_V.INACTIVE}),
        _E.WORKFLOW_ARCHIVED: frozenset({_V.ARCHIVED}),
    },
    _V.ARCHIVED: {
        _E.WORKFLOW_ARCHIVED: frozenset({_V.ARCHIVED}),
        _E.WORKFLOW_RESTORED: frozenset({_V.DRAFT, _V.INACTIVE, _V.ARCHIVED}),
    },
}

# A workflow's statuses under the events that are not about one version alone.
WORKFLOW_TRANSITIONS: Final[dict[WorkflowStatus, dict[WorkflowEventType, frozenset[WorkflowStatus]]]] = {
    WorkflowStatus.DRAFT: {
        _E.VERSION_ACTIVATED: frozenset({WorkflowStatus.PUBLISHED, WorkflowStatus.PAUSED_SAFETY}),
        _E.WORKFLOW_ARCHIVED: frozenset({WorkflowStatus.ARCHIVED}),
        _E.BREAKER_RELEASED: frozenset({WorkflowStatus.DRAFT}),
    },
    WorkflowStatus.PUBLISHED: {
        _E.VERSION_ACTIVATED: frozenset({WorkflowStatus.PUBLISHED}),
        _E.VERSION_DEACTIVATED: frozenset({WorkflowStatus.DRAFT}),
        _E.WORKFLOW_DISABLED: frozenset({WorkflowStatus.DISABLED}),
        _E.WORKFLOW_ARCHIVED: frozenset({WorkflowStatus.ARCHIVED}),
        _E.BREAKER_TRIPPED: frozenset({WorkflowStatus.PAUSED_SAFETY}),
    },
    WorkflowStatus.DISABLED: {
        _E.VERSION_ACTIVATED: frozenset({WorkflowStatus.DISABLED}),
        _E.VERSION_DEACTIVATED: frozenset({WorkflowStatus.DISABLED}),
        _E.WORKFLOW_ENABLED: frozenset({WorkflowStatus.PUBLISHED, WorkflowStatus.PAUSED_SAFETY, WorkflowStatus.DRAFT}),
        _E.WORKFLOW_ARCHIVED: frozenset({WorkflowStatus.ARCHIVED}),
        _E.BREAKER_RELEASED: frozenset({WorkflowStatus.DISABLED}),
    },
    WorkflowStatus.ARCHIVED: {
        _E.WORKFLOW_RESTORED: frozenset({WorkflowStatus.DRAFT}),
        _E.BREAKER_RELEASED: frozenset({WorkflowStatus.ARCHIVED}),
    },
    WorkflowStatus.PAUSED_SAFETY: {
        _E.VERSION_ACTIVATED: frozenset({WorkflowStatus.PAUSED_SAFETY}),
        _E.VERSION_DEACTIVATED: frozenset({WorkflowStatus.DRAFT}),
        _E.WORKFLOW_DISABLED: frozenset({WorkflowStatus.DISABLED}),
        _E.WORKFLOW_ARCHIVED: frozenset({WorkflowStatus.ARCHIVED}),
        _E.BREAKER_TRIPPED: frozenset({WorkflowStatus.PAUSED_SAFETY}),
        _E.BREAKER_RELEASED: frozenset({WorkflowStatus.PUBLISHED, WorkflowStatus.PAUSED_SAFETY}),
    },
}
"""`version_drafted`, `version_published` and `version_archived` are about a version, and leave every status but
`archived`, where they are illegal, as it is."""
