"""The gate for one text: parse, build, run every rule, weigh suppressions. One function, one answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headgate import kinds
from headgate.compiler import graph as graphs
from headgate.compiler.callees import Beside, Callees, Elsewhere, nowhere
from headgate.compiler.written import of_step
from headgate.diagnostics import Diagnostic, Severity
from headgate.grammar import ast
from headgate.grammar.parse import parse
from headgate.records import NamedTuple
from headgate.source import Source, Span
from headgate.validators import registry, suppressions
from headgate.validators.edits import with_line_ends
from headgate.validators.report import Gap
from headgate.validators.rule import Context, Live, NotChecked, all_steps
from headgate.validators.selection import Selection
from headgate.validators.table import TABLE
from headgate.validators.toolcalls import tool_calls
from headgate.validators.values import blocks, value_faults
from headgate.workspace import Lock, Workspace

_SYNTAX = ("HG001", "HG002")


class Setting(NamedTuple):
    """What a text is checked against. `workspace` is already the one of `environment`; `today` is an ISO date.

    `workflows` finds the workflows of the workspace, name to file; it is asked only when a rule needs to know. So is
    `live`, what instances say of their tools now; None asks nobody. `drift` weighs a difference from the lock.
    `elsewhere` finds the file of the workspace that holds a workflow of a name.
    """

    workspace: Workspace
    lock: Lock | None
    environment: str | None
    today: str
    selection: Selection = Selection()
    workflows: Callable[[], Mapping[str, str]] = dict
    live: Live | None = None
    drift: Severity = Severity.WARNING
    elsewhere: Elsewhere = nowhere


class Examined(NamedTuple):
    """What the gate made of one text. `graphs` has one graph for each workflow of `file`, in order.

    `diagnostics` are sorted by place; `skipped` are the codes of rules that could not run, `gaps` say why, and `rules`
    is how many ran. `leans_on` says what the answer depends on beside the text and the setting: the `day`, the other
    `workflows`, the installed `kinds`.
    """

    file: ast.File
    graphs: tuple[graphs.Graph, ...]
    diagnostics: tuple[Diagnostic, ...]
    suppressed: tuple[Diagnostic, ...]
    skipped: tuple[str, ...]
    leans_on: frozenset[str]
    gaps: tuple[Gap, ...] = ()
    rules: int = 0


class _Asked:
    """Passes questions on to the setting, and remembers which were asked."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.about: set[str] = set()

    def day(self) -> str:
        self.about.add("day")
        return self._setting.today

    def workflows(self) -> Mapping[str, str]:
        self.about.add("workflows")
        return self._setting.workflows()

    def elsewhere(self, name: str) -> Beside | None:
        self.about.add("workflows")
        return self._setting.elsewhere(name)


def examine(source: Source, setting: Setting) -> Examined:
    """Everything the gate has to say about one text."""
    file, found = parse(source)
    built = [graphs.build(workflow) for workflow in file.workflows]
    by_name = {graph.workflow.name.text: graph for graph, _ in reversed(built)}
    asked = _Asked(setting)
    callees = Callees(by_name, source.path, asked.elsewhere)
    missed: list[tuple[str, NotChecked]] = []
    ran = {code for code in registry.codes() if setting.selection.runs(code)}
    concerned = registry.rules() if found else registry.concerned(source.text)  # a mended tree says more than its text
    rules = [rule for rule in concerned if rule.code in ran]
    for graph, problems in built:
        found += problems
        context = _context(source, file, graph, callees, setting, asked)
        if not all(kinds.is_ours(step.kind.text) for step in context.steps):
            asked.about.add("kinds")
        for rule in rules:
            for finding in rule.check(context):
                if isinstance(finding, NotChecked):
                    missed.append((rule.code, finding))
                else:
                    found.append(finding)
    skipped = sorted({code for code, _ in missed})
    found += _not_checked(missed) if missed else []
    selection = setting.selection
    looked_for = [diagnostic for diagnostic in _causes(found) if selection.runs(diagnostic.code)]
    outcome = suppressions.apply(source, file.comments, looked_for, ran.difference(skipped), asked.day)
    kept = [selection.weighed(one) for one in (*outcome.kept, *outcome.warnings) if selection.shows(one)]
    suppressed = [selection.weighed(one) for one in outcome.suppressed if selection.shows(one)]
    return Examined(
        file,
        tuple(graph for graph, _ in built),
        tuple(sorted(with_line_ends(source.text, kept), key=_place)),
        tuple(sorted(with_line_ends(source.text, suppressed), key=_place)),
        tuple(skipped),
        frozenset(asked.about),
        tuple(dict.fromkeys(Gap(code, miss.reason) for code, miss in missed)),
        len(ran.difference(skipped)),
    )


def contexts(source: Source, setting: Setting) -> tuple[Context, ...]:
    """What rules would see of each workflow of a text."""
    file, _ = parse(source)
    built = [graphs.build(workflow)[0] for workflow in file.workflows]
    asked = _Asked(setting)
    callees = Callees({graph.workflow.name.text: graph for graph in reversed(built)}, source.path, asked.elsewhere)
    return tuple(_context(source, file, graph, callees, setting, asked) for graph in built)


def _context(
    source: Source,
    file: ast.File,
    graph: graphs.Graph,
    callees: Callees,
    setting: Setting,
    asked: _Asked,
) -> Context:
    """What rules see of one workflow: the facts that several of them read, found once."""
    workflow = graph.workflow
    steps = tuple(all_steps(workflow.steps))
    nodes = tuple((step, graph.node(step)) for step in steps)
    said = tuple((step, of_step(step) if node is None else node.written) for step, node in nodes)
    all_blocks = blocks(workflow, said)
    return Context(
        source=source,
        file=file,
        workflow=workflow,
        steps=steps,
        written={id(step): written for step, written in said},
        blocks=all_blocks,
        faults=value_faults(workflow, all_blocks),
        graph=graph,
        workspace=setting.workspace,
        lock=setting.lock,
        workflows=asked.workflows,
        graphs=callees.here,
        environment=setting.environment,
        day=asked.day,
        live=setting.live,
        drift=setting.drift,
        callees=callees,
        calls=tuple(tool_calls(all_blocks, setting.workspace)),
        effects={},
    )


def _causes(found: list[Diagnostic]) -> list[Diagnostic]:
    """The findings without what only follows from a syntax error at the very same place."""
    broken = {diagnostic.span for diagnostic in found if diagnostic.code in _SYNTAX}
    return [one for one in dict.fromkeys(found) if one.code in _SYNTAX or one.span not in broken]


def _place(diagnostic: Diagnostic) -> tuple[Span, str]:
    return (diagnostic.span, diagnostic.code)


def _not_checked(missed: list[tuple[str, NotChecked]]) -> list[Diagnostic]:
    """One HG904 for each rule and reason, at the first place it concerns."""
    rule = registry.find("HG904")
    assert rule is not None, "the registry lists HG904"
    groups: dict[tuple[str, str], list[NotChecked]] = {}
    for code, miss in missed:
        groups.setdefault((code, miss.reason), []).append(miss)
    found = []
    for (code, reason), misses in groups.items():
        name = TABLE[code].name
        more = f" (and {len(misses) - 1} more places)" if len(misses) > 1 else ""
        message = f"`{code}` {name} was not checked: {reason}{more}"
        found.append(rule.finding(message, misses[0].span, advice=misses[0].advice))
    return found
