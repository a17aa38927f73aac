"""`explain`: what a code or a word of this program means, why it is there, and what to do about it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from headgate.api.faults import UsageFault


class Topic(StrEnum):
    RULE = "rule"
    FAILURE = "failure code"
    REFUSAL = "refusal code"
    RUN_STATUS = "run status"
    STEP_STATUS = "step status"
    HOLD = "hold"


class Explanation(NamedTuple):
    """`code` is what was asked for. `meaning` and `remedy` are sentences; `wrong` and `right` are whole files or empty.

    `name` and `severity` are a rule's, else empty.
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
    from headgate.validators.table import TABLE

    names = [row.name for row in TABLE.values()]
    words = [*TABLE, *names, *FAILURE_CODES, *map(str, REFUSALS), *RUN_STATUSES, *STEP_STATUSES, *HOLD_RULES]
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
            detail=detail,
            wrong=rule.wrong,
            right=rule.right,
        )
    for code, row in TABLE.items():
        if word.casefold() in (code.casefold(), row.name):
            later = "this version does not look for it yet; the code is kept for it"
            return Explanation(Topic.RULE, code, later, name=row.name, severity=str(row.severity))
    return None


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
        command = rule.command.format(run="RUN", step="STEP", workflow="WORKFLOW") if rule.command else ""
        released = [f"`{command}`"] if command else []
        released += [f"by itself: {rule.event}"] if rule.event else []
        found.append(Explanation(Topic.HOLD, lower, rule.meaning, " or ".join(released)))
    return found


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
