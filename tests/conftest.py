"""No test reads or writes the answers that the user of this machine has kept."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _answers_of_our_own() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HEADGATE_CACHE_DIR"] = folder
        yield
        del os.environ["HEADGATE_CACHE_DIR"]
