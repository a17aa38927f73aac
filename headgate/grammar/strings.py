"""Texts, templates and fences: the tokens that hold other things, scanned to the character.

Every scanner gives (node, end) and adds a diagnostic for what is wrong inside; the node is then as good as can be.
"""

from __future__ import annotations

import re

from headgate.diagnostics import Diagnostic, Edit, Fix, Label, Safety, Severity, replace
from headgate.grammar.ast import Fence, Literal, Template, Text
from headgate.grammar.dedent import ESCAPE, dedented, dedented_lines, joined, unescaped
from headgate.source import Span

MOST_BRACES = 4
FENCE = "`" * 3
QUOTES = '"' * 3

_PLAIN = re.compile(r"""[^{}"'\n]*""")
_QUOTED = re.compile(r""""(?:[^"\\\n]|\\[^\n])*+"|'(?:[^'\\\n]|\\[^\n])*+\'""")
_LINE_CHARACTERS = re.compile(r'[^"\\\n\r{]*')
_BLOCK_CHARACTERS = re.compile(r'[^"\\{]*')
_FENCE_OPEN = re.compile(r"```([A-Za-z_][A-Za-z0-9_]*)?[ \t]*\r?\n")
_FENCE_CLOSE = re.compile(r"^[ \t]*```", re.MULTILINE)
_NAMED = "[ \\t]+[A-Za-z_][A-Za-z0-9_]*[ \\t]*"
_ITEM = re.compile(rf'[\s}}]*(?:(?:step|trigger|let){_NAMED}=(?!=)|workflow{_NAMED}(?:"[^"\n]*"[ \t]*)?\{{)')
_INDENT = re.compile(r"[ \t]*")


class Scan:
    """One pass over one text, and what was wrong.

    What was looked for in vain is not looked for again, so that the pass is linear whatever the text: until
    `dead_until` no template ends, from `no_fence_end` on no fence, from `no_block_end` on no block text.
    """

    __slots__ = ("_line", "dead_until", "found", "healing", "no_block_end", "no_fence_end", "text")

    def __init__(self, text: str, *, healing: bool = False) -> None:
        self.text = text
        self.healing = healing
        self.found: list[Diagnostic] = []
        self.dead_until = -1
        self.no_fence_end = self.no_block_end = len(text) + 1
        self._line = (0, -1)

    def wrong(
        self, code: str, message: str, span: Span, fixes: tuple[Fix, ...] = (), labels: tuple[Label, ...] = ()
    ) -> None:
        """Note an error."""
        name = {"HG001": "syntax-error", "HG002": "unclosed-block", "HG207": "template-braces"}[code]
        self.found.append(Diagnostic(code, name, Severity.ERROR, message, span, fixes=fixes, labels=labels))

    def line_end(self, offset: int) -> int:
        """Where the line of an offset ends, its line ending not counted."""
        start, end = self._line
        if not start <= offset <= end:
            end = self.text.find("\n", offset)
            if end < 0:
                end = len(self.text)
            elif end > offset and self.text[end - 1] == "\r":
                end -= 1
            self._line = (offset, end)
        return end

    def template_end(self, start: int, *, one_line: bool) -> int:
        """The offset behind the `}}` that ends the template whose `{{` stands at `start`, or -1."""
        text = self.text
        at, depth = start + 2, 0
        if at <= self.dead_until:
            return -1
        while True:
            at = _PLAIN.match(text, at).end()  # type: ignore[union-attr]
            sign = text[at : at + 1]
            if sign == "{":
                depth += 1
                at += 1
                if depth > MOST_BRACES:
                    break
            elif sign == "}":
                if depth:
                    depth -= 1
                    at += 1
                elif text.startswith("}}", at):
                    return at + 2
                else:
                    break
            elif sign == "\n" and not one_line:
                at += 1
            elif sign and sign in "\"'" and (quoted := _QUOTED.match(text, at)):
                at = quoted.end()
            else:
                break
        self.dead_until = self.line_end(start)
        return -1

    def template(self, start: int) -> tuple[Template | None, int]:
        """A `{{ }}` that stands alone; None when it does not end, with the end of what was taken for it."""
        again = start <= self.dead_until
        end = self.template_end(start, one_line=False)
        if end >= 0:
            return Template(self.text[start + 2 : end - 2], Span(start + 2, end - 2), Span(start, end)), end
        if again:
            return None, self.line_end(start)
        stop = self.open_end(start)
        self.open_template(start, stop)
        return None, stop

    def open_end(self, start: int) -> int:
        """Where a template that does not end is taken to end: at the closing brace or the comment on its line."""
        line = self.text[start : self.line_end(start)]
        if (single := re.match(r"""\{\{[^{}"'\n]*\}(?!\})""", line)) and line.count("}") > line.count("{") - 2:
            return start + single.end()
        stripped = line.rstrip()
        surplus = 0
        while stripped.endswith("}") and surplus < MOST_BRACES:
            stripped = stripped[:-1].rstrip()
            surplus += 1
        return start + max(len(stripped), 2)

    def open_template(self, start: int, stop: int) -> None:
        """Note that the `{{` at `start` has no end; it was taken to end at `stop`."""
        inside = self.text[start + 2 : stop]
        nested = inside.find("{{")
        if inside.endswith("}"):
            fix = replace("close the template", Span(stop, stop), "}")
        else:
            fix = replace("close the template", Span(stop, stop), "}}" if inside.endswith(" ") else " }}")
        if nested >= 0 and "}}" in inside[nested:]:
            self.wrong("HG207", "`{{` stands inside another `{{ }}`: an expression is already one", Span(start, stop))
        else:
            self.wrong("HG207", "this `{{` does not end: expected `}}`", Span(start, stop), (fix,))

    def line_text(self, start: int) -> tuple[Text, int]:
        """A `"..."` that holds a template or an escape, or is not closed."""
        text = self.text
        parts: list[Literal | Template] = []
        pieces: list[str] = []
        at = literal = start + 1

        def flush(end: int) -> None:
            if pieces and end > literal:
                parts.append(Literal(joined(pieces), Span(literal, end)))
            pieces.clear()

        while True:
            run = _LINE_CHARACTERS.match(text, at)
            assert run is not None, "a run of any characters matches the empty one"
            if run.end() > at:
                pieces.append(run[0])
            at = run.end()
            sign = text[at : at + 1]
            if sign == '"':
                flush(at)
                return Text(tuple(parts), Span(start, at + 1)), at + 1
            if sign == "\\":
                at = self.escape(at, pieces)
            elif sign == "{":
                end = self.template_end(at, one_line=True) if text.startswith("{{", at) else -1
                if end >= 0:
                    flush(at)
                    parts.append(Template(text[at + 2 : end - 2], Span(at + 2, end - 2), Span(at, end)))
                    at = literal = end
                elif text.startswith("{{", at):
                    return self.text_with_open_template(start, at, parts, pieces)
                else:
                    pieces.append("{")
                    at += 1
            else:
                return self.open_text(start)

    def text_with_open_template(
        self, start: int, at: int, parts: list[Literal | Template], pieces: list[str]
    ) -> tuple[Text, int]:
        """A text with a `{{` that does not end on its line: it ends at the next quote."""
        end_of_line = self.line_end(at)
        quote = self.text.find('"', at, end_of_line)
        stop = quote if quote >= 0 else end_of_line
        self.open_template(at, stop)
        begun = at - sum(map(len, pieces)) if pieces else at
        parts.append(Literal(joined(pieces) + self.text[at:stop], Span(max(begun, start + 1), stop)))
        end = stop + 1 if quote >= 0 else stop
        return Text(tuple(parts), Span(start, end)), end

    def open_text(self, start: int) -> tuple[Text, int]:
        """A text without its closing quote: it ends with its line, before brackets that were opened on the line."""
        text = self.text
        if text.startswith(FENCE, start):
            return self.block(start)
        end = self.line_end(start)
        begin = text.rfind("\n", 0, start) + 1
        owed = [sign for sign in text[begin:start] if sign in "{[("]
        for sign in text[begin:start]:
            if sign in "}])" and owed:
                owed.pop()
        stop = start + 1 + len(text[start + 1 : end].rstrip())
        if text[stop - 1] == "{" and text[stop - 2 : stop - 1] in " \t" and stop - 1 > start + 1:
            stop = start + 1 + len(text[start + 1 : stop - 1].rstrip())
        while owed and stop > start + 1 and text[stop - 1] in "}])":
            owed.pop()
            stop = start + 1 + len(text[start + 1 : stop - 1].rstrip())
        if stop > start + 1 and text[stop - 1] == ",":
            stop -= 1
        fix = replace("close the text", Span(stop, stop), '"')
        self.wrong("HG001", 'this text is not closed: expected `"` on its line', Span(start, stop), (fix,))
        return Text(
            (Literal(text[start + 1 : stop], Span(start + 1, stop)),) if stop > start + 1 else (), Span(start, stop)
        ), stop

    def escape(self, at: int, pieces: list[str]) -> int:
        """Append what the escape at `at` stands for; the offset behind it."""
        text = self.text
        found = ESCAPE.match(text, at)
        if found:
            pieces.append(unescaped(found[0]))
            return found.end()
        width = 2 if text[at + 1 : at + 2] not in {"", "\n", "\r"} else 1
        written = text[at : at + width]
        if written == "\\u":
            message = "`\\u` wants four hexadecimal digits of one character, as in `\\u00e9`"
            fixes: tuple[Fix, ...] = ()
        else:
            message = f'`{written}` is no escape: expected one of `\\n \\t \\r \\" \\\\ \\uXXXX`'
            fixes = (replace("double the back-slash", Span(at, at + 1), "\\\\"),)
        self.wrong("HG001", message, Span(at, at + width), fixes)
        pieces.append(written)
        return at + width

    def block(self, start: int) -> tuple[Text, int]:
        """A text between three quotes, dedented."""
        text = self.text
        templates: list[Template] = []
        escapes: list[str] = []
        at = start + 3
        while True:
            at = _BLOCK_CHARACTERS.match(text, at).end()  # type: ignore[union-attr]
            if at >= len(text) or start >= self.no_block_end:
                self.no_block_end = min(self.no_block_end, start)
                return self.open_block(start)
            if text.startswith(QUOTES, at):
                break
            if text[at] == "\\":
                at = self.escape(at, escapes)
            elif text.startswith("{{", at):
                again = at <= self.dead_until
                end = self.template_end(at, one_line=False)
                if end >= 0:
                    templates.append(Template(text[at + 2 : end - 2], Span(at + 2, end - 2), Span(at, end)))
                    at = end
                else:
                    if not again:
                        self.open_template(at, self.open_end(at))
                    at += 2
            else:
                at += 1
        if self.swallows(start, at):
            return self.open_block(start)
        return Text(dedented(text, start + 3, at, templates), Span(start, at + 3), block=True), at + 3

    def open_block(self, start: int) -> tuple[Text, int]:
        """A text between three quotes that is never closed: it ends where the indentation goes back."""
        stop = self.outdent(start)
        self.wrong(
            "HG002",
            'this text is not closed: expected `"""`',
            Span(start, start + 3),
            (Fix("close the text", Safety.SAFE, (Edit(Span(stop, stop), self.new_line(start, QUOTES)),)),),
        )
        return Text((), Span(start, stop), block=True), stop

    def fence(self, start: int) -> tuple[Fence | None, int]:
        """A fence; None when its opener is none, with the end of the line."""
        text = self.text
        opener = _FENCE_OPEN.match(text, start)
        if opener is None:
            return None, self.odd_fence(start)
        closer = _FENCE_CLOSE.search(text, opener.end()) if start < self.no_fence_end else None
        if closer is None:
            self.no_fence_end = min(self.no_fence_end, start)
        if closer is None or self.swallows(start, closer.start()):
            stop = self.outdent(start)
            self.wrong(
                "HG002",
                "this fence is not closed: expected three back-ticks on a line of their own",
                Span(start, start + 3),
                (Fix("close the fence", Safety.SAFE, (Edit(Span(stop, stop), self.new_line(start, FENCE)),)),),
            )
            end, raw_end = stop, stop
        else:
            end, raw_end = closer.end(), closer.start()
        body, indent = dedented_lines(text[opener.end() : raw_end])
        return Fence(opener[1], body, Span(opener.end(), max(raw_end, opener.end())), indent, Span(start, end)), end

    def odd_fence(self, start: int) -> int:
        """Note what is wrong with the opener of a fence; the offset where the fence is taken to end."""
        end = self.line_end(start)
        message = "expected at most one word and a new line after the three back-ticks of a fence"
        self.wrong("HG001", message, Span(start, start + 3))
        same_line = self.text.find(FENCE, start + 3, end)
        if same_line >= 0:
            return same_line + 3
        closer = _FENCE_CLOSE.search(self.text, end) if start < self.no_fence_end else None
        if closer is None:
            self.no_fence_end = min(self.no_fence_end, start)
            return end
        return end if self.swallows(start, closer.start()) else closer.end()

    def swallows(self, start: int, end: int) -> bool:
        """Whether a text from `start` to `end` holds what must be items behind it, so that its closer is another's."""
        if not self.healing:
            return False
        stop = self.outdent(start)
        return stop < end and _ITEM.match(self.text, stop, end) is not None

    def new_line(self, start: int, closer: str) -> str:
        """A closer on a line of its own, indented as the line of `start`."""
        begin = self.text.rfind("\n", 0, start) + 1
        indent = _INDENT.match(self.text, begin)
        assert indent is not None, "a run of blanks matches the empty one"
        return f"\n{indent[0]}{closer}"

    def outdent(self, start: int) -> int:
        """The end of the last line, from that of `start` on, before one that is indented no deeper."""
        text = self.text
        begin = text.rfind("\n", 0, start) + 1
        depth = _INDENT.match(text, begin).end() - begin  # type: ignore[union-attr]
        last = self.line_end(start)
        at = text.find("\n", start) + 1
        while at:
            content = _INDENT.match(text, at).end()  # type: ignore[union-attr]
            end = self.line_end(at)
            if content < end:
                if content - at <= depth:
                    return last
                last = end
            at = text.find("\n", at) + 1
        return last
