"""Every input that the fuzzer found interesting is still survived."""

from __future__ import annotations

import corpus
import pytest
import targets


@pytest.mark.parametrize("target", targets.TARGETS)
def test_the_corpus_of_a_target_replays(target: str) -> None:
    contents = corpus.load(target)
    assert len(contents) >= 20, "python tests/fuzz/seed.py starts a corpus, python tests/fuzz/run.py grows it"
    for content in contents:
        try:
            targets.TARGETS[target](content)
        except Exception as error:
            raise AssertionError(f"{target} does not survive {content!r}") from error
