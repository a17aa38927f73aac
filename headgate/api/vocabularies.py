"""Runs in another product's words: the bundled vocabularies, or a file of one's own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from headgate.api.faults import UsageFault
from headgate.diagnostics import nearest
from headgate.runtime.status import HoldReason, RunStatus, StepStatus, WaitsFor
from headgate.runtime.view import RunView, StepView
from headgate.runtime.vocabulary import FOLDER, Vocabulary, VocabularyFault, read_vocabulary


def bundled() -> tuple[str, ...]:
    """The names of the vocabularies that come with the package."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.toml")))


def vocabulary_of(name: str, folder: Path) -> Vocabulary:
    """The bundled vocabulary of that name, or the one in the file `name`, seen from `folder`.

    Raises `UsageFault` for a name that is neither, and for a file that cannot be read or gives a status no word.
    """
    if name in bundled():
        file = FOLDER / f"{name}.toml"
    else:
        file = folder / name
        if not file.is_file():
            guess = nearest(name, bundled())
            hint = f"did you mean `{guess}`?" if guess else f"expected one of {', '.join(bundled())}, or a file"
            raise UsageFault(f"there is no vocabulary `{name}`; {hint}")
    try:
        return read_vocabulary(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageFault(f"the vocabulary `{name}` cannot be read: {error.strerror}") from error
    except (ValueError, VocabularyFault) as fault:  # a text that is no UTF-8 or no TOML is a ValueError
        raise UsageFault(f"the vocabulary `{name}` cannot be used: {fault}") from fault


def spoken(view: RunView, words: Vocabulary) -> RunView:
    """The run and its steps with the words that the vocabulary has for their statuses."""
    steps = {path: _step(step, words) for path, step in view.steps.items()}
    return view._replace(word=run_word(view, words), steps=steps)


def run_word(view: RunView, words: Vocabulary) -> str:
    """What the vocabulary calls a run."""
    if view.status is RunStatus.PAUSED:
        return words.run_word(view.status, [hold.reason for hold in view.holds])
    return words.run_word(view.status, _parts(view.detail))


def canonical(wanted: Sequence[str], words: Vocabulary) -> tuple[str, ...]:
    """The statuses that may be called by one of the words `wanted`; raises `UsageFault` for a word that no run is."""
    found: dict[str, None] = {}
    for word in wanted:
        statuses = words.statuses(word)
        if not statuses:
            guess = nearest(word, words.run_words())
            hint = f"did you mean `{guess}`?" if guess else f"expected one of {', '.join(words.run_words())}"
            raise UsageFault(f"no status is called `{word}` in the vocabulary `{words.name}`; {hint}")
        found.update(dict.fromkeys(statuses))
    return tuple(found)


def called(views: Iterable[RunView], wanted: Sequence[str], words: Vocabulary) -> Iterator[RunView]:
    """Those of `views`, spoken, that are called by one of the words `wanted`; all of them when none is wanted."""
    names = {word.casefold() for word in wanted}
    for view in views:
        named = spoken(view, words)
        if not names or str(named.word).casefold() in names:
            yield named


def _step(step: StepView, words: Vocabulary) -> StepView:
    details = _parts(step.detail) if step.status in (StepStatus.WAITING, StepStatus.HELD) else ()
    return step._replace(word=words.step_word(step.status, details))


def _parts(detail: str | None) -> tuple[str, ...]:
    """What a detail such as `approval, timer` or `reauth` names."""
    known = {*WaitsFor, *HoldReason}
    return tuple(part for each in (detail or "").split(",") if (part := each.split(":")[0].strip()) in known)
