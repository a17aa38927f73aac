from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk", '[people]\nfinance = ["ann", "bob"]\nlegal = ["eve"]\nadmins = ["root"]\n')
