"""What steps cost, counted and not timed: commits, statements, bytes."""

from __future__ import annotations

import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest
from desk import Desk

from headgate.api import site
from headgate.runtime.store import Store
from headgate.runtime.store.opening import open_for_writing

NOTE = 'ledger{after} {{ book = "BOOK", line = "{line}", reversibility = recoverable }}'


def chain(name: str, steps: int) -> str:
    made = [f"step s{n} = " + NOTE.format(after=f" after s{n - 1}" if n else "", line="x" * 20) for n in range(steps)]
    return "\n".join([f"workflow {name} {{", *made, "}", ""])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement of every store that is opened from now on, in order."""
    seen: list[str] = []

    def connect(path: Path) -> sqlite3.Connection:
        connection = open_for_writing(path)
        connection.set_trace_callback(seen.append)
        return connection

    monkeypatch.setattr(site, "Store", lambda path: Store(path, connect))
    return seen


def stored_bytes(desk: Desk) -> int:
    path = desk.folder / ".headgate" / "headgate.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path.stat().st_size


def test_a_chain_commits_once_a_step_and_each_commit_is_a_handful_of_statements(
    desk: Desk, statements: list[str]
) -> None:
    assert desk.run(chain("w", 20)).exit_code == 0
    began = statements.index("BEGIN IMMEDIATE")
    inner = statements[began:]
    commits = [n for n, statement in enumerate(inner) if statement == "COMMIT"]
    assert 21 <= len(commits) <= 23  # the creation, one for each step, and the leases given up
    steps = [later - earlier for earlier, later in pairwise(commits[1:21])]
    assert max(steps) <= 7, inner[commits[1] : commits[2] + 1]


def test_all_items_of_a_loop_share_a_commit_when_they_run_at_once(desk: Desk, statements: list[str]) -> None:
    text = f"""workflow fan {{
      input items: list<integer>
      step all = each {{{{ inputs.items }}}} as item {{
        limit = 200
        concurrency = 200
        step one = {NOTE.format(after="", line="x")}
      }}
    }}"""
    assert desk.run(text, items=list(range(200))).exit_code == 0
    assert statements.count("COMMIT") <= 8


def test_a_step_takes_less_than_four_hundred_bytes(tmp_path: Path) -> None:
    short, long = Desk(tmp_path / "short"), Desk(tmp_path / "long")
    for desk, steps in ((short, 50), (long, 350)):
        assert desk.run(chain("w", steps)).exit_code == 0
    assert (stored_bytes(long) - stored_bytes(short)) / 300 <= 400


def test_a_large_plan_is_packed_and_read_as_it_was(desk: Desk) -> None:
    rest = desk.run(chain("w", 60))
    path = desk.folder / ".headgate" / "headgate.db"
    with sqlite3.connect(path) as connection:
        ((stored,),) = connection.execute("SELECT length(body) FROM plans").fetchall()
    store = Store(path)
    row = store.read.run(rest.view.run)
    assert row is not None
    content = store.read.plan(row.plan_digest)
    store.close()
    assert content is not None
    assert content.startswith(b"{")
    assert stored < len(content) / 4
    assert desk.show(rest.view.run).status == "completed"
