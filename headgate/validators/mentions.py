"""Which inputs, constants and steps a workflow mentions anywhere: what is not among them is read by nobody."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from headgate.compiler.uses import scripts
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.rule import Context
from headgate.validators.scripts import lua_fault, read_scripts, setting_reads
from headgate.validators.templates import reads, step_reads

ROOTS = ("inputs", "vars", "steps")
_MENTION = re.compile(r"\b(inputs|vars|steps|previous)\s*(?:\.\s*|\[\s*\\?[\"']|\[\s*)([A-Za-z_][A-Za-z0-9_]*)")


class Mentions(NamedTuple):
    """`names` are pairs of root and name (`inputs`, `order`). `whole` are the roots that are read as a whole.

    `bare` are globals of scripts that nothing gives a value, `strangers` names of templates that are not in scope:
    perhaps something whose root was left out.
    """

    names: frozenset[tuple[str, str]]
    whole: frozenset[str]
    bare: frozenset[str]
    strangers: frozenset[str]

    def has(self, root: str, name: str) -> bool:
        return root in self.whole or name in self.bare or (root, name) in self.names


def mentions(context: Context) -> Mentions:
    """Everything a workflow mentions: in templates and scripts, and in texts that only look like them."""
    names: set[tuple[str, str]] = set()
    whole: set[str] = set()
    bare: set[str] = set()
    strangers: set[str] = set()
    for read in (*reads(context), *setting_reads(context), *step_reads(context)):
        root = read.segments[0].name
        if root not in ROOTS and root != "previous":
            if root not in read.site.names:
                strangers.add(root)
        elif len(read.segments) == 1 or read.segments[1].number is not None:
            whole.add(root)
        else:
            names.add(("steps" if root == "previous" else root, read.segments[1].name))
    for script in read_scripts(context):
        for found in script.names.reads:
            if found.name in ROOTS and len(found.links) == 1:
                whole.add(found.name)
            elif found.name not in script.site.names:
                bare.add(found.name)
    for match in _MENTION.finditer(_without_comments_and_scripts(context)):
        names.add(("steps" if match[1] == "previous" else match[1], match[2]))
    return Mentions(frozenset(names), frozenset(whole), frozenset(bare), frozenset(strangers))


def _without_comments_and_scripts(context: Context) -> str:
    """The text of the workflow without what says nothing, or was read by Lua's own rules already."""
    here = context.workflow.span
    text, at, kept = context.source.text, here.start, []
    for left_out in sorted(_left_out(context, here)):
        kept.append(text[at : left_out.start])
        at = max(at, left_out.end)
    return " ".join([*kept, text[at : here.end]])


def _left_out(context: Context, here: Span) -> Iterator[Span]:
    comments = context.file.comments
    first = bisect_left(comments, here.start, key=lambda comment: comment.span.start)
    for number in range(first, len(comments)):
        if comments[number].span.start >= here.end:
            break
        yield comments[number].span
    for script in scripts(context.graph):
        if lua_fault(script.fence.text) is None:
            yield script.fence.raw
