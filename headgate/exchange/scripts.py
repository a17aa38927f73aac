"""Lua scripts of other products: what they read by name is renamed, outside comments and strings."""

from __future__ import annotations

import re
from typing import Final

from headgate.exchange.naming import Naming
from headgate.exchange.paths import input_name, step_name
from headgate.records import NamedTuple

_LONG = r"\[(?P<{level}>=*)\[.*?(?:\](?P={level})\]|\Z)"
_KEY = r"(?:\.(?!\.)\s*(?P<{0}>[A-Za-z_]\w*)|\[\s*(?P<{0}_quote>[\"'])(?P<{0}_text>[^\"'\\\n]*)(?P={0}_quote)\s*\])"
_TOKEN = re.compile(
    r"(?P<skip>--" + _LONG.format(level="comment") + r"|--[^\n]*|" + _LONG.format(level="string") + "|"
    r"\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|(?<!\.)\.\s*[A-Za-z_]\w*|:\s*[A-Za-z_]\w*)"
    r"|(?P<root>steps|body|inputs?|item|foreach)\b(?P<rest>\s*(?:" + _KEY.format("key") + r")?)"
    r"|[A-Za-z0-9_]+",
    re.DOTALL,
)
_OWN = r"\b(?P<{0}>steps|body|input|item|foreach)\b"
_NAMES = r"(?:\w+\s*,\s*){0,50}"
_SHADOW: Final = re.compile(
    r"\blocal\s+(?:function\s+)?" + _NAMES + _OWN.format("name") + r"|\bfor\s+" + _NAMES + _OWN.format("loop") + "|"
    r"\bfunction\b[^()\n]{0,100}\([^()]{0,200}" + _OWN.format("parameter")
)
_ASSIGNED = re.compile(r"\s*=(?!=)")


class Doubt(NamedTuple):
    """A place of a script where a name could not be followed with certainty, and why."""

    written: str
    reason: str


class Script(NamedTuple):
    """A script as the language reads it, and what is in doubt."""

    text: str
    doubts: tuple[Doubt, ...]


def translate_script(script: str, naming: Naming) -> Script:
    """A script with its reads of steps, inputs and loops renamed."""
    doubts = [
        Doubt(name, f"the script has a name of its own called `{name}`")
        for found in _SHADOW.finditer(script)
        for name in (found["name"] or found["parameter"] or found["loop"],)
    ]
    found: list[str] = []
    at = 0
    for token in _TOKEN.finditer(script):
        found.append(script[at : token.start()])
        at = token.end()
        if token["root"] is None:
            found.append(token.group())
            continue
        written, doubt = _read(token, script, naming)
        found.append(written)
        doubts += doubt
    return Script("".join([*found, script[at:]]), tuple(dict.fromkeys(doubts)))


def _read(token: re.Match[str], script: str, naming: Naming) -> tuple[str, list[Doubt]]:
    """What a name and the key behind it become."""
    root, rest = token["root"], token["rest"]
    key = token["key"] if token["key"] is not None else token["key_text"]
    computed = key is None and script[token.end() :].lstrip().startswith("[")
    if key is None and _ASSIGNED.match(script, token.end()):
        return token.group(), []
    match root:
        case "steps" if key is not None:
            return root + _renamed(token, key, step_name(key, naming)), []
        case "body" if key is not None:
            return "steps" + _renamed(token, key, step_name(key, naming)) + ".result", []
        case "input" | "inputs" if key is not None:
            return "inputs" + _renamed(token, key, input_name(key, naming)), []
        case "item" if naming.item is not None:
            return naming.item + rest, []
        case "foreach" if key == "index":
            return "index", []
        case "foreach" if key == "item" and naming.item is not None:
            return naming.item, []
        case "input":
            return "inputs" + rest, _computed(root, naming) if computed else []
        case "steps" | "inputs":
            return token.group(), _computed(root, naming) if computed or root == "steps" else []
        case "body":
            return token.group(), [Doubt("body", "what a body computed is `steps.NAME.result` here")]
        case _:
            return token.group(), []


def _computed(root: str, naming: Naming) -> list[Doubt]:
    """The doubt about a key that is computed; none when every name is what it was."""
    return [Doubt(root, f"which names it looks up in `{root}` is computed")] if naming.renamed else []


def _renamed(token: re.Match[str], key: str, name: str) -> str:
    """The key behind a name, renamed; as it stands when it is called as it was."""
    return str(token["rest"]) if key == name else str(token["rest"]).replace(key, name, 1)
