"""What steps cost, counted and not timed: commits, statements, bytes."""

from __future__ import annotations

import gc
import re
import sqlite3
from itertools import pairwise, product
from pathlib import Path
from statistics import median

import pytest
from desk import Desk

from headgate.api import history, running, site
from headgate.api.inputs import NOTHING_GIVEN
from headgate.api.place import Driving
from headgate.runtime.store import RunFilter, Store
from headgate.runtime.store.listing import listing
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
    assert median(steps) <= 6, inner[commits[1] : commits[2] + 1]  # now and then it looks for what others ask


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
    for desk, steps in ((short, 50), (long, 250)):
        assert desk.run(chain("w", steps)).exit_code == 0
    assert (stored_bytes(long) - stored_bytes(short)) / 200 <= 400


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


# Lists


FILTERS = [
    dict(zip(("statuses", "workflow", "trigger", "until", "open_only", "held"), chosen, strict=True))
    for chosen in product(
        ((), ("failed",), ("failed", "waiting")), (None, "w"), (None, "hook"), (None, 5), (False, True), (False, True)
    )
]


def plans(statements: list[str], path: Path) -> list[str]:
    """How SQLite goes about these statements, a line a loop."""
    with sqlite3.connect(path) as connection:
        return [row[3] for text in statements for row in connection.execute(f"EXPLAIN QUERY PLAN {text}")]


def test_every_list_of_runs_reads_an_index_that_holds_all_it_filters_by(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    Store(path).close()
    with sqlite3.connect(path) as connection:
        for chosen in FILTERS:
            text, values = listing(RunFilter(**chosen, limit=5, before="01"))  # type: ignore[arg-type]
            steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]
            reads = [step for step in steps if step.startswith(("SCAN runs", "SEARCH runs"))]
            assert len(reads) > 1
            for step in reads:
                assert "USING COVERING INDEX runs_" in step or "USING INTEGER PRIMARY KEY" in step, (chosen, steps)


def test_no_question_to_the_store_reads_a_whole_table(desk: Desk, statements: list[str]) -> None:
    asking = desk.run('workflow w { step ask = human approval { title = "?" } }').view.run
    desk.drive()
    statements.clear()
    store = site.Store(desk.folder / ".headgate" / "headgate.db")
    del statements[:]
    read = store.read
    read.run(asking)
    read.runs_by_prefix(asking[:20])
    read.family(asking)
    read.events(asking)
    read.approvals(None, ("pending",))
    read.approvals(asking, ())
    read.approvals_by_prefix(asking)
    read.open_requests()
    read.lease_holder(asking)
    asked = list(statements)
    store.close()
    steps = plans(asked, desk.folder / ".headgate" / "headgate.db")
    assert len(asked) >= 9
    assert [step for step in steps if step.startswith("SCAN") and "INDEX" not in step] == []


def test_a_commit_of_a_step_names_no_column_of_a_list(desk: Desk, statements: list[str]) -> None:
    assert desk.run(chain("w", 5)).exit_code == 0
    updates = [text.split(" SET ")[1] for text in statements if text.startswith("UPDATE runs SET")]
    assert len(updates) == 5
    for update in updates[:-1]:  # the last one ends the run
        assert re.fullmatch(r"detail='s\d' WHERE n=\d+", update)


def test_the_pages_of_a_list_are_the_list(desk: Desk) -> None:
    for _ in range(5):
        desk.run("workflow w { step a = set { x = 1 } }")
    whole = [view.run for view in desk.runs()]
    pages: list[str] = []
    while len(page := desk.runs(limit=2, before=pages[-1] if pages else None)) == 2:
        pages += [view.run for view in page]
    assert [*pages, *(view.run for view in page)] == whole
    assert len(whole) == 5


def test_a_list_in_the_words_of_others_is_read_page_by_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PAGE", 2)
    ends = ["set { x = 1 }", 'human approval { title = "?" }', "delay 1h"]
    for end in ends * 2:
        desk.run(f"workflow w {{ step a = {end} }}", wait_ms=0)
    found = history.runs_called(["running"], RunFilter(limit=3), "rocketlead", desk.place)
    assert [view.status for view in found] == ["waiting"] * 3


def test_plans_and_states_are_out_of_the_way_of_the_collector_while_runs_are_driven(desk: Desk) -> None:
    seen: list[int] = []
    target = desk.write("workflow w { step a = delay 150ms\n step b = set after a { x = 1 } }")
    running.run(target, NOTHING_GIVEN, desk.place, Driving(on_change=lambda _: seen.append(gc.get_freeze_count())))
    assert max(seen) > 1_000
    assert gc.get_freeze_count() == 0
