"""What lists and filters read of a run, written in the transaction of the events it follows from."""

from __future__ import annotations

import json

from headgate.plan import Json
from headgate.runtime.masking import Mask
from headgate.runtime.state import Approval, Hold, RunState
from headgate.runtime.status_of import derive
from headgate.runtime.store import ApprovalRow, RunRow
from headgate.runtime.view import by_itself, mask_of
from headgate.runtime.wakes import resting_wake


def project(state: RunState, root: str) -> RunRow:
    """The row of a run whose family is led at `root`."""
    status, detail = derive(state)
    parent = state.parent or {}
    return RunRow(
        id=state.run_id,
        root=root,
        parent=_text(parent.get("run")),
        parent_step=_text(parent.get("step")),
        source=state.source,
        workflow=state.workflow,
        version=state.version,
        plan_digest=state.plan_digest,
        environment=state.environment,
        trigger=str(state.trigger.get("name", "manual")),
        phase=state.phase.value,
        status=status.value,
        detail=detail,
        outcome=state.outcome,
        holds=_holds(state),
        failure_code=state.failure_code,
        failed_step=state.failed_step,
        failure_message=_shown(state),
        epoch=state.epoch,
        created_at=state.created_at,
        started_at=state.started_at,
        ended_at=state.ended_at,
        due_at=state.due_at,
        wake_at=resting_wake(state),
    )


def project_approval(run: str, approval: Approval, mask: Mask) -> ApprovalRow:
    """The row of one approval; `mask` hides the run's secret inputs in what it asks."""
    return ApprovalRow(
        id=approval.task,
        run=run,
        step=approval.step,
        status=approval.status,
        title=mask.text(approval.title),
        body=None if approval.body is None else _compact(mask.apply(approval.body)),
        assignees=_compact(list(approval.assignees)),
        reversibility=approval.reversibility,
        requested_at=approval.requested_at,
        expires_at=approval.expires_at,
        on_expiry=approval.on_expiry,
        decided_by=approval.decided_by,
        decided_at=approval.decided_at,
        comment=approval.comment,
        kind=approval.kind,
        channel=approval.channel,
        fields=None if approval.fields is None else _compact(approval.fields),
        links=_compact(dict(approval.links)),
        escalated_from=approval.escalated_from,
        via=approval.via,
    )


def _shown(state: RunState) -> str | None:
    """The run's failure as lists show it, without the values of its secret inputs."""
    message = state.failure_message
    return None if message is None else mask_of(state).text(message)


def _holds(state: RunState) -> str:
    if not state.holds:
        return "[]"
    return _compact(mask_of(state).apply([_hold(state, hold) for hold in state.holds.values()]))


def _hold(state: RunState, hold: Hold) -> Json:
    """Reason, step, since, by, note; and of one for a connection its name, whether that was cured, and cures it."""
    shown: list[Json] = [hold.reason.value, hold.step, hold.since, hold.by, hold.note]
    if hold.connection is not None:
        shown += [hold.connection, hold.cured, by_itself(state, hold)]
    return shown


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
