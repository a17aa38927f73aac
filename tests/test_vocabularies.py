"""Other products' words: the tables of the status model, totality, and filters that are the pre-image of a word."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk
from hypothesis import given
from hypothesis import strategies as st

from headgate.api import history
from headgate.api.faults import UsageFault
from headgate.api.vocabularies import bundled, vocabulary_of
from headgate.runtime.status import HoldReason, RunStatus, StepStatus, WaitsFor
from headgate.runtime.store import RunFilter
from headgate.runtime.vocabulary import FOLDER, VocabularyFault, read_vocabulary

# canonical run: taskjuice, agentruntime, rocketlead, sprigr
RUNS = {
    "scheduled": ("pending", "queued", "scheduled", "Running"),
    "queued": ("pending", "queued", "scheduled", "Running"),
    "starting": ("pending", "starting", "scheduled", "Running"),
    "running": ("running", "running", "running", "Running"),
    "retrying": ("running", "running", "retrying", "Running"),
    "interrupted": ("running", "running", "interrupted", "Running"),
    "waiting": ("waiting", "running", "running", "Waiting"),
    "paused": ("paused", "paused", "interrupted", "Waiting"),
    "draining": ("running", "draining", "running", "Running"),
    "cancelling": ("running", "draining", "running", "Running"),
    "completed": ("completed", "completed", "completed", "Completed"),
    "failed": ("failed", "failed", "failed", "Failed"),
    "cancelled": ("cancelled", "stopped", "cancelled", "Cancelled"),
    "skipped": ("cancelled", "run_rejected", "cancelled", "Cancelled"),
}
STEPS = {
    "pending": ("pending", "Pending", "scheduled", "Pending"),
    "ready": ("pending", "Pending", "scheduled", "Pending"),
    "running": ("running", "Running", "running", "Running"),
    "retrying": ("running", "Running", "retrying", "Running"),
    "waiting": ("waiting", "Running", "running", "Running"),
    "held": ("waiting", "Running", "interrupted", "Running"),
    "interrupted": ("running", "Running", "interrupted", "Running"),
    "completed": ("completed", "Success", "completed", "Completed"),
    "failed": ("failed", "Failed", "failed", "Failed"),
    "skipped": ("skipped", "Skipped", "completed", "Skipped"),
    "blocked": ("skipped", "Skipped (Blocked)", "scheduled", "Pending"),
    "cancelled": ("cancelled", "Cancelled", "interrupted", "Cancelled"),
}
NAMES = ("taskjuice", "agentruntime", "rocketlead", "sprigr")
HERE = Path.cwd()


@pytest.mark.parametrize("column", range(4), ids=NAMES)
def test_every_word_is_the_table_s(column: int) -> None:
    words = vocabulary_of(NAMES[column], HERE)
    assert {status: words.run_word(status, ()) for status in RUNS} == {s: row[column] for s, row in RUNS.items()}
    assert {status: words.step_word(status, ()) for status in STEPS} == {s: row[column] for s, row in STEPS.items()}


def test_words_that_depend_on_what_is_waited_for_or_held() -> None:
    agentruntime, sprigr = vocabulary_of("agentruntime", HERE), vocabulary_of("sprigr", HERE)
    assert agentruntime.run_word("waiting", ["timer", "approval"]) == "Pending approval"
    assert agentruntime.run_word("waiting", ["timer"]) == "running"
    assert agentruntime.step_word("waiting", ["form"]) == "Pending approval"
    assert sprigr.run_word("paused", ["operator", "step_failed"]) == "Failed"
    assert sprigr.run_word("paused", ["operator"]) == "Waiting"
    assert sprigr.step_word("waiting", ["review"]) == "Waiting for approval"


@given(
    name=st.sampled_from(bundled()),
    status=st.sampled_from([*RunStatus]),
    details=st.lists(st.sampled_from([*WaitsFor, *HoldReason])),
)
def test_every_run_has_a_word_and_is_found_by_it(name: str, status: RunStatus, details: list[str]) -> None:
    words = vocabulary_of(name, HERE)
    word = words.run_word(status, details)
    assert word in words.run_words()
    assert status in words.statuses(word)
    assert status in words.statuses(word.upper())


@given(name=st.sampled_from(bundled()), status=st.sampled_from([*StepStatus]), detail=st.sampled_from([*WaitsFor]))
def test_every_step_has_a_word(name: str, status: StepStatus, detail: str) -> None:
    assert vocabulary_of(name, HERE).step_word(status, [detail])


@pytest.mark.parametrize("name", NAMES)
def test_the_counts_of_all_words_add_up_to_all_runs(tmp_path: Path, name: str) -> None:
    desk = Desk(tmp_path / "desk")
    for text in (
        'workflow a { step ask = human approval { title = "?" } }',
        "workflow b { step x = set { y = 1 } }",
        'workflow c { step f = fail "no" }',
        "workflow d { step z = delay 1h }",
        'workflow e {\n  on_failure = pause\n  step z = lua ```lua\n    error("no")\n  ```\n}',
        "workflow b { step x = set { y = 2 } }",
    ):
        desk.run(text, wait_ms=0)
    every = history.runs(RunFilter(), desk.place)
    assert len(every) == 6
    words = vocabulary_of(name, HERE).run_words()
    parts = {word: history.runs_called([word], RunFilter(), name, desk.place) for word in words}
    assert sum(map(len, parts.values())) == len(every)
    assert all(view.word == word for word, views in parts.items() for view in views)
    assert sorted(view.run for view in history.runs_called((), RunFilter(limit=4), name, desk.place)) == sorted(
        view.run for view in every[:4]
    )


def test_a_file_of_ones_own_is_read_and_says_what_it_lacks(tmp_path: Path) -> None:
    text = (FOLDER / "sprigr.toml").read_text()
    (tmp_path / "ours.toml").write_text(text.replace('waiting = "Waiting"', 'waiting = "Parked"'))
    assert vocabulary_of("ours.toml", tmp_path).run_word("waiting", ()) == "Parked"
    for broken, said in (
        (text.replace('failed = "Failed"\n', "", 1), r"\[runs\] has no word for failed"),
        (text.replace("[runs]", '[runs]\nsleeping = "x"'), "`sleeping` in .runs. is no status"),
        (text.replace("else = ", "other = ", 1), "`runs.paused.other` is unknown"),
        (text.replace(', else = "Waiting"', "", 1), "`runs.paused` needs `else`"),
        (text.replace('completed = "Completed"', "completed = 3", 1), "`runs.completed` is 3; expected a word"),
        (text + "]", "cannot be used"),
    ):
        (tmp_path / "ours.toml").write_text(broken)
        with pytest.raises(UsageFault, match=said):
            vocabulary_of("ours.toml", tmp_path)
    with pytest.raises(UsageFault, match="did you mean `sprigr`"):
        vocabulary_of("sprig", tmp_path)
    with pytest.raises(VocabularyFault, match="needs a `name`"):
        read_vocabulary({})
