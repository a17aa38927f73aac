"""Places in the text where fixes cut and insert."""

from __future__ import annotations

from headgate.diagnostics import Diagnostic, Edit
from headgate.grammar import ast
from headgate.source import Span


def with_line_ends(text: str, diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """The findings with fixes that insert the line ends of the text: CR LF when its first line has it."""
    first = text.find("\n")
    if first < 1 or text[first - 1] != "\r":
        return diagnostics
    return [_with_crlf(found) if found.fixes else found for found in diagnostics]


def _with_crlf(found: Diagnostic) -> Diagnostic:
    fixes = []
    for fix in found.fixes:
        edits = tuple(edit._replace(text=edit.text.replace("\r\n", "\n").replace("\n", "\r\n")) for edit in fix.edits)
        fixes.append(fix._replace(edits=edits))
    return found._replace(fixes=tuple(fixes))


def behind_header(step: ast.Step) -> Span:
    """Where a step's edge list would begin: behind its kind, positionals and `as` name."""
    ends = [step.kind.span.end, *(value.span.end for value in step.positionals)]
    if step.as_name is not None:
        ends.append(step.as_name.span.end)
    return Span(max(ends), max(ends))


def whole_line(text: str, span: Span) -> Span:
    """The whole line of something that stands alone on it, else just its own span."""
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end) + 1
    alone = end and not text[start : span.start].strip() and not text[span.end : end].strip()
    return Span(start, end) if alone else span


def _behind_space(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t"):
        at += 1
    return at


def without_item(text: str, span: Span) -> Span:
    """What goes when an attribute or a case goes: its line, or on a line with others the `,` that separates it."""
    line = whole_line(text, span)
    if line != span:
        return line
    end, start = _behind_space(text, span.end), span.start
    if text[end : end + 1] == ",":
        return Span(span.start, _behind_space(text, end + 1))
    while text[start - 1 : start] in (" ", "\t"):
        start -= 1
    if text[start - 1 : start] == ",":
        return Span(start - 1, span.end)
    return Span(start, end) if text[start - 1 : start] == "{" and text[end : end + 1] == "}" else span


def without_edge(text: str, step: ast.Step, edge: ast.Edge) -> Span:
    """What goes when one edge goes: its comma with it, or `after` with the only one."""
    number = step.edges.index(edge)
    if number + 1 < len(step.edges):
        return Span(edge.span.start, step.edges[number + 1].span.start)
    if number > 0:
        return Span(step.edges[number - 1].span.end, edge.span.end)
    start = text.rindex("after", step.head.start, edge.span.start)
    return Span(len(text[:start].rstrip(" \t")), edge.span.end)


def into_block(text: str, step: ast.Step, item: str) -> Edit:
    """The edit that puts one more item at the end of a step's block, on a line of its own where the others have one."""
    start = text.rfind("\n", 0, step.span.start) + 1
    indent = text[start : len(text) - len(text[start:].lstrip(" \t"))]
    behind = step.fence.span.end if step.fence is not None else step.head.end
    opener = text.find("{", behind, step.span.end)
    if opener < 0:
        return Edit(Span(step.span.end, step.span.end), f" {{\n{indent}  {item}\n{indent}}}")
    closer = step.span.end - 1
    inside = text[opener + 1 : closer]
    if not inside.strip():
        return Edit(Span(opener, step.span.end), f"{{\n{indent}  {item}\n{indent}}}")
    end = opener + 1 + len(inside.rstrip(" \t"))
    if "\n" not in inside:
        return Edit(Span(end, closer), f", {item} " if not inside.rstrip().endswith(",") else f" {item} ")
    if text[end - 1] != "\n":
        return Edit(Span(end, closer), f"\n{indent}  {item}\n{indent}")
    return Edit(Span(end, end), f"{indent}  {item}\n")


def whole_item(text: str, span: Span) -> Span:
    """An item with its line, the comment behind it, its doc comment above, and one of two blank lines around it.

    Where other things stand on its line it is just its own span, with the `,` behind it.
    """
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end) + 1
    behind = text[span.end : end].strip().removeprefix(",").lstrip()
    if not end or text[start : span.start].strip() or (behind and not behind.startswith("#")):
        comma = _behind_space(text, span.end)
        return Span(span.start, comma + 1) if text[comma : comma + 1] == "," else span
    while (above := text.rfind("\n", 0, max(start - 1, 0)) + 1) < start and text[above:start].lstrip().startswith("##"):
        start = above
    before, after = _line_before(text, start), _line_after(text, end)
    if not after.strip() and after and (not before.strip() or before.rstrip().endswith("{")):
        end += len(after)
    elif after.strip() == "}" and before and not before.strip():
        start -= len(before)
    return Span(start, end)


def _line_before(text: str, at: int) -> str:
    return text[text.rfind("\n", 0, max(at - 1, 0)) + 1 : at]


def _line_after(text: str, at: int) -> str:
    end = text.find("\n", at) + 1
    return text[at : end or len(text)]


def without_entry(text: str, within: ast.Map, entry: ast.Entry) -> Span:
    """What goes when one entry of a map goes, and what separates it from the next."""
    number = within.entries.index(entry)
    if number + 1 < len(within.entries):
        return Span(entry.span.start, within.entries[number + 1].span.start)
    if number > 0:
        return Span(within.entries[number - 1].span.end, entry.span.end)
    inner = text[within.span.start + 1 : within.span.end - 1]
    return entry.span if "#" in inner else Span(within.span.start + 1, within.span.end - 1)
