"""`explain`: what a code or a word of this program means, why it is there, and what to do about it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from headgate.api.faults import UsageFault
from headgate.records import NamedTuple

if TYPE_CHECKING:
    from headgate.diagnostics import Diagnostic
    from headgate.validators.rule import Rule

EXAMPLE_DAY = "2026-11-20"
"""The day on which the examples of rules are checked, so that they say the same every day."""


class Topic(StrEnum):
    RULE = "rule"
    FAILURE = "failure code"
    REFUSAL = "refusal code"
    RUN_STATUS = "run status"
    STEP_STATUS = "step status"
    HOLD = "hold"
    WORKFLOW_STATUS = "workflow status"
    VERSION_STATUS = "version status"
    APPROVAL_STATUS = "approval status"
    CONNECTION_STATUS = "connection status"
    OUTCOME = "outcome of a completed run"
    RUN_DETAIL = "detail of a run"
    STEP_DETAIL = "detail of a skipped step"
    ERROR_CLASS = "class of an error"


class Explanation(NamedTuple):
    """`code` is what was asked for. `meaning` and `remedy` are sentences; `wrong` and `right` are whole files or empty.

    `name` and `severity` are a rule's, else empty; `workspace` and `lock` are the files that its examples stand beside.
    """

    topic: Topic
    code: str
    meaning: str
    remedy: str = ""
    name: str = ""
    severity: str = ""
    detail: str = ""
    wrong: str = ""
    right: str = ""
    workspace: str = ""
    lock: str = ""


def explain(word: str) -> tuple[Explanation, ...]:
    """All that `word` means, the most likely first. Raises `UsageFault` when it means nothing here."""
    found = [explanation for explanation in (_rule(word), *_words(word)) if explanation is not None]
    if not found:
        from headgate.diagnostics import nearest

        guess = nearest(word, known())
        hint = f"did you mean `{guess}`?" if guess else "a rule (`HG101`), a status (`waiting`) or a failure code"
        raise UsageFault(f"nothing here is called `{word}`; " + (hint if guess else f"expected {hint}"))
    return tuple(found)


def known() -> list[str]:
    """Everything that can be explained."""
    from headgate.runtime.acts import REFUSALS
    from headgate.runtime.failure_codes import FAILURE_CODES
    from headgate.runtime.status import HOLD_RULES, RUN_STATUSES, STEP_STATUSES
    from headgate.runtime.workflow_status import VERSION_STATUSES, WORKFLOW_STATUSES
    from headgate.validators.table import TABLE

    names = [row.name for row in TABLE.values()]
    words = [*TABLE, *names, *FAILURE_CODES, *map(str, REFUSALS), *RUN_STATUSES, *STEP_STATUSES, *HOLD_RULES]
    words += [*WORKFLOW_STATUSES, *VERSION_STATUSES]
    words += [word for _, table in _tables_beside() for word in table]
    return list(dict.fromkeys(map(str, words)))


def _rule(word: str) -> Explanation | None:
    from headgate.validators.registry import find
    from headgate.validators.table import TABLE

    rule = find(word)
    if rule is not None:
        detail = "" if rule.summary == rule.explanation else rule.explanation
        return Explanation(
            topic=Topic.RULE,
            code=rule.code,
            name=rule.name,
            severity=str(rule.severity),
            meaning=rule.summary,
            remedy=_remedy(rule),
            detail=detail,
            wrong=rule.wrong,
            right=rule.right,
            workspace=rule.workspace,
            lock=rule.lock,
        )
    for code, row in TABLE.items():
        if word.casefold() in (code.casefold(), row.name):
            later = "this version does not look for it yet; the code is kept for it"
            return Explanation(Topic.RULE, code, later, name=row.name, severity=str(row.severity))
    return None


def _remedy(rule: Rule) -> str:
    """What to do about a finding: what the gate says of the wrong example, and how to ignore it where that may be."""
    from headgate.diagnostics import Safety
    from headgate.validators.suppressions import can_be_ignored

    found = _found(rule)
    advice = next((one.help for one in found if one.help), "")
    fixes = [fix for one in found for fix in one.fixes]
    fix = next((fix for fix in fixes if fix.safety is Safety.SAFE), fixes[0] if fixes else None)
    said = [f"{advice[:1].upper()}{advice[1:]}."] if advice else []
    if fix is not None:
        flags = "--fix" if fix.safety is Safety.SAFE else "--fix --unsafe"
        said.append(f"`headgate check {flags}` does it in the example: {fix.title}.")
    elif not said:
        said.append("The right example shows it.")
    if rule.code in ("HG903", "HG904"):
        return " ".join(said)
    comment = f"`# headgate: ignore[{rule.code}] why, until 2027-01-31`"
    may = can_be_ignored(rule.code, rule.severity)
    said.append(f"When it is meant: {comment}." if may else "It cannot be suppressed: what runs later relies on it.")
    return " ".join(said)


def _found(rule: Rule) -> tuple[Diagnostic, ...]:
    """The findings of the rule in its wrong example, offline."""
    from headgate import workspace as workspaces
    from headgate.source import Source
    from headgate.validators.gate import Setting, examine

    workspace = workspaces.parse(rule.workspace)[0] if rule.workspace else workspaces.EMPTY
    if rule.environment is not None:
        workspace = workspaces.for_environment(workspace, rule.environment)
    lock = workspaces.parse_lock(rule.lock.encode()) if rule.lock else None
    examined = examine(Source("example.flow", rule.wrong), Setting(workspace, lock, rule.environment, EXAMPLE_DAY))
    return tuple(one for one in examined.diagnostics if one.code == rule.code)


def _words(word: str) -> list[Explanation | None]:
    from headgate.runtime.acts import REFUSALS
    from headgate.runtime.failure_codes import FAILURE_CODES
    from headgate.runtime.status import HOLD_RULES, RUN_STATUSES, STEP_STATUSES, HoldReason, RunStatus, StepStatus

    upper, lower = word.upper(), word.lower()
    found: list[Explanation | None] = []
    if upper in FAILURE_CODES:
        found.append(Explanation(Topic.FAILURE, upper, *FAILURE_CODES[upper]))
    found += [Explanation(Topic.REFUSAL, upper, text) for code, text in REFUSALS.items() if code == upper]
    if lower in set(RunStatus):
        facts = RUN_STATUSES[RunStatus(lower)]
        found.append(Explanation(Topic.RUN_STATUS, lower, facts.meaning, detail=_flags(facts)))
    if lower in set(StepStatus):
        facts = STEP_STATUSES[StepStatus(lower)]
        found.append(Explanation(Topic.STEP_STATUS, lower, facts.meaning, detail=_flags(facts)))
    if lower in set(HoldReason):
        rule = HOLD_RULES[HoldReason(lower)]
        blanks = {"run": "RUN", "step": "STEP", "workflow": "WORKFLOW", "connection": "NAME"}
        commands = [command.format(**blanks) for command in (rule.command, rule.cured) if command]
        released = [" then ".join(f"`{command}`" for command in commands)] if commands else []
        released += [f"by itself: {rule.event}"] if rule.event else []
        found.append(Explanation(Topic.HOLD, lower, rule.meaning, " or ".join(released)))
    return found + _of_workflows(lower) + _beside(lower)


def _of_workflows(word: str) -> list[Explanation | None]:
    from headgate.runtime.workflow_status import (
        VERSION_STATUSES,
        WORKFLOW_ALLOWED,
        WORKFLOW_STATUSES,
        VersionStatus,
        WorkflowStatus,
    )

    found: list[Explanation | None] = []
    if word in set(WorkflowStatus):
        facts, remedy = WORKFLOW_STATUSES[WorkflowStatus(word)], WORKFLOW_ALLOWED[WorkflowStatus(word)]
        found.append(Explanation(Topic.WORKFLOW_STATUS, word, facts.meaning, remedy.format(name="NAME")))
    if word in set(VersionStatus):
        found.append(Explanation(Topic.VERSION_STATUS, word, VERSION_STATUSES[VersionStatus(word)]))
    return found


def _beside(word: str) -> list[Explanation | None]:
    return [Explanation(topic, word, table[word]) for topic, table in _tables_beside() if word in table]


def _tables_beside() -> list[tuple[Topic, dict[str, str]]]:
    """The words beside the statuses of runs, steps and workflows, with what each means."""
    from headgate.runtime.connection_status import CONNECTION_STATUSES
    from headgate.runtime.meanings import APPROVALS, ERROR_CLASSES, MISSED_MEANS, OUTCOMES, OVERDUE, SKIPS
    from headgate.runtime.status import MISSED

    connections = {status.value: facts.meaning for status, facts in CONNECTION_STATUSES.items()}
    return [
        (Topic.APPROVAL_STATUS, dict(APPROVALS)),
        (Topic.CONNECTION_STATUS, connections),
        (Topic.OUTCOME, {word.value: meaning for word, meaning in OUTCOMES.items()}),
        (Topic.RUN_DETAIL, {"overdue": OVERDUE, MISSED: MISSED_MEANS}),
        (Topic.STEP_DETAIL, {word.value: meaning for word, meaning in SKIPS.items()}),
        (Topic.ERROR_CLASS, {word.value: meaning for word, meaning in ERROR_CLASSES.items()}),
    ]


def _flags(facts: object) -> str:
    from headgate.runtime.status import StatusFacts

    assert isinstance(facts, StatusFacts), "the status tables hold facts"
    flags = {
        "terminal: nothing follows": facts.terminal,
        "successful": facts.successful,
        "goes on by itself": facts.wakes_by_itself,
        "needs a person": facts.needs_human,
        "can be resumed": facts.resumable,
    }
    return ", ".join(flag for flag, holds in flags.items() if holds)
