"""Every behaviour that is promised has a test that bears its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PROMISED = [
    *(f"TJ{number:02}" for number in range(1, 28)),
    *(f"AR{number:02}" for number in range(1, 20) if number not in (9, 13, 14)),
    *(f"RL{number:02}" for number in range(1, 14) if number != 10),
    *(f"SP{number:02}" for number in range(1, 13)),
]
"""AR09, AR13, AR14, AR20 and RL10 are of the service, which this program is not."""


def named() -> set[str]:
    """The behaviours that some test is named after."""
    texts = [path.read_text() for path in TESTS.rglob("test_*.py")]
    return {
        found for text in texts for found in re.findall(r"^ *(?:async )?def test_([A-Z]{2}\d\d)_", text, re.MULTILINE)
    }


@pytest.mark.parametrize("row", PROMISED)
def test_every_behaviour_has_a_test_of_its_name(row: str) -> None:
    assert row in named()
