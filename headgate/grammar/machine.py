"""Drives Lark's tables over tokens: one tight loop, no tree between."""

from __future__ import annotations

from typing import Any, Final

from headgate.grammar.build import ACTIONS
from headgate.grammar.tables_data import ROWS, RULES, STARTS
from headgate.records import NamedTuple

_REDUCE: Final = tuple((ACTIONS[action], size, left) for action, size, left in RULES)


class Stuck(NamedTuple):
    """The parser could not go on: at which token, and in which states it was."""

    at: int
    states: tuple[int, ...]


def run(start: str, kinds: list[int], values: list[Any], docs: dict[int, str]) -> Any | Stuck:
    """The node that the tokens make, or where they stop making sense. `kinds` ends without `$END`."""
    rows, reduce = ROWS, _REDUCE
    state, accepting = STARTS[start]
    states = [state]
    nodes: list[Any] = []
    push_state, push_node = states.append, nodes.append
    index = 0
    for kind, value in zip([*kinds, 0], [*values, None], strict=True):
        while (action := rows[state].get(kind)) is not None:
            if action >= 0:
                if state == accepting and not kind:
                    return nodes[0]
                state = action
                push_state(action)
                push_node(value)
                break
            build, size, left = reduce[~action]
            if size:
                parts = nodes[-size:]
                del nodes[-size:], states[-size:]
                push_node(build(parts, docs))
            else:
                push_node(build([], docs))
            state = rows[states[-1]][left]
            push_state(state)
        else:
            return nodes[0] if state == accepting and not kind else Stuck(index, tuple(states))
        index += 1
    return Stuck(index, tuple(states))


def acceptable(states: tuple[int, ...], terminals: int) -> list[int]:
    """The ids of the terminals that could follow in these states."""
    return [kind for kind in range(terminals) if _shifts(list(states), kind)]


def _shifts(states: list[int], kind: int) -> bool:
    rows = ROWS
    while True:
        action = rows[states[-1]].get(kind)
        if action is None:
            return kind == 0 and any(states == [first, last] for first, last in STARTS.values())
        if action >= 0:
            return True
        _, size, left = RULES[~action]
        if size:
            del states[-size:]
        states.append(rows[states[-1]][left])
