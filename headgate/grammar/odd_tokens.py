"""Messages for what is no token here but is one elsewhere: quotes, units, names and signs of other languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from headgate.diagnostics import Edit
from headgate.grammar.ast import Duration, Literal, Name, Number, Template, Text, Word
from headgate.grammar.healing import BAD
from headgate.grammar.leaf import Answer, Trouble, place_after
from headgate.grammar.tokens import COMMA, DOTTED, DURATION, ID, NAME, NUMBER, PLAIN, TEMPLATE, UNITS
from headgate.source import Span

EQUAL, ARROW = ID["EQUAL"], ID["ARROW"]
UNIT_WORDS: Final = {
    **dict.fromkeys(("millisecond", "milliseconds", "millis", "msec", "msecs"), "ms"),
    **dict.fromkeys(("second", "seconds", "sec", "secs", "S"), "s"),
    **dict.fromkeys(("minute", "minutes", "min", "mins", "M"), "m"),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "H"), "h"),
    **dict.fromkeys(("day", "days", "D"), "d"),
    **{unit: unit for unit in UNITS},
}
_SEVERAL = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|[smhd])){2,}")
_ONE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|[smhd])")
_WORDY = re.compile(r"([0-9]+(?:\.[0-9]+)?)_?([A-Za-z]+)")
BRACED: Final = re.compile(r"\{\{(.*?)\}\}")
SIMPLE: Final = re.compile(r"[\w.\[\]]+")
_HYPHENATED = re.compile(r"-[A-Za-z0-9_-]*")


def explain_odd(t: Trouble) -> Answer | None:
    """What is wrong with a stretch of text that is no token."""
    for hint in HINTS:
        answer = hint(t, t.leaf.values[t.at].text)
        if answer is not None:
            return answer
    written = t.leaf.values[t.at].text
    return Answer(t.wrong(f"`{written[:20]}` has no meaning here"))


def text_of(content: str, span: Span) -> Text:
    """A text that holds no template, as if it stood quoted at `span`."""
    return Text((Literal(content, span),) if content else (), span)


def quoted(content: str) -> str:
    """A text as the language writes it."""
    escaped = content.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def other_quotes(t: Trouble, written: str) -> Answer | None:
    """`'text'`, and the quotes of word processors."""
    if len(written) < 2 or written[0] not in "'\u2018\u201c" or written[-1] not in "'\u2019\u201d":
        return None
    inner = written[1:-1].replace("\\'", "'")
    closed = inner.replace('\\"', '"').replace('"', '\\"') if "{{" not in inner else inner
    finding = t.wrong(
        f'text stands in double quotes: `"{inner[:40]}"`', None, (Edit(t.span, f'"{closed}"'),), "use double quotes"
    )
    return t.swap(finding, t.at, t.at + 1, (PLAIN, text_of(inner, t.span)))


def dollar(t: Trouble, written: str) -> Answer | None:
    """`${{ x }}` and `$name`."""
    if written != "$":
        return None
    if t.leaf.kind(t.at + 1) == TEMPLATE and t.leaf.span(t.at + 1).start == t.span.end:
        finding = t.wrong("a template is written `{{ }}`, without a `$`", None, (Edit(t.span, ""),), "delete the `$`")
        return t.swap(finding, t.at, t.at + 1)
    return Answer(t.wrong("`$` has no meaning here: a value is taken up with `{{ }}`"))


def several_units(t: Trouble, written: str) -> Answer | None:
    """`1h30m`."""
    if not _SEVERAL.fullmatch(written):
        return None
    total = sum(float(part[1]) * UNITS[part[2]] for part in _ONE.finditer(written))
    unit = next(unit for unit in ("d", "h", "m", "s", "ms") if total % UNITS[unit] == 0 or unit == "ms")
    short = f"{round(total / UNITS[unit])}{unit}"
    return duration(t, t.at + 1, f"a duration has one number and one unit: `{short}`", short, round(total))


def duration(t: Trouble, end: int, message: str, short: str, milliseconds: int) -> Answer:
    """The tokens up to `end` were meant as one duration."""
    span = Span(t.span.start, t.leaf.span(end - 1).end)
    finding = t.wrong(message, span, (Edit(span, short),), f"write `{short}`")
    return t.swap(finding, t.at, end, (DURATION, Duration(milliseconds, short, span)))


def worded_unit(t: Trouble, written: str) -> Answer | None:
    """`5min`, `3days`."""
    found = _WORDY.fullmatch(written)
    unit = UNIT_WORDS.get(found[2], UNIT_WORDS.get(found[2].lower())) if found else None
    if found is None or unit is None:
        return None
    short = f"{found[1]}{unit}"
    milliseconds = round(float(found[1][:300]) * UNITS[unit]) if len(found[1]) < 16 else 0
    return duration(t, t.at + 1, f"the units of a duration are `ms s m h d`: `{short}`", short, milliseconds)


def odd_number(t: Trouble, written: str) -> Answer | None:
    """`007`, `.5`, `+3`, `1_000`, `5%`."""
    if not re.match(r"[-+]?\.?[0-9]", written) or (t.at and t.leaf.span(t.at - 1).end == t.span.start):
        return None
    plain = written.replace("_", "").removeprefix("+")
    plain = f"0{plain}" if plain.startswith(".") else plain
    if re.fullmatch(r"-?0[0-9]+", plain):
        finding = t.wrong(
            "a number has no leading zero: quote it if it is text", None, (Edit(t.span, quoted(written)),), "quote it"
        )
        return t.swap(finding, t.at, t.at + 1, (PLAIN, text_of(written, t.span)))
    if len(plain) < 16 and re.fullmatch(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", plain):
        value = float(plain) if "." in plain else int(plain)
        finding = t.wrong(f"this number is written `{plain}`", None, (Edit(t.span, plain),), f"write `{plain}`")
        return t.swap(finding, t.at, t.at + 1, (NUMBER, Number(value, t.span)))
    return Answer(t.wrong(f"`{written[:40]}` is neither a number nor a name: quote it if it is text"))


def percent(t: Trouble, written: str) -> Answer | None:
    """`5%`."""
    if not written.startswith("%") or t.leaf.kind(t.at - 1) != NUMBER or t.leaf.span(t.at - 1).end != t.span.start:
        return None
    share = t.leaf.written(t.at - 1)
    return Answer(t.wrong(f"`{share}%` is no number: write it as a fraction, or quote it"))


def hyphenated(t: Trouble, written: str) -> Answer | None:
    """`send-mail`: a name, a key or a tool with a hyphen in it."""
    leaf, begin = t.leaf, t.at - 1
    if not written.startswith("-") or begin < 0 or leaf.span(begin).end != t.span.start:
        return None
    whole = leaf.kind(begin) == DOTTED
    if not whole and not leaf.is_name(begin):
        return None
    end = t.at + 1
    while (
        leaf.kind(end) in {BAD, NAME}
        and leaf.span(end).start == leaf.span(end - 1).end
        and (leaf.is_name(end) or _HYPHENATED.fullmatch(leaf.written(end)))
    ):
        end += 1
    span = Span(leaf.span(begin).start, leaf.span(end - 1).end)
    name = leaf.text[span.start : span.end]
    token: tuple[int, Any]
    if whole:
        first, last = name.rsplit(".", 1)
        instead, token = f'{first}."{last}"', (DOTTED, Word((*leaf.values[begin].parts[:-1], last), span))
        message = f"a part that is no name is quoted: `{instead}`"
    elif leaf.kind(begin - 1) == EQUAL and begin == 2:
        instead, token = f'"{name}"', (PLAIN, text_of(name, span))
        message = f"`{name}` is no name: text is quoted, `{instead}`"
    elif begin == 0 and leaf.start == "entry":
        instead, token = f'"{name}"', (PLAIN, text_of(name, span))
        message = f"a key that is no name is quoted: `{instead}`"
    else:
        instead = name.rstrip("-").replace("-", "_")
        token = (NAME, Name(instead, span))
        message = f"names hold no `-`: `{instead}`"
    return t.swap(t.wrong(message, span, (Edit(span, instead),), f"write `{instead}`"), begin, end, token)


def web_address(t: Trouble, written: str) -> Answer | None:
    """`https://example.com` without quotes."""
    leaf = t.leaf
    if not written.startswith("//") or t.at < 2 or leaf.written(t.at - 1) != ":" or not leaf.is_name(t.at - 2):
        return None
    span = Span(leaf.span(t.at - 2).start, t.span.end)
    address = leaf.text[span.start : span.end]
    finding = t.wrong("a web address is text: quote it", span, (Edit(span, f'"{address}"'),), "quote it")
    return t.swap(finding, t.at - 2, t.at + 1, (PLAIN, text_of(address, span)))


def slashes(t: Trouble, written: str) -> Answer | None:
    """A `//` comment."""
    if not written.startswith("//"):
        return None
    span = Span(t.span.start, t.span.start + 2)
    finding = t.wrong("a comment starts with `#`", span, (Edit(span, "#"),), "write `#`")
    return t.swap(finding, t.at, len(t.leaf.kinds) if t.at == 0 else t.at + 1)


def semicolon(t: Trouble, written: str) -> Answer | None:
    """`;` at the end of an item, or between two."""
    if not written.startswith(";"):
        return None
    if t.at + 1 == len(t.leaf.kinds):
        finding = t.wrong("an item ends with its line: no `;`", None, (Edit(t.span, ""),), "delete the `;`")
        return t.swap(finding, t.at, t.at + 1)
    finding = t.wrong("items are separated by a new line or `,`, not by `;`", None, (Edit(t.span, ","),), "write `,`")
    return t.swap(finding, t.at, t.at + 1, (COMMA, t.span.start))


def bare_condition(t: Trouble, written: str) -> Answer | None:
    """`when = a != b`: an expression without its braces."""
    if written in {"&&", "||"} and ID["AFTER"] in t.leaf.kinds[: t.at] and t.wants("COMMA"):
        finding = t.wrong("steps after `after` are separated by `,`", None, (Edit(t.span, ","),), "write `,`")
        return t.swap(finding, t.at, t.at + 1, (COMMA, t.span.start))
    if written in {"&&", "||", "!=", "!", "+", "/", "%", "|", "-"} or re.match(r"[-+][0-9]", written):
        return as_template(t)
    return None


def as_template(t: Trouble) -> Answer | None:
    """The value or condition in which the parser stuck, as the template it should be."""
    leaf = t.leaf
    if leaf.kind(0) == ID["CASE"]:
        begin = 1
        end = leaf.kinds.index(ARROW) if ARROW in leaf.kinds else 0
        what = "a condition"
    elif leaf.kind(1) == EQUAL and leaf.kind(0) != ID["STEP"]:
        begin, end, what = 2, len(leaf.kinds), "an expression"
    else:
        return None
    if end <= begin:
        return None
    span = Span(leaf.span(begin).start, leaf.span(end - 1).end)
    written = leaf.text[span.start : span.end]
    if TEMPLATE in leaf.kinds[begin:end]:
        return _one_template(t, what, begin, end)
    if "\n" in written or "{" in written or "}" in written:
        return None
    finding = t.wrong(
        f"{what} stands in braces: `{{{{ {written[:40]} }}}}`",
        span,
        (Edit(Span(span.start, span.start), "{{ "), Edit(Span(span.end, span.end), " }}")),
        "put it into `{{ }}`",
    )
    return t.swap(finding, begin, end, (TEMPLATE, Template(written, span, span)))


def _bare(braced: re.Match[str]) -> str:
    """What stands in a pair of braces, in brackets when what is around it could tear it apart."""
    written = braced[1].strip()
    return written if SIMPLE.fullmatch(written) else f"({written})"


def _one_template(t: Trouble, what: str, begin: int, end: int) -> Answer | None:
    """`case {{ a }} > 1 -> b`: braces around a part of it, which belong around the whole."""
    leaf = t.leaf
    span = Span(leaf.span(begin).start, leaf.span(end - 1).end)
    inner = " ".join(BRACED.sub(_bare, leaf.text[span.start : span.end]).split())
    if "{" in inner or "}" in inner or "`" in inner or '"' in inner:
        return None
    meant = f"{{{{ {inner} }}}}"
    finding = t.wrong(
        f"the whole of {what} stands in one pair of braces: `{meant[:60]}`",
        span,
        (Edit(span, meant),),
        "put the braces around the whole",
    )
    return t.swap(finding, begin, end, (TEMPLATE, Template(inner, span, span)))


def odd_blank(t: Trouble, written: str) -> Answer | None:
    """A blank of another sort, a byte order mark in mid-file, a lone carriage return."""
    names = {
        "\u00a0": "no-break space",
        "\ufeff": "byte order mark",
        "\r": "carriage return without a line feed",
        "\x0c": "form feed",
    }
    raw = t.leaf.text[t.span.start : t.span.end] or written
    if raw not in names and not raw.isspace():
        return None
    finding = t.wrong(
        f"a {names.get(raw, 'blank of an odd sort')} stands here: use a space",
        None,
        (Edit(t.span, " "),),
        "write a space",
    )
    return t.swap(finding, t.at, t.at + 1)


def lone_quote(t: Trouble, written: str) -> Answer | None:
    """A single quote that is not closed."""
    if written != "'":
        return None
    return Answer(t.wrong('text stands in double quotes, and this quote is not closed: expected `"..."`'))


def lone_hyphen(t: Trouble, written: str) -> Answer | None:
    """`-` before an item, as lists are written elsewhere."""
    if written == "-" and t.at == 0:
        place = place_after(t.leaf, 1)
        gap = t.leaf.span(1).start if len(t.leaf.kinds) > 1 else place
        finding = t.wrong("an item has no `-` before it", None, (Edit(Span(t.span.start, gap), ""),), "delete the `-`")
        return t.swap(finding, 0, 1)
    return None


HINTS: Final[tuple[Callable[[Trouble, str], Answer | None], ...]] = (
    other_quotes,
    lone_quote,
    dollar,
    several_units,
    worded_unit,
    hyphenated,
    odd_number,
    percent,
    web_address,
    slashes,
    semicolon,
    bare_condition,
    lone_hyphen,
    odd_blank,
)
