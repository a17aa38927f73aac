"""What a plan consists of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from headgate.records import NamedTuple

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"
JsonObject: TypeAlias = "dict[str, Json]"

FORMAT = "headgate.plan/1"
ENTRY = "$entry"
RAW = "$raw"


class PlanEdge(NamedTuple):
    """`source` is the step it leaves. `on` is `completed`, `failed`, `denied`, `finished`, `read`, `case` or `else`.

    `case` is the case's number, counted from 0, when `on` is `case`. `star` marks an edge that came from `*`: a
    `finished` one is also live when its step was blocked.
    """

    source: str
    on: str
    case: int | None = None
    star: bool = False


class Retry(NamedTuple):
    """`max` retries after the first attempt; `backoff` in ms, its last entry repeated."""

    max: int
    backoff: tuple[int, ...]


class PlanGate(NamedTuple):
    """`kind` is `approval` or `review`, `when` is `before` or `after`; `expires` in ms.

    `ask` is a template; `assignees` and `escalate_to` are lists of names, each of which or the whole may be a template.
    """

    kind: str
    when: str
    ask: Json
    assignees: Json
    expires: int
    on_expiry: str
    escalate_to: Json
    channel: str


class PlanBody(NamedTuple):
    """The nested steps of a loop."""

    steps: Mapping[str, PlanStep]
    order: tuple[str, ...]


class PlanStep(NamedTuple):
    """One step. Times are ms. `config` holds the kind's attributes, its texts templates.

    A text in `config`, `when`, `idempotency_key` or a gate that contains `{{` is a template; `{"$raw": value}` stands
    for the value itself, whatever it contains. `title`, `owner`, `when`, `timeout`, `on_failure`, `idempotency_key`,
    `result` and `body` are None when not given; `on_failure` None means the workflow's.
    """

    name: str
    kind: str
    title: str | None
    owner: str | None
    config: JsonObject
    edges: tuple[PlanEdge, ...]
    join: str
    when: str | None
    enabled: bool
    retry: Retry
    timeout: int | None
    on_failure: str | None
    in_doubt: str
    reversibility: str
    idempotency_key: Json
    result: JsonObject | None
    gates: tuple[PlanGate, ...]
    body: PlanBody | None


class Policies(NamedTuple):
    """`timeout` and `deadline` in ms."""

    on_failure: str
    timeout: int
    deadline: int | None
    throughput: JsonObject | None
    concurrency: JsonObject | None
    resume_on_reconnect: bool


class Plan(NamedTuple):
    """A checked plan. `inputs` is a JSON Schema of type object; `outputs` maps names to templates."""

    workflow: str
    title: str | None
    digest: str
    entry: str
    inputs: JsonObject
    vars: JsonObject
    triggers: JsonObject
    policies: Policies
    requires: JsonObject
    steps: Mapping[str, PlanStep]
    order: tuple[str, ...]
    outputs: JsonObject
    source: JsonObject


class PlanIntegrity(Exception):  # noqa: N818 - it names a code of the error table
    """A plan that must not run (`PLAN_INTEGRITY`). `fault` is the first thing wrong; the text is a whole sentence."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        super().__init__(
            f"the plan is damaged: {fault}; "
            "this is a fault of the plan and not of the workflow's author: compile it again"
        )
