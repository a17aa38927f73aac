"""An agent's process, really killed around every commit: no recorded call is made again, no money moves twice."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest
from servers import ledger_mcp
from servers.chat_server import Server, chat_server
from test_killed_anywhere import AFTER, BEFORE, was_killed

from headgate.api import deciding, history, operating, running
from headgate.api.inputs import NOTHING_GIVEN
from headgate.api.operating import Act
from headgate.api.place import Driving, Place
from headgate.runtime.performers import agent  # noqa: F401 - before the forks, so that each need not import it
from headgate.runtime.store import RunFilter

SCRIPT = """[
  {"call": [["book__look", {"line": "1"}], ["book__pay", {"line": "2"}]]},
  {"call": [["book__nothing", {}]]},
  {"call": [["book__note", {"line": "3"}]]},
  {"say": "done"}
]"""
FLOW = f"""
workflow work {{
  step work = agent clerk {{
    input = ```json
      {SCRIPT}
    ```
    max_rounds = 3
    gate approval {{ ask = "Let the clerk pay?" }}
  }}
  output {{ text = {{{{ steps.work.result.text }}}}, rounds = {{{{ steps.work.result.rounds }}}} }}
}}
"""
CALLS = {"look 1", "pay 2", "note 3"}


class Office:
    """A folder with an agent, and somebody who approves and says what happened by the ledger."""

    def __init__(self, folder: Path, models: Server) -> None:
        folder.mkdir(parents=True)
        self.book = folder / "book.txt"
        self.place = Place(folder, actor="ann")
        command = f'["{sys.executable}", "{ledger_mcp.__file__}", "{self.book}"]'
        (folder / "work.flow").write_text(FLOW)
        (folder / "headgate.toml").write_text(
            f'[project]\nname = "office"\n[instances.book]\ncommand = {command}\n'
            f'[models.m]\nbase_url = "{models.url}"\nmodel = "script"\n'
            '[agents.clerk]\nmodel = "m"\ntools = ["book.look", "book.note", "book.pay"]\n'
        )

    def lines(self) -> list[str]:
        return self.book.read_text().splitlines() if self.book.exists() else []

    def finish(self) -> str:
        if not history.runs(RunFilter(), self.place):
            running.run(str(self.place.folder / "work.flow"), NOTHING_GIVEN, self.place, Driving())
        for _ in range(12):
            running.drive([], self.place, Driving(wait_ms=5_000))
            (view,) = history.runs(RunFilter(), self.place)
            if view.status == "completed":
                return "completed"
            for approval in history.approvals(self.place, view.run, ("pending",)):
                deciding.decide(deciding.Chosen(approval.id), Act("approve"), self.place, Driving())
            if history.show(view.run, self.place).steps["work"].status == "held":
                done = "pay 2" in self.lines()
                operating.operate(view.run, Act("confirm", "work", args={"done": done}), self.place, Driving())
        return str(view.status)


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
def test_an_agent_killed_at_any_commit_goes_on_with_the_next_piece(moment: str, tmp_path: Path) -> None:
    number, killed, answers = 0, True, 0
    with chat_server() as models:
        while killed:
            number += 1
            office = Office(tmp_path / str(number), models)
            killed = was_killed(office.finish, moment, number)
            lines = office.lines()
            asked = len(models.seen)
            assert office.finish() == "completed", f"killed {moment} {number}"
            answers = len(models.seen) - asked

            calls = Counter(office.lines())
            assert set(calls) == CALLS
            assert calls["pay 2"] == 1, f"money moved twice: killed {moment} {number}"
            assert calls.total() <= len(CALLS) + 1, "more was made again than the one call that was out"
            assert office.lines()[: len(lines)] == lines
            (view,) = history.runs(RunFilter(), office.place)
            assert history.show(view.run, office.place).output == {"text": "done", "rounds": 4}
    assert answers == 0, "a run that was through asks no model"
    assert number > len(CALLS) + 4, "it was killed at every piece"
