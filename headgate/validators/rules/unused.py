"""HG211: an input, a constant or a step's result that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import Node
from headgate.compiler.sorting import entry_attribute
from headgate.compiler.uses import HANDLED, uses
from headgate.compiler.written import of_step
from headgate.diagnostics import Edit, Fix, Safety, Severity
from headgate.grammar import ast
from headgate.kinds import SAFE, UNKNOWN
from headgate.validators import foreign
from headgate.validators.edits import whole_item, without_entry
from headgate.validators.mentions import Mentions, mentions
from headgate.validators.rule import Context, Finding, Rule, all_steps
from headgate.validators.scripts import ReadScript, read_scripts
from headgate.validators.templates import loops_around

_CALLS = frozenset({"http", "mcp", "agent", "call"})
_PURE = frozenset({"set", "lua", "llm"})
_CHECKING = frozenset({"error", "assert"})


def check(context: Context) -> Iterator[Finding]:
    workflow = context.workflow
    if workflow.broken or any(step.broken for step in context.steps):
        return  # what was not understood may read anything
    found = mentions(context)
    if _is_unclear(context, found):
        return  # what it was meant to be is not known; other rules say it
    yield from _inputs(context, found)
    yield from _lets(context, found)
    yield from _steps(context, found)


def _is_unclear(context: Context, found: Mentions) -> bool:
    """Whether something is named that is not there, or a template cannot be read."""
    if found.strangers or any(use.expression is None for use in uses(context.graph)):
        return True
    nodes = [node for scope in context.graph.scopes for node in scope.nodes.values()]
    known = {
        "inputs": frozenset(one.name.text for one in context.workflow.inputs),
        "vars": frozenset(let.name.text for let in context.workflow.lets),
        "steps": frozenset(step.name.text for step in context.steps),
    }
    if any(name not in known[root] for root, name in found.names):
        return True
    return any(node.dangling or _edges_elsewhere(node.step) for node in nodes)


def _inputs(context: Context, found: Mentions) -> Iterator[Finding]:
    unread = [one for one in context.workflow.inputs if not found.has("inputs", one.name.text)]
    maps = list(_given(context)) if unread else []
    text = context.source.text
    for one in unread:
        name = one.name.text
        edits = [Edit(whole_item(text, one.span), "")]
        for given in maps:
            edits += [Edit(without_entry(text, given, entry), "") for entry in given.entries if entry.key.text == name]
        yield RULE.finding(
            f"nothing reads the input `{name}`",
            one.name.span,
            note="never read",
            advice=f"read it as `inputs.{name}`, or remove it",
            fixes=(Fix(f"remove the input `{name}`", Safety.UNSAFE, tuple(edits)),),
        )


def _given(context: Context) -> Iterator[ast.Map]:
    """Where triggers, and calls from this file, give values to inputs."""
    maps = [block.written.get("inputs") for block in context.blocks if block.sort == "trigger"]
    for workflow in context.file.workflows:
        for step in all_steps(workflow.steps):
            if step.kind.text == "call":
                written = of_step(step)
                if written.word("workflow") == context.workflow.name.text:
                    maps.append(written.get("inputs"))
    for given in maps:
        if isinstance(given, ast.Map):
            yield given


def _lets(context: Context, found: Mentions) -> Iterator[Finding]:
    for let in context.workflow.lets:
        name = let.name.text
        if not found.has("vars", name):
            edit = Edit(whole_item(context.source.text, let.span), "")
            yield RULE.finding(
                f"nothing reads the constant `{name}`",
                let.name.span,
                note="never read",
                advice=f"read it as `vars.{name}`, or remove it",
                fixes=(Fix(f"remove `let {name}`", Safety.UNSAFE, (edit,)),),
            )


def _steps(context: Context, found: Mentions) -> Iterator[Finding]:
    workflow = context.workflow
    nodes = [node for scope in context.graph.scopes for node in scope.nodes.values()]
    if not (workflow.outputs or any(_acts(context, node) for node in nodes)):
        return  # where nothing is done and nothing returned, computing is what the run is for
    awaited = {(id(node.scope), edge.source) for node in nodes for edge in node.control if not edge.star}
    entry = entry_attribute(context.workflow)
    checking = {id(script.site.step) for script in read_scripts(context) if _checks(script)}
    for node in nodes:
        if not _computes(context, node) or found.has("steps", node.name) or id(node.step) in checking:
            continue
        if (id(node.scope), node.name) in awaited or (entry is not None and _word(entry) == node.name):
            continue
        if not _has_another_point(context, node, found):
            yield _unread(context, node)


def _computes(context: Context, node: Node) -> bool:
    """Whether all that a step is for is its result."""
    match node.kind:
        case "http" | "mcp":
            return context.effect(node).reversibility == SAFE
        case "memory":
            return context.said(node.step).word("action") == "search"
        case "human":
            return context.said(node.step).word("kind") == "form"
        case kind:
            return kind in _PURE


def _acts(context: Context, node: Node) -> bool:
    """Whether a step does something to the world; of a tool nothing is known without a lock."""
    if node.kind == "memory":
        return context.said(node.step).word("action") == "put"
    if node.kind not in _CALLS:
        return False
    reversibility = context.effect(node).reversibility
    return reversibility != SAFE and not (node.kind == "mcp" and reversibility == UNKNOWN and context.lock is None)


def _checks(script: ReadScript) -> bool:
    """Whether a script may be there to fail."""
    return any(read.name in _CHECKING for read in script.names.reads)


def _has_another_point(context: Context, node: Node, found: Mentions) -> bool:
    """Whether a step is for something else than its result: it takes up a failure, asks, checks, or is switched off.

    The result of a loop holds those of its steps.
    """
    step, said = node.step, context.said(node.step)
    if step.gates or any(edge.on in HANDLED for edge in step.edges) or said.get("enabled") is not None:
        return True
    if any(edge.origin == "case" for edge in node.control):
        return True  # a branch leads somewhere
    if node.kind in ("http", "mcp") and (said.get("expect") is not None or said.get("result") is not None):
        return True
    return any(found.has("steps", loop.name) for loop in loops_around(node.scope))


def _edges_elsewhere(step: ast.Step) -> bool:
    """Whether a step has edges as other tools write them."""
    return any(one.name.text in foreign.EDGES or one.name.text in foreign.FOLLOWERS for one in step.attributes)


def _word(value: ast.Value) -> str | None:
    if isinstance(value, ast.Word):
        return value.text
    return value.plain if isinstance(value, ast.Text) else None


def _unread(context: Context, node: Node) -> Finding:
    fixes: tuple[Fix, ...] = ()
    if len(node.scope.nodes) > 1:
        edit = Edit(whole_item(context.source.text, node.step.span), "")
        fixes = (Fix(f"remove the step `{node.name}`", Safety.UNSAFE, (edit,)),)
    return RULE.finding(
        f"nothing reads the result of `{node.name}`, which does nothing else",
        node.step.name.span,
        note="never read",
        advice=f"read it as `steps.{node.name}.result`, give it to `output`, or remove the step",
        fixes=fixes,
    )


RULE = Rule(
    code="HG211",
    name="unused",
    severity=Severity.NOTE,
    summary="an input, a `let` or a step's result that nothing reads",
    explanation="""\
What nobody reads is often a reference that was forgotten, or is left from before. Of steps, only those are meant that
compute and do nothing else: `set`, `lua`, `llm`, a safe call, a search, a form; and not those that another step waits
for, that a case leads to or that take up a failure. In a workflow that neither does nor returns anything, computing is
what the run is for.""",
    wrong="""\
workflow order {
  input number: string
  input colour: string
  step pack = http POST "https://shop.example.com/pack" { body = { order = {{ inputs.number }} } }
}
""",
    right="""\
workflow order {
  input number: string
  input colour: string
  step pack = http POST "https://shop.example.com/pack" {
    body = { order = {{ inputs.number }}, colour = {{ inputs.colour }} }
  }
}
""",
    check=check,
)
