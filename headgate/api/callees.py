"""The workflows that `call` steps start: compiled from the files of the workspace when they are needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from headgate.api.faults import Fault
from headgate.api.inputs import complete_inputs
from headgate.api.readiness import not_run_yet
from headgate.api.site import Site
from headgate.plan import JsonObject, Plan, dump
from headgate.runtime.children import Callee, CalleeRefused
from headgate.runtime.errors import ErrorClass, StepError


class CalleeFinder:
    """Finds workflows by name: in the caller's own file first, then in the others of the workspace."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._plans: dict[tuple[Path, str], Plan] = {}
        self._contents: dict[str, bytes] = {}

    def find(self, caller: Plan, name: str, inputs: JsonObject) -> Callee:
        """The workflow with its inputs completed; raises `CalleeRefused` when it is not there or does not take them."""
        plan = self.plan(caller, name)
        reason = not_run_yet(plan, self._site.workspace)
        if reason is not None:
            raise _refuse("CONFIG_INVALID", reason)
        try:
            complete = complete_inputs(plan.inputs, inputs)
        except Fault as fault:
            raise _refuse("CONFIG_INVALID", f"`{name}` does not take these inputs: {fault.message}") from fault
        content = self._contents.get(plan.digest)
        if content is None:
            content = self._contents[plan.digest] = dump(plan)
        return Callee(plan, content, complete)

    def plan(self, caller: Plan, name: str) -> Plan:
        """The plan of a workflow that `caller` calls; raises `CalleeRefused`."""
        for path in self._candidates(caller, name):
            key = (path, name)
            if key not in self._plans:
                self._plans[key] = self._compile(path, name)
            return self._plans[key]
        raise _refuse("CONFIG_INVALID", f"there is no workflow `{name}` in the workspace: correct the name")

    def closure(self, plan: Plan) -> Iterator[Plan]:
        """`plan` and every plan it can come to call, as far as they are found."""
        seen = {plan.digest}
        pending = [plan]
        while pending:
            current = pending.pop()
            yield current
            names = current.requires.get("workflows")
            for name in names if isinstance(names, list) else []:
                try:
                    callee = self.plan(current, str(name))
                except CalleeRefused:
                    continue
                if callee.digest not in seen:
                    seen.add(callee.digest)
                    pending.append(callee)

    def _candidates(self, caller: Plan, name: str) -> Iterator[Path]:
        header = re.compile(rf"^[ \t]*workflow[ \t]+{re.escape(name)}\b", re.MULTILINE)
        own = caller.source.get("path")
        files = [self._site.root / str(own)] if own else []
        from headgate.api.neighbours import flow_files

        for path in (*files, *flow_files(self._site.root)):
            if path.is_file() and header.search(path.read_text(encoding="utf-8", errors="replace")):
                yield path

    def _compile(self, path: Path, name: str) -> Plan:
        from headgate.api.compiling import compile_target

        try:
            compiled = compile_target(f"{path}#{name}", self._site.environment)
        except Fault as fault:
            raise _refuse("CONFIG_INVALID", fault.message) from fault
        if compiled.plan is None:
            raise _refuse("CONFIG_INVALID", f"the workflow `{name}` in {path.name} does not pass the gate")
        return compiled.plan


def _refuse(code: str, message: str) -> CalleeRefused:
    return CalleeRefused(StepError(code, message, ErrorClass.PERMANENT))
