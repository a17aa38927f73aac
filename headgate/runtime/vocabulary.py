"""Other products' words for the statuses: each a total function over the canonical ones, read from a data file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from headgate.records import NamedTuple
from headgate.runtime.status import HoldReason, RunStatus, StepStatus, WaitsFor

Words: TypeAlias = "Mapping[str, str]"
"""What a status is called, by its detail; `ELSE` for any other detail."""

ELSE = "else"
FOLDER: Final = Path(__file__).parent / "vocabularies"
"""Where the bundled vocabularies are, one file each."""


class VocabularyFault(Exception):  # noqa: N818 - it names a state
    """The file is no vocabulary; the message says which entry and what was expected."""


class Vocabulary(NamedTuple):
    """`runs` and `steps` give every canonical status its words."""

    name: str
    runs: Mapping[str, Words]
    steps: Mapping[str, Words]

    def run_word(self, status: str, details: Collection[str]) -> str:
        """What a run is called. `details`: the reasons of its holds when it is paused, else what it waits for."""
        return _word(self.runs[status], details)

    def step_word(self, status: str, details: Collection[str]) -> str:
        """What a step is called. `details`: what it waits for, or the hold it stands under."""
        return _word(self.steps[status], details)

    def run_words(self) -> tuple[str, ...]:
        """Every word for a run, each once, in the order of the statuses."""
        return tuple(dict.fromkeys(word for words in self.runs.values() for word in words.values()))

    def statuses(self, word: str) -> tuple[str, ...]:
        """The run statuses that may be called `word`, in any case of its letters; none when no run ever is."""
        wanted = word.casefold()
        return tuple(
            status for status, words in self.runs.items() if any(each.casefold() == wanted for each in words.values())
        )


def _word(words: Words, details: Collection[str]) -> str:
    return next((word for detail, word in words.items() if detail in details), words[ELSE])


# The statuses whose words may depend on a detail, and the details they may have.
_WAITS: Final = tuple(WaitsFor)
_HOLDS: Final = tuple(HoldReason)
RUN_DETAILS: Final[dict[StrEnum, tuple[StrEnum, ...]]] = {RunStatus.WAITING: _WAITS, RunStatus.PAUSED: _HOLDS}
STEP_DETAILS: Final[dict[StrEnum, tuple[StrEnum, ...]]] = {StepStatus.WAITING: _WAITS, StepStatus.HELD: _HOLDS}


def read_vocabulary(found: Mapping[str, object]) -> Vocabulary:
    """The vocabulary that a file's content describes; raises `VocabularyFault` unless it is total and known."""
    name = found.get("name")
    if not isinstance(name, str) or not name:
        raise VocabularyFault('it needs a `name`, such as `name = "ours"`')
    for key in found:
        if key not in ("name", "runs", "steps"):
            raise VocabularyFault(f"`{key}` is unknown; expected `name`, [runs] and [steps]")
    return Vocabulary(
        name,
        _table(found.get("runs"), "runs", tuple(RunStatus), RUN_DETAILS),
        _table(found.get("steps"), "steps", tuple(StepStatus), STEP_DETAILS),
    )


def _table(
    found: object, title: str, statuses: tuple[StrEnum, ...], details: Mapping[StrEnum, tuple[StrEnum, ...]]
) -> Mapping[str, Words]:
    if not isinstance(found, dict):
        raise VocabularyFault(f"it needs a table [{title}] with a word for each status")
    for key in found:
        if key not in statuses:
            raise VocabularyFault(f"`{key}` in [{title}] is no status; expected {', '.join(statuses)}")
    missing = [status.value for status in statuses if status not in found]
    if missing:
        raise VocabularyFault(f"[{title}] has no word for {', '.join(missing)}; every status needs one")
    return {
        status.value: _words(found[status.value], f"{title}.{status.value}", details.get(status, ()))
        for status in statuses
    }


def _words(found: object, place: str, details: tuple[StrEnum, ...]) -> Words:
    if isinstance(found, str) and found:
        return {ELSE: found}
    if not isinstance(found, dict) or not details:
        expected = "a word" if not details else f"a word, or a table of words by {', '.join(details)} and `{ELSE}`"
        raise VocabularyFault(f"`{place}` is {found!r}; expected {expected}")
    for detail, word in found.items():
        if detail != ELSE and detail not in details:
            raise VocabularyFault(f"`{place}.{detail}` is unknown; expected {', '.join(details)} or `{ELSE}`")
        if not isinstance(word, str) or not word:
            raise VocabularyFault(f"`{place}.{detail}` is {word!r}; expected a word")
    if ELSE not in found:
        raise VocabularyFault(f"`{place}` needs `{ELSE}`: the word for every other detail")
    return {str(detail): str(word) for detail, word in found.items()}
