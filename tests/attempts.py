"""Attempts and worlds for tests of performers, made as the executor makes them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from headgate.plan import Json, JsonObject, PlanStep, Retry
from headgate.runtime.connections import World
from headgate.runtime.errors import StepError, StepFailure
from headgate.runtime.performers import Attempt, Departure, Log, perform
from headgate.workspace import EMPTY, Workspace


def step(kind: str, config: JsonObject, **changes: object) -> PlanStep:
    plain = PlanStep(
        name="it",
        kind=kind,
        title=None,
        owner=None,
        config=config,
        edges=(),
        join="all",
        when=None,
        enabled=True,
        retry=Retry(0, ()),
        timeout=10_000,
        on_failure=None,
        in_doubt="hold",
        reversibility="unknown",
        idempotency_key=None,
        result=None,
        gates=(),
        body=None,
    )
    return plain._replace(**changes)  # type: ignore[arg-type]


def attempt(
    kind: str,
    given: JsonObject,
    *,
    config: JsonObject | None = None,
    scope: Mapping[str, object] | None = None,
    key: str | None = None,
    output_schema: JsonObject | None = None,
    **changes: object,
) -> Attempt:
    """`given` is the rendered input; `config` is what the plan says, where the two differ."""
    plan_step = step(kind, given if config is None else config, **changes)
    return Attempt(
        run="01TEST",
        workflow="w",
        step="it",
        attempt=1,
        kind=kind,
        input=given,
        idempotency_key=key,
        timeout_ms=plan_step.timeout,
        plan_step=plan_step,
        output_schema=output_schema,
        scope=scope or {},
        departure=Departure(),
        log=Log(),
    )


def perform_all(
    *attempts: Attempt, workspace: Workspace = EMPTY, environ: Mapping[str, str] | None = None
) -> list[Json | StepError]:
    """Each attempt's result or error, one after the other in one world, which is closed again."""

    async def run() -> list[Json | StepError]:
        world = World(workspace, environ={} if environ is None else environ)
        try:
            return [await ended(one, world) for one in attempts]
        finally:
            await world.close()

    return asyncio.run(run())


async def ended(one: Attempt, world: World) -> Json | StepError:
    """The result, or the error of the failure."""
    try:
        return await perform(one, world)
    except StepFailure as failure:
        return failure.error
