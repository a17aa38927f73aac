"""The search for a run in which some steps end in given ways: the proof that a thing is not certain.

Demands go up the order of a scope, from the last step to the first; each step that something is demanded of is given a
way to end so, which demands something of the steps before it. Steps that nothing is demanded of may end as they like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from heapq import heapify, heappop, heappush

from headgate.compiler.certainty import Certainty, Demand, Key, Stage, Way, starved
from headgate.compiler.outcomes import BLOCKED, CUT, DENIED, FAILED, OPEN, PASSED, UNTAKEN
from headgate.records import NamedTuple

MOST_TRIED = 4_000
"""Ways of ending that one search tries before it gives up."""

MOST_TRIED_OF_ALL = 2_000_000
"""Ways that all searches of a scope try together."""

_MOST_KNOWN = 16


class GaveUp(Exception):  # noqa: N818 - it is an answer, not an error
    """Too many ways were tried: whether there is such a run is not known."""


class _Choice(NamedTuple):
    at: int
    ways: Iterator[Way]
    trail: int


class Search:
    """One search. `certain` says that a step starts only when the demands cannot hold any more: it prunes.

    `plain` leaves out runs in which a step stops for want of a result, or fails where only a catch-all takes it up.
    With `pending`, steps may take their time: they have not ended when another starts.
    """

    def __init__(
        self, facts: Certainty, certain: Callable[[int], bool], *, plain: bool = False, pending: bool = False
    ) -> None:
        self._facts = facts
        self._certain = certain
        self._plain = plain
        self._pending = pending
        self._allowed: dict[int, int] = {}
        self._chosen: dict[int, Way] = {}
        self._trail: list[tuple[int, int | None]] = []
        self._queue: list[int] = []
        self._tried = 0
        self._alone: list[tuple[int, int]] = []
        self._rest: Key | None = None

    def start_of(self, target: int, others: Mapping[int, int], needed: tuple[int, ...]) -> dict[int, Way] | None:
        """A run in which the step at `target` starts while those at `others` end as they are allowed to.

        Those at `needed` have results. Returns the way each step that matters ended, None when there is no such run;
        raises GaveUp.
        """
        if not self._meet(tuple(others.items())):
            return None
        stage = self._facts.stages[target]
        for way in self._starts(stage, OPEN, needed):
            mark = len(self._trail)
            if self._meet(way.demands) and self._solve():
                return {**self._ways_found(), target: way}
            self._undo(mark)
            self._chosen.clear()
            self._queue = [-at for at in self._allowed]
            heapify(self._queue)
        return None

    def end_of(self, demands: Mapping[int, int]) -> dict[int, Way] | None:
        """A run in which the steps of a scope end as `demands` allow; None when there is none; raises GaveUp."""
        return self._ways_found() if self._meet(tuple(demands.items())) and self._solve() else None

    def _solve(self) -> bool:
        """Whether all demands can be met. Once one is left, an earlier search may have met it already."""
        choices: list[_Choice] = []
        self._alone.clear()
        self._rest = None
        while True:
            at = self._next()
            if at is None:
                self._remember()
                return True
            if len(self._allowed) - len(self._chosen) == 1:
                key = self._key(at, self._allowed[at])
                if key in self._facts.met:
                    self._rest = key
                    self._remember()
                    return True
                self._alone.append((len(choices), at))
            choices.append(_Choice(at, self._ways(at), len(self._trail)))
            while not self._advance(choices[-1]):
                self._leave(choices.pop())
                while self._alone and self._alone[-1][0] >= len(choices):
                    self._alone.pop()
                if not choices:
                    return False

    def _key(self, at: int, ends: int) -> Key:
        return (self._plain, self._pending, at, ends)

    def _remember(self) -> None:
        """Keep how each demand that was left alone was met: its own ways, and the key of the next one."""
        following = self._rest
        below = -1 if following is None else following[2]
        chosen = sorted(self._chosen.items())
        for _, at in reversed(self._alone):
            key = self._key(at, self._allowed[at])
            own: list[tuple[int, Way]] = []
            while chosen and chosen[0][0] <= at:
                place, way = chosen.pop(0)
                if place > below:
                    own.append((place, way))
            self._facts.met[key] = (tuple(own), following)
            following, below = key, at

    def _ways_found(self) -> dict[int, Way]:
        """The ways of this search, and the nearest of those that an earlier one found."""
        found = dict(self._chosen)
        key = self._rest
        for _ in range(_MOST_KNOWN):
            if key is None:
                break
            ways, key = self._facts.met[key]
            found.update(ways)
        return found

    def _next(self) -> int | None:
        while self._queue:
            at = -heappop(self._queue)
            if at in self._allowed and at not in self._chosen:
                return at
        return None

    def _advance(self, choice: _Choice) -> bool:
        """Take the next way that the demands so far leave open."""
        self._undo(choice.trail)
        self._chosen.pop(choice.at, None)
        for way in choice.ways:
            self._tried += 1
            self._facts.tried += 1
            if self._tried > MOST_TRIED or self._facts.tried > MOST_TRIED_OF_ALL:
                raise GaveUp
            if self._meet(way.demands):
                self._chosen[choice.at] = way
                return True
            self._undo(choice.trail)
        return False

    def _leave(self, choice: _Choice) -> None:
        self._undo(choice.trail)
        self._chosen.pop(choice.at, None)
        heappush(self._queue, -choice.at)

    def _undo(self, mark: int) -> None:
        while len(self._trail) > mark:
            at, before = self._trail.pop()
            if at in self._chosen:
                del self._chosen[at]
            if before is None:
                del self._allowed[at]
            else:
                self._allowed[at] = before
                heappush(self._queue, -at)

    def _meet(self, demands: tuple[Demand, ...]) -> bool:
        for at, ends in demands:
            stage = self._facts.stages[at]
            before = self._allowed.get(at)
            everything = stage.possible | (OPEN if self._pending else 0)
            if self._plain and stage.own.rough:
                everything &= ~FAILED
            allowed = (everything if before is None else before) & ends
            if not allowed or (not allowed & ~stage.own.ran and self._certain(at)):
                return False
            if allowed == (before if before is not None else everything):
                continue
            self._trail.append((at, before))
            self._allowed[at] = allowed
            heappush(self._queue, -at)
        return True

    def _ways(self, at: int) -> Iterator[Way]:
        """Every way in which a step may end as it is allowed to, the plainest first."""
        stage, allowed = self._facts.stages[at], self._allowed[at]
        completed = allowed & stage.own.completed
        if allowed & OPEN:
            yield Way(OPEN, ())
        if completed:
            yield from self._starts(stage, completed & -completed, stage.needed)
        for end in (DENIED, FAILED, PASSED):
            if allowed & end and not (completed and end & stage.own.read):
                yield from self._starts(stage, end, stage.needed if end & stage.own.read else ())
        if allowed & UNTAKEN:
            yield from self._untaken(stage)
        if allowed & CUT:
            yield from self._cut(stage)
        if allowed & BLOCKED:
            yield from self._blocked(stage)
        if not self._plain and allowed & (UNTAKEN | CUT | BLOCKED):
            yield from self._starved(stage, allowed)

    def _starts(self, stage: Stage, end: int, needed: tuple[int, ...]) -> Iterator[Way]:
        """The ways to start: one edge live, and with `join = all` none of the others dead but by branch."""
        base = [*self._ended(stage), *((at, self._facts.stages[at].own.fruitful) for at in needed)]
        if not stage.arrows:
            yield Way(end, tuple(base))
        going = [] if stage.any_join else [(each.source, each.ends.live | each.ends.branch) for each in stage.arrows]
        for number, arrow in enumerate(stage.arrows):
            yield Way(end, (*base, *going, (arrow.source, arrow.ends.live)), entered=number)

    def _ended(self, stage: Stage) -> Iterator[Demand]:
        """The ends that a step waits for, whatever they are."""
        return ((at, ~OPEN) for at in sorted(stage.awaited) if self._pending)

    def _untaken(self, stage: Stage) -> Iterator[Way]:
        if stage.own.optional:
            for way in self._starts(stage, UNTAKEN, ()):
                yield way._replace(optional=True)
        if stage.arrows:
            yield Way(UNTAKEN, (*self._ended(stage), *((arrow.source, arrow.ends.branch) for arrow in stage.arrows)))

    def _cut(self, stage: Stage) -> Iterator[Way]:
        base = tuple(self._ended(stage))
        for arrow in stage.arrows:
            others = [
                (each.source, each.ends.branch | each.ends.denial | (0 if stage.any_join else each.ends.live))
                for each in stage.arrows
            ]
            yield Way(CUT, (*base, *others, (arrow.source, arrow.ends.denial)))

    def _blocked(self, stage: Stage) -> Iterator[Way]:
        base = tuple(self._ended(stage))
        for arrow in stage.arrows:
            dead = [(each.source, ~each.ends.live & ~OPEN) for each in stage.arrows] if stage.any_join else []
            yield Way(BLOCKED, (*base, *dead, (arrow.source, arrow.ends.failure)))

    def _starved(self, stage: Stage, allowed: int) -> Iterator[Way]:
        for at in stage.needed:
            own = self._facts.stages[at].own
            for bit in (FAILED, DENIED, PASSED, UNTAKEN, CUT, BLOCKED):
                end = starved(bit, own) & allowed
                if end:
                    for way in self._starts(stage, end, ()):
                        yield way._replace(demands=(*way.demands, (at, bit)), starved=at)
