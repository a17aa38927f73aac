"""Parses a broken file item by item: what parses is kept, what does not is told once, and nothing else is."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any, Final

from headgate.diagnostics import Diagnostic
from headgate.grammar import ast
from headgate.grammar.healing import MOST_FOUND, Loose, read_loosely
from headgate.grammar.hints import explain
from headgate.grammar.leaf import Leaf
from headgate.grammar.machine import Stuck, run
from headgate.grammar.skeleton import Block, Item, Reading, Skeleton, Token
from headgate.grammar.tokens import ID, LBRACE, NAME, NL, RBRACE, begins
from headgate.records import NamedTuple
from headgate.source import Span

MOST_REPAIRS: Final = 8
STEP, WORKFLOW, EQUAL = ID["STEP"], ID["WORKFLOW"], ID["EQUAL"]
INSIDE: Final = {
    STEP: "step_item",
    WORKFLOW: "workflow_item",
    ID["TRIGGER"]: "attribute",
    ID["GATE"]: "attribute",
    ID["INPUT"]: "attribute",
    ID["OUTPUT"]: "entry",
    ID["LET"]: "entry",
}
NAMED: Final = frozenset({STEP, ID["INPUT"], ID["LET"]})


class Read(NamedTuple):
    """What one reading of the braces makes of a file."""

    workflows: tuple[ast.Workflow, ...]
    found: list[Diagnostic]


def recover(text: str) -> tuple[ast.File, list[Diagnostic]]:
    """The tree of a file that does not parse, and every syntax error in it, in the order of the file.

    The braces are read as they stand and by the indentation; the reading that leaves fewer errors is taken.
    """
    tokens = read_loosely(text)
    outlines = [Skeleton(text, tokens, reading) for reading in (Reading.BRACES, Reading.INDENTS)]
    if outlines[0].found:
        outlines.reverse()
    reads = [_Recovery(text, tokens, outline).read() for outline in outlines]
    best = min(reads, key=lambda read: len(read.found))
    file = ast.File(best.workflows, tokens.comments, Span(0, len(text)))
    return file, sorted(best.found, key=lambda finding: finding.span)[:MOST_FOUND]


def recover_value(text: str) -> list[Diagnostic]:
    """What is wrong with a text that is no value."""
    tokens = read_loosely(text)
    outline = Skeleton(text, tokens, Reading.BRACES)
    recovery = _Recovery(text, tokens, outline)
    for item in outline.root.items[:1]:
        recovery.item(item, "value")
    return sorted(recovery.found, key=lambda finding: finding.span)


class _Recovery:
    """One reading, item by item."""

    def __init__(self, text: str, tokens: Loose, outline: Skeleton) -> None:
        self.text = text
        self.docs = tokens.docs
        self.root = outline.root
        self.found = [*tokens.found, *outline.found]
        self.told = sorted(finding.span.start for finding in tokens.found)
        self.told_brackets = sorted(finding.span.start for finding in outline.found)
        self.lost: set[str] = set()
        self.losses = 0

    def read(self) -> Read:
        """The workflows of the file, and what is wrong with it."""
        workflows: list[ast.Workflow] = []
        headless = False  # inside a workflow whose `{` is missing, which is told
        for item in self.root.items:
            if flat(item, empty=True)[0][:1] == [WORKFLOW]:
                before = len(self.found)
                workflows += self.item(item, "workflow")
                headless = not any(isinstance(part, Block) for part in item.parts)
                if headless and len(self.found) > before:
                    self.close_after(self.found[before].span.start)
            elif headless:
                self.item(item, "workflow_item")
            else:
                workflows += self.item(item, "workflow")
        return Read(tuple(workflows), self.found)

    def close_after(self, offset: int) -> None:
        """Forgets the first `}` after `offset` that closes nothing: the `{` it closes was told missing."""
        for index, finding in enumerate(self.found):
            if finding.span.start > offset and finding.message.startswith("`}` closes nothing"):
                del self.found[index]
                return

    def item(self, item: Item, start: str) -> list[Any]:
        """The nodes of one item: one when it parses, more when it is several without a line between, none when lost."""
        kinds, values = flat(item)
        node = run(start, kinds, values, self.docs)
        if not isinstance(node, Stuck):
            return [node]
        if len(self.found) > 2 * MOST_FOUND:
            self.losses += 1
            return []
        blocks = [part for part in item.parts if isinstance(part, Block)]
        head = Leaf(self.text, *flat(item, empty=True), start, self.docs)
        mended = self.mend(head, blocks)
        if isinstance(mended, int):
            return self.split(item, mended, start)
        outside, losses = self.lost, self.losses
        self.lost = set()
        inner = [self.block(block, inside(item, index, start)) for index, block in enumerate(blocks)]
        within, self.lost = self.lost, outside
        node = None
        if mended is not None:
            node = run(start, *expanded(mended, blocks), self.docs)
            if isinstance(node, Stuck):
                node = fill(run(start, mended.kinds, mended.values, self.docs), inner, within)
        elif start == "workflow" and inner:
            node = fill(nameless(head), inner, within)
        if not isinstance(node, ast.Workflow):
            self.lost |= within
        if node is not None:
            self.losses = losses
            return [node]
        self.lost |= {name for block_nodes, _ in inner for name in names_of(block_nodes)}
        if mended is None or mended.kinds:
            self.lose(head)
            self.losses = losses + 1
        return []

    def split(self, item: Item, at: int, start: str) -> list[Any]:
        """The nodes of an item that is two, the second from its token `at` on."""
        index = 0
        for position, part in enumerate(item.parts):
            if index >= at:
                return [*self.item(Item(item.parts[:position]), start), *self.item(Item(item.parts[position:]), start)]
            index += 2 if isinstance(part, Block) else 1
        return []

    def block(self, block: Block, start: str) -> tuple[list[Any], bool]:
        """The nodes of a block's items, and whether one was lost."""
        nodes: list[Any] = []
        broken = False
        for item in block.items:
            losses = self.losses
            nodes += self.item(item, start)
            broken = broken or self.losses > losses
        return nodes, broken

    def mend(self, leaf: Leaf, blocks: list[Block]) -> Leaf | int | None:
        """An item whose blocks are empty, with its errors told and repaired; None when it cannot be.

        The answer is a number when a second item begins at that token.
        """
        reached = -1
        for repairs in range(MOST_REPAIRS):
            stuck = run(leaf.start, leaf.kinds, leaf.values, self.docs)
            if not isinstance(stuck, Stuck):
                return leaf
            if stuck.at <= reached or self.is_told(leaf, blocks):
                return None
            reached = stuck.at
            answer = explain(leaf, stuck)
            if answer.split is not None and repairs:
                return None
            self.found.append(answer.finding)
            if answer.split is not None:
                return answer.split
            if answer.kinds is None or answer.values is None:
                return None
            leaf = leaf._replace(kinds=answer.kinds, values=answer.values)
            if not leaf.kinds:
                return leaf
        return None

    def is_told(self, leaf: Leaf, blocks: list[Block]) -> bool:
        """Whether a finding about this item, outside its blocks, is there already."""
        if not leaf.values:
            return False
        start = begins(leaf.values[0])
        end = leaf.end
        starts = [block.start for block in blocks]
        for told in (self.told, self.told_brackets):
            for at in range(bisect_left(told, start), bisect_right(told, end)):
                nearest = bisect_left(starts, told[at]) - 1
                if nearest < 0 or told[at] >= blocks[nearest].end:
                    return True
        return False

    def lose(self, leaf: Leaf) -> None:
        """Remember the name of an item that is left out of the tree."""
        if len(leaf.kinds) > 1 and leaf.kinds[0] in NAMED and isinstance(leaf.values[1], ast.Name):
            self.lost.add(leaf.values[1].text)


def nameless(head: Leaf) -> ast.Workflow | None:
    """A workflow whose head did not parse: what is in it is worth reading all the same."""
    if not head.kinds or head.kinds[0] != WORKFLOW:
        return None
    word = head.values[0]
    name = head.values[1] if len(head.kinds) > 1 and head.kinds[1] == NAME else ast.Name("_", word.span)
    return ast.Workflow(name, None, (), (), (), (), (), (), word.span, Span(word.span.start, head.end), broken=True)


def expanded(leaf: Leaf, blocks: list[Block]) -> tuple[list[int], list[Any]]:
    """The tokens of a mended head with its blocks filled again."""
    contents = {block.start: block for block in blocks}
    kinds: list[int] = []
    values: list[Any] = []
    for kind, value in zip(leaf.kinds, leaf.values, strict=True):
        kinds.append(kind)
        values.append(value)
        if kind == LBRACE and value in contents:
            for index, item in enumerate(contents[value].items):
                if index:
                    kinds.append(NL)
                    values.append(value)
                inner_kinds, inner_values = flat(item)
                kinds += inner_kinds
                values += inner_values
    return kinds, values


def flat(item: Item, *, empty: bool = False) -> tuple[list[int], list[Any]]:
    """The tokens of an item as the parser takes them, its blocks left empty when `empty`."""
    kinds: list[int] = []
    values: list[Any] = []

    def add(parts: list[Token | Block]) -> None:
        for part in parts:
            if isinstance(part, Token):
                kinds.append(part.kind)
                values.append(part.value)
                continue
            kinds.append(LBRACE)
            values.append(part.start)
            if not empty:
                for index, inner in enumerate(part.items):
                    if index:
                        kinds.append(NL)
                        values.append(part.start)
                    add(inner.parts)
            kinds.append(RBRACE)
            values.append(part.end)

    add(item.parts)
    return kinds, values


def inside(item: Item, index: int, start: str) -> str:
    """What the items of an item's block are."""
    first = item.parts[0]
    if not isinstance(first, Token):
        return "entry" if start in {"entry", "attribute", "value"} else "step_item"
    second = item.parts[1] if len(item.parts) > 1 else None
    if isinstance(second, Token) and second.kind == EQUAL and first.kind != STEP:
        return "entry"
    if first.kind == ID["INPUT"] and index == 0 and has_default(item):
        return "entry"
    if first.kind in INSIDE:
        return INSIDE[first.kind]
    return {"workflow": "workflow_item", "workflow_item": "step_item"}.get(
        start, "entry" if start == "entry" else "step_item"
    )


def has_default(item: Item) -> bool:
    """Whether an input's first block is the map that it defaults to."""
    for part, following in zip(item.parts, item.parts[1:], strict=False):
        if isinstance(following, Block):
            return isinstance(part, Token) and part.kind == EQUAL
    return False


def fill(node: Any, inner: list[tuple[list[Any], bool]], lost: set[str]) -> Any | None:
    """The node of a head with the items of its last block, or None when what was lost would make it lie."""
    if not inner or any(broken for _, broken in inner[:-1]):
        return None
    items, broken = inner[-1]

    def every(kind: type) -> tuple[Any, ...]:
        return tuple(item for item in items if isinstance(item, kind))

    match node:
        case ast.Workflow():
            return node._replace(
                attributes=every(ast.Attribute),
                inputs=every(ast.Input),
                lets=every(ast.Let),
                triggers=every(ast.Trigger),
                steps=every(ast.Step),
                outputs=every(ast.Output),
                broken=broken or node.broken or bool(lost) or any(is_broken(item) for item in items),
                lost=frozenset(lost),
            )
        case ast.Step():
            return node._replace(
                attributes=every(ast.Attribute),
                gates=every(ast.Gate),
                cases=every(ast.Case),
                steps=every(ast.Step),
                broken=broken,
            )
        case ast.Input() if len(inner) > 1 or (node.default is not None and not node.attributes and every(ast.Entry)):
            return None
        case ast.Trigger() | ast.Gate() | ast.Input():
            return node._replace(attributes=every(ast.Attribute), broken=broken)
        case ast.Output() if not broken:
            return node._replace(entries=every(ast.Entry))
        case ast.Attribute() | ast.Let() | ast.Entry() if isinstance(node.value, ast.Map) and not broken:
            return node._replace(value=node.value._replace(entries=every(ast.Entry)))
        case _:
            return None


def is_broken(item: Any) -> bool:
    """Whether an item that was kept lacks something that did not parse."""
    if isinstance(item, ast.Step):
        return item.broken or any(is_broken(inner) for inner in (*item.steps, *item.gates))
    return bool(getattr(item, "broken", False))


def names_of(nodes: list[Any]) -> list[str]:
    """The names of the steps among nodes that are dropped with what holds them."""
    names: list[str] = []
    for node in nodes:
        if isinstance(node, ast.Step):
            names.append(node.name.text)
            names += names_of(list(node.steps))
    return names
