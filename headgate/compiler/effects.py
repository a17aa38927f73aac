"""What a step does to the world: how bad it is, who says so, and whether doing it twice is doing it once."""

from __future__ import annotations

from collections.abc import Mapping

from headgate import kinds
from headgate.compiler.graph import Graph, Node, Scope
from headgate.compiler.written import Written
from headgate.grammar import ast
from headgate.kinds import UNKNOWN
from headgate.records import NamedTuple
from headgate.workspace import Lock, Workspace, agent_facts, tool_facts
from headgate.workspace.facts import worst

SAFE_METHODS = frozenset({"GET", "HEAD"})


class Surroundings(NamedTuple):
    """What effects may be read from: the workspace without an environment, the lock, the file's workflows by name.

    `calling` are the workflows on the way to the one being looked at, so that a ring of calls ends.
    """

    workspace: Workspace
    lock: Lock | None
    graphs: Mapping[str, Graph]
    calling: frozenset[str] = frozenset()


class Effect(NamedTuple):
    """`reversibility` is `safe`, `recoverable`, `irreversible` or `unknown`.

    `source` says who says so: `step`, `headgate.toml`, `headgate.lock`, `kind`, or `inside` for the worst of a body or
    of a called workflow. `keyed`: its idempotency key is delivered. `idempotent`: its tool says so.
    """

    reversibility: str
    source: str
    keyed: bool = False
    idempotent: bool = False

    @property
    def repeatable(self) -> bool:
        """Doing it twice is doing it once."""
        return self.keyed or self.idempotent


def effect_of(node: Node, around: Surroundings) -> Effect:
    """The effect of a step, with what it says of itself over everything else (`language.md`, `reversibility`)."""
    written = node.written
    effect = _by_kind(node, written, around)
    said = written.word("reversibility")
    if said is not None:
        effect = effect._replace(reversibility=said, source="step")
    has_key = written.get("idempotency_key") is not None
    delivered = node.kind == "http" or (node.kind == "mcp" and written.get("idempotency_arg") is not None)
    return effect._replace(keyed=has_key and delivered)


def instance_at(server_url: str | None, workspace: Workspace) -> str | None:
    """The instance that a `server_url` means; None where no workspace says so."""
    if server_url is None:
        return None
    return next((name for name, one in workspace.instances.items() if one.server_url == server_url), None)


def _by_kind(node: Node, written: Written, around: Surroundings) -> Effect:
    """The effect of a step that says nothing itself."""
    match node.kind:
        case "http":
            safe = written.word("method") in SAFE_METHODS
            return Effect(kinds.SAFE if safe else UNKNOWN, "kind")
        case "mcp":
            instance = written.word("instance") or instance_at(written.word("server_url"), around.workspace)
            facts = tool_facts(around.workspace, around.lock, str(instance), str(written.word("tool")))
            return Effect(facts.reversibility, facts.source or "kind", idempotent=facts.idempotent)
        case "agent":
            agent = agent_facts(around.workspace, around.lock, str(written.word("agent")), tools_named(written))
            return Effect(agent.reversibility, agent.source or "kind")
        case "call":
            return Effect(_called(str(written.word("workflow")), around), "inside")
        case "each" | "repeat":
            return Effect(_worst(node.body, around), "inside")
        case _:
            return Effect(UNKNOWN if written.kind is None else written.kind.reversibility, "kind")


def tools_named(written: Written) -> tuple[str, ...] | None:
    """The tools that an agent's step narrows its agent to, None when it does not."""
    value = written.get("tools")
    if not isinstance(value, ast.List):
        return None
    texts = (item.text if isinstance(item, ast.Word) else item.plain for item in _named(value))
    return tuple(text for text in texts if text is not None)


def _named(value: ast.List) -> tuple[ast.Word | ast.Text, ...]:
    return tuple(item for item in value.items if isinstance(item, ast.Word | ast.Text))


def _worst(scope: Scope | None, around: Surroundings) -> str:
    return worst([] if scope is None else [effect_of(node, around).reversibility for node in scope.nodes.values()])


def _called(name: str, around: Surroundings) -> str:
    """The worst that a workflow of the same file may do; of any other nothing is known before it is dispatched."""
    graph = around.graphs.get(name)
    if graph is None or name in around.calling or any(scope.rings for scope in graph.scopes):
        return UNKNOWN
    return _worst(graph.scope, around._replace(calling=around.calling | {name}))
