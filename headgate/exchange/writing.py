"""The text of the language, made from its parts: what is quoted here reads back as it was. The layout comes after."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from headgate.exchange.names import is_name
from headgate.grammar.dedent import dedented_lines
from headgate.grammar.strings import Scan
from headgate.plan import Json
from headgate.records import NamedTuple

Lines: TypeAlias = "list[str]"
"""One item of a block, its further lines indented against the first."""

INDENT: Final = "  "
WORTH_A_BLOCK: Final = 60
FENCE: Final = "`" * 3

_AWKWARD = re.compile(r"\{\{|\{[%#]|\$?\{\s*[A-Za-z_]\w*\s*[.\[]")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NAMED: Final = {"\t": "\\t", "\r": "\\r", "\\": "\\\\", '"': '\\"', "\n": "\\n"}


class Hole(NamedTuple):
    """A template among literal stretches: the expression between its braces, on one line."""

    expression: str


Part: TypeAlias = str | Hole


def template(expression: str) -> str:
    """A template that stands alone."""
    return f"{{{{ {expression.strip()} }}}}"


def can_be_template(expression: str) -> bool:
    """Whether the language would find the end of such a template, and no line end in it."""
    written = template(expression)
    return "\n" not in written and Scan(written).template_end(0, one_line=True) == len(written)


def text(parts: Sequence[Part]) -> str:
    """Literal stretches and templates as text on one line."""
    escaped = _braces_escaped(parts)
    return '"' + "".join(_one_line(part, escape_braces=escaped) for part in parts) + '"'


def long_text(parts: Sequence[Part]) -> str:
    """As `text`, over several lines where it has several and reads back the same."""
    whole = "".join(part if isinstance(part, str) else template(part.expression) for part in parts)
    if "\n" not in whole or len(whole) < WORTH_A_BLOCK or not _fits_block(parts, whole):
        return text(parts)
    escaped = _braces_escaped(parts)
    body = "".join(_in_block(part, escape_braces=escaped) for part in parts)
    lines = ['"""', *(f"{INDENT}{line}" if line else "" for line in body.split("\n")), '"""']
    return "\n".join(lines)


def quoted(plain: str) -> str:
    """A text without templates."""
    return text([plain])


def fence(content: str, word: str) -> str | None:
    """Raw text in a fence, None when a fence cannot hold exactly this."""
    lines = [f"{INDENT}{line}" if line else "" for line in content.split("\n")]
    raw = "\n".join([*lines, ""])
    if _CONTROL.search(content.replace("\t", "")) or any(line.lstrip(" \t").startswith(FENCE) for line in lines):
        return None
    if _SURROGATE.search(content) or dedented_lines(raw)[0] != content:
        return None
    return "\n".join([f"{FENCE}{word}", *lines, FENCE])


def json_fence(value: Json) -> str:
    """JSON in a fence: on one line where it is short."""
    flat = json.dumps(value)
    held = fence(flat if len(flat) <= WORTH_A_BLOCK else json.dumps(value, indent=2), "json")
    assert held is not None, "JSON in ASCII stands in any fence"
    return held


def key(name: str) -> str:
    """The key of a map."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else quoted(name)


def word(name: str) -> str:
    """A name of the workspace: bare, or quoted when it is no name of the language."""
    return name if is_name(name) else quoted(name)


def doc(description: str) -> Lines | None:
    """A description as a doc comment, None when a comment cannot hold exactly this."""
    lines = description.split("\n")
    odd = any(line != line.rstrip() or _CONTROL.search(line) or _SURROGATE.search(line) for line in lines)
    if odd or not description or any(line.lstrip("# ").startswith("headgate:") for line in lines):
        return None
    return [f"## {line}".rstrip() for line in lines]


def attribute(name: str, value: str) -> Lines:
    """`name = value`."""
    return f"{key(name)} = {value}".split("\n")


def block(head: str, items: Iterable[Lines]) -> Lines:
    """A head and a block of items, or the head alone when there is none."""
    inside = [f"{INDENT}{line}" if line else "" for item in items for line in item]
    first = head.split("\n")
    return [*first[:-1], f"{first[-1]} {{", *inside, "}"] if inside else first


def without_surrogates(content: str) -> str:
    """A text that UTF-8 can hold: half characters are shown as a replacement."""
    return _SURROGATE.sub("\ufffd", content)


def _braces_escaped(parts: Sequence[Part]) -> bool:
    """Whether braces of the literal stretches would be taken for those of templates, so that they are escaped."""
    depth = 0
    for at, part in enumerate(parts):
        if not isinstance(part, str):
            continue
        after = at + 1 < len(parts)
        if _AWKWARD.search(part) or (after and part.endswith("{")) or (at and part.startswith("}")):
            return True
        for sign in part:
            depth += (sign == "{") - (sign == "}")
            if depth < 0:
                return True
    return False


def _escaped(content: str, *, escape_braces: bool) -> str:
    content = _CONTROL.sub(lambda found: _NAMED.get(found[0], f"\\u{ord(found[0]):04x}"), without_surrogates(content))
    return content.replace("{", "\\u007b").replace("}", "\\u007d") if escape_braces else content


def _one_line(part: Part, *, escape_braces: bool) -> str:
    if isinstance(part, Hole):
        return template(part.expression)
    content = part.replace("\\", "\\\\").replace('"', '\\"')
    return _escaped(content, escape_braces=escape_braces).replace("\n", "\\n")


def _in_block(part: Part, *, escape_braces: bool) -> str:
    if isinstance(part, Hole):
        return template(part.expression)
    content = part.replace("\\", "\\\\").replace('""', '\\"\\"')
    return _escaped(content, escape_braces=escape_braces)


def _fits_block(parts: Sequence[Part], whole: str) -> bool:
    """Whether dedent gives a text back as it was: a line that starts at the margin, none of blanks alone."""
    if any(isinstance(part, str) and _CONTROL.search(part.replace("\t", "")) for part in parts):
        return False
    lines = whole.split("\n")
    blank = any(line and not line.strip() for line in lines)
    return not blank and any(line and line[0] not in " \t" for line in lines)
