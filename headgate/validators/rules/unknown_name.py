"""HG209: a name that is not in scope."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.places import texts_in
from headgate.compiler.uses import LOOP_NAMES, RUN_NAMES, Site, item_name, sites
from headgate.diagnostics import Edit, Fix, Safety, Severity, nearest, replace
from headgate.grammar import ast
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.scripts import setting_reads
from headgate.validators.templates import Read, listed, reads, step_reads, suggestion, visible_steps

RUN_PARTS = ("id", "workflow", "version", "started_at")
TRIGGER_PARTS = ("body", "headers", "query", "at", "name", "items")
_MORE_PARTS = {"form": ("fields",)}
_ORDER = ("inputs", "vars", "steps", "trigger", "run", "secrets")


def check(context: Context) -> Iterator[Finding]:
    items = {item_name(step) for step in context.steps}
    for read in reads(context):
        name = read.segments[0].name
        if name in read.site.names:
            yield from _member(context, read)
        elif name not in LOOP_NAMES and name not in items:
            yield _unknown(context, read)
    for read in setting_reads(context):
        yield from _member(context, read)
    for read in step_reads(context):
        if len(read.segments) > 2 and read.segments[2].name == "output":
            yield RULE.finding(
                f"`steps.{read.segments[1].name}` has no `output`: what a step returns is its `result`",
                read.place(2),
                note="write `result`",
                fixes=(replace("write `result`", read.place(2), "result"),),
            )
    for _, value in sites(context.graph):
        for text in texts_in(value):
            yield from _dollar(text)


def _member(context: Context, read: Read) -> Iterator[Finding]:
    """The first link after `vars`, `run` and `trigger`."""
    root = read.segments[0].name
    if len(read.segments) == 1 or read.segments[1].number is not None:
        return
    name = read.segments[1].name
    if root == "vars":
        known = tuple(dict.fromkeys(let.name.text for let in context.workflow.lets))
        if name in context.workflow.lost:
            return
    elif root == "run":
        known = RUN_PARTS
    elif root == "trigger":
        known = TRIGGER_PARTS + tuple(
            part for trigger in context.workflow.triggers for part in _MORE_PARTS.get(trigger.kind.text, ())
        )
    else:
        return
    if name in known:
        return
    said, fixes = suggestion(name, known, read.place(1))
    if root == "vars":
        if any(one.name.text == name for one in context.workflow.inputs):
            said, fixes = (
                f"it is an input: write `inputs.{name}`",
                (replace("write `inputs`", read.place(0), "inputs"),),
            )
        message = f"workflow `{context.workflow.name.text}` has no `let {name}`; {said}"
    elif root == "trigger":
        message = f"`trigger` has no `{name}`; {said}"
    else:
        message = f"`run` has no `{name}`; {said}"
    yield RULE.finding(message, read.place(1), note="not known", fixes=fixes)


def _unknown(context: Context, read: Read) -> Finding:
    name = read.segments[0].name
    place = read.place(0)
    refused = _refused(name, read.site)
    if refused:
        return RULE.finding(refused, place, note="not in scope here")
    prefix = _prefix(context, read)
    if prefix:
        return RULE.finding(
            f"`{name}` is not a name here; did you mean `{prefix}{name}`?",
            place,
            note="not in scope",
            fixes=(replace(f"write `{prefix}{name}`", place, prefix + name),),
        )
    if name == "loop" and "index" in read.site.names and [link.name for link in read.segments[1:2]] == ["index0"]:
        whole = read.places(0, 2)
        return RULE.finding(
            "`loop.index0` is written `index`",
            whole,
            note="not in scope",
            fixes=(replace("write `index`", whole, "index"),),
        )
    known = tuple(one for one in _ORDER if one in read.site.names)
    known += tuple(sorted(read.site.names.difference(known)))
    near = nearest(name, known)
    fixes: tuple[Fix, ...] = (replace(f"write `{near}`", place, near),) if near else ()
    said = f"did you mean `{near}`?" if near else listed(known)
    return RULE.finding(f"`{name}` is not a name here; {said}", place, note="not in scope", fixes=fixes)


def _refused(name: str, site: Site) -> str:
    """What to say of a name that is known in other places."""
    if name == "failure":
        return "`failure` is known only in a handler: a step with `after failed`, `after denied` or `after finished`"
    if name not in RUN_NAMES:
        return ""
    if site.sort == "trigger":
        if name == "inputs":
            return "`inputs` is not known in a trigger, which fills them: read its payload, `trigger`"
        return f"`{name}` is not known in a trigger: it fires before a run"
    place = "a `let`" if site.sort == "let" else "an attribute of the workflow"
    return f"`{name}` is not known in {place}: no step has run when it is evaluated"


def _prefix(context: Context, read: Read) -> str:
    """What was left out before a name: `inputs.`, `vars.` or `steps.`."""
    name, names = read.segments[0].name, read.site.names
    if "inputs" in names and any(one.name.text == name for one in context.workflow.inputs):
        return "inputs."
    if "vars" in names and any(let.name.text == name for let in context.workflow.lets):
        return "vars."
    if "steps" in names and len(read.segments) > 1 and name in visible_steps(read.site.scope):
        return "steps."
    return ""


def _dollar(text: ast.Text) -> Iterator[Finding]:
    """`"${{ x }}"`, as other tools write a template: here the `$` would stay in the text."""
    if len(text.parts) != 2:
        return
    literal, template = text.parts
    if isinstance(literal, ast.Literal) and literal.text == "$" and isinstance(template, ast.Template):
        place = Span(literal.span.start, template.inner.start)
        yield RULE.finding(
            "`${{ }}` is written `{{ }}`: the `$` would stay in the text",
            place,
            note="write `{{`",
            advice='for a dollar sign before a value, write `{{ "$" ~ x }}`',
            fixes=(Fix("leave out the `$`", Safety.SAFE, (Edit(literal.span, ""),)),),
        )


RULE = Rule(
    code="HG209",
    name="unknown-name",
    severity=Severity.ERROR,
    summary="a name that is not in scope where it is used",
    explanation="""\
In scope are `inputs`, `vars`, `steps`, `trigger`, `run` and `secrets`; in an `each` the name after `as` and `index`; in
a `repeat` `previous` and `iteration`; in a handler `failure`. A trigger knows only `trigger`, `vars`, `run` and
`secrets`, because it fires before there is a run. Text stands in quotes.""",
    wrong="""\
workflow greet {
  input name: string
  step hello = set { text = "Hello {{ name }}" }
}
""",
    right="""\
workflow greet {
  input name: string
  step hello = set { text = "Hello {{ inputs.name }}" }
}
""",
    check=check,
)
