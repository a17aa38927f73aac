"""Addresses as a text writes them: which part is certain to be the host, and whose host it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headgate.expressions import ExpressionError, parse, tree
from headgate.grammar import ast
from headgate.source import Span

_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://")
_HOST_ENDS = re.compile(r"[/?#\\]")
_HOST = re.compile(
    r"\s*[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@\s]*@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::\d+)?(?:[/?#]|\Z)"
)
_TELLING = 5
_SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "gov", "net", "or", "org"})


def in_host(value: ast.Value) -> tuple[Span, ...]:
    """The places of a value, in the file, whose text decides to which host an address leads.

    Everything before the first `/`, `?` or `#` behind `scheme://`; the whole of a value that nothing is known of.
    """
    found: list[Span] = []
    so_far = ""
    for text, span in _pieces(value):
        if text is None:
            found.append(span)
            so_far += "x"
            continue
        so_far += text
        scheme = _SCHEME.match(so_far)
        if _HOST_ENDS.search(so_far, scheme.end() if scheme else 0) and (scheme or "/" not in so_far[:1]):
            return tuple(found)
    return tuple(found)


def host(value: ast.Value) -> str | None:
    """The host of an address, in small letters, where the text fixes it; None where only a run can tell."""
    pieces = list(_pieces(value))
    if not pieces or pieces[0][0] is None:
        return None
    text = pieces[0][0] + ("{" if len(pieces) > 1 else "")
    return host_in(text)


def host_in(address: str) -> str | None:
    """The host of an address, None when it has none."""
    match = _HOST.match(address)
    return match["host"].lower().rstrip(".") if match else None


def owner(name: str) -> str:
    """Who a host belongs to: `example.com` for `api.example.com`; an address of numbers or one word is its own."""
    labels = name.split(".")
    if len(labels) < 3 or labels[-1].isdigit() or name.startswith("["):
        return name
    kept = 3 if len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else 2
    return ".".join(labels[-kept:])


def same_owner(left: str, right: str) -> bool:
    """Whether two domains look like those of one provider: `github.com` and `githubusercontent.com`."""
    one, other = sorted((left.partition(".")[0], right.partition(".")[0]), key=len)
    longer = len(one) >= _TELLING and other.startswith(one) and one != other and "-" not in other
    return left == right or longer


def _pieces(value: ast.Value) -> Iterator[tuple[str | None, Span]]:
    """The stretches of a text: known ones, and None for what is put in. Texts that are joined count as one."""
    match value:
        case ast.Text():
            for part in value.parts:
                if isinstance(part, ast.Literal):
                    yield part.text, part.span
                else:
                    yield from _joined(part)
        case ast.Template():
            yield from _joined(value)


def _joined(template: ast.Template) -> Iterator[tuple[str | None, Span]]:
    try:
        open_nodes = [parse(template.expression).root]
    except ExpressionError:
        yield None, template.span
        return
    start = template.inner.start
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, tree.Binary) and node.operator in ("~", "+"):
            open_nodes += [node.right, node.left]
        elif isinstance(node, tree.Const) and isinstance(node.value, str):
            yield node.value, Span(start + node.start, start + node.end)
        else:
            yield None, Span(start + node.start, start + node.end)
