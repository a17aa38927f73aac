"""Jinja2's expression grammar, read into our own tree.

It accepts what Jinja2 accepts of it, less what an expression here may not do: calls other than those of filters and
tests, unknown filters and tests, private names. Reading it here keeps the columns exact and Jinja2 off the check path;
a property test holds both readings together.
"""

from __future__ import annotations

from headgate.expressions import lexer
from headgate.expressions.catalog import AND, COMPARE, FILTERS, LEVELS, NOT, OR, TESTS
from headgate.expressions.checks import check_filter, check_test, one_line, private, unknown
from headgate.expressions.lexer import END, FLOAT, INTEGER, NAME, OPERATOR, STRING, Token
from headgate.expressions.tree import (
    KEYWORDS,
    LITERALS,
    Binary,
    Compare,
    Conditional,
    Const,
    ExpressionError,
    Filter,
    Index,
    Keyword,
    ListOf,
    Logic,
    MapOf,
    Node,
    Operation,
    Path,
    Segment,
    Slice,
    Test,
    Unary,
)

DEEPEST = 64
"""How deep an expression's parts may nest."""

_STATEMENTS = frozenset({"for", "set", "block", "macro", "import", "include", "extends", "from", "call", "do", "raw"})


class Reader:
    """Recursive descent over the tokens, one method a level of precedence, in Jinja2's order."""

    def __init__(self, text: str) -> None:
        self._text = text
        if text.startswith(("-", "+")) and (text[:1] == "+" or text[1:2].isspace()):
            raise ExpressionError(f"`{{{{{text[0]}` has no meaning here: write `{{{{ `", 0, 1)
        self._tokens = lexer.tokens(text)
        self._at = 0
        self._depth = 0
        self._here = self._tokens[0]

    def expression(self) -> Node:
        """The whole text as one expression."""
        if self._here.kind == END:
            raise ExpressionError("an expression is missing between `{{` and `}}`", 0, len(self._text), "HG208")
        if self._here.text in _STATEMENTS and self._tokens[1].kind in (NAME, STRING):
            message = f"`{self._here.text}` is a statement; only a value can stand between `{{{{` and `}}}}`"
            raise ExpressionError(message, self._here.start, self._here.end)
        root = self._conditional()
        if self._here.kind != END:
            raise self._unexpected("the end of the expression, or an operator")
        return root

    def _next(self) -> Token:
        token = self._here
        self._at += 1
        self._here = self._tokens[self._at]
        return token

    def _is(self, text: str) -> bool:
        return self._here.text == text and self._here.kind != STRING

    def _skip(self, text: str) -> bool:
        if self._is(text):
            self._next()
            return True
        return False

    def _expect(self, text: str, opener: Token) -> Token:
        if self._is(text):
            return self._next()
        if self._here.kind == END:
            message = f"`{opener.text}` has no closing `{text}`"
            raise ExpressionError(message, opener.start, opener.end)
        raise self._unexpected(f"`{text}` to close `{opener.text}`, or an operator")

    def _unexpected(self, expected: str) -> ExpressionError:
        token = self._here
        if token.kind == END:
            start = max(len(self._text.rstrip()) - 1, 0)
            return ExpressionError(f"the expression ends here, but {expected} was expected", start, start + 1)
        if token.text == "(" and token.kind == OPERATOR:
            return ExpressionError(
                "nothing can be called here but filters and tests: write `x | name(...)`", token.start, token.end
            )
        if token.text == "=":
            message = "`=` sets nothing here; to compare, write `==`"
            return ExpressionError(message, token.start, token.end, replacement="==")
        return ExpressionError(
            f"`{one_line(token.text, 40)}` stands where {expected} was expected", token.start, token.end
        )

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            message = f"an expression may nest {DEEPEST} deep"
            raise ExpressionError(message, self._here.start, max(self._here.end, self._here.start + 1))

    def _conditional(self) -> Node:
        self._deeper()
        node = self._operators(OR)
        rungs = 0
        while self._skip("if"):
            rungs = self._rung(rungs)
            condition = self._operators(OR)
            otherwise = self._conditional() if self._skip("else") else None
            end = condition.end if otherwise is None else otherwise.end
            node = Conditional(condition, node, otherwise, node.start, end)
        self._depth -= 1 + rungs
        return node

    def _rung(self, rungs: int) -> int:
        """A chain of one level makes a tree as deep as it is long, so that each link counts."""
        self._deeper()
        return rungs + 1

    def _operators(self, minimum: int) -> Node:
        """What operators of at least this level join, each level from left to right."""
        if minimum <= NOT and self._is("not"):
            token = self._next()
            self._deeper()
            operand = self._operators(NOT)
            self._depth -= 1
            node: Node = Unary("not", operand, token.start, operand.end)
        else:
            node = self._filtered(self._unary())
        rungs = 0
        while True:
            level = LEVELS.get(self._here.text, 0)
            if level < minimum or (self._is("not") and self._tokens[self._at + 1].text != "in"):
                self._depth -= rungs
                return node
            rungs = self._rung(rungs)
            if level == COMPARE:
                node = self._compare(node)
                continue
            operator = self._next().text
            right = self._operators(level + 1)
            if level in (OR, AND):
                node = Logic(operator, node, right, node.start, right.end)
            else:
                node = Binary(operator, node, right, node.start, right.end)

    def _compare(self, first: Node) -> Node:
        operations: list[Operation] = []
        rungs = 0
        while LEVELS.get(self._here.text) == COMPARE:
            rungs = self._rung(rungs)
            operator = self._next().text
            if operator == "not":
                if not self._skip("in"):
                    raise self._unexpected("`in` after `not`")
                operator = "not in"
            operations.append(Operation(operator, self._operators(COMPARE + 1)))
        self._depth -= rungs
        return Compare(first, tuple(operations), first.start, operations[-1].operand.end)

    def _unary(self) -> Node:
        if self._here.kind == OPERATOR and self._here.text in ("-", "+"):
            token = self._next()
            self._deeper()
            operand = self._unary()
            self._depth -= 1
            return self._postfix(Unary(token.text, operand, token.start, operand.end))
        return self._postfix(self._primary())

    def _primary(self) -> Node:
        token = self._here
        if token.kind == NAME:
            return self._name()
        if token.kind == STRING:
            return self._strings()
        if token.kind in (INTEGER, FLOAT):
            self._next()
            return Const(lexer.number_value(token), token.start, token.end)
        if token.text == "(" and token.kind == OPERATOR:
            return self._parenthesis()
        if token.text == "[":
            return self._list()
        if token.text == "{":
            return self._map()
        raise self._unexpected("a value")

    def _name(self) -> Node:
        token = self._here
        if token.text in KEYWORDS:
            raise self._unexpected("a value")
        self._next()
        if token.text in LITERALS:
            return Const(LITERALS[token.text], token.start, token.end)
        if token.text.startswith("__"):
            raise private(token)
        return Path((Segment(token.text, token.start, token.end),), token.start, token.end)

    def _strings(self) -> Node:
        first = last = self._next()
        value = lexer.string_value(first)
        while self._here.kind == STRING:
            last = self._next()
            value += lexer.string_value(last)
        return Const(value, first.start, last.end)

    def _parenthesis(self) -> Node:
        opener = self._next()
        items: list[Node] = []
        is_list = False
        while not self._is(")"):
            items.append(self._conditional())
            if not self._skip(","):
                break
            is_list = True
        closer = self._expect(")", opener)
        if items and not is_list:
            return items[0]._replace(start=opener.start, end=closer.end)
        return ListOf(tuple(items), opener.start, closer.end)

    def _list(self) -> Node:
        opener = self._next()
        items: list[Node] = []
        while not self._is("]"):
            items.append(self._conditional())
            if not self._skip(","):
                break
        closer = self._expect("]", opener)
        return ListOf(tuple(items), opener.start, closer.end)

    def _map(self) -> Node:
        opener = self._next()
        pairs: list[tuple[Node, Node]] = []
        while not self._is("}"):
            key = self._conditional()
            if not self._skip(":"):
                raise self._unexpected("`:` after a key of the map")
            pairs.append((key, self._conditional()))
            if not self._skip(","):
                break
        closer = self._expect("}", opener)
        return MapOf(tuple(pairs), opener.start, closer.end)

    def _postfix(self, node: Node) -> Node:
        rungs = 0
        while True:
            if self._here.kind != OPERATOR or self._here.text not in (".", "[", "("):
                self._depth -= rungs
                return node
            if self._here.text == "(":
                raise self._call(node)
            node = self._dotted(node) if self._here.text == "." else self._subscript(node)
            if not isinstance(node, Path):
                rungs = self._rung(rungs)

    def _call(self, node: Node) -> ExpressionError:
        called = one_line(self._text[node.start : node.end], 60)
        written = called.rpartition(".")[2]
        advice = f": write `| {written}`" if written in FILTERS else " but filters and tests"
        return ExpressionError(f"`{called}` cannot be called; nothing can{advice}", node.start, self._here.end)

    def _dotted(self, node: Node) -> Node:
        self._next()
        token = self._here
        if token.kind == NAME:
            if token.text.startswith("_"):
                raise private(token)
            self._next()
            return _linked(node, Segment(token.text, token.start, token.end), token)
        if token.kind == INTEGER:
            self._next()
            index = lexer.number_value(token)
            assert isinstance(index, int), "an integer token is a whole number"
            return _linked(node, Segment(token.text, token.start, token.end, index), token)
        raise self._unexpected("a name after `.`")

    def _subscript(self, node: Node) -> Node:
        opener = self._next()
        low: Node | None = None
        if not self._is(":"):
            low = self._conditional()
            if self._is("]"):
                closer = self._next()
                return self._indexed(node, low, closer)
        bounds: list[Node | None] = [low]
        while self._skip(":") and len(bounds) < 3:
            bounds.append(None if self._is(":") or self._is("]") else self._conditional())
        if len(bounds) == 1 and self._is(","):
            raise self._unexpected("one key and `]`")
        closer = self._expect("]", opener)
        return Slice(node, bounds[0], bounds[1], bounds[2] if len(bounds) > 2 else None, node.start, closer.end)

    def _indexed(self, node: Node, key: Node, closer: Token) -> Node:
        literal = key.operand if isinstance(key, Unary) and key.operator == "-" else key
        if isinstance(literal, Const) and isinstance(node, Path):
            value = literal.value
            if isinstance(value, str) and literal is key:
                quotes = 1 if self._text[key.start] in "\"'" else 0
                return _linked(node, Segment(value, key.start + quotes, key.end - quotes), closer)
            if isinstance(value, int) and not isinstance(value, bool):
                number = value if literal is key else -value
                return _linked(node, Segment(str(number), key.start, key.end, number), closer)
        return Index(node, key, node.start, closer.end)

    def _filtered(self, node: Node) -> Node:
        rungs = 0
        while True:
            if self._is("|"):
                node = self._filter(node)
            elif self._is("is"):
                node = self._test(node)
            elif self._is("("):
                raise self._call(node)
            else:
                self._depth -= rungs
                return node
            rungs = self._rung(rungs)

    def _filter(self, node: Node) -> Node:
        self._next()
        token = self._here
        if token.kind != NAME:
            raise self._unexpected("a filter's name after `|`")
        signature = FILTERS.get(token.text)
        if signature is None:
            raise unknown("filter", token, tuple(FILTERS))
        self._next()
        arguments, keywords, end = self._arguments(token)
        filtered = Filter(node, token.text, token.start, arguments, keywords, node.start, end)
        check_filter(filtered, signature)
        return filtered

    def _test(self, node: Node) -> Node:
        self._next()
        negated = self._skip("not")
        token = self._here
        if token.kind != NAME:
            raise self._unexpected("a test's name after `is`")
        if token.text == "null":
            token = token._replace(text="none")
        if token.text not in TESTS:
            raise unknown("test", token, tuple(TESTS))
        self._next()
        arguments: tuple[Node, ...] = ()
        end = token.end
        if self._is("("):
            arguments, keywords, end = self._arguments(token)
            if keywords:
                raise ExpressionError("a test takes no named argument", keywords[0].start, keywords[0].end)
        elif self._starts_argument():
            argument = self._postfix(self._primary())
            arguments, end = (argument,), argument.end
        check_test(token, arguments)
        return Test(node, token.text, token.start, arguments, negated, node.start, end)

    def _starts_argument(self) -> bool:
        if self._here.kind == NAME:
            return self._here.text not in ("else", "or", "and", "if", "is", "in", "not")
        return self._here.kind in (STRING, INTEGER, FLOAT) or (self._here.text in ("[", "{"))

    def _arguments(self, name: Token) -> tuple[tuple[Node, ...], tuple[Keyword, ...], int]:
        if not self._is("("):
            return (), (), name.end
        opener = self._next()
        arguments: list[Node] = []
        keywords: list[Keyword] = []
        while not self._is(")"):
            if self._here.kind == OPERATOR and self._here.text in ("*", "**"):
                raise self._unexpected("an argument")
            keyword = self._keyword()
            if keyword is not None:
                if any(keyword.name == other.name for other in keywords):
                    raise ExpressionError(f"`{keyword.name}` is given twice", keyword.start, keyword.end)
                keywords.append(keyword)
            elif keywords:
                raise self._unexpected("a named argument")
            else:
                arguments.append(self._conditional())
            if not self._skip(","):
                break
        closer = self._expect(")", opener)
        return tuple(arguments), tuple(keywords), closer.end

    def _keyword(self) -> Keyword | None:
        following = self._text[self._here.end :].lstrip()
        if self._here.kind != NAME or not following.startswith("=") or following.startswith("=="):
            return None
        token = self._next()
        self._next()
        value = self._conditional()
        return Keyword(token.text, value, token.start, value.end)


def _linked(node: Node, segment: Segment, last: Token) -> Node:
    if isinstance(node, Path):
        return Path((*node.segments, segment), node.start, last.end)
    return Index(node, Const(segment.key, segment.start, segment.end), node.start, last.end)
