"""Under which choices of a run a step has its turn: regions of the tree of its switches and conditions.

A region is a chain of choices, the innermost first; None stands for every run. Equal regions are one object, so that
comparing them costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import TypeAlias

_FARTHEST = 64
"""How many choices around a region are looked at: nobody nests switches deeper."""

Choice: TypeAlias = tuple[str, int]
"""What is decided, by the `id` of its node: the `case` of a switch, the `when` of a step, the `end` of a step."""

MOST_PARTS = 8
"""How many regions side by side are told apart."""

Parts: TypeAlias = "tuple[Region | None, ...]"
"""Several regions: the runs of any of them."""

Part: TypeAlias = tuple[int, Choice]
"""A choice inside a parent, by the parent's `id`."""


class Region:
    """Inside `parent`, the runs in which `choice` falls on one of `values`. `depth` counts the choices."""

    __slots__ = ("choice", "depth", "parent", "values")

    def __init__(self, parent: Region | None, choice: Choice, values: frozenset[str]) -> None:
        self.parent = parent
        self.choice = choice
        self.values = values
        self.depth: int = 1 if parent is None else parent.depth + 1

    @property
    def part(self) -> Part:
        return (id(self.parent), self.choice)


class Cover:
    """What several regions cover together."""

    __slots__ = ("_parts", "everything")

    def __init__(self, parts: dict[Part, frozenset[str]], *, everything: bool) -> None:
        self._parts = parts
        self.everything = everything

    def values(self, part: Part) -> frozenset[str]:
        """The values of a choice that are covered there."""
        return self._parts.get(part, frozenset())

    def covers(self, region: Region | None) -> bool:
        """Whether every run of a region is covered, as far as the nearest choices around it tell."""
        if self.everything:
            return True
        for _ in range(_FARTHEST):
            if region is None:
                return False
            if region.values <= self.values(region.part):
                return True
            region = region.parent
        return False


class Regions:
    """The regions of one graph. `options` are the values a choice can fall on, of those where all are known."""

    def __init__(self) -> None:
        self.options: dict[Choice, frozenset[str]] = {}
        self._known: dict[tuple[Part, frozenset[str]], Region] = {}

    def inside(self, parent: Region | None, choice: Choice, values: frozenset[str]) -> Region | None:
        """The part of `parent` in which the choice falls on one of the values."""
        if self.options.get(choice) == values:
            return parent
        key = ((id(parent), choice), values)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Region(parent, choice, values)
        return found

    def cover(self, regions: Iterable[Region | None]) -> Cover:
        """What regions cover together: all cases of a switch are the region of the switch."""
        parts: dict[Part, frozenset[str]] = {}
        parents: dict[Part, Region | None] = {}
        queue: list[tuple[int, Part]] = []
        waiting = list(regions)
        while waiting or queue:
            if not waiting:
                part = heappop(queue)[1]
                if parts[part] != self.options.get(part[1]):
                    continue
                waiting.append(parents[part])
            region = waiting.pop()
            if region is None:
                return Cover(parts, everything=True)
            if region.part not in parts:
                heappush(queue, (-region.depth, region.part))
                parents[region.part] = region.parent
            parts[region.part] = parts.get(region.part, frozenset()) | region.values
        return Cover(parts, everything=False)

    def within(self, parents: Parts, choice: Choice, value: str) -> Parts:
        """The parts of regions in which the choice falls on one value."""
        return tuple(self.inside(parent, choice, frozenset({value})) for parent in parents)

    def union(self, regions: Parts, choice: Choice) -> Parts:
        """The regions that several make up, one where they are one; very many are an unknown part, by `choice`."""
        cover = self.cover(regions)
        if cover.everything or not regions:
            return (None,)
        widest = min(regions, key=lambda region: 0 if region is None else region.depth)
        while widest is not None and widest.parent is not None and cover.covers(widest.parent):
            widest = widest.parent
        if widest is not None:
            whole = self.inside(widest.parent, widest.choice, cover.values(widest.part))
            if all(self.cover([whole]).covers(region) for region in regions):
                return (whole,)
        return regions if len(regions) <= MOST_PARTS else self.within((None,), choice, "some")
