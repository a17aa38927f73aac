"""Explanations as text, Markdown-like enough to paste, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill, indent

from headgate.plan import JsonObject

WIDTH = 100


def explanation_text(parts: Mapping[str, str], *, colour: bool = False) -> str:
    """One explanation. `parts` has the fields of the API's `Explanation` by name, empty texts where none applies."""
    bold, plain = ("\x1b[1m", "\x1b[0m") if colour else ("", "")
    name = f" {parts['name']}" if parts["name"] else ""
    kind = ", ".join(filter(None, (parts["topic"], parts["severity"])))
    blocks = [f"{bold}{parts['code']}{name}{plain} ({kind})", _prose(parts["meaning"])]
    if parts["detail"]:
        blocks.append(_prose(parts["detail"]))
    if parts["remedy"]:
        blocks.append(fill("What to do: " + parts["remedy"], WIDTH))
    titles = {"workspace": "With this headgate.toml:", "lock": "With this headgate.lock:"}
    titles |= {"wrong": "Wrong:", "right": "Right:"}
    for title, text in ((title, parts.get(name, "")) for name, title in titles.items()):
        if text:
            blocks.append(f"{title}\n{indent(text.rstrip(), '    ')}")
    return "\n\n".join(blocks) + "\n"


def explanation_object(parts: Mapping[str, str]) -> JsonObject:
    """One explanation as plain values; what does not apply is null."""
    return {key: value or None for key, value in parts.items()}


def _prose(text: str) -> str:
    """Paragraphs at a readable width, each a sentence with a capital."""
    paragraphs = [fill(" ".join(paragraph.split()), WIDTH) for paragraph in text.split("\n\n")]
    whole = "\n\n".join(paragraphs)
    stop = "" if whole.endswith((".", "!", "?", ":")) else "."
    return whole[:1].upper() + whole[1:] + stop
