"""Paths of other products' templates: `input.x`, `steps.some-id.result.f`, `item`, `while.prev.id.f`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from headgate.exchange.names import name_for
from headgate.exchange.naming import Naming
from headgate.expressions.tree import KEYWORDS, LITERALS
from headgate.records import NamedTuple

ROOTS: Final = frozenset({"input", "inputs", "steps", "item", "foreach", "body", "while", "trigger", "run", "secrets"})
"""Names with which a path of such a template may begin."""

_ROOT = re.compile(r"[^\W\d]\w*")
_HYPHENED = re.compile(r"\.([\w-]*\w)")
_WORD = re.compile(r"\.(\w+)")
_INDEX = re.compile(r"\[\s*(?:(-?[0-9]+)|\"([^\"\\]*)\"|'([^'\\]*)')\s*\]")
_ENDS: Final = ("", ".", " ", "[", "|", ")", ",")
_DOTTED = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Path(NamedTuple):
    """One path of a template: its links, and the offset behind it."""

    links: tuple[str | int, ...]
    end: int


def read_path(expression: str, at: int, naming: Naming, *, hyphens: bool) -> Path | None:
    """The path that begins at an offset, None when no name stands there.

    An id may hold hyphens wherever one of a step or an input stands; other links only when `hyphens`, as where nothing
    is subtracted.
    """
    root = _ROOT.match(expression, at)
    if root is None:
        return None
    links: list[str | int] = [root.group()]
    end = root.end()
    while True:
        known = _known(links, naming)
        found = (_HYPHENED if hyphens or known is not None else _WORD).match(expression, end)
        if found is not None:
            link = found[1] if known is None else _identifier(expression, found, known, hyphens=hyphens)
            links.append(int(link) if known is None and link.isascii() and link.isdigit() else link)
            end = found.start(1) + len(link)
        elif (index := _INDEX.match(expression, end)) is not None:
            links.append(int(index[1]) if index[1] is not None else index[2] if index[2] is not None else index[3])
            end = index.end()
        else:
            return Path(tuple(links), end)


def _identifier(expression: str, found: re.Match[str], known: Mapping[str, str], *, hyphens: bool) -> str:
    """The id that stands at a match: as long a known one as there is, which may hold what no name does."""
    link = found[1]
    if link in known and expression[found.end() : found.end() + 1] != " ":
        return link
    start = found.start(1)
    longer = [one for one in known if expression.startswith(one, start) and expression[start + len(one) :][:1] in _ENDS]
    if longer:
        return max(longer, key=len)
    while not hyphens and "-" in link:
        link = link.rpartition("-")[0].rstrip("-")
    return link


def _known(links: list[str | int], naming: Naming) -> Mapping[str, str] | None:
    """The ids one of which comes next, None where any name may."""
    if links in (["steps"], ["body"], ["while", "prev"], ["previous"]):
        return naming.steps
    return naming.inputs if links in (["input"], ["inputs"]) else None


def translated(links: tuple[str | int, ...], naming: Naming) -> str:
    """A path as the language writes it; one that means nothing here stays as it is."""
    match links:
        case ("input" | "inputs", str() as name, *rest):
            return written(("inputs", input_name(name, naming), *rest))
        case ("input",):
            return "inputs"
        case ("steps", str() as name, "output", *rest):
            return written(("steps", step_name(name, naming), "result", *rest))
        case ("steps", str() as name, *rest):
            return written(("steps", step_name(name, naming), *rest))
        case ("body", str() as name, *rest):
            return written(("steps", step_name(name, naming), "result", *rest))
        case ("while", "prev" | "previous", str() as name, *rest):
            return written(("previous", step_name(name, naming), *rest))
        case ("while", "index" | "iteration"):
            return "iteration"
        case ("foreach", "index"):
            return "index"
        case ("item", *rest) | ("foreach", "item", *rest) if naming.item is not None:
            return written((naming.item, *rest))
        case _:
            return written(links)


def step_name(identifier: str, naming: Naming) -> str:
    """The name of the step that an id names; of an id that names none, what it would be called."""
    return naming.steps.get(identifier) or name_for(identifier, {*naming.steps.values()}, "step")


def input_name(name: str, naming: Naming) -> str:
    """The name of an input; one that nobody declared gets a name when it is first read."""
    return naming.inputs[name]


def written(links: tuple[str | int, ...]) -> str:
    """Links as a path of the language."""
    first, *rest = links
    return str(first) + "".join(_link(link) for link in rest)


def _link(link: str | int) -> str:
    if isinstance(link, int):
        return f"[{link}]"
    if _DOTTED.fullmatch(link) and link not in KEYWORDS and link not in LITERALS:
        return f".{link}"
    quoted = link.replace("\\", "\\\\").replace('"', '\\"')
    return f'["{quoted}"]'
