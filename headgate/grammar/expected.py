"""The message when nothing special fits: what was expected, after what, and what was found."""

from __future__ import annotations

from typing import Final

from headgate.diagnostics import Edit
from headgate.grammar.leaf import SIGN_OF, Answer, Trouble, place_after
from headgate.grammar.machine import Stuck, run
from headgate.grammar.tokens import END, ID
from headgate.source import Span

INSERTED: Final = tuple(ID[name] for name in ("ARROW", "EQUAL", "COMMA", "COLON", "MORE", "RPAR", "RSQB"))
SIGNS_BEFORE_SPACE: Final = frozenset({ID["EQUAL"], ID["ARROW"]})
DELETED: Final = frozenset(
    ID[name] for name in ("EQUAL", "COMMA", "ARROW", "COLON", "QUESTION", "STAR", "MORE", "LESS")
)
VALUE: Final = frozenset(ID[name] for name in ("PLAIN", "NUMBER", "TRUE", "LBRACE", "LSQB"))
POSITIONAL: Final = frozenset(ID[name] for name in ("PLAIN", "NUMBER", "LSQB", "NAME"))
NAMING: Final = frozenset(ID[name] for name in ("NAME", "FAILED", "DENIED", "FINISHED", "BEFORE"))
ANY_WORD: Final = frozenset(ID[name] for name in ("WORKFLOW", "INPUT", "AS", "TRUE"))
SHOWN: Final = {
    ID["PLAIN"]: "text in quotes",
    ID["TEMPLATE"]: "a condition in `{{ }}`",
    ID["FENCE"]: "a fence",
    END: "the end of the item",
}
STARTED: Final = {
    "workflow": "`workflow`",
    "workflow_item": "an attribute, `input`, `let`, `trigger`, `step` or `output`",
    "step_item": "an attribute, `step`, `gate`, `case` or `else`",
    "attribute": "an attribute",
    "entry": "a key",
    "value": "a value",
}
MOST_SHOWN: Final = 4
MOST_WRITTEN: Final = 30


def generic(t: Trouble) -> Answer:
    """The finding in general words; with a fix when one sign more, less or other makes the item whole."""
    return inserted(t) or unopened(t) or deleted(t) or exchanged(t) or Answer(t.wrong(message(t)))


def whole(answer: Answer, t: Trouble) -> bool:
    """Whether the repaired item parses."""
    assert answer.kinds is not None, "a repair has tokens"
    assert answer.values is not None, "a repair has tokens"
    stuck = run(t.leaf.start, answer.kinds, answer.values, t.leaf.docs)
    return not isinstance(stuck, Stuck)


def inserted(t: Trouble) -> Answer | None:
    """The repair that inserts a sign before the offending token."""
    place = place_after(t.leaf, t.at)
    for kind in INSERTED:
        if kind not in t.expected or not t.at or (kind == ID["EQUAL"] and begins_block(t)):
            continue
        sign = SIGN_OF[kind]
        glued = t.at < len(t.leaf.kinds) and t.leaf.span(t.at).start == place
        written = f" {sign}{' ' if glued else ''}" if kind in SIGNS_BEFORE_SPACE else sign
        finding = t.wrong(
            f"expected `{sign}`{after(t)}, found {found(t)}",
            None,
            (Edit(Span(place, place), written),),
            f"insert `{sign}`",
        )
        answer = t.swap(finding, t.at, t.at, (kind, max(place - 1, 0)))
        if whole(answer, t):
            return answer
    return None


def unopened(t: Trouble) -> Answer | None:
    """The repair that gives a gate its braces."""
    if t.kind != END or t.leaf.kind(0) != ID["GATE"] or ID["LBRACE"] not in t.expected:
        return None
    place = place_after(t.leaf, t.at)
    finding = t.wrong(message(t), None, (Edit(Span(place, place), " {}"),), "insert `{}`")
    return t.swap(finding, t.at, t.at, (ID["LBRACE"], place), (ID["RBRACE"], place))


def deleted(t: Trouble) -> Answer | None:
    """The repair that deletes the offending sign, or the comma before it."""
    if t.leaf.kind(t.at - 1) == ID["COMMA"]:
        span = t.leaf.span(t.at - 1)
        finding = t.wrong(message(t), None, (Edit(span, ""),), "delete the `,`")
        answer = t.swap(finding, t.at - 1, t.at)
        if whole(answer, t):
            return answer
    if t.kind not in DELETED:
        return None
    sign = SIGN_OF[t.kind]
    finding = t.wrong(f"{message(t)}", None, (Edit(t.span, ""),), f"delete the `{sign}`")
    answer = t.swap(finding, t.at, t.at + 1)
    return answer if whole(answer, t) else None


def exchanged(t: Trouble) -> Answer | None:
    """The repair that writes another sign for the offending one."""
    if t.kind not in DELETED:
        return None
    for kind in INSERTED:
        if kind in t.expected:
            sign = SIGN_OF[kind]
            finding = t.wrong(message(t), None, (Edit(t.span, sign),), f"write `{sign}`")
            answer = t.swap(finding, t.at, t.at + 1, (kind, t.span.start))
            if whole(answer, t):
                return answer
    return None


def begins_block(t: Trouble) -> bool:
    """Whether the word before is one that begins an item, and not meant as the name of an attribute."""
    return t.at == 1 and t.leaf.kind(0) in {ID["STEP"], ID["GATE"], ID["CASE"], ID["ELSE"]}


def message(t: Trouble) -> str:
    """What was expected, after what, and what was found, in one line."""
    return f"expected {wanted(t)}{after(t)}, found {found(t)}"


def after(t: Trouble) -> str:
    """Behind what the offending token stands."""
    if not t.at:
        return ""
    written = " ".join(t.leaf.written(t.at - 1).split())
    return f" after `{written}`" if len(written) <= MOST_WRITTEN and "`" not in written else ""


def found(t: Trouble) -> str:
    """The offending token, as it is called."""
    if t.kind == END:
        return "the end of the item"
    written = " ".join(t.leaf.written(t.at).split())
    if "`" in written:
        return "a fence"
    return f"`{written}`" if len(written) <= MOST_WRITTEN else f"`{written[:MOST_WRITTEN]}...`"


def wanted(t: Trouble) -> str:
    """What would have been taken, the likely first."""
    if not t.at:
        return STARTED.get(t.leaf.start, "an item")
    expected = set(t.expected) - ({ID["EQUAL"]} if begins_block(t) else set())
    names: list[str] = []
    if expected >= VALUE:
        return "a value"
    if expected >= ANY_WORD:
        return "a name"
    if t.at == 3 and t.leaf.kind(0) in {ID["STEP"], ID["TRIGGER"]}:
        return "a kind"
    if expected >= POSITIONAL:
        names.append("a value")
        expected -= {kind for kind, name in enumerate(ID) if name in _POSITIONAL_STARTS}
    if NAMING & expected:
        only = NAMING & expected == {ID["BEFORE"]}
        names.append("`before`" if only else "a step" if names_step(t) else "a name")
        expected -= NAMING
    ends = expected & {END}
    expected -= {END, ID["NL"]}
    names += [SHOWN.get(kind) or f"`{SIGN_OF.get(kind) or word(kind)}`" for kind in sorted(expected)]
    if ends:
        names.append("a new line")
    names = names[:MOST_SHOWN]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}" if names else "nothing more"


def names_step(t: Trouble) -> bool:
    """Whether a name here is that of a step that stands elsewhere."""
    before = {ID["AFTER"], ID["COMMA"], ID["ARROW"], ID["FAILED"], ID["DENIED"], ID["FINISHED"]}
    return t.leaf.kind(t.at - 1) in before and t.leaf.kind(0) in {ID["STEP"], ID["CASE"], ID["ELSE"]}


_POSITIONAL_STARTS = frozenset(
    {
        "PLAIN",
        "TEXT",
        "BLOCK",
        "TEMPLATE",
        "NUMBER",
        "DURATION",
        "DOTTED",
        "LSQB",
        "NAME",
        "FAILED",
        "DENIED",
        "FINISHED",
        "BEFORE",
    }
)


def word(kind: int) -> str:
    """A reserved word by its id."""
    return next(name for name, number in ID.items() if number == kind).lower()
