"""`headgate validate`: the gate with the servers asked, and whether each binding can be used; nothing runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping

from headgate.api.diagnosing import Examined, Verdict, model_answer
from headgate.api.examining import checked_file, examine_source
from headgate.api.reading import Unreadable, read_source
from headgate.api.surroundings import Options, Surroundings
from headgate.api.targets import target_of
from headgate.records import NamedTuple
from headgate.runtime.connections import World
from headgate.validators import report as reports
from headgate.validators.bindings import secrets_used, used
from headgate.validators.gate import Setting, contexts
from headgate.validators.report import CheckReport
from headgate.validators.rule import Context
from headgate.workspace import Answer, Instance, Workspace


class Validation(NamedTuple):
    """The gate's report, and what was found of each binding.

    `exit_code` is the report's, or 1 when a binding cannot be used.
    """

    report: CheckReport
    bindings: tuple[Examined, ...]
    exit_code: int


def validate(target: str, options: Options) -> Validation:
    """Checks `FILE` or `FILE#NAME` with the servers asked, and looks at everything it binds to, in the environment.

    Without an environment, at the workspace's own bindings. Nothing is raised for what a user can do wrong.
    """
    options = options._replace(online=True, cache=False)
    surroundings = Surroundings(options)
    found = target_of(target, surroundings.start)
    shown = surroundings.shown(found.path)
    try:
        source = read_source(found.path, shown)
        examined = examine_source(source, found.path, surroundings)
        checked = checked_file(source, examined, found.workflow, strict=surroundings.is_strict(found.path))
    except Unreadable as reason:
        unread = CheckReport((), (reports.Unreadable(shown, str(reason)),), surroundings.faults)
        return Validation(unread, (), unread.exit_code(strict=options.strict))
    report = CheckReport((checked,), (), surroundings.faults)
    code = report.exit_code(strict=options.strict)
    if report.faults:
        return Validation(report, (), code)
    setting = surroundings.setting(found.path)
    wanted = [one for one in contexts(source, setting) if found.workflow in (None, one.workflow.name.text)]
    bindings = tuple(_bindings(wanted, setting))
    failed = any(one.verdict is Verdict.ERROR for one in bindings)
    return Validation(report, bindings, code or (1 if failed else 0))


def _bindings(wanted: list[Context], setting: Setting) -> Iterator[Examined]:
    workspace = setting.workspace
    names: dict[str, dict[str, None]] = {"instances": {}, "models": {}, "connections": {}, "agents": {}}
    for context in wanted:
        for one in used(context):
            names[one.section][one.name] = None
    world = World(workspace)
    yield from _secrets(wanted, world)
    yield from _defined("connection", names["connections"], workspace.connections, workspace)
    yield from _defined("agent", names["agents"], workspace.agents, workspace)
    yield from _models(names["models"], world)
    yield from _instances(tuple(names["instances"]), _tools(wanted), setting)


def _tools(wanted: list[Context]) -> dict[str, dict[str, None]]:
    """The tools of each instance that are called."""
    found: dict[str, dict[str, None]] = {}
    for context in wanted:
        for call in context.calls:
            if call.resolved and call.tool:
                found.setdefault(call.resolved, {})[call.tool] = None
    return found


def _secrets(wanted: list[Context], world: World) -> Iterator[Examined]:
    names = dict.fromkeys(name for context in wanted for name, _ in secrets_used(context))
    for name in names:
        missing = world.missing({"secrets": [name]})
        for message in missing:
            said, _, fix = message.partition(" is missing: ")
            yield Examined("secret", Verdict.ERROR, f"{said} is missing" if fix else message, fix or None)
        if not missing:
            yield Examined("secret", Verdict.FINE, f"`{name}` can be read")


def _defined(
    subject: str, names: Iterable[str], known: Mapping[str, object], workspace: Workspace
) -> Iterator[Examined]:
    for name in names:
        if name in known:
            yield Examined(subject, Verdict.FINE, f"`{name}` is defined")
        else:
            fix = f"define it in headgate.toml: `[{subject}s.{name}]`"
            yield Examined(subject, Verdict.ERROR, f"`{name}` is not defined{_where(workspace)}", fix)


def _models(names: Iterable[str], world: World) -> Iterator[Examined]:
    for name in names:
        model = world.workspace.models.get(name)
        if model is None:
            fix = f"define it in headgate.toml: `[models.{name}]`"
            yield Examined("model", Verdict.ERROR, f"`{name}` has no binding{_where(world.workspace)}", fix)
            continue
        missing = world.missing({"models": [name]})
        for message in missing:
            yield Examined("model", Verdict.ERROR, message, f"correct `api_key` of [models.{name}]")
        if not missing:
            yield asyncio.run(model_answer(model, world))._replace(subject="model")


def _instances(names: tuple[str, ...], tools: dict[str, dict[str, None]], setting: Setting) -> Iterator[Examined]:
    workspace = setting.workspace
    assert setting.live is not None, "a validation asks the servers"
    answers = setting.live(names)
    for name in names:
        instance = workspace.instances.get(name)
        if instance is None:
            fix = f"define it in headgate.toml: `[instances.{name}]`"
            yield Examined("instance", Verdict.ERROR, f"`{name}` has no binding{_where(workspace)}", fix)
        else:
            yield _instance(instance, answers.get(name), tuple(tools.get(name, ())), workspace)


def _instance(instance: Instance, answer: Answer | None, called: tuple[str, ...], workspace: Workspace) -> Examined:
    name = instance.name
    if not instance.active:
        fix = 'set its `profile` to `"active"` in headgate.toml'
        return Examined("instance", Verdict.ERROR, f"`{name}` is inactive{_where(workspace)}", fix)
    if instance.connection is not None and instance.connection not in workspace.connections:
        message = (
            f"`{name}` is wired to the connection `{instance.connection}`, which is not defined{_where(workspace)}"
        )
        fix = f"define it in headgate.toml: `[connections.{instance.connection}]`"
        return Examined("instance", Verdict.ERROR, message, fix)
    if answer is None or answer.tools is None:
        said = (answer.fault if answer else None) or f"`{name}` was not asked"
        return Examined("instance", Verdict.ERROR, said, f"correct [instances.{name}] in headgate.toml, or start it")
    lacking = [tool for tool in called if tool not in answer.tools]
    if lacking:
        listed = ", ".join(f"`{tool}`" for tool in lacking)
        fix = "correct the step, or the server; `headgate lock` writes down what it has"
        return Examined("instance", Verdict.ERROR, f"`{name}` answers, and does not have {listed}", fix)
    wired = f", by the connection `{instance.connection}`" if instance.connection is not None else ""
    count = len(answer.tools)
    listed = f"{count} tool{'' if count == 1 else 's'}"
    return Examined("instance", Verdict.FINE, f"`{name}` is active and answers{wired}, with {listed}")


def _where(workspace: Workspace) -> str:
    return "" if workspace.environment is None else f" in environment `{workspace.environment}`"
