"""What the lock says of published workflows: the inputs and outputs of those that the workspace's files call."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from headgate.api.neighbours import flow_files
from headgate.api.reading import Unreadable, read_source
from headgate.api.site import Site
from headgate.plan import Plan, PlanIntegrity
from headgate.runtime.loading import PlanShelf

if TYPE_CHECKING:
    from headgate.plan import JsonObject


def published_callees(site: Site, before: JsonObject) -> JsonObject:
    """By name, for each workflow that is called here: its active version's interface, else what the lock said of it."""
    names = called_workflows(site)
    found: JsonObject = {name: before[name] for name in names if name in before}
    if not names:
        return found
    with site.reading() as read:
        if read is None:
            return found
        shelf = PlanShelf(read)
        for name in names:
            version = read.workflow_state(name).active_version
            if version is not None:
                with suppress(PlanIntegrity):
                    found[name] = interface_of(shelf.plan(version.plan_digest))
    return found


def interface_of(plan: Plan) -> JsonObject:
    """The JSON Schemas of what a workflow takes and of what it gives."""
    from headgate.compiler.plan_types import output_types, to_schema

    outputs = {name: to_schema(found) for name, found in output_types(plan).items()}
    given: JsonObject = {"type": "object", "properties": {**outputs}, "additionalProperties": False}
    return {"inputs": plan.inputs, "outputs": given}


def called_workflows(site: Site) -> tuple[str, ...]:
    """The names in the `call` steps of the workspace's files, sorted; files that cannot be read call nothing."""
    from headgate.compiler.written import of_step
    from headgate.grammar.parse import parse
    from headgate.validators.rule import all_steps

    names: set[str] = set()
    for path in flow_files(site.root):
        with suppress(Unreadable):
            source = read_source(path, path.name)
            if "call" not in source.text:
                continue
            for workflow in parse(source)[0].workflows:
                for step in all_steps(workflow.steps):
                    if step.kind.text == "call":
                        name = of_step(step).word("workflow")
                        names |= {name} if name else set()
    return tuple(sorted(names))
