"""Templates: read with exact columns, evaluated in a sandbox. The only home of Jinja2, loaded when needed.

What evaluates is loaded when it is first used: `check` reads templates and never evaluates one.
"""

from typing import TYPE_CHECKING

from headgate.expressions.parsing import parse
from headgate.expressions.tree import Expression, ExpressionError, Node, Reference, Segment

if TYPE_CHECKING:
    from headgate.expressions.evaluation import evaluate, evaluate_condition, render
    from headgate.expressions.lua import LuaReference, lua_references
    from headgate.expressions.text import Hole, literal, split
    from headgate.expressions.values import Absent, PathMissing, ResultMissing, Secrets, TemplateFailed, sealed

LATER = {
    "Absent": "values",
    "Hole": "text",
    "LuaReference": "lua",
    "PathMissing": "values",
    "ResultMissing": "values",
    "Secrets": "values",
    "TemplateFailed": "values",
    "evaluate": "evaluation",
    "evaluate_condition": "evaluation",
    "literal": "text",
    "lua_references": "lua",
    "render": "evaluation",
    "sealed": "values",
    "split": "text",
}
"""The module that each name comes from."""


def __getattr__(name: str) -> object:
    """A name of a module that is loaded when it is first used."""
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"headgate.expressions.{LATER[name]}"), name)


__all__ = [
    "Absent",
    "Expression",
    "ExpressionError",
    "Hole",
    "LuaReference",
    "Node",
    "PathMissing",
    "Reference",
    "ResultMissing",
    "Secrets",
    "Segment",
    "TemplateFailed",
    "evaluate",
    "evaluate_condition",
    "literal",
    "lua_references",
    "parse",
    "render",
    "sealed",
    "split",
]
