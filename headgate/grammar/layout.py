"""How each node is written: on one line where it stood on one line and fits, else broken one item a line."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import Final, TypeAlias, assert_never

from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Span

WIDTH: Final = 120
STEP: Final = 2
NO_LIMIT: Final = 1 << 60

Item: TypeAlias = (
    ast.Attribute
    | ast.Entry
    | ast.Input
    | ast.Let
    | ast.Trigger
    | ast.Step
    | ast.Output
    | ast.Gate
    | ast.Case
    | ast.Workflow
)
ALIGNED: Final = (ast.Attribute, ast.Entry, ast.Let, ast.Trigger)


class Row(NamedTuple):
    """An item or a comment as it will stand: `text` without its indentation, `tail` the comment behind it.

    `sort` is the kind of the item, empty for a comment; `equal` is where its `=` may be moved from, or -1.
    """

    text: str
    sort: str = ""
    tail: str = ""
    blank_before: bool = False
    equal: int = -1


class Layout:
    """Writes the nodes of one text. Offsets are those of the text, so what has no layout is taken over as it stands."""

    def __init__(self, text: str, comments: tuple[ast.Comment, ...]) -> None:
        self.text = text
        self.comments = comments
        self._starts = [comment.span.start for comment in comments]

    def file(self, file: ast.File) -> str:
        """The whole text, without its last line end."""
        rows = self.rows(file.workflows, Span(0, len(self.text)), 0)
        return "\n".join(lines(rows, 0, spaced=True))

    def within(self, start: int, end: int) -> tuple[ast.Comment, ...]:
        """The comments between two offsets."""
        return self.comments[bisect_left(self._starts, start) : bisect_left(self._starts, end)]

    def one_line(self, start: int, end: int) -> bool:
        """Whether the text between two offsets stands on one line."""
        return self.text.find("\n", start, end) < 0

    def slice(self, span: Span) -> str:
        """The text of a node as it stands."""
        return self.text[span.start : span.end]

    # Rows: the items of a block and the comments between them.

    def rows(self, items: tuple[Item, ...], inside: Span, indent: int) -> list[Row]:
        """The rows of a block whose items stand inside; one behind the opener is the tail of an empty first row."""
        rows: list[Row] = []
        at = inside.start
        for item in (*items, None):
            stop = item.span.start if item else inside.end
            for comment in self.within(at, stop):
                written = comment.text.rstrip()
                between = self.text[at : comment.span.start]
                if "\n" not in between and (rows or inside.start):
                    if not rows:
                        rows.append(Row(""))
                    tail = f"{rows[-1].tail} {written}" if rows[-1].tail else written
                    rows[-1] = rows[-1]._replace(tail=tail)
                else:
                    rows.append(Row(written, blank_before=self.blank(between, rows)))
                at = comment.span.end
            if item is not None:
                blank = self.blank(self.text[at:stop], rows)
                rows.append(self.row(item, indent)._replace(blank_before=blank))
                at = item.span.end
        return rows

    @staticmethod
    def blank(between: str, rows: list[Row]) -> bool:
        """Whether the author left a line free here; none is kept behind an opening brace."""
        return bool(rows) and bool(rows[-1].text) and between.count("\n") > 1

    def row(self, item: Item, indent: int) -> Row:
        """One item."""
        width = NO_LIMIT if self.pinned(item) else WIDTH
        written = self.item(item, indent, width)
        equal = -1
        if isinstance(item, ALIGNED) and "\n" not in written:
            prefix = {ast.Let: "let ", ast.Trigger: "trigger "}.get(type(item), "")
            name = item.key if isinstance(item, ast.Entry) else item.name
            equal = len(prefix) + name.span.end - name.span.start + 1
        return Row(written, type(item).__name__, equal=equal)

    def pinned(self, item: Item) -> bool:
        """Whether a suppression speaks of the item's line, so that it has to stay one."""
        start, end = item.span
        if not self.one_line(start, end):
            return False
        line_end = self.text.find("\n", end)
        near = self.within(end, line_end if line_end >= 0 else len(self.text))
        before = bisect_left(self._starts, start)
        above = self.comments[max(before - 1, 0) : before]
        near += tuple(comment for comment in above if self.text.count("\n", comment.span.end, start) == 1)
        return any(comment.text.lstrip("# ").startswith("headgate:") for comment in near)

    # Items.

    def item(self, item: Item, indent: int, width: int) -> str:
        """One item, its first line without indentation."""
        match item:
            case ast.Attribute(name=name, value=value) | ast.Entry(key=name, value=value):
                return self.with_value(f"{self.slice(name.span)} = ", value, indent, width)
            case ast.Let():
                return self.with_value(f"let {item.name.text} = ", item.value, indent, width)
            case ast.Output():
                return self.with_block("output", item.entries, Span(item.span.start + 6, item.span.end), indent, width)
            case ast.Case():
                condition = f"case {self.slice(item.condition.span)}" if item.condition else "else"
                return f"{condition} -> {item.target.text}"
            case ast.Input():
                head = self.input_head(item, indent, width)
                end = (item.default or item.type).span.end
                return self.with_block(head, item.attributes, Span(end, item.span.end), indent, width)
            case ast.Trigger():
                head = f"trigger {item.name.text} = {item.kind.text}"
                for value in item.positionals:
                    head = self.with_value(f"{head} ", value, indent, width)
                end = (item.positionals[-1] if item.positionals else item.kind).span.end
                return self.with_block(head, item.attributes, Span(end, item.span.end), indent, width)
            case ast.Gate():
                head = f"gate {item.kind.text}" + (f" {item.position.text}" if item.position else "")
                end = (item.position or item.kind).span.end
                return self.with_block(head, item.attributes, Span(end, item.span.end), indent, width)
            case ast.Step():
                return self.step(item, indent, width)
            case ast.Workflow():
                title = f" {self.slice(item.title.span)}" if item.title else ""
                rest = Span(item.head.end, item.span.end)
                return self.with_block(f"workflow {item.name.text}{title}", members(item), rest, indent, width)
            case _:
                assert_never(item)

    def input_head(self, item: ast.Input, indent: int, width: int) -> str:
        """An input without its attributes."""
        head = f"input {item.name.text}: {self.type(item.type)}"
        return self.with_value(f"{head} = ", item.default, indent, width) if item.default else head

    def step(self, step: ast.Step, indent: int, width: int) -> str:
        """One step."""
        head = f"step {step.name.text} = {step.kind.text}"
        for value in step.positionals:
            head = self.with_value(f"{head} ", value, indent, width)
        if step.as_name:
            head += f" as {step.as_name.text}"
        if step.edges:
            head = self.with_edges(f"{head} after ", step.edges, indent, width)
        end = step.head.end
        if step.fence:
            head += f" {self.slice(step.fence.span)}"
            end = step.fence.span.end
        return self.with_block(head, members(step), Span(end, step.span.end), indent, width)

    def with_edges(self, head: str, edges: tuple[ast.Edge, ...], indent: int, width: int) -> str:
        """A head and its edges: plain ones first, on more lines where one is too short."""
        start, end = edges[0].span.start, edges[-1].span.end
        if self.within(start, end):
            return head + self.text[start:end]
        ordered = sorted(edges, key=lambda edge: edge.on != "completed")
        line = head
        done: list[str] = []
        for index, edge in enumerate(ordered):
            last = index == len(ordered) - 1
            written = edge.target.text if edge.on == "completed" else f"{edge.on} {edge.target.text}"
            written += "" if last else ","
            if index and indent + len(line) + len(written) + 1 + 2 * last > width:
                done.append(line.rstrip())
                line = " " * (indent + 2 * STEP)
                indent = 0
            line += f"{written} "
        return "\n".join([*done, line.rstrip()])

    # Blocks and values.

    def with_block(self, head: str, items: tuple[Item, ...], rest: Span, indent: int, width: int) -> str:
        """A head and the block that follows it between two offsets, if one does."""
        start = self.text.find("{", rest.start, rest.end)
        if start < 0:
            return head
        return f"{head} " + self.braces(items, Span(start, rest.end), column(head, indent) + 1, indent, width)

    def braces(self, items: tuple[Item, ...], span: Span, at: int, indent: int, width: int) -> str:
        """A block or map that begins in column `at` of a line indented by `indent`."""
        if self.one_line(*span):
            flat = f"{{ {', '.join(self.item(item, 0, NO_LIMIT) for item in items)} }}" if items else "{}"
            if at + len(flat) <= width or not items:
                return flat
        rows = self.rows(items, Span(span.start + 1, span.end - 1), indent + STEP)
        return self.enclosed("{", "}", rows, indent, spaced=indent == 0)

    def enclosed(self, opener: str, closer: str, rows: list[Row], indent: int, *, spaced: bool) -> str:
        """Rows between two brackets."""
        if rows and not rows[0].text:
            opener = f"{opener}  {rows[0].tail}"
            rows = rows[1:]
        if not rows and opener in "{[":
            return opener + closer
        return "\n".join([opener, *lines(rows, indent + STEP, spaced=spaced), " " * indent + closer])

    def with_value(self, head: str, value: ast.Value, indent: int, width: int) -> str:
        """A head and the value that follows it."""
        return head + self.value(value, column(head, indent), indent, width)

    def value(self, value: ast.Value, at: int, indent: int, width: int) -> str:
        """A value that begins in column `at` of a line indented by `indent`."""
        match value:
            case ast.Map():
                return self.braces(value.entries, value.span, at, indent, width)
            case ast.List():
                return self.list(value, at, indent, width)
            case ast.TypeRef():
                return self.type(value)
            case _:
                return self.slice(value.span)

    def list(self, node: ast.List, at: int, indent: int, width: int) -> str:
        """A list."""
        if self.one_line(*node.span):
            flat = f"[{', '.join(self.value(item, 0, 0, NO_LIMIT) for item in node.items)}]"
            if at + len(flat) <= width or not node.items:
                return flat
        rows: list[Row] = []
        place = node.span.start + 1
        for value in (*node.items, None):
            stop = value.span.start if value else node.span.end - 1
            for comment in self.within(place, stop):
                between = self.text[place : comment.span.start]
                if "\n" not in between:
                    if not rows:
                        rows.append(Row(""))
                    rows[-1] = rows[-1]._replace(tail=f"{rows[-1].tail} {comment.text.rstrip()}".strip())
                else:
                    rows.append(Row(comment.text.rstrip(), blank_before=self.blank(between, rows)))
                place = comment.span.end
            if value:
                blank = self.blank(self.text[place:stop], rows)
                written = self.value(value, indent + STEP, indent + STEP, width)
                rows.append(Row(f"{written},", "value", blank_before=blank))
                place = value.span.end
        return self.enclosed("[", "]", rows, indent, spaced=False)

    def type(self, node: ast.TypeRef) -> str:
        """A type; as it stands when a comment is in it."""
        if self.within(*node.span):
            return self.slice(node.span)
        written = node.name.text
        if node.arguments:
            written += f"<{', '.join(self.type(argument) for argument in node.arguments)}>"
        if node.members:
            written += f"({', '.join(self.slice(member.span) for member in node.members)})"
        return f"{written}?" if node.nullable else written


def members(node: ast.Workflow | ast.Step) -> tuple[Item, ...]:
    """The items of a block in the order of the file."""
    found: list[Item] = []
    if isinstance(node, ast.Workflow):
        found += [*node.attributes, *node.inputs, *node.lets, *node.triggers, *node.steps, *node.outputs]
    else:
        found += [*node.attributes, *node.gates, *node.cases, *node.steps]
    return tuple(sorted(found, key=lambda item: item.span.start))


def column(written: str, indent: int) -> int:
    """The column behind a text whose first line is indented."""
    line = written.rfind("\n")
    return indent + len(written) if line < 0 else len(written) - line - 1


def lines(rows: list[Row], indent: int, *, spaced: bool) -> list[str]:
    """The rows as lines; with lines left free between items of different sort, and between steps, when `spaced`."""
    done: list[str] = []
    free = gaps(rows) if spaced else {index for index, row in enumerate(rows) if row.blank_before}
    margin = " " * indent
    for index, row in enumerate(aligned(rows, free)):
        if index in free:
            done.append("")
        done.append(f"{margin}{row.text}  {row.tail}" if row.tail else f"{margin}{row.text}")
    return done


def gaps(rows: list[Row]) -> set[int]:
    """The rows before which a line is left free in a workflow: comments stay with what they stand before."""
    free = {index for index, row in enumerate(rows) if row.blank_before}
    items = [index for index, row in enumerate(rows) if row.sort]
    for before, after in pairwise(items):
        apart = rows[before].sort != rows[after].sort or rows[after].sort in {"Step", "Workflow"}
        if apart and not any(index in free for index in range(before + 1, after + 1)):
            free.add(before + 1)
    return free


def aligned(rows: list[Row], free: set[int]) -> list[Row]:
    """The rows with the `=` of each run of one-line neighbours of one sort in one column."""
    done = list(rows)
    run: list[int] = []

    def close() -> None:
        widest = max((rows[index].equal for index in run), default=0)
        for index in run:
            text, equal = rows[index].text, rows[index].equal
            done[index] = rows[index]._replace(text=f"{text[:equal]}{' ' * (widest - equal)}{text[equal:]}")
        run.clear()

    for index, row in enumerate(rows):
        if run and (index in free or (row.sort and (row.equal < 0 or row.sort != rows[run[-1]].sort))):
            close()
        if row.equal >= 0:
            run.append(index)
    close()
    return done
