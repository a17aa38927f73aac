"""The rules of the table, loaded when they are asked for; each has a module of its name with one `RULE`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module

from headgate.validators.rule import Rule
from headgate.validators.table import TABLE

_WORDS = frozenset(word for row in TABLE.values() for word in row.words or ())


@cache
def rules() -> tuple[Rule, ...]:
    """All rules, by code."""
    return tuple(map(_load, TABLE))


def codes() -> tuple[str, ...]:
    """The codes of all rules, without loading any."""
    return tuple(TABLE)


def concerned(text: str) -> Iterator[Rule]:
    """The rules that may have something to say about a text, by code; the others are not loaded.

    A rule has nothing to say where none of the words stands that its row in the table names.
    """
    stands = {word: word in text for word in _WORDS}
    for code, row in TABLE.items():
        if row.words is None or any(map(stands.__getitem__, row.words)):
            yield _load(code)


def find(code_or_name: str) -> Rule | None:
    """The rule of a code (`HG106`, in any case) or of a name (`no-steps`), else None."""
    wanted = code_or_name.casefold()
    found = next((code for code, row in TABLE.items() if wanted in (code.casefold(), row.name)), None)
    return None if found is None else _load(found)


@cache
def _load(code: str) -> Rule:
    module = TABLE[code].name.replace("-", "_")
    rule = import_module(f"headgate.validators.rules.{module}").RULE
    assert isinstance(rule, Rule), f"headgate.validators.rules.{module}.RULE is not a Rule"
    return rule
