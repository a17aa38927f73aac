from __future__ import annotations

from pathlib import Path

import pytest
from desk import INSTALLED, Desk


@pytest.fixture(autouse=True)
def _ledger_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(INSTALLED))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk", '[people]\nfinance = ["ann", "bob"]\nlegal = ["eve"]\nadmins = ["root"]\n')
