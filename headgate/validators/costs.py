"""What the models of a workflow may cost in one run at most, as far as the text and the workspace bound it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from headgate.compiler.graph import Graph, Node, Scope
from headgate.compiler.written import Written
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.workspace import Workspace

TOKENS = 4_096
"""How long an answer is taken to be that no `max_tokens` bounds."""

TIMES = " \u00d7 "

_RETRIES = 3
_MILLION = 1_000_000
_UNCONDITIONAL = frozenset({"completed", "read"})


class Factor(NamedTuple):
    """One number of the product, and what it counts: `500`, `items of each_one`; `shown` is how it is written."""

    number: float
    of: str
    shown: str = ""

    @property
    def short(self) -> str:
        return self.shown or (f"{self.number:.0f}" if self.number == int(self.number) else f"{self.number:g}")

    def __str__(self) -> str:
        return f"{self.short} {self.of}"


class Cost(NamedTuple):
    """What one step may cost, in USD. `sometimes`: not every run pays it, for it stands behind a case or a `when`."""

    node: Node
    usd: float
    factors: tuple[Factor, ...]
    sometimes: bool

    @property
    def arithmetic(self) -> str:
        return TIMES.join(str(factor) for factor in self.factors)

    @property
    def short(self) -> str:
        """The arithmetic without what each number counts."""
        return TIMES.join(factor.short for factor in self.factors)


class Costs:
    """The costs of a file's workflows."""

    def __init__(self, workspace: Workspace, graphs: Mapping[str, Graph]) -> None:
        self._workspace = workspace
        self._graphs = graphs
        self._open: set[Graph] = set()

    def of(self, graph: Graph) -> list[Cost]:
        """The steps of a workflow whose models cost something, in the order of the run; none inside a ring of calls."""
        if graph in self._open:
            return []
        self._open.add(graph)
        found = self._of_scope(graph.scope, (), sometimes=False)
        self._open.discard(graph)
        return found

    def _of_scope(self, scope: Scope, around: tuple[Factor, ...], *, sometimes: bool) -> list[Cost]:
        found: list[Cost] = []
        maybe: set[str] = set()
        for name in scope.order:
            node = scope.nodes[name]
            written = node.written
            rare = sometimes or written.get("when") is not None
            rare |= any(edge.on not in _UNCONDITIONAL or edge.source in maybe for edge in node.edges)
            if rare:
                maybe.add(name)
            if _disabled(written) or node.step.broken:
                continue
            found += self._of_node(node, written, around, sometimes=rare)
        return found

    def _of_node(self, node: Node, written: Written, around: tuple[Factor, ...], *, sometimes: bool) -> list[Cost]:
        if node.body is not None:
            rounds = _rounds(node, written)
            return [] if rounds is None else self._of_scope(node.body, (*around, rounds), sometimes=sometimes)
        own = self._own(node, written)
        if not own:
            return []
        factors = (*around, *own)
        usd = reduce(lambda product, factor: product * factor.number, factors, 1.0)
        return [Cost(node, usd, factors, sometimes)] if usd > 0 else []

    def _own(self, node: Node, written: Written) -> tuple[Factor, ...]:
        """The factors of one step, without the loops around it; none where nothing bounds or prices it."""
        match node.kind:
            case "llm":
                answer = self._answer(written.word("model"), written.get("max_tokens"))
                return (*_attempts(written), *answer) if answer else ()
            case "agent":
                return self._agent(written)
            case "call":
                child = self._graphs.get(written.word("workflow") or "")
                usd = total(self.of(child)) if child is not None else 0.0
                return (Factor(round(usd, 6), f"USD for each call of {written.word('workflow')}"),) if usd else ()
            case _:
                return ()

    def _answer(self, model: str | None, most: ast.Value | None) -> tuple[Factor, ...]:
        known = self._workspace.models.get(model or "")
        price = (known.price or {}).get("output") if known is not None else None
        if not price:
            return ()
        tokens = most.value if isinstance(most, ast.Number) else TOKENS
        of = "tokens" if isinstance(most, ast.Number) else "tokens taken for an answer"
        return Factor(tokens, of), Factor(price / _MILLION, "per million", f"{price:g} USD")

    def _agent(self, written: Written) -> tuple[Factor, ...]:
        most, rounds = written.get("max_cost"), written.get("max_rounds")
        if isinstance(most, ast.Number):
            return (Factor(most.value, "USD (`max_cost`)"),)
        agent = self._workspace.agents.get(written.word("agent") or "")
        answer = self._answer(agent.model, None) if agent is not None and agent.url is None else ()
        if not answer or not isinstance(rounds, ast.Number):
            return ()
        return (*_attempts(written), Factor(rounds.value, "rounds"), *answer)


def total(costs: list[Cost]) -> float:
    """What one run may well cost: all that every run pays, and the dearest of what only some runs pay."""
    rare = max((one.usd for one in costs if one.sometimes), default=0.0)
    return sum(one.usd for one in costs if not one.sometimes) + rare


def _disabled(written: Written) -> bool:
    value = written.get("enabled")
    return isinstance(value, ast.Boolean) and not value.value


def _rounds(node: Node, written: Written) -> Factor | None:
    """How often the body of a loop runs at most; None when nothing says it."""
    if node.kind == "repeat":
        most = written.get("max")
        return Factor(most.value, f"rounds of {node.name}") if isinstance(most, ast.Number) else None
    limit, over = written.get("limit"), written.get("over")
    known = written.known("limit")
    number: object = (
        limit.value if isinstance(limit, ast.Number) else known.default if limit is None and known else None
    )
    if not isinstance(number, int):
        return None
    if isinstance(over, ast.List):
        number = min(number, len(over.items))
    return Factor(number, f"items of {node.name}")


def _attempts(written: Written) -> tuple[Factor, ...]:
    """How often a step is tried at most."""
    retry = written.get("retry")
    if isinstance(retry, ast.Map):
        retry = next((entry.value for entry in retry.entries if entry.key.text == "max"), None)
    retries = retry.value if isinstance(retry, ast.Number) else _RETRIES
    retries = retries if written.kind is not None and written.kind.retry else 0
    return (Factor(retries + 1, "attempts"),) if retries else ()
