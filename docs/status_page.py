"""`docs/statuses.md` from the tables of the status model."""

from __future__ import annotations

from collections.abc import Mapping

from docs import workflow_status
from headgate.api.vocabularies import bundled, vocabulary_of
from headgate.cli.verbs import VERBS
from headgate.runtime.acts import REFUSALS, RUN_ACTS, STEP_ACTS, STEP_REFUSALS, Cell, RunAct, StepAct
from headgate.runtime.connection_status import CONNECTION_STATUSES, CONNECTION_TRANSITIONS
from headgate.runtime.failure_codes import FAILURE_CODES
from headgate.runtime.meanings import OUTCOMES, SKIPS
from headgate.runtime.status import (
    EDGES,
    HOLD_RULES,
    RUN_STATUSES,
    RUN_TRANSITIONS,
    STEP_STATUSES,
    STEP_TRANSITIONS,
    HoldRule,
    StatusFacts,
    WaitsFor,
)
from headgate.runtime.vocabulary import ELSE, FOLDER, Vocabulary, Words

INTRODUCTION = """\
# Statuses

A run stores its phase, its holds and its outcome; the status that people see is derived from the log of its events.
What the tables below do not allow is refused with a code and a sentence that says what is allowed instead.

A **paused** run moves only when its holds are released. A **waiting** run moves by itself when what it waits for comes.
"""
HOLDS_NOTE = """\
Look before you confirm: `--done` says that the effect happened, `--not-done` that it did not, and then the step runs
again. A step that failed may be skipped instead of tried again: `headgate skip RUN STEP`.
"""
ENDINGS = """\
## Ending a run

`headgate stop RUN` lets it drain: what is out may finish, nothing new starts (no retry, no further item or round, no
question after an action), and what waits, is held or is between attempts is cancelled at once. Attached sub-runs drain
with it and are waited for. When nothing is out any more the run is `cancelled` with `RUN_STOPPED`. What is not done by
the deadline, five minutes unless `--deadline` says otherwise, is cancelled, and the run is `failed` with
`DRAIN_TIMEOUT`. A step whose policy is `on_failure = drain` drains its run in the same way, and the run is then
`failed` with that step's error; the run's own `timeout` and `deadline` bound that drain.

`headgate stop RUN --now` and `headgate cancel RUN` end what is out: a request is hung up on, an MCP server is told, a
script's process is killed. An attempt that does not heed that for five seconds is left behind, and its run ends without
it. Completed steps keep their outputs, and nothing is undone. A redrive goes on from there, and asks before it repeats
what may have happened.

Attempts that are lost because a worker died are made again when that does no harm; after five in a row the step is held
`in_doubt`, because it may be the step that its workers die of. A worker that is stopped in good order does not count.
"""
FORKS = """\
## Running again

`headgate redrive RUN` goes on with the same run, `headgate replay RUN` starts a new one with the same trigger and
inputs, and `headgate fork RUN --from STEP` a new one that keeps the outputs of what ended before STEP. `--dry-run` with
any of them says what is kept, what runs again, and which effects may happen a second time. A step
that failed for what it brought, because a review rejected it or its answer was not what was declared, was done. What is
irreversible and may have happened is redriven or forked only with `--yes`; a replay asks for its approval anew.

A fork runs STEP, all that follows it, and all that had not ended; without `--from` everything. `--set NAME=VALUE`
changes an input, `--version` takes another published version, or a file as it is now. It starts only when the kept
outputs fit: the steps are there, of the same kind and shape, and follow nothing that has no output. What was approved
counts only for the input that was shown, and for the same question. The source stays as it is, also while it is open.
"""
ACTS_INTRODUCTION = """\
## What an operator may do

Acts on a run, by its status. With several holds an act is allowed when the row of any of them allows it, and the answer
names those that stay. What is not allowed is refused with the code that stands in its place.
"""
STEP_ACTS_INTRODUCTION = """\
Acts on a step, by its status, in every run that is open and neither drains nor is being cancelled. `retry` and `skip`
of a `failed` step are for one that holds its run; `confirm` is for one that is held in doubt; `force-advance` is for an
admin.
"""
_CELLS = {
    Cell.YES: "yes",
    Cell.NO_OP: "no-op",
    Cell.AS_CANCEL: "as `cancel`",
    Cell.AFTER_RECONNECT: "after `reconnect`",
}
OUTCOMES_INTRODUCTION = """\
## Outcomes

What a completed run has as its detail: the first of these that applies. A run that failed has its failure code there.
All four are `completed`, with exit code 0.
"""
WAITS = {
    WaitsFor.TIMER: "the time of a `delay`, or the next round of a `repeat` with `every`",
    WaitsFor.APPROVAL: "somebody's `headgate approve` or `headgate deny`",
    WaitsFor.REVIEW: "the same, after the action of a step with `gate review`, or in a `human review`",
    WaitsFor.FORM: "somebody's `headgate answer`, in a `human form` or `human task`",
    WaitsFor.SUBRUN: "the run of the workflow that it called",
    WaitsFor.CALLBACK: "whoever was given the token of its attempt: `headgate callback TOKEN`",
    WaitsFor.EVENT: "an event: `headgate signal EVENT`",
}
CONNECTIONS_INTRODUCTION = """\
## Connections

[Connections](connections.md) tells how they are used. `-` is the connection of which nothing is stored.
"""
VOCABULARIES_INTRODUCTION = """\
## Vocabularies

`--vocabulary NAME` of `runs`, `show` and `timeline` says statuses in another product's words; with it, `runs
--status` takes a word and finds every run that is called so. `--vocabulary FILE` reads your own: a TOML file with a
`name`, a table `[runs]` and a table `[steps]` that give every status below a word, or a table of words by what is
waited for or held, with `else` for the rest.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            INTRODUCTION,
            "## Runs\n",
            _statuses(RUN_STATUSES),
            OUTCOMES_INTRODUCTION,
            _details(OUTCOMES),
            "## Steps\n",
            _statuses(STEP_STATUSES),
            "Why a step is `skipped`, its detail:\n",
            _details(SKIPS),
            "What a `waiting` step waits for, its detail:\n",
            _details(WAITS),
            "## Holds\n",
            _holds(),
            HOLDS_NOTE,
            "## What a run's events lead to\n",
            _transitions({("-" if phase is None else str(phase)): row for phase, row in RUN_TRANSITIONS.items()}),
            "## What a step's events lead to\n",
            _transitions({str(status): row for status, row in STEP_TRANSITIONS.items()}),
            workflow_status.section(),
            CONNECTIONS_INTRODUCTION,
            _connections(),
            _changes(),
            "## Edges\n",
            "How an edge ends, by its kind and by how the step it leaves ended: live, or dead with its cause.\n",
            _edges(),
            ENDINGS,
            FORKS,
            ACTS_INTRODUCTION,
            _run_acts(),
            STEP_ACTS_INTRODUCTION,
            _step_acts(),
            "## Errors of a step\n",
            _errors(),
            "## Refusals\n",
            "Exit code 6, with one of these on standard error.\n",
            "| code | means |\n|---|---|",
            *(f"| `{code}` | {text} |" for code, text in REFUSALS.items()),
            "",
            VOCABULARIES_INTRODUCTION,
            "What a run is called:\n",
            _words([(words.name, words.runs) for words in _vocabularies()]),
            "What a step is called:\n",
            _words([(words.name, words.steps) for words in _vocabularies()]),
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


def _run_acts() -> str:
    shown = {RunAct.CANCEL: "`cancel`, `stop --now`", RunAct.STOP: "`stop`"}
    columns = [shown.get(act, f"`{act}`") for act in RunAct]
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for row, cells in RUN_ACTS.items():
        told = [_CELLS[cell] if isinstance(cell, Cell) else f"`{cell}`" for cell in (cells[act] for act in RunAct)]
        lines.append(f"| {row} | " + " | ".join(told) + " |")
    return "\n".join(lines) + "\n"


def _step_acts() -> str:
    lines = ["| act | allowed on a step that is | else refused with |", "|---|---|---|"]
    for act in StepAct:
        where = ", ".join(f"`{status}`" for status in STEP_STATUSES if status in STEP_ACTS[act])
        lines.append(f"| `{act.replace('_', '-')}` | {where} | `{STEP_REFUSALS[act]}` |")
    return "\n".join(lines) + "\n"


def _connections() -> str:
    lines = ["| status | | means | calls are made |", "|---|---|---|---|"]
    for status, facts in CONNECTION_STATUSES.items():
        lines.append(f"| `{status}` | {facts.mark} | {facts.meaning} | {'yes' if facts.usable else 'no'} |")
    return "\n".join(lines) + "\n"


def _changes() -> str:
    lines = ["| from | event | to |", "|---|---|---|"]
    for source, row in CONNECTION_TRANSITIONS.items():
        lines += [f"| `{source or '-'}` | `{event}` | `{target or '-'}` |" for event, target in row.items()]
    return "\n".join(lines) + "\n"


def _holds() -> str:
    lines = ["| hold | means | released by |", "|---|---|---|"]
    for reason, rule in HOLD_RULES.items():
        lines.append(f"| `{reason}` | {rule.meaning} | {_release(rule)} |")
    return "\n".join(lines) + "\n"


def _release(rule: HoldRule) -> str:
    """What releases a hold; a rule whose verb is not there yet says so instead of naming it."""
    blanks = {"run": "RUN", "step": "STEP", "workflow": "WORKFLOW", "connection": "NAME"}
    commands = [command.format(**blanks) for command in (rule.command, rule.cured) if command]
    known = bool(commands) and commands[0].split()[1] in VERBS
    ways = [" then ".join(f"`{command}`" for command in commands)] if known else []
    ways += [rule.event] if rule.event else []
    missing = "" if known or not commands else "its verb is not available yet"
    return "; ".join(filter(None, (" or ".join(ways), missing)))


def _details(table: Mapping[str, str]) -> str:
    return (
        "\n".join(["| detail | means |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in table.items())])
        + "\n"
    )


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


def _vocabularies() -> list[Vocabulary]:
    return [vocabulary_of(name, FOLDER) for name in bundled()]


def _words(columns: list[tuple[str, Mapping[str, Words]]]) -> str:
    lines = ["| status | " + " | ".join(f"`{name}`" for name, _ in columns) + " |", "|---|" + "---|" * len(columns)]
    for status in columns[0][1]:
        lines += [f"| `{status}` | " + " | ".join(_named(table[status]) for _, table in columns) + " |"]
    return "\n".join(lines) + "\n"


def _named(words: Words) -> str:
    """`Failed` (step_failed), else `Waiting`."""
    details: dict[str, list[str]] = {}
    for detail, word in words.items():
        if detail != ELSE:
            details.setdefault(word, []).append(detail)
    special = [f"{word} ({', '.join(under)})" for word, under in details.items()]
    return ", ".join([*special, f"else {words[ELSE]}" if special else words[ELSE]])
