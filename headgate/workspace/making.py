"""A Workspace out of tables that the schema has accepted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from headgate.plan import Json, JsonObject
from headgate.workspace.nouns import (
    EMPTY_LIMITS,
    Agent,
    CheckOptions,
    Connection,
    Instance,
    Limits,
    Model,
    SecretSource,
    ToolOverride,
    Workspace,
)

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def make(declared: JsonObject, root: Path | None) -> Workspace:
    """The workspace of checked tables."""
    tables = cast("Mapping[str, Mapping[str, dict[str, Json]]]", declared)
    name = tables.get("project", {}).get("name")
    environments = tables.get("environments", {})
    return Workspace(
        root=root,
        name=name if isinstance(name, str) else None,
        instances={key: _instance(key, one) for key, one in tables.get("instances", {}).items()},
        connections={
            key: Connection(key, _text(one, "app"), cast("JsonObject", one.get("auth", {})))
            for key, one in tables.get("connections", {}).items()
        },
        models={key: _model(key, one) for key, one in tables.get("models", {}).items() if _is_model(one)},
        agents={key: _agent(key, one) for key, one in tables.get("agents", {}).items()},
        people={key: _texts(cast("Json", one)) for key, one in tables.get("people", {}).items()},
        secrets={key: secret_source(one) for key, one in tables.get("secrets", {}).items()},
        environments=tuple(environments),
        limits=_limits(cast("JsonObject", tables.get("limits", {}))),
        check=_check(cast("JsonObject", tables.get("check", {}))),
        environment=None,
        declared=declared,
    )


def milliseconds(duration: str) -> int:
    """The milliseconds of a duration such as `1.5h`."""
    match = _DURATION.fullmatch(duration)
    assert match is not None, "the schema lets only durations through"
    return round(float(match[1]) * UNITS[match[2]])


def secret_source(table: Mapping[str, Json]) -> SecretSource:
    """The source that a table of one key names: `{ env = "NAME" }`."""
    kind, name = next(iter(table.items()))
    return SecretSource(kind, str(name))


def _text(table: Mapping[str, Json], key: str) -> str | None:
    value = table.get(key)
    return value if isinstance(value, str) else None


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _values(value: Json) -> dict[str, str | SecretSource]:
    if not isinstance(value, dict):
        return {}
    return {key: secret_source(one) if isinstance(one, dict) else str(one) for key, one in value.items()}


def _instance(name: str, table: dict[str, Json]) -> Instance:
    tools = table.get("tools")
    return Instance(
        name=name,
        server_url=_text(table, "server_url"),
        command=_texts(table.get("command")),
        env=_values(table.get("env")),
        cwd=_text(table, "cwd"),
        headers=_values(table.get("headers")),
        connection=_text(table, "connection"),
        active=table.get("profile", "active") == "active",
        tools={key: _override(one) for key, one in tools.items()} if isinstance(tools, dict) else {},
    )


def _override(value: Json) -> ToolOverride:
    assert isinstance(value, dict), "the schema lets only tables through"
    idempotent, open_world = value.get("idempotent"), value.get("open_world")
    return ToolOverride(
        _text(value, "reversibility"),
        idempotent if isinstance(idempotent, bool) else None,
        open_world if isinstance(open_world, bool) else None,
    )


def _is_model(table: Mapping[str, Json]) -> bool:
    """A model that only an environment completes is none outside of it."""
    return "base_url" in table and "model" in table


def _model(name: str, table: dict[str, Json]) -> Model:
    key = table.get("api_key")
    price = table.get("price")
    return Model(
        name=name,
        base_url=str(table["base_url"]),
        model=str(table["model"]),
        api_key=secret_source(key) if isinstance(key, dict) else None,
        price=cast("Mapping[str, float]", price) if isinstance(price, dict) else None,
    )


def _agent(name: str, table: dict[str, Json]) -> Agent:
    return Agent(
        name=name,
        model=_text(table, "model"),
        tools=_texts(table.get("tools")),
        url=_text(table, "url"),
        instructions=_text(table, "instructions"),
        headers=_values(table.get("headers")),
    )


def _limits(table: JsonObject) -> Limits:
    poll, workflows, backlog = table.get("poll"), table.get("workflows"), table.get("backlog")
    own = _timed(table)
    spend, throughput, credit = own.get("spend"), own.get("throughput"), table.get("credits")
    return Limits(
        throughput=throughput if isinstance(throughput, dict) else None,
        spend=spend if isinstance(spend, dict) else None,
        poll_ms=milliseconds(poll) if isinstance(poll, str) else EMPTY_LIMITS.poll_ms,
        credits=credit if isinstance(credit, dict) else None,
        workflows={
            name: _timed(each)
            for name, each in (workflows if isinstance(workflows, dict) else {}).items()
            if isinstance(each, dict)
        },
        backlog=backlog if isinstance(backlog, int) else EMPTY_LIMITS.backlog,
        on_quota=_text(table, "on_quota") or EMPTY_LIMITS.on_quota,
    )


def _timed(table: JsonObject) -> JsonObject:
    """The table with the span of its throughput in ms."""
    throughput = table.get("throughput")
    if not isinstance(throughput, dict):
        return table
    return {**table, "throughput": {**throughput, "per": milliseconds(str(throughput["per"]))}}


def _check(table: JsonObject) -> CheckOptions:
    severity = table.get("severity")
    return CheckOptions(
        _texts(table.get("ignore")),
        _texts(table.get("select")),
        table.get("strict") is True,
        tuple((rule, str(weight)) for rule, weight in severity.items()) if isinstance(severity, dict) else (),
        _text(table, "baseline"),
    )
