"""Which globals a Lua script reads and defines, by Lua's own scopes; and which ones the sandbox has.

The scan takes a script that Lua can read. It looks at tokens, blocks and brackets and needs no tree: where an
expression ends is told by the token behind it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from headgate.records import NamedTuple

BASIC = frozenset(
    {
        *("assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "print", "rawequal", "rawget"),
        *("rawlen", "rawset", "select", "setmetatable", "tonumber", "tostring", "type", "xpcall", "_G", "_VERSION"),
    }
)
"""The functions that every script has."""

LIBRARIES: dict[str, frozenset[str]] = {
    "math": frozenset(
        {
            *("abs", "acos", "asin", "atan", "ceil", "cos", "deg", "exp", "floor", "fmod", "huge", "log", "max"),
            *("maxinteger", "min", "mininteger", "modf", "pi", "rad", "random", "randomseed", "sin", "sqrt", "tan"),
            *("tointeger", "type", "ult"),
        }
    ),
    "string": frozenset(
        {
            *("byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "pack", "packsize", "rep"),
            *("reverse", "sub", "unpack", "upper"),
        }
    ),
    "table": frozenset({"concat", "insert", "move", "pack", "remove", "sort", "unpack"}),
    "utf8": frozenset({"char", "charpattern", "codepoint", "codes", "len", "offset"}),
}
"""The libraries that every script has, with all that is in them."""

GIVEN = frozenset({"args", "inputs", "steps", "vars"})
"""What a script is given; in a loop also the loop's names."""

_KEYWORDS = frozenset(
    {
        *("and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local"),
        *("nil", "not", "or", "repeat", "return", "then", "true", "until", "while"),
    }
)
_STATEMENTS = frozenset(
    {*("break", "do", "else", "elseif", "end", "for", "function", "goto", "if", "local"), "repeat", "return"}
    | {"until", "while", ";", "::"}
)
_VALUES = frozenset({"nil", "true", "false", "...", ")", "]", "}", "end"})
_OPENERS = frozenset({"", ";", "do", "then", "else", "repeat", "::"})
_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
_VISIBLE = 60
_TOKEN = re.compile(
    r"--\[(?P<comment>=*)\[.*?(?:\](?P=comment)\]|\Z)|--[^\n]*|"
    r"(?P<string>\[(?P<level>=*)\[.*?(?:\](?P=level)\]|\Z)|\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?)|"
    r"(?P<number>0[xX][0-9a-fA-F.]*(?:[pP][+-]?\d+)?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|"
    r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>\.\.\.|\.\.|::|==|~=|<=|>=|//|<<|>>|\S)",
    re.DOTALL,
)


class LuaLink(NamedTuple):
    """One name of a path, with its place in the script."""

    name: str
    start: int
    end: int


class LuaRead(NamedTuple):
    """A global that is read: `links` are its name and the members that are written out behind it.

    `visible` are the names of locals that can be read there, the innermost first.
    """

    links: tuple[LuaLink, ...]
    visible: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.links[0].name


class LuaNames(NamedTuple):
    """What a script does with globals. `defined` are those it gives a value, `members` the fields (`string.trim`).

    `opaque`: it takes its environment in hand (`_G`, `_ENV`), so that nothing can be said of what is missing.
    """

    reads: tuple[LuaRead, ...]
    defined: frozenset[str]
    members: frozenset[tuple[str, str]]
    opaque: bool


class _Token(NamedTuple):
    """`sort` is `name`, `string`, `number`, or the sign or keyword itself."""

    sort: str
    text: str
    start: int
    end: int


@lru_cache(maxsize=4_096)
def lua_names(script: str) -> LuaNames:
    """The globals of a script that Lua can read; of any other nothing is promised."""
    return _Scan(script).names()


class _Block(NamedTuple):
    """An open block: what opened it, its locals, and the brackets that are open in it."""

    opener: str
    locals: list[str]
    brackets: list[str]


class _Later(NamedTuple):
    """What happens when the expression that is being read ends: locals come to be, or a `repeat` ends."""

    nesting: tuple[int, int]
    names: tuple[str, ...]
    closes: bool = False


class _Scan:
    def __init__(self, script: str) -> None:
        self.tokens = [_token(match) for match in _TOKEN.finditer(script) if match.lastgroup not in (None, "comment")]
        self.blocks = [_Block("", [], [])]
        self.later: list[_Later] = []
        self.heads: list[_Later] = []
        self.reads: list[LuaRead] = []
        self.defined: set[str] = set()
        self.members: set[tuple[str, str]] = set()
        self.assigning = False
        self.opaque = False
        self.at = 0

    def names(self) -> LuaNames:
        before = ""
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            ended = before in _OPENERS or before in _VALUES or before in ("name", "string", "number")
            if ended and (token.sort == "name" or token.sort in _STATEMENTS):
                self._end_statement()
                self.assigning = token.sort == "name"
            self.at += 1
            before = self._take(token, before)
        return LuaNames(tuple(self.reads), frozenset(self.defined), frozenset(self.members), self.opaque)

    @property
    def _nesting(self) -> tuple[int, int]:
        return len(self.blocks), len(self.blocks[-1].brackets)

    def _peek(self, ahead: int = 0) -> _Token:
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else _Token("", "", 0, 0)

    def _end_statement(self) -> None:
        while self.later and self.later[-1].nesting == self._nesting:
            later = self.later.pop()
            if later.closes:
                self._close()
            else:
                self.blocks[-1].locals.extend(later.names)

    def _open(self, opener: str, names: tuple[str, ...] = ()) -> None:
        self.blocks.append(_Block(opener, list(names), []))

    def _close(self) -> None:
        """End the innermost block; the script's own stays, whatever a broken script says."""
        if len(self.blocks) > 1:
            self.blocks.pop()

    def _take(self, token: _Token, before: str) -> str:
        """Read one token, and what belongs to it; returns what the next one stands behind."""
        match token.sort:
            case "name":
                return self._name(token, before)
            case "local":
                return self._local()
            case "function":
                return self._function()
            case "for":
                self.heads.append(_Later(self._nesting, self._list_of_names()))
            case "while":
                self.heads.append(_Later(self._nesting, ()))
            case "do":
                headed = self.heads and self.heads[-1].nesting == self._nesting
                self._open("do", self.heads.pop().names if headed else ())
            case "if" | "repeat":
                self._open(token.sort)
            case "else" | "elseif":
                self.blocks[-1].locals.clear()
            case "until":
                self.later.append(_Later(self._nesting, (), closes=True))
            case "end":
                self._close()
            case "goto":
                self.at += 1
                return "name"
            case "::":
                self.at += 2
            case "(" | "[" | "{":
                self.blocks[-1].brackets.append(token.sort)
            case ")" | "]" | "}":
                if self.blocks[-1].brackets:
                    self.blocks[-1].brackets.pop()
            case "=":
                self.assigning = False
        return token.sort

    def _list_of_names(self) -> tuple[str, ...]:
        """`a, b <const>`: the names, up to what follows them."""
        names = []
        while self._peek().sort == "name":
            names.append(self._peek().text)
            self.at += 1
            if self._peek().sort == "<" and self._peek(2).sort == ">":
                self.at += 3
            if self._peek().sort != ",":
                break
            self.at += 1
        return tuple(names)

    def _local(self) -> str:
        if self._peek().sort == "function":
            self.blocks[-1].locals.append(self._peek(1).text)
            return "local"
        names = self._list_of_names()
        self.opaque |= "_ENV" in names
        if self._peek().sort == "=":
            self.later.append(_Later(self._nesting, names))
            self.at += 1
            return "="
        self.blocks[-1].locals.extend(names)
        return "name"

    def _function(self) -> str:
        """`function a.b:c(x, ...)`: its name, if it has one, and its parameters."""
        own: tuple[str, ...] = ()
        first = self._peek()
        if first.sort == "name":
            self.at += 1
            if self._peek().sort in (".", ":"):
                self.members.add((first.text, self._peek(1).text))
                self._read((_link(first),))
            elif not self._is_local(first.text):
                self.defined.add(first.text)
            while self._peek().sort in (".", ":"):
                own = ("self",) if self._peek().sort == ":" else own
                self.at += 2
        self.at += 1
        self._open("function", own + self._list_of_names())
        if self._peek().sort == "...":
            self.at += 1
        self.at += 1
        return ""

    def _name(self, token: _Token, before: str) -> str:
        if before in (".", ":"):
            return "name"
        brackets = self.blocks[-1].brackets
        if brackets and brackets[-1] == "{" and before in ("{", ",", ";") and self._peek().sort == "=":
            return "name"
        given = not brackets and (self._peek().sort == "=" or (self.assigning and self._peek().sort == ","))
        if not given:
            links = self._links(token)
            if self._peek_behind(links).sort == "=" and not brackets and len(links) > 1:
                self.members.add((token.text, links[1].name))
            self._read(links)
        elif not self._is_local(token.text):
            self.defined.add(token.text)
        return "name"

    def _links(self, token: _Token) -> tuple[LuaLink, ...]:
        """A name and the members written out behind it; nothing is taken from the tokens."""
        links = [_link(token)]
        ahead = 0
        while True:
            sign, member = self._peek(ahead), self._peek(ahead + 1)
            if sign.sort == "." and member.sort == "name":
                links.append(_link(member))
                ahead += 2
            elif sign.sort == "[" and member.sort == "string" and self._peek(ahead + 2).sort == "]":
                if member.text[:1] == "[" or "\\" in member.text:
                    break
                links.append(LuaLink(member.text[1:-1], member.start + 1, member.end - 1))
                ahead += 3
            else:
                break
        return tuple(links)

    def _peek_behind(self, links: tuple[LuaLink, ...]) -> _Token:
        ahead = 0
        while ahead < 3 * len(links) and self._peek(ahead).sort and self._peek(ahead).start < links[-1].end:
            ahead += 1
        return self._peek(ahead + (self._peek(ahead).sort == "]"))

    def _is_local(self, name: str) -> bool:
        return any(name in block.locals for block in self.blocks)

    def _read(self, links: tuple[LuaLink, ...]) -> None:
        name = links[0].name
        if self._is_local(name):
            return
        self.opaque |= name in ("_G", "_ENV")
        known = name in BASIC or name in LIBRARIES or name in GIVEN
        visible = [one for block in reversed(self.blocks) for one in reversed(block.locals)][:_VISIBLE]
        self.reads.append(LuaRead(links, () if known else tuple(visible)))


def _token(match: re.Match[str]) -> _Token:
    text = match.group()
    sort = str(match.lastgroup)
    if sort == "level":
        sort = "string"
    if sort == "sign" or (sort == "name" and text in _KEYWORDS):
        sort = text
    return _Token(sort, text, match.start(), match.end())


def _link(token: _Token) -> LuaLink:
    return LuaLink(token.text, token.start, token.end)
