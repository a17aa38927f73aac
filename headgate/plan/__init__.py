"""The compiled plan: the treaty between compiler and runtime. The runtime never sees source text.

Reading and writing are loaded when they are first used: `check` names plans and never reads one.
"""

from typing import TYPE_CHECKING

from headgate.plan.nouns import (
    ENTRY,
    FORMAT,
    RAW,
    Json,
    JsonObject,
    Plan,
    PlanBody,
    PlanEdge,
    PlanGate,
    PlanIntegrity,
    PlanStep,
    Policies,
    Retry,
)

if TYPE_CHECKING:
    from headgate.plan.reading import load, load_stored
    from headgate.plan.writing import canonical, digest_of, dump, to_json, with_digest

LATER = {
    "canonical": "writing",
    "digest_of": "writing",
    "dump": "writing",
    "load": "reading",
    "load_stored": "reading",
    "to_json": "writing",
    "with_digest": "writing",
}


def __getattr__(name: str) -> object:
    """A function of `reading` or `writing`."""
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"headgate.plan.{LATER[name]}"), name)


__all__ = [
    "ENTRY",
    "FORMAT",
    "RAW",
    "Json",
    "JsonObject",
    "Plan",
    "PlanBody",
    "PlanEdge",
    "PlanGate",
    "PlanIntegrity",
    "PlanStep",
    "Policies",
    "Retry",
    "canonical",
    "digest_of",
    "dump",
    "load",
    "load_stored",
    "to_json",
    "with_digest",
]
