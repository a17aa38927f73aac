"""HG006: a kind of step, trigger or gate that does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from headgate import kinds
from headgate.diagnostics import Fix, Severity, nearest, replace
from headgate.grammar import ast
from headgate.validators import foreign
from headgate.validators.rule import Context, Finding, Rule

_GATES = ("approval", "review")


def check(context: Context) -> Iterator[Finding]:
    for block in context.blocks:
        if block.written.kind is None and block.step is not None:
            yield _step(block.step.kind)
    for trigger in context.workflow.triggers:
        if kinds.trigger_kind(trigger.kind.text) is None:
            yield _trigger(trigger.kind)
    for step in context.steps:
        for gate in step.gates:
            if gate.kind.text not in _GATES:
                yield _named("gate", gate.kind, _GATES)


def _step(kind: ast.Name) -> Finding:
    sentence = foreign.NO_SUCH_KIND.get(kind.text)
    if sentence is not None:
        return RULE.finding(f"no kind `{kind.text}`: {sentence}", kind.span, note="no such kind")
    meant = foreign.KINDS.get(kind.text.casefold())
    if meant is not None:
        positional = " approval" if meant == "human" and kind.text in ("approval", "approve", "confirm") else ""
        fix = replace(f"write `{meant}{positional}`", kind.span, f"{meant}{positional}")
        return RULE.finding(
            f"no kind `{kind.text}`; here it is called `{meant}`",
            kind.span,
            note="no such kind",
            advice=f"`{meant}` {_summary(meant)}",
            fixes=(fix,),
        )
    return _named("kind", kind, kinds.kind_names())


def _trigger(kind: ast.Name) -> Finding:
    meant = foreign.TRIGGERS.get(kind.text.casefold())
    if meant is None:
        return _named("trigger kind", kind, kinds.trigger_names())
    fix = replace(f"write `{meant}`", kind.span, meant)
    message = f"no trigger kind `{kind.text}`; here it is called `{meant}`"
    return RULE.finding(message, kind.span, note="no such trigger kind", fixes=(fix,))


def _named(sort: str, name: ast.Name, known: tuple[str, ...]) -> Finding:
    guess = nearest(name.text, known)
    fixes: tuple[Fix, ...] = (replace(f"write `{guess}`", name.span, guess),) if guess else ()
    listed = ", ".join(f"`{one}`" for one in known)
    expected = f"; did you mean `{guess}`?" if guess else ""
    advice = "" if guess else f"expected one of {listed}"
    message = f"no {sort} `{name.text}`{expected}"
    return RULE.finding(message, name.span, note=f"no such {sort}", advice=advice, fixes=fixes)


def _summary(name: str) -> str:
    kind = kinds.kind(name)
    assert kind is not None, f"`{name}` is a kind of the package"
    return kind.summary


RULE = Rule(
    code="HG006",
    name="unknown-kind",
    severity=Severity.ERROR,
    summary="a kind that is neither built in nor installed",
    explanation="""\
`step NAME = KIND`: the kind says what the step does and which attributes it takes. Kinds are built in, or come with an
installed package. Names from other tools are recognised, and the kind that does it here is named.""",
    wrong="""\
workflow order {
  step pick = sett { from = 1 }
}
""",
    right="""\
workflow order {
  step pick = set { from = 1 }
}
""",
    check=check,
)
