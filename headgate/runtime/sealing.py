"""Events of runs that were given secret inputs: encrypted where they are stored, whole, since a value may be anywhere.

A sealed event is an object with its type, time and actor in clear, so that a log can be looked at without the key, and
acts be found; one in clear is an array (`codec.py`). Each is bound to its run and place: none can stand in for another.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import TypeAlias

from headgate.plan import JsonObject, Plan
from headgate.runtime.errors import DamagedLog, KeyFault
from headgate.runtime.keys import Keys
from headgate.runtime.view import is_secret

_ACTOR = 5

Seal: TypeAlias = "Callable[[int, str], str]"
"""(seq, text of the event) -> the text to store."""


def needs_sealing(plan: Plan, inputs: JsonObject) -> bool:
    """Whether a run was given the value of an input that its workflow declares `secret`."""
    declared = plan.inputs.get("properties")
    if not isinstance(declared, dict):
        return False
    return any(inputs.get(name) is not None and is_secret(schema) for name, schema in declared.items())


def sealer(keys: Keys, run: str) -> Seal:
    """What seals the events of a run; it raises `KeyFault`."""

    def seal(seq: int, text: str) -> str:
        row = json.loads(text)
        sealed = keys.seal(_purpose(run, seq), text.encode("utf-8", "surrogatepass"))
        clear = {"at": row[1], "type": row[2], "actor": row[_ACTOR] if len(row) > _ACTOR else None}
        return json.dumps({**clear, "sealed": b64encode(sealed).decode()}, separators=(",", ":"))

    return seal


def is_sealed(text: str) -> bool:
    return text.startswith("{")


def opener(keys: Keys) -> Callable[[str, int, str], str]:
    """(run, seq, stored text) -> the text of the event; raises `KeyFault`, and `DamagedLog` for what is no event."""

    def unsealed(run: str, seq: int, text: str) -> str:
        try:
            sealed = b64decode(json.loads(text)["sealed"], validate=True)
        except (ValueError, KeyError, TypeError) as fault:
            raise DamagedLog(run, seq, f"it cannot be read: {fault}") from fault
        try:
            return keys.open(_purpose(run, seq), sealed).decode("utf-8", "surrogatepass")
        except KeyFault as fault:
            raise KeyFault(f"run {run} was given secret inputs, and its events are sealed: {fault}") from None

    return unsealed


def _purpose(run: str, seq: int) -> str:
    return f"event/{run}/{seq}"
