"""Messages for edge lists as other tools write them."""

from __future__ import annotations

import re
from typing import Any, Final

from headgate.diagnostics import Edit
from headgate.grammar.ast import Name, Text
from headgate.grammar.leaf import PLAIN_NAMES, Answer, Trouble, place_after
from headgate.grammar.tokens import COMMA, ID, NAME, PLAIN
from headgate.source import Span

AFTER, COLON, EQUAL, LSQB, RSQB, STAR, STEP = (
    ID[name] for name in ("AFTER", "COLON", "EQUAL", "LSQB", "RSQB", "STAR", "STEP")
)
MEANS_COMPLETED: Final = frozenset({"completed", "success", "succeeded", "successful", "complete", "done", "all"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def in_edges(t: Trouble) -> bool:
    """Whether the parser stuck in an edge list."""
    kinds = t.leaf.kinds
    if t.leaf.kind(0) != STEP or AFTER not in kinds[: t.at]:
        return False
    between = kinds[kinds.index(AFTER) + 1 : t.at]
    return all(kind in PLAIN_NAMES or kind in {COMMA, STAR, EQUAL, COLON} for kind in between)


def edges_without_comma(t: Trouble) -> Answer | None:
    """`after a b`, `after a and b`, `after completed a`."""
    leaf, at = t.leaf, t.at
    if not in_edges(t) or t.kind not in PLAIN_NAMES or not t.wants("COMMA"):
        return None
    before, here = leaf.written(at - 1), leaf.written(at)
    follows = leaf.kind(at + 1) in PLAIN_NAMES
    if here in {"and", "or"} and follows:
        finding = t.wrong(
            "steps after `after` are separated by `,`: `after a, b`", None, (Edit(t.span, ","),), "write `,`"
        )
        return t.swap(finding, at, at + 1, (COMMA, t.span.start))
    if before in MEANS_COMPLETED:
        span = leaf.span(at - 1)
        gone = Span(span.start, t.span.start)
        finding = t.wrong(
            f"`after {here}` already means that it completed", span, (Edit(gone, ""),), f"delete `{before}`"
        )
        return t.swap(finding, at - 1, at)
    place = place_after(leaf, at)
    message = f"steps after `after` are separated by `,`: `after {before}, {here}`"
    finding = t.wrong(message, None, (Edit(Span(place, place), ","),), "insert `,`")
    return t.swap(finding, at, at, (COMMA, place - 1))


def edges_in_brackets(t: Trouble) -> Answer | None:
    """`after [a, b]`, `after (a, b)`."""
    leaf, at = t.leaf, t.at
    closer = {LSQB: RSQB, ID["LPAR"]: ID["RPAR"]}.get(t.kind)
    if closer is None or not in_edges(t) or closer not in leaf.kinds[at:]:
        return None
    end = leaf.kinds.index(closer, at)
    inner = range(at + 1, end)
    if any(leaf.kind(i) not in PLAIN_NAMES | {PLAIN, COMMA, STAR} for i in inner):
        return None
    names = [(leaf.kinds[i], leaf.values[i]) for i in inner if leaf.kinds[i] != COMMA]
    tokens: list[tuple[int, Any]] = []
    for kind, value in names:
        plain = value.plain if isinstance(value, Text) else None
        if kind == PLAIN and not (plain and _NAME.fullmatch(plain)):
            return None
        if tokens:
            tokens.append((COMMA, leaf.span(at).start))
        tokens.append((NAME, Name(plain, value.span)) if plain else (kind, value))
    span = Span(t.span.start, leaf.span(end).end)
    written = ", ".join("*" if kind == STAR else value.text for kind, value in tokens if kind != COMMA)
    finding = t.wrong(
        f"steps after `after` stand without brackets: `after {written}`",
        span,
        (Edit(span, written),),
        "drop the brackets",
    )
    return t.swap(finding, at, end + 1, *tokens)


def edges_with_sign(t: Trouble) -> Answer | None:
    """`after = a` and `after: a` in a step's head, `after = [a]` in a workflow."""
    leaf = t.leaf
    if t.kind not in {EQUAL, COLON} or leaf.kind(t.at - 1) != AFTER or leaf.kind(0) != STEP:
        return None
    gap = Span(leaf.span(t.at - 1).end, leaf.span(t.at + 1).start)
    sign = leaf.written(t.at)
    bare = t.swap(t.wrong(""), t.at, t.at + 1)
    if (
        bare.kinds
        and bare.values
        and (in_list := edges_in_brackets(t._replace(leaf=leaf._replace(kinds=bare.kinds, values=bare.values))))
    ):
        fix = in_list.finding.fixes[0]
        message = in_list.finding.message.replace("brackets", f"`{sign}` and brackets")
        return in_list._replace(finding=t.wrong(message, None, (Edit(gap, " "), *fix.edits), fix.title))
    finding = t.wrong(
        f"`after` is followed by steps, without `{sign}`: `after a, b`", None, (Edit(gap, " "),), f"delete the `{sign}`"
    )
    return t.swap(finding, t.at, t.at + 1)
