"""Names of the language for what other products call as they like."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from unicodedata import normalize

from headgate.grammar.tokens import WORDS

TEMPLATE_WORDS: Final = frozenset(
    {
        *("inputs", "vars", "steps", "trigger", "run", "secrets", "failure", "previous", "iteration", "index"),
        *("none", "and", "or", "not", "in", "is", "if"),
    }
)
"""Names that mean something in templates: a step called so would be misread."""

_OTHER = re.compile(r"[^A-Za-z0-9_]+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def is_name(text: str) -> bool:
    """Whether a text can stand as a name, reserved words aside, and can be read in templates."""
    return _NAME.fullmatch(text) is not None and text not in WORDS


def name_for(text: str, taken: Collection[str], fallback: str) -> str:
    """A free name as near to `text` as the language allows: `a-b` becomes `a_b`, `step` `step_step`, `@` `step_1`."""
    letters = (
        normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode() if not text.isascii() else text
    )
    name = _OTHER.sub("_", letters.strip()).lstrip("_")
    if not _NAME.fullmatch(name):
        name = f"{fallback}_{name or 1}"
    elif name in WORDS or name in TEMPLATE_WORDS:
        name = f"{name}_{fallback}"
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
