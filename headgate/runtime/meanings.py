"""What the words mean that stand beside a status: outcomes, why a step was skipped, approvals, classes of errors."""

from __future__ import annotations

from typing import Final

from headgate.runtime.errors import ErrorClass
from headgate.runtime.status import Outcome, SkipDetail

OUTCOMES: Final = {
    Outcome.FORCED: "an admin forced the run past a step, with `headgate force-advance`",
    Outcome.WITH_FAILURES: "a step failed, and the run went on: a `failed` or `finished` edge took it up, "
    "`on_failure` or `on_item_failure` is `continue`, or a person skipped the failed step",
    Outcome.DENIED: "an approval was denied, or expired to deny",
    Outcome.CLEAN: "none of these",
}
SKIPS: Final = {
    SkipDetail.OPERATOR: "a person skipped it; what follows goes on",
    SkipDetail.FORCED: "an admin forced the run past it; what follows goes on",
    SkipDetail.BRANCH_NOT_TAKEN: "nothing led to it: a case that was not taken, a `when` that was false before it, a "
    "`failed` or `denied` edge from a step that ended otherwise, or a result that it reads without `default` and that "
    "does not exist",
    SkipDetail.CONDITION_FALSE: "its own `when` was false",
    SkipDetail.DISABLED: "`enabled = false`; what follows goes on",
    SkipDetail.DENIED: "its approval, or one that leads to it, was denied or expired to deny",
}
APPROVALS: Final = {
    "pending": "somebody is asked; `headgate approve`, `headgate deny` or `headgate answer` decides it",
    "approved": "somebody let it go on; the first decision wins",
    "denied": "somebody refused it: what was asked for does not happen",
    "expired": "nobody decided in time; its `on_expiry` says what follows: `deny`, `proceed` or `escalate`",
    "cancelled": "the run ended, or its step was skipped, before anybody decided",
}
ERROR_CLASSES: Final = {
    ErrorClass.TRANSIENT: "it may pass: the step is tried again, as its `retry` says",
    ErrorClass.PERMANENT: "it would fail again: the step fails at once",
    ErrorClass.AUTH: "a connection was refused for good: the run is held at the step for `reauth`",
    ErrorClass.QUOTA: "nothing is left to spend: the run is held for `credits`, or fails, as the workspace says",
    ErrorClass.POLICY: "the platform refused the call: the step fails, and nobody can resume it",
    ErrorClass.IN_DOUBT: "nobody knows whether its effect happened: the step's `in_doubt` says what follows",
}
OVERDUE: Final = "scheduled, its time is past, and nothing holds it; derived when it is looked at, and never stored"
MISSED_MEANS: Final = "its time had passed by more than its trigger's `late` policy lets it start"
