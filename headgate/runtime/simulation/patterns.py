"""Texts that a regular expression takes."""

from __future__ import annotations

import re
import re._constants as codes  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from random import Random
from typing import Any

LONGEST_REPEAT = 4
TRIES = 20
_PRINTABLE = [chr(code) for code in range(33, 127)]
_LIKED = [*"abcdefghijklmnopqrstuvwxyz0123456789"]


def text_for(pattern: str, random: Random) -> str | None:
    """A text in which the pattern is found, None when none was made."""
    try:
        tree = parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return None
    for _ in range(TRIES):
        try:
            text = _sequence(tree, random)
        except _Beyond:
            return None
        if re.search(pattern, text):
            return text
    return None


class _Beyond(Exception):  # noqa: N818 - it says where the pattern is
    """The pattern uses what is not drawn here."""


def _sequence(parts: Any, random: Random) -> str:
    return "".join(_part(code, argument, random) for code, argument in parts)


def _part(code: object, argument: Any, random: Random) -> str:
    if code is codes.LITERAL:
        return chr(argument)
    if code is codes.NOT_LITERAL:
        return "a" if argument != ord("a") else "b"
    if code is codes.ANY:
        return str(random.choice(_LIKED))
    if code is codes.AT:
        return ""
    if code is codes.IN:
        return _one_of(argument, random)
    if code is codes.BRANCH:
        return _sequence(random.choice(argument[1]), random)
    if code is codes.SUBPATTERN:
        return _sequence(argument[-1], random)
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT):
        least, most, inner = argument
        count = random.randint(int(least), int(min(most, max(least, LONGEST_REPEAT))))
        return "".join(_sequence(inner, random) for _ in range(count))
    raise _Beyond


def _one_of(choices: Any, random: Random) -> str:
    negated = choices[0][0] is codes.NEGATE
    fitting = [each for each in _PRINTABLE if any(_is_in(each, *choice) for choice in choices) != negated]
    liked = [each for each in fitting if each in _LIKED]
    if not fitting:
        raise _Beyond
    return random.choice(liked or fitting)


def _is_in(character: str, code: Any, argument: Any) -> bool:
    if code is codes.LITERAL:
        return ord(character) == int(argument)
    if code is codes.RANGE:
        return int(argument[0]) <= ord(character) <= int(argument[1])
    if code is codes.CATEGORY:
        name = str(argument).rpartition("_")[2]
        holds = {"DIGIT": character.isdigit(), "SPACE": character.isspace()}.get(
            name, character.isalnum() or character == "_"
        )
        return holds != ("NOT" in str(argument))
    return False
