"""What a filter and a test may be given, checked while they are read."""

from __future__ import annotations

from headgate.diagnostics import nearest
from headgate.expressions.catalog import COMPARISONS, FILTERS, TESTS, UNMAPPABLE, Signature
from headgate.expressions.lexer import Token
from headgate.expressions.tree import Const, ExpressionError, Filter, Node


def check_filter(node: Filter, signature: Signature) -> None:
    """Raises ExpressionError when a filter is given what it does not take, or lacks what it needs."""
    allowed = signature.parameters
    if not signature.extra:
        free = allowed[len(node.arguments) :]
        wrong = next((keyword for keyword in node.keywords if keyword.name not in free), None)
        if wrong is not None:
            message = f"`{node.name}` takes no `{wrong.name}` here{_takes(allowed)}"
            raise ExpressionError(message, wrong.start, wrong.end)
        if len(node.arguments) > len(allowed):
            extra = node.arguments[len(allowed)]
            message = f"`{node.name}` takes {_count(len(allowed))}{_takes(allowed)}"
            raise ExpressionError(message, extra.start, extra.end)
    given = {*allowed[: len(node.arguments)], *(keyword.name for keyword in node.keywords)}
    missing = [name for name in allowed[: signature.required] if name not in given]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        raise ExpressionError(f"`{node.name}` also needs {names}", node.name_start, node.name_start + len(node.name))
    _check_inner_name(node)


def check_test(token: Token, arguments: tuple[Node, ...]) -> None:
    """Raises ExpressionError when a test is given more or less than it takes."""
    if len(arguments) != TESTS[token.text]:
        message = f"`is {token.text}` takes {_count(TESTS[token.text])}"
        start, end = (arguments[0].start, arguments[-1].end) if arguments else (token.start, token.end)
        raise ExpressionError(message, start, end)


def _check_inner_name(node: Filter) -> None:
    """`select` and `reject` name a test, `map` a filter, as text: these are checked as if they stood in the open."""
    first = node.arguments[0] if node.arguments else None
    if node.name in ("select", "reject") and first is not None:
        known = (*TESTS, *COMPARISONS)
        what = "test"
    elif node.name == "map" and first is not None:
        known = tuple(name for name in FILTERS if name not in UNMAPPABLE)
        what = "filter"
    else:
        if node.name == "map" and not any(keyword.name == "attribute" for keyword in node.keywords):
            message = "`map` needs a filter's name or `attribute=`"
            raise ExpressionError(message, node.name_start, node.name_start + 3)
        return
    if not isinstance(first, Const) or not isinstance(first.value, str):
        message = f"`{node.name}` needs the name of a {what} in quotes"
        raise ExpressionError(message, first.start, first.end)
    if first.value not in known:
        near = nearest(first.value, known)
        hint = f"; did you mean `{near}`?" if near else ""
        raise ExpressionError(
            f"there is no {what} `{one_line(first.value, 40)}` that `{node.name}` takes{hint}", first.start, first.end
        )


def one_line(text: str, longest: int) -> str:
    """A stretch of the text as a message shows it."""
    shown = " ".join(text.replace("`", "'").split())
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def private(token: Token) -> ExpressionError:
    message = f'`{token.text}` is private: a link that starts with `_` is written `["{token.text}"]`'
    if token.text.startswith("__"):
        message = f"`{token.text}` is private: nothing behind the data can be reached"
    return ExpressionError(message, token.start, token.end)


def unknown(what: str, token: Token, known: tuple[str, ...]) -> ExpressionError:
    near = nearest(token.text, known)
    few = f"; there are {', '.join(f'`{name}`' for name in known)}" if len(known) < 10 else ""
    hint = f"; did you mean `{near}`?" if near else few
    return ExpressionError(
        f"there is no {what} `{one_line(token.text, 40)}`{hint}", token.start, token.end, replacement=near
    )


def _takes(parameters: tuple[str, ...]) -> str:
    return f"; it takes {', '.join(f'`{name}`' for name in parameters)}" if parameters else "; it takes nothing"


def _count(number: int) -> str:
    return {0: "no argument", 1: "one argument"}.get(number, f"at most {number} arguments")
