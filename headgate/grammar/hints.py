"""Messages for what people and models coming from other tools write, in the order in which they are tried."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from headgate.diagnostics import Edit, nearest
from headgate.grammar.ast import Name, Template, Word
from headgate.grammar.edge_hints import edges_in_brackets, edges_with_sign, edges_without_comma, in_edges
from headgate.grammar.expected import generic
from headgate.grammar.leaf import NAMES, PLAIN_NAMES, Answer, Leaf, Trouble, place_after, trouble
from headgate.grammar.machine import Stuck
from headgate.grammar.odd_tokens import UNIT_WORDS, as_template, duration, explain_odd, web_address
from headgate.grammar.tokens import COMMA, DOTTED, END, ID, NAME, NUMBER, PLAIN, TEMPLATE, TEXT, UNITS
from headgate.source import Span

AFTER, ARROW, AS, CASE, COLON, ELSE, EQUAL = (ID[n] for n in ("AFTER", "ARROW", "AS", "CASE", "COLON", "ELSE", "EQUAL"))
INPUT, LBRACE, LESS, LET, LSQB, MORE = (ID[n] for n in ("INPUT", "LBRACE", "LESS", "LET", "LSQB", "MORE"))
RSQB, STAR, STEP, TRIGGER, WORKFLOW = (ID[n] for n in ("RSQB", "STAR", "STEP", "TRIGGER", "WORKFLOW"))
STARTERS: Final = {
    ID[name] for name in ("WORKFLOW", "INPUT", "LET", "TRIGGER", "STEP", "OUTPUT", "GATE", "CASE", "ELSE")
}
MEANT: Final = {
    **dict.fromkeys(("task", "job", "node", "action", "stage", "activity", "state", "call"), "step"),
    **dict.fromkeys(("param", "parameter", "inputs", "arg", "argument"), "input"),
    **dict.fromkeys(("var", "const", "local", "set", "def", "vars"), "let"),
    **dict.fromkeys(("on", "triggers", "event", "schedule"), "trigger"),
    **dict.fromkeys(("flow", "pipeline", "dag", "process", "job"), "workflow"),
    **dict.fromkeys(("outputs", "return", "result"), "output"),
    **dict.fromkeys(("approval", "approve", "gates"), "gate"),
    **dict.fromkeys(("if", "when", "elif", "elseif"), "case"),
    **dict.fromkeys(("default", "otherwise"), "else"),
}
OPERATORS: Final = frozenset({"and", "or", "not", "in", "is"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def explain(leaf: Leaf, stuck: Stuck) -> Answer:
    """What is wrong with an item at the place where its parse stuck, and how it would go on without."""
    t = trouble(leaf, stuck)
    if t.is_bad:
        answer = explain_odd(t)
        if answer is not None:
            return answer
    for hint in HINTS:
        answer = hint(t)
        if answer is not None:
            return answer
    return generic(t)


def address(t: Trouble) -> Answer | None:
    """`https://...` sticks at its colon."""
    if t.kind == COLON and t.leaf.written(t.at + 1).startswith("//"):
        return web_address(t._replace(at=t.at + 1), t.leaf.written(t.at + 1))
    return None


def misnamed(t: Trouble) -> Answer | None:
    """`stepp a = ...`, `task a = ...`, `if {{ }} -> a`: another word where the item's own should stand."""
    leaf = t.leaf
    first = leaf.written(0)
    if leaf.kind(0) not in PLAIN_NAMES or t.at > 1 or leaf.kind(1) in {EQUAL, COLON, END}:
        return None
    allowed = {
        "workflow": ("workflow",),
        "workflow_item": ("input", "let", "trigger", "step", "output"),
        "step_item": ("step", "gate", "case", "else"),
    }.get(leaf.start, ())
    if leaf.kind(1) == TEMPLATE and ARROW in leaf.kinds:
        word: str | None = "case"
    elif leaf.kind(1) == ARROW:
        word = "else"
    else:
        word = MEANT.get(first.lower())
        word = word if word in allowed else nearest(first, allowed)
    if word is None or word not in allowed:
        return None
    finding = t.wrong(
        f"`{first}` begins no item: did you mean `{word}`?",
        leaf.span(0),
        (Edit(leaf.span(0), word),),
        f"write `{word}`",
    )
    return t.swap(finding, 0, 1, (ID[word.upper()], Name(word, leaf.span(0))))


def outside(t: Trouble) -> Answer | None:
    """An item that stands in no workflow."""
    if t.leaf.start != "workflow" or t.at != 0 or t.kind == WORKFLOW:
        return None
    written = " ".join(t.leaf.written(0).split())
    known = t.kind in STARTERS or t.leaf.kind(1) == EQUAL
    name = "a fence" if "`" in written else f"`{written[:40]}`"
    message = f"{name} stands outside of a workflow" if known else f"expected `workflow`, found {name}"
    return Answer(t.wrong(message))


def after_as_item(t: Trouble) -> Answer | None:
    """`after = [a]` or `after: [a]` where a workflow's items stand, `after a` in a step's block."""
    if t.leaf.kind(0) != AFTER or t.at > 1:
        return None
    if t.at == 1 and t.kind == COLON and t.leaf.start != "step_item":
        return None
    message = "`after` stands in the head of a step: `step x = kind after a, b { ... }`"
    return Answer(t.wrong(message, t.leaf.span(0)))


def quoted_step(t: Trouble) -> Answer | None:
    """`-> "ask"`, `after "ask"`, `step "ask" = ...`: a name in quotes."""
    if t.kind != PLAIN or not t.wants("NAME") or t.wants("PLAIN"):
        return None
    value = t.leaf.values[t.at]
    name = value.plain or ""
    after = t.leaf.kind(t.at - 1)
    if not _NAME.fullmatch(name):
        if after == WORKFLOW:
            slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "main"
            slug = slug if _NAME.fullmatch(slug) else f"w_{slug}"
            place = t.span.start
            finding = t.wrong(
                f"a workflow has a name before its title: `{slug}`",
                None,
                (Edit(Span(place, place), f"{slug} "),),
                "name it",
            )
            return t.swap(finding, t.at, t.at, (NAME, Name(slug, t.span)))
        return None
    message = (
        f"a step is named without quotes: `{name}`"
        if after in {ARROW, AFTER, STEP, COMMA}
        else f"a name stands without quotes: `{name}`"
    )
    finding = t.wrong(message, None, (Edit(t.span, name),), "drop the quotes")
    return t.swap(finding, t.at, t.at + 1, (NAME, Name(name, t.span)))


def colon(t: Trouble) -> Answer | None:
    """`x: 1`, `x := 1`, `step x: mcp`."""
    if t.kind != COLON:
        return None
    leaf, at = t.leaf, t.at
    if leaf.kind(at + 1) == EQUAL:
        finding = t.wrong("a value is given with `=`, not with `:=`", None, (Edit(t.span, ""),), "delete the `:`")
        return t.swap(finding, at, at + 1)
    if leaf.kind(0) in {CASE, ELSE} and t.wants("ARROW"):
        finding = t.wrong("`->` leads from a case to its step, not `:`", None, (Edit(t.span, " ->"),), "write `->`")
        return t.swap(finding, at, at + 1, (ARROW, t.span.start))
    if not t.wants("EQUAL"):
        return None
    name = leaf.written(at - 1)
    instead = " =" if leaf.text[t.span.end : t.span.end + 1] in {" ", "\t"} else " = "
    if leaf.text[t.span.start - 1 : t.span.start] in {" ", "\t"}:
        instead = instead[1:]
    finding = t.wrong(
        f"a value is given with `=`, not with `:`: `{name} = ...`", None, (Edit(t.span, instead),), "write `=`"
    )
    return t.swap(finding, at, at + 1, (EQUAL, t.span.start))


def arrow(t: Trouble) -> Answer | None:
    """`case {{ }} => a`, `case {{ }} = a`."""
    leaf, at = t.leaf, t.at
    if leaf.kind(0) not in {CASE, ELSE} or not t.wants("ARROW") or t.kind != EQUAL or leaf.kind(at + 1) == EQUAL:
        return None
    end = at + 2 if leaf.kind(at + 1) == MORE else at + 1
    span = Span(t.span.start, leaf.span(end - 1).end)
    finding = t.wrong(
        f"`->` leads from a case to its step, not `{leaf.text[span.start : span.end]}`",
        span,
        (Edit(span, "->"),),
        "write `->`",
    )
    return t.swap(finding, at, end, (ARROW, span.start))


def twice(t: Trouble) -> Answer | None:
    """`x == 1` where a value is given."""
    if t.kind != EQUAL or t.leaf.kind(t.at - 1) != EQUAL or t.at != 2:
        return None
    finding = t.wrong("a value is given with one `=`", None, (Edit(t.span, ""),), "delete one `=`")
    return t.swap(finding, t.at, t.at + 1)


def condition(t: Trouble) -> Answer | None:
    """`case x > 5 -> a`, `when = a > b`, `when = a and b`."""
    leaf = t.leaf
    if leaf.kind(0) == CASE and t.at == 1 and t.kind not in {END, ARROW}:
        value = leaf.values[1]
        if t.kind == PLAIN and leaf.kind(2) == ARROW and value.plain:
            return None
        return _in_quotes(t) or as_template(t)
    if leaf.kind(0) == CASE and t.at == 2 and leaf.kind(1) == TEMPLATE and t.kind != END:
        return as_template(t)
    if t.at < 3:
        return None
    if (
        t.kind in {MORE, STAR, LESS}
        or (t.kind == leaf.kind(t.at + 1) == EQUAL)
        or leaf.written(t.at) in OPERATORS
        or (LESS in leaf.kinds[2 : t.at])
    ):
        return as_template(t)
    return None


def _in_quotes(t: Trouble) -> Answer | None:
    """`case "{{ x }}" -> a`."""
    value = t.leaf.values[t.at]
    if t.kind != TEXT or len(value.parts) != 1 or not isinstance(value.parts[0], Template):
        return None
    alone = value.parts[0]
    written = t.leaf.text[alone.span.start : alone.span.end]
    finding = t.wrong("a condition stands without quotes", None, (Edit(t.span, written),), "drop the quotes")
    return t.swap(finding, t.at, t.at + 1, (TEMPLATE, alone))


def else_with_condition(t: Trouble) -> Answer | None:
    """`else {{ x }} -> a`, `else if {{ x }} -> a`."""
    leaf = t.leaf
    if leaf.kind(0) != ELSE or t.at != 1 or TEMPLATE not in leaf.kinds:
        return None
    end = leaf.kinds.index(TEMPLATE)
    span = Span(leaf.span(0).start, leaf.span(end - 1).end)
    finding = t.wrong("`else` has no condition: `case {{ ... }} -> step`", span, (Edit(span, "case"),), "write `case`")
    return t.swap(finding, 0, end, (CASE, Name("case", span)))


def spaced_duration(t: Trouble) -> Answer | None:
    """`timeout = 3 days`."""
    leaf, at = t.leaf, t.at
    unit = UNIT_WORDS.get(leaf.written(at).lower())
    if leaf.kind(at - 1) != NUMBER or not leaf.is_name(at) or unit is None:
        return None
    number = leaf.values[at - 1]
    short = f"{leaf.written(at - 1)}{unit}"
    return duration(
        t._replace(at=at - 1),
        at + 1,
        f"a duration is written in one piece: `{short}`",
        short,
        round(number.value * UNITS[unit]),
    )


def kindless(t: Trouble) -> Answer | None:
    """`step x = stripe.get_charge`: a tool where the kind should stand."""
    if t.kind != DOTTED or t.at != 3 or t.leaf.kind(0) != STEP:
        return None
    place, written = t.span.start, t.leaf.written(t.at)
    if isinstance(t.leaf.values[t.at], Word) and t.leaf.values[t.at].parts[0] == "mcp":
        return Answer(t.wrong(f"a kind has no dots: `mcp` and then the tool, found `{written}`"))
    finding = t.wrong(
        f"expected a kind before `{written}`: `mcp {written}`",
        None,
        (Edit(Span(place, place), "mcp "),),
        "insert `mcp`",
    )
    return t.swap(finding, t.at, t.at, (NAME, Name("mcp", Span(place, place))))


def reserved(t: Trouble) -> Answer | None:
    """A reserved word where a name should stand."""
    leaf = t.leaf
    if not leaf.is_name(t.at) or t.kind == NAME or not t.wants("NAME"):
        return None
    written = leaf.written(t.at)
    if leaf.kind(t.at - 1) in {EQUAL, STEP, INPUT, LET, TRIGGER, WORKFLOW, AS, ARROW, AFTER, COMMA, COLON} and t.at:
        if leaf.kind(t.at - 1) == EQUAL and t.wants("PLAIN"):
            message = f"`{written}` is a reserved word: quote it if it is text"
        else:
            message = f"`{written}` is a reserved word: choose another name"
        return t.swap(t.wrong(message), t.at, t.at + 1, (NAME, Name(written, t.span)))
    return None


def type_after_equal(t: Trouble) -> Answer | None:
    """`input x = string`."""
    leaf = t.leaf
    if leaf.kind(0) != INPUT or t.at != 2 or t.kind != EQUAL:
        return None
    if leaf.kind(3) in PLAIN_NAMES:
        gap = Span(place_after(leaf, 2), t.span.end)
        message = f"an input has a type: `input {leaf.written(1)}: {leaf.written(3)}`"
        finding = t.wrong(message, None, (Edit(gap, ":"),), "write `:`")
        return t.swap(finding, 2, 3, (COLON, t.span.start))
    return Answer(t.wrong(f"an input has a type before its default: `input {leaf.written(1)}: string = ...`"))


def list_type(t: Trouble) -> Answer | None:
    """`string[]`, `list[string]`."""
    leaf, at = t.leaf, t.at
    if t.kind != LSQB or leaf.kind(0) != INPUT or leaf.kind(at - 1) not in PLAIN_NAMES or RSQB not in leaf.kinds[at:]:
        return None
    end = leaf.kinds.index(RSQB, at) + 1
    inner = leaf.written(at - 1) if end == at + 2 else leaf.written(at + 1)
    if end not in {at + 2, at + 3} or not _NAME.fullmatch(inner):
        return None
    span = Span(leaf.span(at - 1).start, leaf.span(end - 1).end)
    name = Name(inner, span)
    finding = t.wrong(
        f"a list's type is `list<{inner}>`", span, (Edit(span, f"list<{inner}>"),), f"write `list<{inner}>`"
    )
    tokens = ((NAME, Name("list", span)), (LESS, span.start), (NAME, name), (MORE, span.end - 1))
    return t.swap(finding, at - 1, end, *tokens)


def template_text(t: Trouble) -> Answer | None:
    """A template where plain text or a name must stand."""
    if t.kind not in {ID["TEXT"], TEMPLATE} or t.wants("TEMPLATE"):
        return None
    value = t.leaf.values[t.at]
    if t.wants("PLAIN") and not isinstance(value, Template):
        return Answer(t.wrong("no template can stand in this text: it is read before anything runs"))
    if t.wants("NAME"):
        return Answer(t.wrong("expected a name: no template can stand here"))
    return None


def two_items(t: Trouble) -> Answer | None:
    """Two items on one line without a `,` between."""
    leaf, at = t.leaf, t.at
    begins_item = ((leaf.kind(at) in NAMES or leaf.kind(at) == PLAIN) and leaf.kind(at + 1) == EQUAL) or (
        leaf.kind(at) in STARTERS and (leaf.kind(at + 1) in NAMES or leaf.kind(at + 1) in {TEMPLATE, ARROW, LBRACE})
    )
    if not at or END not in t.expected or not begins_item or leaf.start in {"value", "attribute_value"}:
        return None
    place = place_after(leaf, at)
    lines = leaf.start == "workflow" or in_edges(t)
    wanted = "a new line" if lines else "a new line or `,`"
    finding = t.wrong(
        f"expected {wanted} before `{leaf.written(at)}`",
        None,
        (Edit(Span(place, place), "\n" if lines else ","),),
        f"insert {wanted}",
    )
    return Answer(finding, split=at)


HINTS: Final[tuple[Callable[[Trouble], Answer | None], ...]] = (
    address,
    misnamed,
    outside,
    after_as_item,
    edges_with_sign,
    edges_in_brackets,
    edges_without_comma,
    else_with_condition,
    two_items,
    spaced_duration,
    type_after_equal,
    list_type,
    twice,
    arrow,
    colon,
    condition,
    quoted_step,
    kindless,
    reserved,
    template_text,
)
