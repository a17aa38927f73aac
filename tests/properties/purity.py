"""A second process with another hash seed, which is told what a run saw and must decide the same.

Run as a program it answers over its pipes; `Witness` is the other end.
"""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

from headgate.plan import Plan
from headgate.runtime.codec import decode
from headgate.runtime.decider import decide, evolve, judge, new
from headgate.runtime.projecting import project, project_approval
from headgate.runtime.state import RunState
from headgate.runtime.view import secret_inputs

HERE = Path(__file__).resolve().parent
EVENT, DECIDED, JUDGED, ROWS = "event", "decided", "judged", "rows"
Entry = tuple[object, ...]
"""(EVENT, text) | (DECIDED, now, commands) | (JUDGED, now, request, people, verdict) | (ROWS, text)"""


def rows_of(state: RunState) -> str:
    """The projections of a run, as text."""
    mask = secret_inputs(state.plan, state.inputs)
    return repr(
        (
            project(state, state.run_id),
            [project_approval(state.run_id, each, mask) for each in state.approvals.values()],
        )
    )


def replay(plan: Plan, trace: list[Entry]) -> str | None:
    """Goes through what a run saw; where it comes to another answer, None when nowhere."""
    state = new("R", plan)
    for at, entry in enumerate(trace):
        match entry:
            case (kind, text) if kind == EVENT:
                evolve(state, decode("R", state.seq + 1, str(text)))
                continue
            case (kind, now, told) if kind == DECIDED:
                found = repr(decide(state, now))  # type: ignore[arg-type]
            case (kind, now, request, people, told) if kind == JUDGED:
                found = repr(judge(state, request, now, people))  # type: ignore[arg-type]
            case (_, told):
                found = rows_of(state)
            case _:
                raise AssertionError(entry)
        if found != told:
            return f"entry {at} {entry[0]}: here {found}\nand there {told}"
    return None


class Witness:
    """The other process; it lives until it is closed."""

    def __init__(self, hash_seed: str = "4711") -> None:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(HERE.parents[1])}
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )

    def objection(self, plan: Plan, trace: list[Entry]) -> str | None:
        """What the other process has against a trace; None when it decides the same everywhere."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        _send(self._process.stdin, (plan, trace))
        found = _receive(self._process.stdout)
        assert found is None or isinstance(found, str)
        return found

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def _send(pipe: BinaryIO, value: object) -> None:
    content = pickle.dumps(value)
    pipe.write(struct.pack("<I", len(content)) + content)
    pipe.flush()


def _receive(pipe: BinaryIO) -> object:
    head = pipe.read(4)
    if len(head) < 4:
        raise EOFError("the other process has ended")
    return pickle.loads(pipe.read(struct.unpack("<I", head)[0]))


def _answer() -> None:
    while True:
        try:
            plan, trace = _receive(sys.stdin.buffer)  # type: ignore[misc]
        except EOFError:
            return
        try:
            found = replay(plan, trace)
        except Exception as fault:  # noqa: BLE001 - it is told to the test
            found = f"{type(fault).__name__}: {fault}"
        _send(sys.stdout.buffer, found)


if __name__ == "__main__":
    _answer()
