"""Every failure code with its meaning and what to do about it; `explain CODE` prints them."""

from __future__ import annotations

from typing import Final

from headgate.records import NamedTuple


class FailureFacts(NamedTuple):
    meaning: str
    remedy: str


FAILURE_CODES: Final[dict[str, FailureFacts]] = {
    "MCP_TOOL_FAILED": FailureFacts(
        "an MCP tool answered with an error",
        "read the step's error for the tool's own words, correct the arguments, then `headgate redrive RUN`",
    ),
    "LLM_REQUEST_FAILED": FailureFacts(
        "the model's server refused the request or answered what cannot be read",
        "check the model's base_url, name and key in headgate.toml, then `headgate redrive RUN`",
    ),
    "HTTP_REQUEST_FAILED": FailureFacts(
        "the server answered with a status outside `expect`, or broke the exchange off",
        "the step's error says what came; correct the request, or widen `expect`, then `headgate redrive RUN`",
    ),
    "LUA_FAILED": FailureFacts(
        "the script raised an error or broke one of its limits",
        "the error names the script's line; correct it, or raise it as data instead of with `error`",
    ),
    "TEMPLATE_FAILED": FailureFacts(
        "a template used a name or path that is missing, or gave a value of the wrong type",
        "add `| default(...)` where it may be missing, or correct the path",
    ),
    "CONFIG_INVALID": FailureFacts(
        "the step's attributes do not fit its kind once its templates are evaluated",
        "correct the attribute that the message names, or `headgate retry RUN STEP --edit NAME=VALUE`",
    ),
    "STEP_TIMED_OUT": FailureFacts(
        "an attempt took longer than the step's `timeout`",
        "raise `timeout`, or find out why what it calls is slow, then `headgate redrive RUN`",
    ),
    "HUMAN_TASK_FAILED": FailureFacts(
        "a review rejected what the step had done",
        "its output is kept for the record; correct the step, then `headgate redrive RUN --from STEP`",
    ),
    "INSUFFICIENT_CREDITS": FailureFacts("no credits are left", "add credits, then `headgate redrive RUN`"),
    "AUTH_REAUTH_REQUIRED": FailureFacts(
        "a connection was refused for good and must be authorized again",
        "reconnect it, then `headgate resume RUN`",
    ),
    "RESULT_INVALID": FailureFacts(
        "what the step returned breaks its declared or locked result schema",
        "the message names the first fault; correct the schema, or lock the instance again",
    ),
    "WORKFLOW_FAILED": FailureFacts(
        "a `fail` step ended the run",
        "the author's message and code are in the error; it is the workflow's own decision",
    ),
    "RUN_STALLED_OR_TIMED_OUT": FailureFacts(
        "the run made no progress within its `timeout`, or passed its `deadline`",
        "see which step was open with `headgate timeline RUN`; raise the limit or correct the step, then redrive",
    ),
    "DRAIN_TIMEOUT": FailureFacts(
        "what still ran did not finish within the drain's deadline",
        "look at the step that was open; `headgate redrive RUN` goes on from what was completed",
    ),
    "RUN_STOPPED": FailureFacts("a person stopped the run", "`headgate redrive RUN` goes on from what was completed"),
    "DEPENDENCY_REMOVED": FailureFacts(
        "a connection or workflow that the run needs was removed",
        "put it back, then `headgate redrive RUN`",
    ),
    "UPSTREAM_ERROR": FailureFacts(
        "the service answered, but with a fault of its own",
        "it is the service's fault; try again later with `headgate redrive RUN`",
    ),
    "DEPENDENCY_UNAVAILABLE": FailureFacts(
        "a service, server or command that the step needs cannot be reached or started",
        "see that it runs and that its address or command in headgate.toml is right (`headgate doctor`), then redrive",
    ),
    "PLATFORM_REJECTED": FailureFacts(
        "a guardrail refused the call",
        "the step may not do this; change the workflow",
    ),
    "LIMIT_EXCEEDED": FailureFacts(
        "a loop went over its `limit` or reached its `max`, or a value or script its size",
        "raise the limit when the work is meant to be that large; nothing was cut off",
    ),
    "EFFECT_IN_DOUBT": FailureFacts(
        "the attempt was lost after its request may have left, so nobody knows whether its effect happened",
        "look at the other side, then `headgate redrive RUN` when it did not happen",
    ),
    "SUBRUN_FAILED": FailureFacts(
        "a sub-workflow failed or was cancelled",
        "its run is named in the error; `headgate redrive RUN` redrives it as well",
    ),
    "PLAN_INTEGRITY": FailureFacts(
        "the compiled plan is damaged or was edited; this is a fault of the plan, not of its author",
        "compile the workflow again; nothing of the damaged plan has run",
    ),
}
