"""What limits a workflow's runs: its own attributes, the workspace's `[limits]`, what `limits set` laid over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headgate.plan import Json, JsonObject, Policies
from headgate.records import NamedTuple
from headgate.runtime.breakers import WORKSPACE
from headgate.runtime.budgets import Period, micro_of
from headgate.workspace import Limits

SOFT_SHARE = 0.8
RELEASED_AT_LEAST = 10
LIMIT_SET, LIMIT_RESET = "limit_set", "limit_reset"


class Throughput(NamedTuple):
    """At most `most` runs are started in any span of `per` ms; one more trips the breaker."""

    most: int
    per: int


class Spend(NamedTuple):
    """`cap` in micro-USD for each `period`; from `soft` (a share of it) on it is near."""

    scope: str
    cap: int
    soft: float
    period: Period

    @property
    def near(self) -> int:
        """From how many micro-USD on the cap is near."""
        return micro_of(self.cap * self.soft / 1_000_000)


class Credits(NamedTuple):
    trial: int
    included: int
    payg: bool


class Concurrency(NamedTuple):
    """`key` is a template or None; `on_limit` is `queue`, `skip` or `cancel_running`."""

    most: int
    key: Json
    on_limit: str


class Terms(NamedTuple):
    """Everything that a run of one workflow must pass before it starts. `on_quota` is `fail` or `hold`."""

    throughput: Throughput | None
    spends: tuple[Spend, ...]
    credits: Credits | None
    concurrency: Concurrency | None
    backlog: int
    on_quota: str

    @property
    def free(self) -> bool:
        """Nothing limits it."""
        return not (self.throughput or self.spends or self.credits or self.concurrency)


class Overrides(NamedTuple):
    """What `limits set` laid over the files: by (scope, limit), the table that goes before theirs."""

    tables: Mapping[tuple[str, str], JsonObject] = {}


def fold_overrides(happened: Iterable[tuple[str, JsonObject]]) -> Overrides:
    """The overrides after these (type, data) of the journal `limits`; the last word on each limit counts."""
    tables: dict[tuple[str, str], JsonObject] = {}
    for kind, data in happened:
        key = (str(data.get("scope", WORKSPACE)), str(data.get("limit")))
        table = data.get("table")
        if kind == LIMIT_SET and isinstance(table, dict):
            tables[key] = table
        elif kind == LIMIT_RESET:
            tables.pop(key, None)
    return Overrides(tables)


def terms_of(limits: Limits, overrides: Overrides, workflow: str, policies: Policies | None) -> Terms:
    """What limits the runs of `workflow`. For the throughput, the nearer goes first: what was set for the workflow, its
    attribute, its table under `[limits.workflows]`, what was set for the workspace, the workspace's own.
    """
    own = limits.workflows.get(workflow, {})
    throughputs = (
        overrides.tables.get((workflow, "throughput")),
        None if policies is None else policies.throughput,
        own.get("throughput"),
        overrides.tables.get((WORKSPACE, "throughput")),
        limits.throughput,
    )
    throughput = next((table for table in throughputs if isinstance(table, dict)), None)
    return Terms(
        throughput=None if throughput is None else Throughput(_whole(throughput["max"]), _whole(throughput["per"])),
        spends=spends_of(limits, overrides, workflow),
        credits=credits_of(limits),
        concurrency=None if policies is None else _concurrency(policies.concurrency),
        backlog=limits.backlog,
        on_quota=limits.on_quota,
    )


def spends_of(limits: Limits, overrides: Overrides, workflow: str) -> tuple[Spend, ...]:
    """The caps that a run of `workflow` counts to: the workspace's and its own, as far as there are any."""
    found = [
        spend_of(limits, overrides, WORKSPACE),
        None if workflow == WORKSPACE else spend_of(limits, overrides, workflow),
    ]
    return tuple(spend for spend in found if spend is not None)


def spend_of(limits: Limits, overrides: Overrides, scope: str) -> Spend | None:
    """The cap of one scope, with what was set laid over what is written."""
    written = limits.spend if scope == WORKSPACE else limits.workflows.get(scope, {}).get("spend")
    laid = overrides.tables.get((scope, "spend"))
    table = {**(written if isinstance(written, dict) else {}), **(laid or {})}
    cap, soft = table.get("cap"), table.get("soft")
    if not isinstance(cap, int | float):
        return None
    share = float(soft) if isinstance(soft, int | float) else SOFT_SHARE
    return Spend(scope, micro_of(cap), share, Period(str(table.get("period") or Period.MONTH)))


def scopes_of(limits: Limits, overrides: Overrides) -> tuple[str, ...]:
    """Every scope that has a cap on money."""
    named = [WORKSPACE, *limits.workflows, *(scope for scope, limit in overrides.tables if limit == "spend")]
    return tuple(scope for scope in dict.fromkeys(named) if spend_of(limits, overrides, scope) is not None)


def credits_of(limits: Limits) -> Credits | None:
    table = limits.credits
    if table is None:
        return None
    return Credits(_whole(table.get("trial")), _whole(table.get("included")), table.get("payg") is True)


def paced(number: int, throughput: Throughput | None) -> int:
    """How many ms after a release the held run of that number (from 0) may start: in lots, one in each span."""
    if throughput is None:
        return 0
    return number // max(throughput.most, RELEASED_AT_LEAST) * throughput.per


def _concurrency(table: JsonObject | None) -> Concurrency | None:
    if table is None:
        return None
    return Concurrency(_whole(table["max"]), table.get("key"), str(table.get("on_limit") or "queue"))


def _whole(value: Json) -> int:
    return int(value) if isinstance(value, int | float) else 0
