"""What tells one finding from another when the lines of its file have moved."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from headgate.diagnostics import Diagnostic
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Source, Span


class Place(NamedTuple):
    """The workflow and the step that something stands in; a nested step is `outer.inner`, and `` is outside of all."""

    workflow: str
    step: str


class Fingerprint(NamedTuple):
    """One finding without its line. `digest` covers the code, the place and the text that the finding marks.

    `number` counts from 1 those of the file that agree in all of it.
    """

    code: str
    place: Place
    digest: str
    number: int


class _Region(NamedTuple):
    span: Span
    place: Place
    around: int | None


class Places:
    """Where things stand in a file."""

    def __init__(self, file: ast.File) -> None:
        self._regions: list[_Region] = []
        for workflow in file.workflows:
            self._add(workflow.span, Place(workflow.name.text, ""), None, workflow.steps)
        self._starts = [region.span.start for region in self._regions]

    def of(self, offset: int) -> Place:
        """The innermost step around an offset, else its workflow, else nothing."""
        number: int | None = bisect_right(self._starts, offset) - 1
        while number is not None and number >= 0:
            region = self._regions[number]
            if offset < region.span.end:
                return region.place
            number = region.around
        return Place("", "")

    def _add(self, span: Span, place: Place, around: int | None, steps: Sequence[ast.Step]) -> None:
        number = len(self._regions)
        self._regions.append(_Region(span, place, around))
        for step in steps:
            path = f"{place.step}.{step.name.text}" if place.step else step.name.text
            self._add(step.span, Place(place.workflow, path), number, step.steps)


def fingerprints(source: Source, file: ast.File, diagnostics: Sequence[Diagnostic]) -> Iterator[Fingerprint]:
    """The fingerprint of each finding of one file, in their order."""
    places = Places(file)
    seen: Counter[str] = Counter()
    for found in diagnostics:
        place = places.of(found.span.start)
        marked = " ".join(source.text[found.span.start : found.span.end].split())
        whole = "\0".join((found.code, *place, marked)).encode("utf-8", "surrogatepass")
        digest = blake2b(whole, digest_size=16).hexdigest()
        seen[digest] += 1
        yield Fingerprint(found.code, place, digest, seen[digest])
