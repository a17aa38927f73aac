"""No test reads or writes the answers that the user of this machine has kept."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from headgate.runtime.driven import DrivenRun
from headgate.runtime.fleet import Fleet
from headgate.runtime.store import RunWrite
from headgate.runtime.wakes import is_forgotten

if TYPE_CHECKING:
    from oauth_server import Provider


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


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """A provider of OAuth 2 on this machine, whose client's secret is at hand; refreshing backs off for a moment."""
    from oauth_server import oauth_server

    monkeypatch.setenv("SHOP_SECRET", "shop-secret")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setattr("headgate.runtime.vault.FIRST_BACKOFF_MS", 20)
    with oauth_server() as found:
        yield found
