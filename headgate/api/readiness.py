"""What stands between a plan and its run: things this version does not run, and bindings this machine lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headgate.plan import Plan, PlanStep
from headgate.workspace import Workspace

_KINDS = {"memory": "memory steps"}


def not_run_yet(plan: Plan, workspace: Workspace) -> str | None:
    """A sentence about the first thing in the plan that this version does not run; None when all of it runs."""
    return next(_reasons(plan, workspace), None)


def _reasons(plan: Plan, workspace: Workspace) -> Iterator[str]:
    yield from _of_steps(plan.steps)
    yield from _of_connections(plan, workspace)


def _of_steps(steps: Mapping[str, PlanStep]) -> Iterator[str]:
    for name, step in steps.items():
        if step.kind in _KINDS:
            yield f"step `{name}` is of kind `{step.kind}`: {_KINDS[step.kind]} are not run yet"
        if step.kind == "http" and step.config.get("connection") is not None:
            yield f"step `{name}` has `connection`: connections are not run yet; send a secret in `headers`"
        if step.body is not None:
            yield from _of_steps(step.body.steps)


def _of_connections(plan: Plan, workspace: Workspace) -> Iterator[str]:
    instances = plan.requires.get("instances")
    for name in instances if isinstance(instances, list) else []:
        instance = workspace.instances.get(str(name))
        if instance is not None and instance.connection is not None:
            yield (
                f"the instance `{name}` is wired to the connection `{instance.connection}`: connections are not run "
                "yet; give the server its secret by `headers` or `env`"
            )
