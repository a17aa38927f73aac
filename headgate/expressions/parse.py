"""Jinja2's expression grammar, read into our own tree.

It accepts what Jinja2 accepts of it, less what an expression here may not do: calls other than those of filters and
tests, unknown filters and tests, private names. Reading it here keeps the columns exact and Jinja2 off the check path;
a property test holds both readings together.
"""

from __future__ import annotations

import re
from functools import lru_cache

from headgate.diagnostics import nearest
from headgate.expressions import lexer
from headgate.expressions.catalog import COMPARISONS, FILTERS, TESTS, UNMAPPABLE
from headgate.expressions.lexer import END, FLOAT, INTEGER, NAME, OPERATOR, STRING, Token
from headgate.expressions.tree import (
    Binary,
    Compare,
    Conditional,
    Const,
    Expression,
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
    Reference,
    Segment,
    Slice,
    Test,
    Unary,
    references,
)

DEEPEST = 64
"""How deep an expression's parts may nest."""

_LITERALS = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None, "null": None}
_KEYWORDS = frozenset({"and", "or", "not", "if", "else", "in", "is"})
_STATEMENTS = frozenset({"for", "set", "block", "macro", "import", "include", "extends", "from", "call", "do", "raw"})
_SIMPLE_PATH = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)+)\s*")
_INNER_TEMPLATE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_OR, _AND, _NOT, _COMPARE, _SUM, _CONCATENATION, _PRODUCT, _POWER = range(1, 9)
_LEVELS = {
    "or": _OR,
    "and": _AND,
    "~": _CONCATENATION,
    "**": _POWER,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in", "not"), _COMPARE),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "//", "%"), _PRODUCT),
}
"""How tightly each operator binds."""


@lru_cache(maxsize=16_384)
def parse(text: str) -> Expression:
    """The tree of an expression: the text between `{{` and `}}`. Raises ExpressionError; remembers what it read."""
    simple = _SIMPLE_PATH.fullmatch(text)
    if simple is not None:
        start, end = simple.span(1)
        path = _simple_path(simple.group(1), start, end)
        if path is not None:
            return Expression(text, path, (Reference(path.segments, False, start, end),))
    _refuse_braces(text)
    root = _Reader(text).expression()
    return Expression(text, root, references(root))


def _simple_path(written: str, start: int, end: int) -> Path | None:
    segments: list[Segment] = []
    at = start
    for name in written.split("."):
        segments.append(Segment(name, at, at + len(name)))
        at += len(name) + 1
    first = segments[0].name
    return None if first in _LITERALS or first in _KEYWORDS else Path(tuple(segments), start, end)


def _refuse_braces(text: str) -> None:
    """Braces that were doubled: `{{ {{ x }} }}`, `{{{{ x }}}}`, `{{{ x }}}`."""
    stripped = text.strip()
    start = text.find(stripped) if stripped else 0
    end = start + len(stripped)
    if stripped.startswith("{{") and stripped.endswith("}}"):
        inner = stripped[2:-2].strip()
        shown = _one_line(inner, 60)
        message = f"`{{{{ {shown} }}}}` stands in braces already: they are written once around the whole expression"
        raise ExpressionError(message, start, end, "HG207", inner or None)
    if "{{" in text:
        for token in _tokens_or_nothing(text):
            if token.text == "{" and text.startswith("{{", token.start):
                whole = _INNER_TEMPLATE.match(text, token.start)
                shown = f"`{_one_line(whole.group(), 60)}`" if whole else "`{{`"
                message = f"{shown} stands inside `{{{{ }}}}`, where names need no braces of their own"
                end = whole.end() if whole else token.start + 2
                raise ExpressionError(message, token.start, end, "HG207", whole.group(1) if whole else None)
    if text.startswith("{") and text.endswith("}"):
        inner = text[1:-1].strip()
        try:
            _Reader(text).expression()
        except ExpressionError:
            if _is_path(inner):
                message = f"`{_one_line(inner, 60)}` stands between three braces: a template has two"
                raise ExpressionError(message, 0, len(text), "HG207", f" {inner} ") from None


def _tokens_or_nothing(text: str) -> list[Token]:
    try:
        return lexer.tokens(text)
    except ExpressionError:
        return []


def _is_path(text: str) -> bool:
    try:
        return isinstance(_Reader(text).expression(), Path)
    except ExpressionError:
        return False


class _Reader:
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
            f"`{_one_line(token.text, 40)}` stands where {expected} was expected", token.start, token.end
        )

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            message = f"an expression may nest {DEEPEST} deep"
            raise ExpressionError(message, self._here.start, max(self._here.end, self._here.start + 1))

    def _conditional(self) -> Node:
        self._deeper()
        node = self._operators(_OR)
        rungs = 0
        while self._skip("if"):
            rungs = self._rung(rungs)
            condition = self._operators(_OR)
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
        if minimum <= _NOT and self._is("not"):
            token = self._next()
            self._deeper()
            operand = self._operators(_NOT)
            self._depth -= 1
            node: Node = Unary("not", operand, token.start, operand.end)
        else:
            node = self._filtered(self._unary())
        rungs = 0
        while True:
            level = _LEVELS.get(self._here.text, 0)
            if level < minimum or (self._is("not") and self._tokens[self._at + 1].text != "in"):
                self._depth -= rungs
                return node
            rungs = self._rung(rungs)
            if level == _COMPARE:
                node = self._compare(node)
                continue
            operator = self._next().text
            right = self._operators(level + 1)
            if level in (_OR, _AND):
                node = Logic(operator, node, right, node.start, right.end)
            else:
                node = Binary(operator, node, right, node.start, right.end)

    def _compare(self, first: Node) -> Node:
        operations: list[Operation] = []
        rungs = 0
        while _LEVELS.get(self._here.text) == _COMPARE:
            rungs = self._rung(rungs)
            operator = self._next().text
            if operator == "not":
                if not self._skip("in"):
                    raise self._unexpected("`in` after `not`")
                operator = "not in"
            operations.append(Operation(operator, self._operators(_COMPARE + 1)))
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
        if token.text in _KEYWORDS:
            raise self._unexpected("a value")
        self._next()
        if token.text in _LITERALS:
            return Const(_LITERALS[token.text], token.start, token.end)
        if token.text.startswith("__"):
            raise _private(token)
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
        called = _one_line(self._text[node.start : node.end], 60)
        written = called.rpartition(".")[2]
        advice = f": write `| {written}`" if written in FILTERS else " but filters and tests"
        return ExpressionError(f"`{called}` cannot be called; nothing can{advice}", node.start, self._here.end)

    def _dotted(self, node: Node) -> Node:
        self._next()
        token = self._here
        if token.kind == NAME:
            if token.text.startswith("_"):
                raise _private(token)
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
            raise _unknown("filter", token, tuple(FILTERS))
        self._next()
        arguments, keywords, end = self._arguments(token)
        given = len(arguments) + len(keywords)
        if not signature.extra:
            allowed = signature.parameters
            wrong = next((keyword for keyword in keywords if keyword.name not in allowed[len(arguments) :]), None)
            if wrong is not None:
                message = f"`{token.text}` takes no `{wrong.name}` here{_takes(allowed)}"
                raise ExpressionError(message, wrong.start, wrong.end)
            if len(arguments) > len(allowed):
                extra = arguments[len(allowed)]
                message = f"`{token.text}` takes {_count(len(allowed))}{_takes(allowed)}"
                raise ExpressionError(message, extra.start, extra.end)
        if given < signature.required:
            missing = signature.parameters[given : signature.required]
            names = ", ".join(f"`{name}`" for name in missing)
            raise ExpressionError(f"`{token.text}` also needs {names}", token.start, token.end)
        filtered = Filter(node, token.text, token.start, arguments, keywords, node.start, end)
        _refuse_inner_names(filtered)
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
            raise _unknown("test", token, tuple(TESTS))
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
        if len(arguments) != TESTS[token.text]:
            message = f"`is {token.text}` takes {_count(TESTS[token.text])}"
            start, stop = (arguments[0].start, arguments[-1].end) if arguments else (token.start, token.end)
            raise ExpressionError(message, start, stop)
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


def _one_line(text: str, longest: int) -> str:
    """A stretch of the text as a message shows it."""
    shown = " ".join(text.replace("`", "'").split())
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _linked(node: Node, segment: Segment, last: Token) -> Node:
    if isinstance(node, Path):
        return Path((*node.segments, segment), node.start, last.end)
    return Index(node, Const(segment.key, segment.start, segment.end), node.start, last.end)


def _refuse_inner_names(node: Filter) -> None:
    """`select` and `reject` name a test, `map` a filter, as text: these are checked as if they stood in the open."""
    first = node.arguments[0] if node.arguments else None
    if node.name in ("select", "reject") and first is not None:
        known = (*TESTS, *COMPARISONS)
        what = "test"
    elif node.name == "map" and first is not None:
        known = tuple(name for name in FILTERS if name not in UNMAPPABLE)
        what = "filter"
    else:
        if node.name == "map" and not any(keyword.name == "attribute" for keyword in node.keywords):
            message = "`map` needs a filter's name or `attribute=`"
            raise ExpressionError(message, node.name_start, node.name_start + 3)
        return
    if not isinstance(first, Const) or not isinstance(first.value, str):
        message = f"`{node.name}` needs the name of a {what} in quotes"
        raise ExpressionError(message, first.start, first.end)
    if first.value not in known:
        near = nearest(first.value, known)
        hint = f"; did you mean `{near}`?" if near else ""
        raise ExpressionError(
            f"there is no {what} `{first.value}` that `{node.name}` takes{hint}", first.start, first.end
        )


def _private(token: Token) -> ExpressionError:
    message = f'`{token.text}` is private: a link that starts with `_` is written `["{token.text}"]`'
    if token.text.startswith("__"):
        message = f"`{token.text}` is private: nothing behind the data can be reached"
    return ExpressionError(message, token.start, token.end)


def _unknown(what: str, token: Token, known: tuple[str, ...]) -> ExpressionError:
    near = nearest(token.text, known)
    few = f"; there are {', '.join(f'`{name}`' for name in known)}" if len(known) < 10 else ""
    hint = f"; did you mean `{near}`?" if near else few
    return ExpressionError(
        f"there is no {what} `{_one_line(token.text, 40)}`{hint}", token.start, token.end, replacement=near
    )


def _takes(parameters: tuple[str, ...]) -> str:
    return f"; it takes {', '.join(f'`{name}`' for name in parameters)}" if parameters else "; it takes nothing"


def _count(number: int) -> str:
    return {0: "no argument", 1: "one argument"}.get(number, f"at most {number} arguments")
