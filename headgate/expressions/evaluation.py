"""Templates at run time: an expression to its value, a plan's values to what a step is given.

Each text is compiled at its first evaluation, once per process. Nothing here reads a clock or the world.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

from headgate.expressions import limits, tree
from headgate.expressions.parsing import parse
from headgate.expressions.text import Hole, split
from headgate.expressions.values import (
    OMITTED,
    SECRET,
    TEXT,
    Absent,
    Omitted,
    PathMissing,
    ResultMissing,
    Secret,
    Secrets,
    TemplateFailed,
    describe,
)
from headgate.expressions.walk import Evaluator, Scope, walker
from headgate.plan import RAW, Json

_SCALARS = frozenset({str, int, bool, type(None)})
_CONDITION = "a condition must be true or false"


def evaluate(text: str, scope: Scope) -> Json:
    """The value of an expression, the text between `{{` and `}}`. A secret is `{"$secret": NAME}`.

    Raises TemplateFailed, or ResultMissing when it needs the result of a step that has none.
    """
    limits.start_counting()
    value = _run(text, scope)
    if type(value) in _SCALARS:
        return value  # type: ignore[return-value]
    settled = _settle(value, guarded=False)
    return None if settled is OMITTED else settled  # type: ignore[return-value]


def evaluate_condition(value: Json, scope: Scope) -> bool:
    """A condition of a plan: `true`, `false` or a text with one template. Raises TemplateFailed when it is neither."""
    result = render(value, scope)
    if isinstance(result, bool):
        return result
    shown = value if isinstance(value, str) else describe(value)
    raise TemplateFailed(f"{_CONDITION}; `{shown}` gave {describe(result)}")


def render(value: Json, scope: Scope) -> Json:
    """A plan's value with its templates evaluated, those in lists and maps too.

    A text that is one template keeps the template's type; in other text, text goes in as it is and the rest as compact
    JSON, and a secret makes the text `{"$text": [part, {"$secret": NAME}, ...]}`. `{"$raw": x}` is x. What `omit`
    left out is dropped from its map or list; where it was the whole value, null is left. Never render what was
    rendered: the data in it would be read as templates. Raises TemplateFailed or ResultMissing.
    """
    limits.start_counting()
    rendered = _render(value, scope, 0)
    return None if rendered is OMITTED else rendered  # type: ignore[return-value]


def _render(value: Json, scope: Scope, depth: int) -> object:
    if isinstance(value, str):
        return _render_text(value, scope) if "{{" in value else value
    if isinstance(value, dict):
        if len(value) == 1 and RAW in value:
            return value[RAW]
        if depth > limits.DEEPEST_VALUE:
            raise TemplateFailed(f"a value nests more than {limits.DEEPEST_VALUE} deep, the most a value may")
        items = ((key, _render(item, scope, depth + 1)) for key, item in value.items())
        return {key: item for key, item in items if item is not OMITTED}
    if isinstance(value, list):
        if depth > limits.DEEPEST_VALUE:
            raise TemplateFailed(f"a value nests more than {limits.DEEPEST_VALUE} deep, the most a value may")
        return [item for item in (_render(item, scope, depth + 1) for item in value) if item is not OMITTED]
    return value


def _render_text(text: str, scope: Scope) -> object:
    parts = _pieces(text)
    if len(parts) == 1:
        if isinstance(parts[0], str):
            return text
        value = _run(parts[0].text, scope)
        return value if type(value) in _SCALARS else _settle(value, guarded=True)
    from headgate.expressions.operations import text_of

    joined: list[Json] = []
    run: list[str] = []
    length = 0
    for part in parts:
        value = _run(part.text, scope) if isinstance(part, Hole) else part
        if isinstance(value, Secret):
            joined += [*_merged(run), *value.parts]
            run = []
            continue
        piece = text_of(value)
        length += len(piece)
        limits.check_text(len(piece), "a text with templates")
        run.append(piece)
        if length > limits.LONGEST_TEXT:
            limits.check_text(length, "a text with templates")
    if not joined:
        return "".join(run)
    return {TEXT: [*joined, *_merged(run)]}


def _merged(texts: list[str]) -> list[Json]:
    joined = "".join(texts)
    return [joined] if joined else []


@lru_cache(maxsize=16_384)
def _pieces(text: str) -> tuple[str | Hole, ...]:
    return split(text)


def _run(text: str, scope: Scope) -> object:
    try:
        return _compiled(text)(scope)
    except RecursionError:
        raise TemplateFailed("the expression nests too deeply to be evaluated") from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as fault:
        raise TemplateFailed(f"the expression has no value: {fault}") from None


@lru_cache(maxsize=16_384)
def _compiled(text: str) -> Evaluator:
    try:
        expression = parse(text)
    except tree.ExpressionError as fault:
        raise TemplateFailed(f"`{text.strip()}` cannot be read: {fault.message}") from None
    return _evaluator(expression.root)


def _evaluator(node: tree.Node) -> Evaluator:
    """The function that evaluates a tree: ours for paths and for what may be missing, the sandbox's for the rest."""
    if isinstance(node, tree.Path):
        return walker(node)
    if isinstance(node, tree.Const):
        return _constant(node.value)
    if isinstance(node, tree.Filter) and node.name == "default":
        return _default(node)
    if isinstance(node, tree.Filter) and node.name == "omit":
        return _omit(node)
    if isinstance(node, tree.Test) and node.name == "defined":
        return _defined(node)
    from headgate.expressions.sandbox import compile_node

    return compile_node(node, _evaluator)


def _constant(value: object) -> Evaluator:
    def constant(scope: Scope) -> object:
        del scope
        return value

    return constant


def _default(node: tree.Filter) -> Evaluator:
    """`x | default(value, boolean)`: the value when a link in `x` is missing; with `boolean` also when `x` is empty."""
    named = {keyword.name: keyword.value for keyword in node.keywords}
    given = dict(zip(("default_value", "boolean"), node.arguments, strict=False)) | named
    target = _evaluator(node.target)
    otherwise = _evaluator(given["default_value"]) if "default_value" in given else _constant("")
    empty_too = _evaluator(given["boolean"]) if "boolean" in given else None

    def default(scope: Scope) -> object:
        try:
            value = target(scope)
        except (PathMissing, ResultMissing):
            return otherwise(scope)
        if empty_too is not None and not isinstance(value, Secret) and empty_too(scope) and not value:
            return otherwise(scope)
        return value

    return default


def _omit(node: tree.Filter) -> Evaluator:
    target = _evaluator(node.target)

    def omit(scope: Scope) -> object:
        try:
            value = target(scope)
        except (PathMissing, ResultMissing):
            return OMITTED
        return OMITTED if value is None else value

    return omit


def _defined(node: tree.Test) -> Evaluator:
    target = _evaluator(node.target)
    negated = node.negated

    def defined(scope: Scope) -> object:
        try:
            target(scope)
        except (PathMissing, ResultMissing):
            return negated
        return not negated

    return defined


def _settle(value: object, *, guarded: bool) -> object:
    """A value as plain JSON. When `guarded`, data that looks like a secret's placeholder is refused."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, Omitted):
        return OMITTED
    limits.weigh(value, "the value")
    return _settled(value, guarded)


def _settled(value: object, guarded: bool) -> object:  # noqa: FBT001 - one call a value: a keyword costs
    if type(value) in _SCALARS:
        return value
    if isinstance(value, (list, tuple)):
        items = [_settled(item, guarded) for item in value]
        return [item for item in items if item is not OMITTED]
    if isinstance(value, Mapping):
        if guarded and (SECRET in value or TEXT in value):
            raise TemplateFailed(f"data with a key `{SECRET}` or `{TEXT}` cannot be passed on: they stand for secrets")
        made = {key: _settled(item, guarded) for key, item in value.items()}
        return {key: item for key, item in made.items() if item is not OMITTED}
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TemplateFailed("the value is a number that is too large, or none")
        return value
    if isinstance(value, Secret):
        return value.placeholder
    if isinstance(value, Secrets):
        raise TemplateFailed("`secrets` is no value: name one of them, as `secrets.NAME`")
    if isinstance(value, Absent):
        raise ResultMissing(value.step)
    return OMITTED
