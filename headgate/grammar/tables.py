"""From `flow.lark` to the tables the parser runs on. Lark is imported here only, and never on the way of a check.

`python -m headgate.grammar.tables` writes `tables_data.py` anew; a test holds that it is fresh.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from lark import Lark, Token

GRAMMAR = Path(__file__).with_name("flow.lark")
DATA = Path(__file__).with_name("tables_data.py")
STARTS = ("start", "workflow", "workflow_item", "step_item", "attribute", "entry", "value")
MOST_NESTED = 64
END = "$END"

HEADER = '''"""Lark's LALR(1) tables of `flow.lark`: written by `python -m headgate.grammar.tables`, not by hand.

SYMBOLS names all symbols by id, TERMINALS the terminals. A row of ROWS maps a symbol's id to the next state, or, when
negative, to `~rule`. RULES gives (action, length, left side) of each rule; STARTS a (first, accepting) pair of states.
Rows and rules are one text each: a text costs nothing to compile.
"""

# fmt: off
'''
FOOTER = """

def _row(line: str) -> dict[int, int]:
    numbers = [*map(int, line.split())]
    return dict(zip(numbers[::2], numbers[1::2], strict=True))


def _rule(line: str) -> tuple[str, int, int]:
    action, size, left = line.split()
    return action, int(size), int(left)


SYMBOLS: tuple[str, ...] = tuple(_SYMBOLS.split())
TERMINALS: tuple[str, ...] = SYMBOLS[:_TERMINALS]
RULES: tuple[tuple[str, int, int], ...] = tuple(map(_rule, _RULES.splitlines()))
ROWS: tuple[dict[int, int], ...] = tuple(map(_row, _ROWS.splitlines()))
"""


class TooDeepError(ValueError):
    """Brackets nest deeper than the language allows."""


class Newlines:
    """What the grammar cannot say: newlines between `[ ]` and `( )` are white space, and brackets nest 64 deep."""

    always_accept: ClassVar[tuple[str, ...]] = ("NL",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """The tokens without the newlines that mean nothing; raises TooDeepError."""
        opened: list[str] = []
        angles = 0
        for token in stream:
            if token.type in {"LBRACE", "LSQB", "LPAR"}:
                opened.append(token.type)
            elif token.type in {"RBRACE", "RSQB", "RPAR"}:
                del opened[-1:]
            elif token.type == "LESS":
                angles += 1
            elif token.type == "MORE":
                angles -= 1
            if len(opened) + angles > MOST_NESTED:
                raise TooDeepError(token)
            if token.type != "NL" or not opened or opened[-1] == "LBRACE":
                yield token


def published(start: str = "start") -> Lark:
    """The published grammar as Lark itself reads it, without tree building of ours."""
    from lark import Lark

    text = GRAMMAR.read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="basic", start=start, postlex=Newlines())


def compile_tables() -> str:
    """The text of `tables_data.py` as the grammar of today gives it."""
    from lark import Lark

    text = GRAMMAR.read_text(encoding="utf-8")
    lark = Lark(text, parser="lalr", lexer="basic", start=list(STARTS), postlex=Newlines())
    table: Any = lark.parser.parser._parse_table  # noqa: SLF001 - Lark has no public way to its tables
    terminals = [
        END,
        *sorted(terminal.name for terminal in lark.terminals if terminal.name not in {"COMMENT", "SPACE"}),
    ]
    names = sorted({symbol for row in table.states.values() for symbol in row} - set(terminals))
    ids = {name: index for index, name in enumerate([*terminals, *names])}
    states = reachable([table.start_states[name] for name in STARTS], table.states)
    number = {state: index for index, state in enumerate(states)}
    rules: dict[Any, int] = {}
    rows: list[dict[int, int]] = []
    for state in states:
        row: dict[int, int] = {}
        for symbol, (action, target) in sorted(table.states[state].items(), key=lambda entry: ids[entry[0]]):
            reduces = str(action) == "Reduce"
            row[ids[symbol]] = ~rules.setdefault(target, len(rules)) if reduces else number[target]
        rows.append(row)
    described = [
        (rule.alias or str(rule.origin.name), len(rule.expansion), ids.get(str(rule.origin.name), -1)) for rule in rules
    ]
    skip_units(rows, described, len(terminals))
    starts = {name: (number[table.start_states[name]], number[table.end_states[name]]) for name in STARTS}
    return render([*terminals, *names], len(terminals), rows, described, starts)


def reachable(starts: list[Any], rows: dict[Any, dict[str, tuple[object, Any]]]) -> list[Any]:
    """The states in an order that depends on the grammar only: breadth first, symbols by name."""
    found = dict.fromkeys(starts)
    queue = list(starts)
    for state in queue:
        for _, (action, target) in sorted(rows[state].items()):
            if str(action) != "Reduce" and target not in found:
                found[target] = None
                queue.append(target)
    return queue


def skip_units(rows: list[dict[int, int]], rules: list[tuple[str, int, int]], terminals: int) -> None:
    """Let a transition into a state that only renames (`a: b -> same`) go where the renaming would lead.

    An offending token is then found a state later, but before it is shifted: the same place.
    """
    renames: dict[int, int] = {}
    for state, row in enumerate(rows):
        actions = set(row.values())
        if len(actions) == 1 and all(symbol < terminals for symbol in row):
            action = actions.pop()
            if action < 0 and rules[~action][:2] == ("same", 1):
                renames[state] = rules[~action][2]
    for row in rows:
        for symbol, target in row.items():
            following = target
            while following in renames:
                following = row[renames[following]]
            row[symbol] = following


def render(
    symbols: list[str],
    terminals: int,
    rows: list[dict[int, int]],
    rules: list[tuple[str, int, int]],
    starts: dict[str, tuple[int, int]],
) -> str:
    """The tables as the text of a Python module."""
    numbers = [" ".join(f"{key} {value}" for key, value in row.items()) for row in rows]
    return "\n".join(
        [
            HEADER,
            f'_SYMBOLS = """{chr(10).join(symbols)}"""',
            f"_TERMINALS = {terminals}",
            f"STARTS: dict[str, tuple[int, int]] = {starts!r}",
            '_RULES = """\\',
            *(f"{action} {size} {left}" for action, size, left in rules),
            '"""',
            '_ROWS = """\\',
            *numbers,
            '"""',
            FOOTER,
        ]
    )


if __name__ == "__main__":
    DATA.write_text(compile_tables(), encoding="utf-8", newline="\n")
