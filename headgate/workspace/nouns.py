"""What a workspace and a lock consist of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headgate.plan import JsonObject
from headgate.records import NamedTuple


class ConfigFault(NamedTuple):
    """What is wrong with the workspace file. `line` counts from 1, None when unknown; `message` names the key."""

    message: str
    line: int | None = None


class SecretSource(NamedTuple):
    """Where a value comes from: `kind` is `env`, `file` or `keyring`, `name` what to look up there."""

    kind: str
    name: str


class ToolOverride(NamedTuple):
    """Facts that the workspace states about a tool; None leaves the server's annotation."""

    reversibility: str | None
    idempotent: bool | None
    open_world: bool | None = None


class Instance(NamedTuple):
    """An MCP server: `server_url`, or `command` started over stdio with `env` in `cwd`."""

    name: str
    server_url: str | None
    command: tuple[str, ...]
    env: Mapping[str, str | SecretSource]
    cwd: str | None
    headers: Mapping[str, str | SecretSource]
    connection: str | None
    active: bool
    tools: Mapping[str, ToolOverride]


class Connection(NamedTuple):
    name: str
    app: str | None
    auth: JsonObject


class Model(NamedTuple):
    """A server that speaks the chat API. `price` is USD per million tokens, `input` and `output`."""

    name: str
    base_url: str
    model: str
    api_key: SecretSource | None
    price: Mapping[str, float] | None


class Agent(NamedTuple):
    """Rounds of a `model` with `tools` (`INSTANCE.TOOL`), or an outside agent at `url` that calls back.

    `headers` go with the task that an outside agent is sent.
    """

    name: str
    model: str | None
    tools: tuple[str, ...]
    url: str | None
    instructions: str | None
    headers: Mapping[str, str | SecretSource] = {}


class Limits(NamedTuple):
    """`poll_ms` is the least interval of a poll; the other tables as written, times in ms.

    `workflows` has the `throughput` and `spend` of single workflows; `backlog` is how many of one workflow's runs may
    wait to start; `on_quota` is `fail` or `hold`: what becomes of a run without credits or a provider's quota.
    """

    throughput: JsonObject | None
    spend: JsonObject | None
    poll_ms: int
    credits: JsonObject | None
    workflows: Mapping[str, JsonObject] = {}
    backlog: int = 1_000
    on_quota: str = "fail"


class CheckOptions(NamedTuple):
    """`[check]`: codes to leave out, codes to look for alone, whether warnings block.

    `severity` says what findings weigh, by code, beginning or name: `off`, `note`, `warning` or `error`. `baseline` is
    the file of known findings, from the workspace's folder.
    """

    ignore: tuple[str, ...]
    select: tuple[str, ...]
    strict: bool
    severity: tuple[tuple[str, str], ...] = ()
    baseline: str | None = None


class Workspace(NamedTuple):
    """A workspace file, checked. `root` is the folder it stands in, None without a file.

    `declared` is the file as read, from which `for_environment` makes the workspace of an environment.
    """

    root: Path | None
    name: str | None
    instances: Mapping[str, Instance]
    connections: Mapping[str, Connection]
    models: Mapping[str, Model]
    agents: Mapping[str, Agent]
    people: Mapping[str, tuple[str, ...]]
    secrets: Mapping[str, SecretSource]
    environments: tuple[str, ...]
    limits: Limits
    check: CheckOptions
    environment: str | None
    declared: JsonObject


EMPTY_LIMITS = Limits(None, None, 10_000, None)
EMPTY = Workspace(None, None, {}, {}, {}, {}, {}, {}, (), EMPTY_LIMITS, CheckOptions((), (), strict=False), None, {})
"""The workspace of a file that has none."""


class LockedTool(NamedTuple):
    """A tool as its server described it; None where the server said nothing."""

    name: str
    input_schema: JsonObject
    output_schema: JsonObject | None
    annotations: JsonObject | None


class Answer(NamedTuple):
    """What an instance says of its tools now: `tools` by name, or None and in `fault` why it said nothing."""

    tools: Mapping[str, LockedTool] | None
    fault: str | None = None


class LockedWorkflow(NamedTuple):
    inputs: JsonObject
    outputs: JsonObject


class Lock(NamedTuple):
    """`headgate.lock`: `instances` maps an instance to its tools by name."""

    instances: Mapping[str, Mapping[str, LockedTool]]
    workflows: Mapping[str, LockedWorkflow]


class LockDamaged(Exception):  # noqa: N818 - it names a state
    """The lock cannot be used; the message says why and what to do."""


class ToolFacts(NamedTuple):
    """`reversibility` is `safe`, `recoverable`, `irreversible` or `unknown`; `source` says who said so."""

    reversibility: str
    idempotent: bool
    source: str
