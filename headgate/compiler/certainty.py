"""What certainly came before a step: the ends each step may come to, and bit sets of the results that are there.

Everything here is an over-approximation of the runs there are, in one pass over the order of a scope: what it calls
certain is so in every run; what it does not may still be, and `counter_runs` looks for the run.
"""

from __future__ import annotations

from typing import TypeAlias

from headgate.compiler.graph import Graph, Scope
from headgate.compiler.needs import needs
from headgate.compiler.outcomes import (
    BLOCKED,
    CUT,
    DENIED,
    FAILED,
    PASSED,
    UNTAKEN,
    Ends,
    Own,
    Takers,
    edge_ends,
    own_ends,
)
from headgate.compiler.written import of_block
from headgate.records import NamedTuple

BLOCK = 1_024
"""How many sources one bit set holds."""

_KEPT_BLOCKS = 4
_NEAR = 8


ALWAYS = (-1, 0)


class Arrow(NamedTuple):
    """A control edge from the step at position `source`."""

    source: int
    ends: Ends
    on: str


Demand: TypeAlias = tuple[int, int]
"""A position and the ends that are allowed there."""

Key: TypeAlias = tuple[bool, bool, int, int]
"""A search's settings and the one demand that was left of it."""


class Way(NamedTuple):
    """One way to end: `end` as bits, `demands` of the steps before. `entered` is the number of the live edge it started
    by, `optional` that its `when` was false, `starved` the position of the result it was missing.
    """

    end: int
    demands: tuple[Demand, ...]
    entered: int | None = None
    optional: bool = False
    starved: int | None = None


class Stage(NamedTuple):
    """A step in its scope's order. `awaited` are those whose end it waits for, `needed` those it cannot do without.

    `possible` are the ends it may come to. `certain`: it ends completed in every run in which it ends. `stem` is the
    switch on whose choice alone it hangs whether the step is taken, with the ends in which it is; `ALWAYS` where none
    does, None where that is not known.
    """

    own: Own
    arrows: tuple[Arrow, ...]
    any_join: bool
    awaited: frozenset[int]
    needed: tuple[int, ...]
    possible: int
    starts: bool
    stem: tuple[int, int] | None = None

    @property
    def certain(self) -> bool:
        return not self.possible & ~self.own.completed


class Certainty:
    """The facts of one scope. Positions are places in `scope.order`.

    `met` and `tried` belong to the searches of `counter_runs`: what they found out, and how much they tried; `told` is
    how many steps the ways through the scope had that were told.
    """

    def __init__(self, graph: Graph, scope: Scope) -> None:
        self.scope = scope
        self.order = scope.order
        self.position = {name: at for at, name in enumerate(scope.order)}
        self.stages: list[Stage] = []
        self.met: dict[Key, tuple[tuple[tuple[int, Way], ...], Key | None]] = {}
        self.tried = 0
        self.told = 0
        self._blocks: dict[int, _Block] = {}
        policy = of_block("workflow", graph.workflow.attributes).word("on_failure") or "fail"
        takers = _takers(scope)
        read = needs(graph)
        for name in scope.order:
            node = scope.nodes[name]
            own = own_ends(node, takers.get(name, Takers()), policy)
            arrows = tuple(
                Arrow(self.position[edge.source], edge_ends(edge, self.stages[self.position[edge.source]].own), edge.on)
                for edge in node.edges
                if edge.on != "read"
            )
            any_join = node.join == "any"
            reads = {self.position[edge.source] for edge in node.edges if edge.on == "read"}
            awaited = frozenset(reads if any_join else reads | {arrow.source for arrow in arrows})
            needed = tuple(
                self.position[source.name] for source in read.get(id(node), ()) if source.name in self.position
            )
            stage = Stage(own, arrows, any_join, awaited, needed, 0, starts=False)
            self.stages.append(self._possible(stage))

    def surely(self, source: int, target: int) -> bool:
        """Whether the step at `target` starts only once the one at `source` has a result, as far as this sees."""
        if source >= target:
            return False
        return self._near(source, target) or bool(self.started(source, target))

    def started(self, source: int, target: int) -> bool:
        """The same, by the bit sets alone."""
        if source >= target:
            return False
        number = source // BLOCK
        block = self._blocks.get(number)
        if block is None:
            while len(self._blocks) >= _KEPT_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            block = self._blocks[number] = _Block(self.stages, number * BLOCK)
        return block.has(source, target)

    def _near(self, source: int, target: int) -> bool:
        """Up the edges that are live for certain, a few steps: the usual case, without a bit set."""
        at = target
        for _ in range(_NEAR):
            stage = self.stages[at]
            if at != target and source in stage.needed:
                return True
            sure = [arrow for arrow in stage.arrows if len(stage.arrows) == 1 or self.is_live(stage, arrow)]
            if any(arrow.source == source and self._leaves_result(arrow) for arrow in sure):
                return True
            above = [arrow.source for arrow in sure if arrow.source > source and self._is_passed(arrow)]
            if not above:
                return False
            at = min(above)
        return False

    def is_live(self, stage: Stage, arrow: Arrow) -> bool:
        """Whether an edge is live whenever its step starts."""
        return not stage.any_join and not arrow.ends.branch & self.stages[arrow.source].possible

    def _leaves_result(self, arrow: Arrow) -> bool:
        source = self.stages[arrow.source]
        return not arrow.ends.live & source.possible & ~source.own.fruitful

    def _is_passed(self, arrow: Arrow) -> bool:
        """Whether the source of a live edge has completed."""
        source = self.stages[arrow.source]
        return not arrow.ends.live & source.possible & ~source.own.completed

    def _possible(self, stage: Stage) -> Stage:
        """The stage with the ends that it may come to; those before it are known."""
        ends = [(arrow.ends, self.stages[arrow.source].possible) for arrow in stage.arrows]
        live = [bool(each.live & possible) for each, possible in ends]
        going = [bool((each.live | each.branch) & possible) for each, possible in ends]
        starts = not ends or (any(live) if stage.any_join else any(live) and all(going))
        possible = stage.own.ran if starts else 0
        if starts and stage.own.optional:
            possible |= UNTAKEN
        stem = self._stem(stage)
        if ends and stem != ALWAYS and all(each.branch & before for each, before in ends):
            possible |= UNTAKEN
        dead = [bool((each.branch | each.denial | each.failure) & before) for each, before in ends]
        stopped = all(dead) if stage.any_join else bool(ends)
        if stopped and any(each.denial & before for each, before in ends):
            possible |= CUT
        if stopped and any(each.failure & before for each, before in ends):
            possible |= BLOCKED
        for at in stage.needed if starts else ():
            possible |= starved(self.stages[at].possible, self.stages[at].own)
        if possible & UNTAKEN and stem == ALWAYS:
            stem = None  # for want of a result
        return stage._replace(possible=possible, starts=starts, stem=stem)

    def _stem(self, stage: Stage) -> tuple[int, int] | None:
        if stage.own.optional:
            return None
        stems = [self._stem_of(arrow) for arrow in stage.arrows]
        if not stems or ALWAYS in stems:
            return ALWAYS
        mask = 0
        for stem in stems:
            if stem is None or stems[0] is None or stem[0] != stems[0][0]:
                return None
            mask |= stem[1]
        assert stems[0] is not None, "an unknown stem ended the loop"
        switch = self.stages[stems[0][0]]
        return switch.stem if mask == switch.own.completed else (stems[0][0], mask)

    def _stem_of(self, arrow: Arrow) -> tuple[int, int] | None:
        """When an edge is not dead by branch."""
        source = self.stages[arrow.source]
        if arrow.on in ("case", "else") and source.own.ran & source.own.completed:
            return (arrow.source, arrow.ends.live)
        return source.stem if arrow.on == "completed" else None


def _takers(scope: Scope) -> dict[str, Takers]:
    """Of each step whose failure an edge takes up, which edges do."""
    found: dict[str, Takers] = {}
    for node in scope.nodes.values():
        for edge in node.edges:
            if edge.on in ("failed", "finished"):
                before = found.get(edge.source, Takers())
                named = before.named or not edge.star
                found[edge.source] = Takers(True, named, before.expecting or (edge.on == "failed" and not edge.star))
    return found


def starved(source: int, own: Own) -> int:
    """How a step ends whose needed result is missing, by the ends that its source may come to."""
    missing = source & ~own.fruitful
    found = UNTAKEN if missing & (PASSED | UNTAKEN) else 0
    found |= CUT if missing & (DENIED | CUT) else 0
    return found | (BLOCKED if missing & (FAILED | BLOCKED) else 0)


class _Block:
    """For `BLOCK` sources from `first` on: which of them have a result when a step starts, and when it completes.

    It is filled as far as it was asked for.
    """

    def __init__(self, stages: list[Stage], first: int) -> None:
        self._stages = stages
        self._first = first
        self._started: list[int] = []
        self._read: list[int] = []

    def has(self, source: int, target: int) -> bool:
        while len(self._started) <= target - self._first:
            self._add(self._first + len(self._started))
        return bool(self._started[target - self._first] >> (source - self._first) & 1)

    def _add(self, at: int) -> None:
        stage, first = self._stages[at], self._first
        started = self._joined(stage)
        for source in stage.awaited:
            if source >= first and self._stages[source].certain:
                started |= self._done(source)
        read = started
        for source in stage.needed:
            if source >= first:
                read |= self._done(source)
        self._started.append(started)
        self._read.append(read)

    def _done(self, at: int) -> int:
        """What has a result once the step at `at` has one."""
        place = at - self._first
        return self._read[place] | (1 << place if place < BLOCK else 0)

    def _joined(self, stage: Stage) -> int:
        """What the edges say: all of what surely was live, else what is common to those that may have been."""
        if not stage.any_join:
            sure = [arrow for arrow in stage.arrows if not arrow.ends.branch & self._stages[arrow.source].possible]
            if sure:
                found = 0
                for arrow in sure:
                    found |= self._behind(arrow)
                return found
        common = -1
        for arrow in stage.arrows:
            if arrow.ends.live & self._stages[arrow.source].possible:
                common &= self._behind(arrow)
        return 0 if common == -1 else common

    def _behind(self, arrow: Arrow) -> int:
        """What has a result where an edge is live."""
        at = arrow.source - self._first
        if at < 0:
            return 0
        source = self._stages[arrow.source]
        live = arrow.ends.live & source.possible
        if live & ~source.own.ran:
            return 0
        found = self._started[at] if live & ~source.own.read else self._read[at]
        return found if live & ~source.own.fruitful else found | (self._done(arrow.source) & (1 << at))
