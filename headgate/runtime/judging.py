"""An operator's acts, judged by the tables of status.py. Pure: the records say what to append, nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from headgate.plan import JsonObject
from headgate.runtime.commands import Abort, Record
from headgate.runtime.state import RunState
from headgate.runtime.acts import RefusalCode

People: TypeAlias = "Mapping[str, Sequence[str]]"


class Request(NamedTuple):
    """What somebody asks for.

    `verb` is `pause`, `resume`, `cancel`, `stop`, `retry`, `skip`, `confirm`, `force_advance`, `redrive`, `replay`, `fork`,
    `approve` or `deny`. `step` is a path (for approve and deny a way to name the task; for redrive the step of `--from`);
    `task` an approval's id. `args`: retry {edit: {attribute: value}}; skip and confirm {output}; confirm {done: bool};
    approve and deny {comment}; redrive {yes: bool}; stop {graceful: bool}.
    """

    verb: str
    actor: str
    step: str | None = None
    task: str | None = None
    args: JsonObject = {}
    reason: str | None = None
    request_id: str | None = None


class Accepted(NamedTuple):
    """Append `records` in order, evolve each, and carry `aborts` out after the commit. `answer` is one sentence.

    `again` names the steps that a redrive runs again, for its preview.
    """

    records: tuple[Record, ...]
    answer: str
    aborts: tuple[Abort, ...] = ()
    again: tuple[str, ...] = ()


class NoOp(NamedTuple):
    """Nothing to append: it is so already, or the same request came before. `answer` is the first answer."""

    answer: str


class Refusal(NamedTuple):
    """The table does not allow it; `message` names what is allowed instead."""

    code: RefusalCode
    message: str


Verdict: TypeAlias = "Accepted | NoOp | Refusal"


def judge(state: RunState, request: Request, now_ms: int, people: People | None = None) -> Verdict:
    """What the status model says to `request`. `people` is the workspace's groups; None or empty checks nobody."""
    raise NotImplementedError
