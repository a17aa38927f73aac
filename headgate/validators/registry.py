"""The list of rules: one line each, in the order of their codes."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from headgate.validators.rule import Rule

MODULES = (
    "no_steps",  # HG106
)
"""Modules of `headgate.validators.rules`; each has one `RULE`."""


@cache
def rules() -> tuple[Rule, ...]:
    """All rules, by code."""
    return tuple(_load(module) for module in MODULES)


def find(code_or_name: str) -> Rule | None:
    """The rule of a code (`HG106`, in any case) or of a name (`no-steps`), else None."""
    wanted = code_or_name.casefold()
    return next((rule for rule in rules() if wanted in (rule.code.casefold(), rule.name)), None)


def _load(module: str) -> Rule:
    rule = import_module(f"headgate.validators.rules.{module}").RULE
    assert isinstance(rule, Rule), f"headgate.validators.rules.{module}.RULE is not a Rule"
    return rule
