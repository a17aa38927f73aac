"""JSON to plan. A plan is checked before it runs: one from elsewhere in full, a stored one by its digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from headgate.plan.integrity import check_integrity
from headgate.plan.nouns import (
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
from headgate.plan.writing import canonical, digest_of, digest_of_bytes


def load(content: bytes) -> Plan:
    """The plan in the bytes of a file from anywhere. Raises PlanIntegrity, which names the first fault."""
    written = _read(content)
    try:
        check_integrity(written)
        return from_json(written)
    except RecursionError as error:
        raise PlanIntegrity("it is nested too deep") from error


def load_stored(content: bytes, digest: str) -> Plan:
    """The plan in bytes that `dump` wrote, when their digest is still this one; else raises PlanIntegrity."""
    written = _read(content)
    whole = written.get("digest") == digest and (
        _digest_of_dump(content, written) == digest or digest_of(written) == digest
    )
    if not whole:
        raise PlanIntegrity(f"its digest is not `{digest}` any more")
    return from_json(written)


def _read(content: bytes) -> JsonObject:
    try:
        written = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise PlanIntegrity("it is not UTF-8") from error
    except ValueError as error:
        raise PlanIntegrity(f"it is not JSON: {str(error)[:100]}") from error
    except RecursionError as error:
        raise PlanIntegrity("it is nested too deep") from error
    if not isinstance(written, dict):
        raise PlanIntegrity("it is no object")
    return cast("JsonObject", written)


def _digest_of_dump(content: bytes, written: JsonObject) -> str:
    """The digest of a dump without writing it anew: canonical bytes stay canonical when whole members are taken out."""
    digest = b'"digest":' + canonical(written.get("digest")) + b","
    source = b'"source":' + canonical(written.get("source")) + b","
    return digest_of_bytes(content.replace(digest, b"", 1).replace(source, b"", 1))


def from_json(written: Mapping[str, Any]) -> Plan:
    """The plan that checked JSON stands for."""
    policies = written["policies"]
    return Plan(
        workflow=written["workflow"],
        title=written["title"],
        digest=written["digest"],
        entry=written["entryStepId"],
        inputs=written["inputs"],
        vars=written["vars"],
        triggers=written["triggers"],
        policies=Policies(
            policies["on_failure"],
            policies["timeout"],
            policies["deadline"],
            policies["throughput"],
            policies["concurrency"],
            policies["resume_on_reconnect"],
        ),
        requires=written["requires"],
        steps=_steps(written),
        order=tuple(written["order"]),
        outputs=written["outputs"],
        source=written["source"],
    )


def _steps(written: Mapping[str, Any]) -> dict[str, PlanStep]:
    return {name: _step(name, written["steps"][name]) for name in written["order"]}


def _step(name: str, written: Mapping[str, Any]) -> PlanStep:
    body = written["body"]
    return PlanStep(
        name=name,
        kind=written["kind"],
        title=written["title"],
        owner=written["owner"],
        config=written["config"],
        edges=tuple(_edge(edge) for edge in written["edges"]),
        join=written["join"],
        when=written["when"],
        enabled=written["enabled"],
        retry=Retry(written["retry"]["max"], tuple(written["retry"]["backoff"])),
        timeout=written["timeout"],
        on_failure=written["on_failure"],
        in_doubt=written["in_doubt"],
        reversibility=written["reversibility"],
        idempotency_key=written["idempotency_key"],
        result=written["result"],
        gates=tuple(_gate(gate) for gate in written["gates"]),
        body=None if body is None else PlanBody(_steps(body), tuple(body["order"])),
    )


def _edge(written: Mapping[str, Any]) -> PlanEdge:
    on = written["on"]
    star = written.get("star", False)
    return (
        PlanEdge(written["from"], on, None, star)
        if isinstance(on, str)
        else PlanEdge(written["from"], "case", on["case"], star)
    )


def _gate(written: Mapping[str, Any]) -> PlanGate:
    return PlanGate(
        written["kind"],
        written["when"],
        written["ask"],
        written["assignees"],
        written["expires"],
        written["on_expiry"],
        written["escalate_to"],
        written["channel"],
    )
