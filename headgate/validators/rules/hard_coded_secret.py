"""HG701: a secret that is written into the text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from headgate.compiler.places import script_span
from headgate.diagnostics import Edit, Fix, Safety, Severity
from headgate.grammar import ast
from headgate.kinds import Attribute
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.key_shapes import Key, is_secret_value, shaped
from headgate.validators.rule import Context, Finding, Rule

_MARKS = ("pass", "pwd", "secret", "token", "key", "credential", "authorization", "hmac", "bearer")
_ASSIGNED = re.compile(
    r"(?<![\w-])(?P<name>[A-Za-z_][\w-]*)[\"']?[ \t]*\]?[ \t]*[=:][ \t]*"
    r"(?P<quote>[\"'])(?P<value>[^\"'\n]{6,})(?P=quote)"
)
_RUNNING = frozenset({"step", "gate", "trigger"})
_FREE = Attribute("", {"template": True}, {}, required=False)


class _Place(NamedTuple):
    """A value, the innermost name that it stands under, and the attribute that holds it, where that takes templates."""

    name: str
    value: ast.Value
    holder: Attribute | None

    @property
    def templates(self) -> bool:
        """Whether a template may stand there."""
        return self.holder is not None and '"template": true' in json.dumps(self.holder.schema)


def check(context: Context) -> Iterator[Finding]:
    start, end = _region(context)
    text = context.source.text[start:end]
    keys = [key._replace(span=Span(start + key.span.start, start + key.span.end)) for key in shaped(text)]
    folded = text.lower()
    if not keys and not any(mark in folded for mark in _MARKS):
        return
    places = list(_places(context))
    for key in keys:
        yield _finding(key, next((one for one in places if _holds(one.value.span, key.span)), None))
    for one in places:
        for key in _under_a_name(one):
            if not any(key.span.start < other.span.end and other.span.start < key.span.end for other in keys):
                yield _finding(key, one)


def _region(context: Context) -> tuple[int, int]:
    """The part of the file that is looked at with this workflow: from the end of the one before to its own end."""
    before, after = 0, len(context.source.text)
    for workflow in context.file.workflows:
        if workflow is context.workflow:
            last = workflow is context.file.workflows[-1]
            return before, after if last else workflow.span.end
        before = workflow.span.end
    return before, after


def _holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _places(context: Context) -> Iterator[_Place]:
    """Every text and fence of a workflow."""
    for block in context.blocks:
        for said in (*block.written.attributes.values(), *block.written.repeated):
            known = block.written.known(said.name)
            yield from _inside(_Place(said.name, said.value, known if block.sort in _RUNNING else None))
    for one in context.workflow.inputs:
        if one.default is not None:
            yield from _inside(_Place(one.name.text, one.default, None))
    for let in context.workflow.lets:
        yield from _inside(_Place(let.name.text, let.value, _FREE))
    for output in context.workflow.outputs:
        for entry in output.entries:
            yield from _inside(_Place(entry.key.text, entry.value, None))


def _inside(place: _Place) -> Iterator[_Place]:
    match place.value:
        case ast.Text() | ast.Fence():
            yield place
        case ast.List():
            for item in place.value.items:
                yield from _inside(place._replace(value=item))
        case ast.Map():
            for entry in place.value.entries:
                yield from _inside(place._replace(name=entry.key.text, value=entry.value))


def _under_a_name(place: _Place) -> Iterator[Key]:
    """What stands under the name of a secret: the text itself, or what a script or a JSON text gives such a name."""
    value = place.value
    if isinstance(value, ast.Fence):
        for match in _ASSIGNED.finditer(value.text):
            if is_secret_value(match["name"], match["value"]):
                span = script_span(value, *match.span("value"))
                yield Key(span, f"the value of `{match['name']}`", _constant(match["name"]))
    elif isinstance(value, ast.Text) and value.plain is not None and is_secret_value(place.name, value.plain):
        yield Key(value.span, "", _constant(place.name))


def _constant(name: str) -> str:
    """A name as it is written under `[secrets]`."""
    spelt = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    constant = re.sub(r"\W", "_", spelt).upper().removeprefix("X_").strip("_")
    return "TOKEN" if constant in ("AUTHORIZATION", "BEARER") else constant


def _finding(key: Key, place: _Place | None) -> Finding:
    name = key.secret
    if place is not None and not place.templates:
        advice = f"pass it in as an input marked `secret`, or write `{{{{ secrets.{name} }}}}` where it is sent"
    else:
        advice = f"define `{name}` under `[secrets]` in headgate.toml, and write `{{{{ secrets.{name} }}}}` here"
    where = "the text" if place is None or key.called else f"`{place.name}`"
    said = f"holds what looks like {key.called}" if key.called else "holds a secret"
    return RULE.finding(
        f"{where} {said} in clear; expected `{{{{ secrets.{name} }}}}`",
        key.span,
        note="whoever reads the file has it",
        advice=f"{advice}; then revoke it, for it stays in the history",
        fixes=_fixes(key, place),
    )


def _fixes(key: Key, place: _Place | None) -> tuple[Fix, ...]:
    """A template in the place of the secret, where one may stand."""
    if place is None or not place.templates or not isinstance(place.value, ast.Text):
        return ()
    value, template = place.value, f"{{{{ secrets.{key.secret} }}}}"
    whole = value.span if value.block else Span(value.span.start + 1, value.span.end - 1)
    if key.secret == "PRIVATE_KEY" or key.span in (whole, value.span):  # noqa: S105 - the name of one
        edit = _whole(value, template)
    else:
        edit = Edit(key.span, template)
    return (Fix(f"write `{template}`", Safety.UNSAFE, (edit,)),)


def _whole(value: ast.Text, template: str) -> Edit:
    """The whole text replaced; `Bearer` and its like stay before the secret."""
    scheme = re.match(r"(?i)(?:bearer|token|basic|apikey)[ ]+", value.plain or "")
    return Edit(value.span, f'"{scheme[0]}{template}"' if scheme else template)


RULE = Rule(
    code="HG701",
    name="hard-coded-secret",
    severity=Severity.ERROR,
    summary="a key, a token or a password that is written into the text",
    explanation="""\
A `.flow` file is committed, reviewed and shown. A secret in it is no secret any more: it belongs under `[secrets]` of
headgate.toml, which says where its value comes from and never holds it, and `{{ secrets.NAME }}` sends it. Found are
the published shapes of keys (of GitHub, Stripe, OpenAI, AWS and others), private keys, signed tokens, passwords in
addresses, and what looks drawn by a machine under a name such as `password`, `token` or `api_key`. Ids, digests under
other names and placeholders are none.""",
    wrong="""\
workflow order {
  step send = http POST "https://shop.example.com/orders" {
    headers = { authorization = "Bearer 7hG2kq9ZtP4vXw81" }
  }
}
""",
    right="""\
workflow order {
  step send = http POST "https://shop.example.com/orders" {
    headers = { authorization = "Bearer {{ secrets.SHOP_TOKEN }}" }
  }
}
""",
    check=check,
)
