"""Templates: read with exact columns, evaluated in a sandbox. The only home of Jinja2, loaded when needed."""

from headgate.expressions.evaluate import evaluate, evaluate_condition, render
from headgate.expressions.lua import LuaReference, lua_references
from headgate.expressions.parse import parse
from headgate.expressions.text import Hole, literal, split
from headgate.expressions.tree import Expression, ExpressionError, Node, Reference, Segment
from headgate.expressions.values import Absent, PathMissing, ResultMissing, Secrets, TemplateFailed, sealed

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
