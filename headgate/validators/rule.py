"""What a rule is, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from headgate.compiler.callees import Callees
from headgate.compiler.effects import Effect, Surroundings, effect_of
from headgate.compiler.graph import Graph, Node
from headgate.compiler.written import Written
from headgate.diagnostics import Diagnostic, Fix, Label, Severity, WitnessStep
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Source, Span
from headgate.validators.toolcalls import ToolCall
from headgate.validators.values import Block, ValueFault
from headgate.workspace import Answer, Lock, Workspace


class NotChecked(NamedTuple):
    """A rule could not look at `span`; the gate reports it as HG904, which never counts as a pass.

    `reason` follows on "was not checked: " and names what is missing; `advice` says how to make it checkable.
    """

    reason: str
    span: Span
    advice: str = ""


Finding: TypeAlias = Diagnostic | NotChecked
Live: TypeAlias = Callable[[tuple[str, ...]], Mapping[str, Answer]]


class Context(NamedTuple):
    """What every rule sees of one workflow. No rule sees what another one does.

    `steps` are all steps of the workflow, nested ones after the step that holds them; `written` is what each says, by
    its `id`. `blocks` are all things with attributes, `calls` those that call a tool, `faults` what is wrong with their
    values. `workspace` is the one of the environment asked for, named by `environment`. `lock` is None without a lock
    file. `graphs` are those of all workflows of the file by name. `workflows` finds the workflows of the workspace,
    name to file; it reads files, so ask it last. `day` tells the date; who asks for either has an answer that lasts no
    longer than what it asked for. `live` asks instances by name what they say of their tools now, None when nobody
    wants to know; `drift` is how much it weighs when that is not what the lock says. `callees` finds the workflows that
    steps call, also in other files. `effects` are those that were asked for, by the `id` of their node.
    """

    source: Source
    file: ast.File
    workflow: ast.Workflow
    steps: tuple[ast.Step, ...]
    written: Mapping[int, Written]
    blocks: tuple[Block, ...]
    faults: tuple[ValueFault, ...]
    graph: Graph
    workspace: Workspace
    lock: Lock | None
    workflows: Callable[[], Mapping[str, str]]
    graphs: Mapping[str, Graph]
    environment: str | None
    day: Callable[[], str]
    live: Live | None
    drift: Severity
    callees: Callees
    calls: tuple[ToolCall, ...]
    effects: dict[int, Effect]

    def said(self, step: ast.Step) -> Written:
        """A step's attributes, with positionals and fence sorted in."""
        return self.written[id(step)]

    def effect(self, node: Node) -> Effect:
        """What a step does to the world, who says so, and whether it may be repeated."""
        found = self.effects.get(id(node))
        if found is None:
            found = self.effects[id(node)] = effect_of(node, Surroundings(self.workspace, self.lock, self.graphs))
        return found

    @property
    def today(self) -> str:
        """The day of the check, an ISO date."""
        return self.day()

    @property
    def is_first(self) -> bool:
        """True for the first workflow of its file: rules about the whole file speak there."""
        return self.workflow is self.file.workflows[0]


Check: TypeAlias = Callable[[Context], Iterator[Finding]]


class Rule(NamedTuple):
    """One row of the gate's table.

    `wrong` and `right` are whole `.flow` texts, shown by `explain` and run as tests: `wrong` has this finding and no
    other error, `right` has none. `workspace` (headgate.toml), `lock` (headgate.lock), `environment` and `live` (the
    lock that the servers would give now) are what both are checked with.
    `severity` is what the rule reports unless it says otherwise.
    """

    code: str
    name: str
    severity: Severity
    summary: str
    explanation: str
    wrong: str
    right: str
    check: Check
    workspace: str = ""
    lock: str = ""
    environment: str | None = None
    live: str = ""

    def finding(  # noqa: PLR0913 - the parts of a finding, most of them by name and rare
        self,
        message: str,
        span: Span,
        *,
        note: str = "",
        labels: tuple[Label, ...] = (),
        advice: str = "",
        fixes: tuple[Fix, ...] = (),
        witness: tuple[WitnessStep, ...] = (),
        severity: Severity | None = None,
    ) -> Diagnostic:
        """A finding of this rule, of its own severity unless another is given.

        `note` stands behind the carets; `advice` is the help line; `witness` is the path that proves it. Each is one
        line: a line break inside a name that it repeats is written out.
        """
        weight = self.severity if severity is None else severity
        said, behind, helps = on_one_line(message), on_one_line(note), on_one_line(advice)
        return Diagnostic(self.code, self.name, weight, said, span, behind, labels, witness, helps, fixes)


def on_one_line(text: str) -> str:
    """The text with its line breaks written out."""
    return text.replace("\n", "\\n").replace("\r", "\\r") if "\n" in text or "\r" in text else text


def found_elsewhere(context: Context) -> Iterator[Finding]:
    """The check of a rule whose findings come from the parser or from the gate itself."""
    del context
    return iter(())


def all_steps(steps: tuple[ast.Step, ...]) -> Iterator[ast.Step]:
    """Every step, each followed by the steps nested in it."""
    for step in steps:
        yield step
        if step.steps:
            yield from all_steps(step.steps)
