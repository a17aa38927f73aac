"""A timer that comes while `drive` is looking round is neither too early nor too late for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk

from headgate.api.driving import Drive
from headgate.api.place import Driving
from headgate.api.site import Site
from headgate.runtime.clock import SystemClock

ASKS = """
workflow w {
  step ask = human approval { title = "?", expires = 3s, on_expiry = proceed }
}
"""


class Jumping(SystemClock):
    """Four seconds pass at once, after so many looks at it."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def now_ms(self) -> int:
        self.looks -= 1
        return super().now_ms() + (4_000 if self.looks < 0 else 0)


@pytest.mark.parametrize("looks", range(1, 13))
def test_an_approval_that_expires_at_any_moment_of_a_drive_is_not_left_lying(tmp_path: Path, looks: int) -> None:
    desk = Desk(tmp_path / "desk")
    run = desk.run(ASKS, wait_ms=0).view.run
    site = Site(desk.place)
    site.clock = Jumping(looks)
    Drive(site, Driving(5_000)).all()
    assert desk.status(run) == "completed"
