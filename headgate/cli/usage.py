"""What is wrong with a command line, in the words of all other messages: lower case, names in back-quotes."""

from __future__ import annotations

import re
from typing import Any

import click

_QUOTED = re.compile(r"'([^']*)'")
_NUMBER = re.compile(r"'(.*)' is not a valid (integer|float)(?: range)?\.", re.DOTALL)


def sentence(fault: click.ClickException) -> str:
    """One line about the fault. Click's own sentences are put differently, those of headgate stay as they are."""
    match fault:
        case click.NoSuchOption():
            near = [f"`{name}`" for name in fault.possibilities or ()]
            return f"no option `{fault.option_name}`" + (f"; did you mean {' or '.join(near)}?" if near else "")
        case click.MissingParameter():
            return f"{_named(fault.param)} is missing"
        case click.BadParameter() if fault.param is not None:
            return f"{_named(fault.param)}: {_of_click(fault.message, fault.param.type)}"
        case click.BadParameter():
            return fault.message
        case click.BadOptionUsage():
            return _plain(fault.message)
        case click.UsageError() if fault.message.startswith("Got unexpected extra argument"):
            return "more arguments than expected: " + fault.message.partition("(")[2].rstrip(")")
    return fault.format_message()


def _named(parameter: click.Parameter | None) -> str:
    if isinstance(parameter, click.Option):
        return f"`{max(parameter.opts, key=len)}`"
    return "an argument" if parameter is None else f"`{parameter.human_readable_name}`"


def _of_click(message: str, kind: click.ParamType[Any]) -> str:
    """The message of a value that one of click's own types refused; a type of headgate's says it well itself."""
    if isinstance(kind, click.Choice):
        given = _QUOTED.match(message)
        choices = ", ".join(f"`{choice}`" for choice in kind.choices)
        return f"expected one of {choices}" + (f", got `{given[1]}`" if given else "")
    number = _NUMBER.fullmatch(message)
    if number is not None:
        return f"`{number[1]}` is no {'whole ' if number[2] == 'integer' else ''}number"
    return _plain(message) if isinstance(kind, click.types.IntParamType | click.types.FloatParamType) else message


def _plain(message: str) -> str:
    text = _QUOTED.sub(r"`\1`", message).rstrip(".")
    return text[:1].lower() + text[1:]
