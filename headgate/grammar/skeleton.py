"""Splits a text into items by braces, brackets and newlines only, so that a broken item cannot hide the others.

Braces that do not pair are read by the indentation: a block ends before the first line that is indented no deeper than
the line that opened it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from headgate.diagnostics import Diagnostic, Edit, Fix, Label, Safety, Severity
from headgate.grammar.healing import BAD, MOST_FOUND, Bad, Loose
from headgate.grammar.tokens import COMMA, FENCE, ID, LBRACE, MOST_NESTED, NAME, NL, RBRACE, begins
from headgate.source import Span

AFTER, EQUAL, STEP = ID["AFTER"], ID["EQUAL"], ID["STEP"]
LSQB, RSQB, LPAR, RPAR, LESS, MORE = ID["LSQB"], ID["RSQB"], ID["LPAR"], ID["RPAR"], ID["LESS"], ID["MORE"]
PAIRS: Final = {LBRACE: RBRACE, LSQB: RSQB, LPAR: RPAR}
WRITTEN: Final = {LBRACE: "{", RBRACE: "}", LSQB: "[", RSQB: "]", LPAR: "(", RPAR: ")"}
HEADS: Final = frozenset(ID[word] for word in ("WORKFLOW", "INPUT", "TRIGGER", "OUTPUT", "STEP", "GATE"))
STARTS: Final = HEADS | {ID[word] for word in ("LET", "CASE", "ELSE")}


def begins_item(kind: int, following: int) -> bool:
    """Whether a word with what follows it begins an item, and names no step of an edge list."""
    if kind == NAME:
        return following == EQUAL
    return kind == ID["OUTPUT"] or (kind in STARTS and following not in {COMMA, NL, LBRACE, RBRACE})


class Reading(Enum):
    """What decides where a block ends."""

    BRACES = "braces"
    INDENTS = "indents"


@dataclass(slots=True)
class Item:
    """One item: tokens and blocks in order."""

    parts: list[Token | Block] = field(default_factory=list)


@dataclass(slots=True, frozen=True)
class Token:
    """A token's id and value."""

    kind: int
    value: Any


@dataclass(slots=True)
class Block:
    """What stands between two braces: `start` is the opening one's offset, `end` the closing one's."""

    start: int
    end: int = 0
    items: list[Item] = field(default_factory=list)


@dataclass(slots=True)
class _Frame:
    kind: int
    start: int
    line: int
    indent: int
    block: Block
    item: Item


class Skeleton:
    """Builds the outline of a text; `root` holds the items of the file, `found` what is wrong with the brackets."""

    def __init__(self, text: str, tokens: Loose, reading: Reading) -> None:
        self.text = text
        self.reading = reading
        self.found: list[Diagnostic] = []
        self.root = Block(0, len(text))
        self._tokens = tokens
        self._block = self.root
        self._item = Item()
        self._frames: list[_Frame] = []
        self._line_start = 0
        self._indent = 0
        self._last = 0
        self._over = 0
        self._angles = 0
        self._edges = False
        self._too_deep = False
        self._build()

    def _build(self) -> None:
        fresh = True
        kinds = self._tokens.kinds
        for index, (kind, value) in enumerate(zip(kinds, self._tokens.values, strict=True)):
            if kind == NL:
                self._newline()
                fresh = True
                continue
            start = begins(value)
            if fresh:
                self._line(kind, start)
                fresh = False
            if self._edges and begins_item(kind, kinds[index + 1] if index + 1 < len(kinds) else NL):
                self._end_edges(start)
            self._token(kind, value, start)
            self._last = start + 1 if isinstance(value, int) else value.span.end
            if kind == ID["ARROW"]:
                self._last += 1
        if self._tokens.cut:
            return
        while self._frames:
            self._unclosed(self._last)
        self._end_item()

    def _newline(self) -> None:
        if self._frames and self._frames[-1].kind != LBRACE:
            return
        parts = self._item.parts
        if self._edges and parts and isinstance(parts[-1], Token) and parts[-1].kind == COMMA:
            return
        self._end_item()

    def _end_item(self) -> None:
        if self._item.parts:
            self._block.items.append(self._item)
            self._item = Item()
        self._edges = False

    def _end_edges(self, start: int) -> None:
        """The next item begins where a comma says that the edges go on."""
        last = self._item.parts[-1]
        if not isinstance(last, Token) or last.kind != COMMA or self._over:
            return
        self._item.parts.pop()
        comma = begins(last.value)
        gone = "" if "\n" in self.text[comma:start] else "\n" + " " * self._indent
        fix = Fix("end the step", Safety.SAFE, (Edit(Span(comma, comma + 1), gone),))
        message = "behind edges a `,` goes on with the edges: only a new line or `}` ends this step"
        self._wrong("HG001", message, Span(comma, comma + 1), (fix,))
        self._end_item()

    def _line(self, kind: int, start: int) -> None:
        """The first token of a line: in the reading by indentation it may show that blocks should have ended."""
        self._line_start = self.text.rfind("\n", 0, start) + 1
        self._indent = indent = start - self._line_start
        if self.reading is Reading.BRACES:
            return
        frames = self._frames
        open_before = len(frames)
        if kind in {RBRACE, RSQB, RPAR}:
            if any(frame.indent == indent for frame in frames):
                while frames[-1].indent > indent:
                    self._unclosed(self._last)
        else:
            while frames and frames[-1].indent >= indent:
                self._unclosed(self._last)
        if len(frames) < open_before:
            self._newline()

    def _token(self, kind: int, value: Any, start: int) -> None:
        if kind in PAIRS:
            self._open(kind, start)
        elif kind in {RBRACE, RSQB, RPAR}:
            self._close(kind, start)
        elif kind == COMMA and self._separates():
            self._end_item()
        elif not self._over:
            if kind == LESS:
                self._angles += 1
                if len(self._frames) + self._angles > MOST_NESTED:
                    self._deep(start)
            elif kind == MORE:
                self._angles -= 1
            parts = self._item.parts
            if kind == AFTER and parts and isinstance(parts[0], Token) and parts[0].kind == STEP:
                self._edges = True
            elif kind == FENCE:
                self._edges = False
            parts.append(Token(kind, value))

    def _separates(self) -> bool:
        """Whether a comma ends the item here."""
        return bool(self._frames) and self._frames[-1].kind == LBRACE and not self._edges and not self._in_type()

    def _in_type(self) -> bool:
        """Whether an input's type has a `<` open."""
        kinds = [part.kind for part in self._item.parts if isinstance(part, Token)]
        return kinds[:1] == [ID["INPUT"]] and kinds.count(LESS) > kinds.count(MORE)

    def _open(self, kind: int, start: int) -> None:
        if self._over or len(self._frames) + self._angles >= MOST_NESTED:
            if not self._over:
                self._deep(start)
            self._over += 1
            return
        if kind == LBRACE:
            if not self._item.parts:
                self._join(start)
            block = Block(start)
            self._item.parts.append(block)
            self._frames.append(_Frame(kind, start, self._line_start, self._indent, self._block, self._item))
            self._block, self._item = block, Item()
            self._edges = False
        else:
            self._item.parts.append(Token(kind, start))
            self._frames.append(_Frame(kind, start, self._line_start, self._indent, self._block, self._item))

    def _deep(self, start: int) -> None:
        span = Span(start, start + 1)
        if not self._too_deep:
            self._too_deep = True
            self._wrong("HG001", f"brackets nest at most {MOST_NESTED} deep", span)
        self._item.parts.append(Token(BAD, Bad(self.text[start], span, reported=True)))

    def _join(self, start: int) -> None:
        """A brace that begins a line: the block belongs to the line above when that can have one."""
        items = self._block.items
        if not items or not isinstance(first := items[-1].parts[0], Token):
            return
        last = items[-1].parts[-1]
        heads = first.kind in HEADS or (isinstance(last, Token) and last.kind == EQUAL)
        if not heads or isinstance(last, Block):
            return
        gap = self.text[self._last : start]
        fixes = (Fix("put the brace on the line above", Safety.SAFE, (Edit(Span(self._last, start), " "),)),)
        message = "`{` begins a line: it stands on the line of the item it belongs to"
        self._wrong("HG001", message, Span(start, start + 1), () if gap.strip() else fixes)
        self._item = items.pop()

    def _close(self, kind: int, start: int) -> None:
        if self._over:
            self._over -= 1
            return
        frames = self._frames
        if not any(PAIRS[frame.kind] == kind for frame in frames) or self._misplaced(kind):
            self._stray(kind, start)
            return
        while PAIRS[frames[-1].kind] != kind:
            self._unclosed(self._last)
        if kind == RBRACE:
            self._end_block(start)
        else:
            frames.pop()
            self._item.parts.append(Token(kind, start))

    def _misplaced(self, kind: int) -> bool:
        """Whether a closing bracket cannot belong to what is open: it closes something of another line's block."""
        frames = self._frames
        if kind != RBRACE:
            return frames[-1].kind == LBRACE and frames[-1].indent != self._indent
        if self.reading is Reading.BRACES:
            return False
        return frames[-1].line < self._line_start and all(frame.indent != self._indent for frame in frames)

    def _stray(self, kind: int, start: int) -> None:
        if len(self.found) > MOST_FOUND:
            return
        sign = WRITTEN[kind]
        opener = WRITTEN[next(opening for opening, closing in PAIRS.items() if closing == kind)]
        span = Span(start, start + 1)
        fix = Fix(f"delete the `{sign}`", Safety.SAFE, (Edit(span, ""),))
        self._wrong("HG001", f"`{sign}` closes nothing: no `{opener}` is open here", span, (fix,))

    def _end_block(self, end: int) -> None:
        self._end_item()
        frame = self._frames.pop()
        self._block.end = end
        self._block, self._item = frame.block, frame.item
        parts = self._item.parts
        self._edges = (
            isinstance(parts[0], Token)
            and parts[0].kind == STEP
            and any(isinstance(part, Token) and part.kind == AFTER for part in parts[:-1])
            and not isinstance(parts[-1], Block)
        )

    def _unclosed(self, at: int) -> None:
        """The innermost bracket is not closed: it is taken to close at `at`."""
        frame = self._frames[-1]
        sign = WRITTEN[frame.kind]
        closer = WRITTEN[PAIRS[frame.kind]]
        start, span = frame.start, Span(frame.start, frame.start + 1)
        one_line = "\n" not in self.text[start:at]
        place = at
        if not one_line:
            line_end = self.text.find("\n", at)
            place = max(at, len(self.text) if line_end < 0 else line_end - (self.text[line_end - 1] == "\r"))
        indent = self.text[frame.line : frame.line + frame.indent]
        blank = " " if frame.kind == LBRACE else ""
        inserted = f"{blank}{closer}" if one_line else f"\n{indent}{closer}"
        fix = Fix(f"close it with `{closer}`", Safety.SAFE, (Edit(Span(place, place), inserted),))
        if frame.kind == LBRACE:
            where = "on its line" if one_line else "where the indentation goes back"
            self._wrong(
                "HG002",
                f"{self._title(frame)} is not closed: expected `{closer}` {where}",
                span,
                (fix,),
                (Label(Span(place, place), f"`{closer}` belongs here, by the indentation"),),
            )
            self._end_block(max(at - 1, frame.start))
        else:
            self._wrong("HG001", f"`{sign}` is not closed: expected `{closer}`", span, (fix,))
            self._frames.pop()
            self._item.parts.append(Token(PAIRS[frame.kind], max(at - 1, frame.start)))

    def _title(self, frame: _Frame) -> str:
        """What a block belongs to, as a person would call it."""
        first = [part.value for part in frame.item.parts[:2] if isinstance(part, Token)]
        words = [value.text for value in first if hasattr(value, "text")]
        return f"the block of `{' '.join(words)}`" if words else "this block"

    def _wrong(
        self, code: str, message: str, span: Span, fixes: tuple[Fix, ...] = (), labels: tuple[Label, ...] = ()
    ) -> None:
        if len(self.found) > MOST_FOUND:
            return
        name = "unclosed-block" if code == "HG002" else "syntax-error"
        self.found.append(Diagnostic(code, name, Severity.ERROR, message, span, fixes=fixes, labels=labels))
