"""The compiled plan: the treaty between compiler and runtime. The runtime never sees source text."""

from headgate.plan.integrity import PlanIntegrity
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
    PlanStep,
    Policies,
    Retry,
)
from headgate.plan.reading import load, load_stored
from headgate.plan.writing import canonical, digest_of, dump, to_json, with_digest

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
