"""`docs/rules/`: a page for each rule, from the registry."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.validators.registry import rules
from headgate.validators.rule import Rule
from headgate.validators.table import TABLE


def undocumented() -> list[str]:
    """A sentence for each rule that does not explain itself."""
    fields = ("summary", "explanation", "wrong", "right")
    return [f"{rule.code} has no {field}" for rule in rules() for field in fields if not getattr(rule, field)]


def pages() -> Iterator[tuple[str, str]]:
    """File name and text of each page, the index first."""
    yield "README.md", _index()
    for rule in rules():
        yield f"{rule.code}.md", _page(rule)


def _index() -> str:
    lines = [
        "# The gate's rules\n",
        "`headgate explain CODE` prints the same. Errors block; warnings block under `--strict`; notes never do.\n",
        "| code | name | severity | finds |",
        "|---|---|---|---|",
    ]
    lines += [f"| [{rule.code}]({rule.code}.md) | {rule.name} | {rule.severity} | {rule.summary} |" for rule in rules()]
    known = {rule.code for rule in rules()}
    later = [f"{code} {row.name}" for code, row in TABLE.items() if code not in known]
    if later:
        lines += ["\nCodes that are kept for rules of later versions: " + ", ".join(later) + "."]
    return "\n".join(lines) + "\n"


def _page(rule: Rule) -> str:
    parts = [f"# {rule.code} {rule.name}\n", f"*{rule.severity}*: {rule.summary}\n"]
    if rule.explanation != rule.summary:
        parts.append(f"{rule.explanation}\n")
    for title, text, language in (
        ("With this `headgate.toml`", rule.workspace, "toml"),
        ("and this `headgate.lock`", rule.lock, "json"),
        ("and servers that now say", rule.live, "json"),
        ("checked with `--env`", rule.environment or "", "text"),
        ("Wrong", rule.wrong, "text"),
        ("Right", rule.right, "text"),
    ):
        if text:
            parts.append(f"{title}:\n\n````{language}\n{text.rstrip()}\n````\n")
    return "\n".join(parts)
