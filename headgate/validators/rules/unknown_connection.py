"""HG404: a connection that headgate.toml does not define."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Fix, Severity, nearest, replace
from headgate.source import Span
from headgate.validators.bindings import bound_elsewhere
from headgate.validators.names import written
from headgate.validators.rule import Context, Finding, Rule
from headgate.workspace import Workspace, for_environment


def check(context: Context) -> Iterator[Finding]:
    for block in context.blocks:
        known = block.written.known("connection")
        name = block.written.word("connection")
        value = block.written.get("connection")
        if name and bound_elsewhere(context.workspace, "connections", name):
            continue  # HG405 says it
        if known is not None and name and value is not None and name not in context.workspace.connections:
            yield _finding(context.workspace, f"connection not resolved: `{name}`", name, value.span, fixable=True)
    places = _first_uses(context)
    for workspace in _environments(context.workspace):
        for instance, place in list(places.items()):
            bound = workspace.instances.get(instance)
            if bound is None or bound.connection is None or bound.connection in workspace.connections:
                continue
            where = f" in environment `{workspace.environment}`" if workspace.environment else ""
            message = f"instance `{instance}` names the connection `{bound.connection}`{where}, which is not defined"
            yield _finding(workspace, message, bound.connection, place, fixable=False)
            del places[instance]  # once, whatever environments have the same


def _first_uses(context: Context) -> dict[str, Span]:
    """Where each instance is first called."""
    places: dict[str, Span] = {}
    for call in context.calls:
        place = call.instance_place or call.url_place
        if call.resolved is not None and place is not None:
            places.setdefault(call.resolved, place)
    return places


def _environments(workspace: Workspace) -> Iterator[Workspace]:
    """The workspace, and with no environment chosen also what each environment makes of it."""
    yield workspace
    if workspace.environment is None:
        for name in workspace.environments:
            yield for_environment(workspace, name)


def _finding(workspace: Workspace, message: str, name: str, place: Span, *, fixable: bool) -> Finding:
    known = tuple(workspace.connections)
    guess = nearest(name, known)
    listed = ", ".join(f"`{one}`" for one in known) or "none"
    expected = f"did you mean `{guess}`?" if guess else f"headgate.toml defines {listed}"
    fixes: tuple[Fix, ...] = (replace(f"write `{guess}`", place, written(guess)),) if guess and fixable else ()
    advice = f"define it in headgate.toml: `[connections.{name}]`"
    return RULE.finding(f"{message}; {expected}", place, note="no such connection", advice=advice, fixes=fixes)


RULE = Rule(
    code="HG404",
    name="unknown-connection",
    severity=Severity.ERROR,
    summary="an instance, a step or an override that names no connection",
    explanation="""\
A connection is an account at a provider, defined under `[connections]` in `headgate.toml`. A step, an instance or an
environment's override that names one which is not there could not be authorised.""",
    wrong="""\
workflow ship {
  step book = http GET "https://api.example.com/slots" { connection = dhl_tset }
}
""",
    right="""\
workflow ship {
  step book = http GET "https://api.example.com/slots" { connection = dhl_test }
}
""",
    check=check,
    workspace='[connections.dhl_test]\napp = "DHL"\n',
)
