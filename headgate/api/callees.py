"""The workflows that `call` steps start: a published run calls active versions, a local one files of the workspace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from headgate.api.faults import Fault
from headgate.api.inputs import complete_inputs
from headgate.api.readiness import not_run_yet
from headgate.api.site import Site
from headgate.plan import JsonObject, Plan, PlanIntegrity, dump
from headgate.runtime.children import Callee, CalleeRefused, Caller
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.loading import PlanShelf
from headgate.runtime.store import Reader
from headgate.runtime.verdicts import Refusal
from headgate.runtime.workflow_judging import admission


class CalleeFinder:
    """Finds workflows by name. For a local run: in the caller's own file first, then in the others of the workspace,
    then among the published ones; for a published one among those alone.
    """

    def __init__(self, site: Site, read: Reader | None = None) -> None:
        self._site = site
        self._read = read
        self._shelf = None if read is None else PlanShelf(read)
        self._plans: dict[tuple[Path, str], Plan] = {}
        self._contents: dict[str, bytes] = {}

    def find(self, caller: Caller, name: str, inputs: JsonObject) -> Callee:
        """The workflow with its inputs completed; raises `CalleeRefused` when it is not there or does not take them."""
        plan, version = self._found(caller, name)
        reason = not_run_yet(plan)
        if reason is not None:
            raise _refuse("CONFIG_INVALID", reason)
        try:
            complete = complete_inputs(plan.inputs, inputs)
        except Fault as fault:
            raise _refuse("CONFIG_INVALID", f"`{name}` does not take these inputs: {fault.message}") from fault
        content = self._contents.get(plan.digest)
        if content is None:
            content = self._contents[plan.digest] = dump(plan)
        return Callee(plan, content, complete, version)

    def plan(self, caller: Caller, name: str) -> Plan:
        """The plan of a workflow that `caller` calls; raises `CalleeRefused`."""
        return self._found(caller, name)[0]

    def _found(self, caller: Caller, name: str) -> tuple[Plan, int | None]:
        if not caller.published:
            for path in self._candidates(caller.plan, name):
                key = (path, name)
                if key not in self._plans:
                    self._plans[key] = self._compile(path, name)
                return self._plans[key], None
        published = self._published(name)
        if published is not None:
            return published
        if caller.published:
            raise _refuse("CONFIG_INVALID", f"no version of `{name}` is published: `headgate publish FILE` does that")
        raise _refuse("CONFIG_INVALID", f"there is no workflow `{name}` in the workspace: correct the name")

    def _published(self, name: str) -> tuple[Plan, int] | None:
        """The active version; None when nothing was ever published under the name. Raises `CalleeRefused`."""
        if self._read is None or self._shelf is None:
            return None
        state = self._read.workflow_state(name)
        if not state.seq:
            return None
        answer = admission(state)
        if isinstance(answer, Refusal):
            raise _refuse("CONFIG_INVALID", f"`{name}` cannot be called: {answer.message}")
        version = state.active_version
        assert version is not None, "a workflow that dispatches has an active version"
        try:
            return self._shelf.plan(version.plan_digest), version.number
        except PlanIntegrity as fault:
            raise _refuse("PLAN_INTEGRITY", f"version {version.number} of `{name}`: {fault}") from fault

    def closure(self, caller: Caller) -> Iterator[Plan]:
        """The caller's plan and every plan it can come to call, as far as they are found."""
        seen = {caller.plan.digest}
        pending = [caller.plan]
        while pending:
            current = pending.pop()
            yield current
            names = current.requires.get("workflows")
            for name in names if isinstance(names, list) else []:
                try:
                    callee = self.plan(caller._replace(plan=current), str(name))
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
