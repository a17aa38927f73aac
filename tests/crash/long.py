"""Every plan killed at every point: `python -m tests.crash.long`; what follows is handed to pytest."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    os.environ["HEADGATE_ALL_CRASH_PLANS"] = "1"
    sys.exit(pytest.main([str(HERE / "test_killed_anywhere.py"), "-n", "0", *sys.argv[1:]]))
