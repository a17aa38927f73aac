"""No test reads or writes the answers that the user of this machine has kept."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest

from headgate.runtime.driven import DrivenRun
from headgate.runtime.fleet import Fleet
from headgate.runtime.store import RunWrite
from headgate.runtime.wakes import is_forgotten


@pytest.fixture(scope="session", autouse=True)
def _answers_of_our_own() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HEADGATE_CACHE_DIR"] = folder
        yield
        del os.environ["HEADGATE_CACHE_DIR"]


@pytest.fixture(scope="session", autouse=True)
def _no_run_is_forgotten() -> Iterator[None]:
    """What is told of in production is an error here: every run that is written is open for a reason."""
    writes = Fleet.writes

    def watched(self: Fleet) -> list[tuple[DrivenRun, RunWrite]]:
        found = writes(self)
        for driven, _ in found:
            assert not is_forgotten(driven.state), f"run {driven.id} is open and nothing will ever wake it"
        return found

    Fleet.writes = watched  # type: ignore[method-assign]
    yield
    Fleet.writes = writes  # type: ignore[method-assign]
