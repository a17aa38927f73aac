"""`headgate store`: the database checked against its logs, copied, exported, and old runs moved out of it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import headgate

FLOWS = """
workflow done { step x = set { y = 1 } }
workflow asks { step ask = human approval { title = "Go on?" } }
workflow calls { step child = call done }
workflow holds {
  on_failure = pause
  input token: string { secret = true }
  step z = lua ```lua
    error("no")
  ```
}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "headgate.toml").write_text('[project]\nname = "shop"\n')
    (tmp_path / "shop.flow").write_text(FLOWS)
    for name in ("done", "asks", "calls"):
        headgate("run", f"shop.flow#{name}", cwd=tmp_path)
    headgate("run", "shop.flow#holds", "-i", "token=canary-4711", cwd=tmp_path)
    return tmp_path


def database(shop: Path) -> sqlite3.Connection:
    return sqlite3.connect(shop / ".headgate" / "headgate.db")


def change(shop: Path, statement: str) -> None:
    with database(shop) as connection:
        connection.execute(statement)
    connection.close()


def test_a_store_in_order_says_so(shop: Path) -> None:
    said = headgate("store", "check", cwd=shop)
    assert said.code == 0
    assert "5 runs of" in said.out
    assert said.out.endswith("every list entry is what its log says\n")


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        ("UPDATE runs SET status='running' WHERE workflow='asks'", "run", "differs from its log in status"),
        ("UPDATE runs SET wake_at=1, holds='[]' WHERE workflow='holds'", "run", "in holds, wake_at"),
        ("UPDATE approvals SET status='approved'", "approval", "differs from its log in status"),
        ("DELETE FROM approvals", "approval", "it is in the log and not in the list"),
    ],
)
def test_a_list_entry_that_differs_from_its_log_is_found_and_mended(
    shop: Path, statement: str, kind: str, message: str
) -> None:
    change(shop, statement)
    found = headgate("store", "check", "--format", "json", cwd=shop)
    assert found.code == 1
    assert [each["kind"] for each in found.json["differences"]] == [kind]
    assert message in found.json["differences"][0]["message"]
    assert "--repair" in headgate("store", "check", cwd=shop).err
    mended = headgate("store", "check", "--repair", cwd=shop)
    assert (mended.code, "1 thing wrong; 1 mended" in mended.out) == (0, True)
    assert headgate("store", "check", cwd=shop).code == 0


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        ("DELETE FROM events WHERE key & 4294967295 = 3", "log", "expected event 3"),
        ("UPDATE events SET body='[' WHERE key & 4294967295 = 2", "log", "cannot be read"),
        ("UPDATE plans SET body='{}' WHERE digest=(SELECT plan_digest FROM runs WHERE workflow='asks')", "plan", "its"),
        ("DELETE FROM runs WHERE workflow='calls'", "orphan", "is not in the store"),
        ("DELETE FROM runs WHERE workflow='asks'", "orphan", "its run"),
        ("DELETE FROM leases", "orphan", "its family has no lease"),
        ("UPDATE approvals SET id='X'", "approval", "not in the log"),
    ],
)
def test_what_only_a_person_can_mend_is_named_and_left(shop: Path, statement: str, kind: str, message: str) -> None:
    change(shop, statement)
    found = headgate("store", "check", "--repair", "--format", "json", cwd=shop)
    assert found.code == 1
    named = [each for each in found.json["differences"] if each["kind"] == kind]
    assert any(message in each["message"] for each in named), found.json


def test_a_backup_is_a_store_of_its_own_and_overwrites_nothing(shop: Path) -> None:
    said = headgate("store", "backup", "copy.db", cwd=shop)
    assert (said.code, "a copy of" in said.out) == (0, True)
    copied = headgate("runs", "--store", "copy.db", "--format", "json", cwd=shop).json
    assert copied == headgate("runs", "--format", "json", cwd=shop).json
    assert headgate("store", "check", "--store", "copy.db", cwd=shop).code == 0
    again = headgate("store", "backup", "copy.db", cwd=shop)
    assert (again.code, "overwrites nothing" in again.err) == (2, True)
    missing = headgate("store", "backup", "no/where.db", cwd=shop)
    assert (missing.code, "does not exist" in missing.err) == (2, True)


def test_a_backup_is_taken_while_a_driver_writes(shop: Path) -> None:
    (shop / "long.flow").write_text(
        "workflow long {\n  step l = each {{ inputs.n }} as i { limit = 300, concurrency = 1\n"
        '    step s = lua { script = "return {}" } }\n  input n: list<integer>\n}\n'
    )
    inputs = ("-i", f"n={json.dumps(list(range(60)))}")
    driver = subprocess.Popen(
        [sys.executable, "-m", "headgate", "run", "long.flow", *inputs], cwd=shop, stdout=subprocess.DEVNULL
    )
    try:
        copies = 0
        while driver.poll() is None and copies < 5:
            assert headgate("store", "backup", f"copy{copies}.db", cwd=shop).code == 0
            assert headgate("store", "check", "--store", f"copy{copies}.db", cwd=shop).code == 0
            assert headgate("store", "check", cwd=shop).code == 0
            copies += 1
    finally:
        driver.kill()
        driver.wait()
    assert copies


def test_an_export_has_every_run_with_its_events_and_no_secret(shop: Path) -> None:
    said = headgate("store", "export", "-o", "all.jsonl", cwd=shop)
    assert (said.code, said.err) == (0, "headgate: all.jsonl: 5 runs\n")
    text = (shop / "all.jsonl").read_text()
    assert "canary-4711" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        events = line.pop("events")
        assert line == headgate("show", line["run"], "--format", "json", cwd=shop).json
        assert events == headgate("events", line["run"], "--format", "json", cwd=shop).json
    only = headgate("store", "export", "--workflow", "asks", cwd=shop)
    assert [json.loads(line)["workflow"] for line in only.out.splitlines()] == ["asks"]
    assert headgate("store", "export", "-o", "no/where", cwd=shop).code == 3


def test_old_runs_go_whole_families_at_a_time_and_open_ones_stay(shop: Path) -> None:
    dry = headgate("store", "prune", "--older-than", "0s", "--dry-run", "--format", "json", cwd=shop)
    assert sorted((each["workflow"], each["runs"]) for each in dry.json["runs"]) == [("calls", 2), ("done", 1)]
    assert len(headgate("runs", "--format", "json", cwd=shop).json) == 5
    refused = headgate("store", "prune", "--older-than", "0s", cwd=shop)
    assert (refused.code, "3 runs would be deleted for good" in refused.err) == (2, True)
    young = headgate("store", "prune", "--older-than", "1h", "--yes", cwd=shop)
    assert (young.code, young.out) == (0, "0 runs deleted\n")
    one = headgate("store", "prune", "--older-than", "0s", "--workflow", "done", "--yes", cwd=shop)
    assert one.out == "done: 1 run\n1 run deleted\n"
    before = headgate("show", _run(shop, "calls"), "--format", "json", cwd=shop).json
    moved = headgate("store", "prune", "--older-than", "0s", "--archive", "old.db", cwd=shop)
    assert moved.out == "calls: 2 runs\n2 runs deleted, archived in old.db\n"
    assert sorted(each["workflow"] for each in headgate("runs", "--format", "json", cwd=shop).json) == ["asks", "holds"]
    assert headgate("show", before["run"], "--store", "old.db", "--format", "json", cwd=shop).json == before
    assert headgate("store", "check", "--store", "old.db", cwd=shop).code == 0
    assert headgate("store", "check", cwd=shop).code == 0
    with database(shop) as connection:
        assert connection.execute("SELECT count(*) FROM plans").fetchone()[0] == 2
        assert connection.execute("SELECT count(*) FROM leases").fetchone()[0] == 2
    gone = headgate("redrive", before["run"], cwd=shop)
    assert (gone.code, "NO_SUCH_RUN" in gone.err) == (3, True)


def test_an_archive_takes_more_and_gives_what_it_has(shop: Path) -> None:
    for _ in range(2):
        assert headgate("store", "prune", "--older-than", "0s", "--archive", "old.db", cwd=shop).code == 0
        headgate("run", "shop.flow#done", cwd=shop)
    assert headgate("store", "prune", "--older-than", "0s", "--archive", "old.db", cwd=shop).code == 0
    assert len(headgate("runs", "--store", "old.db", "--format", "json", cwd=shop).json) == 5
    replayed = headgate("replay", _run(shop, "done", "old.db"), "--store", "old.db", cwd=shop)
    assert replayed.code == 0
    itself = headgate("store", "prune", "--older-than", "0s", "--archive", ".headgate/headgate.db", cwd=shop)
    assert (itself.code, "is the store itself" in itself.err) == (2, True)


def test_a_vacuum_gives_space_back(shop: Path) -> None:
    headgate("store", "prune", "--older-than", "0s", "--yes", cwd=shop)
    change(shop, "CREATE TABLE big AS SELECT zeroblob(500000)")
    change(shop, "DROP TABLE big")
    said = headgate("store", "vacuum", "--format", "json", cwd=shop).json
    assert said["after"] < said["before"] - 400_000
    assert headgate("store", "check", cwd=shop).code == 0


@pytest.mark.parametrize("verb", ["check", "vacuum", "backup copy.db", "prune --older-than 1d"])
def test_without_a_store_there_is_nothing_to_look_after(tmp_path: Path, verb: str) -> None:
    said = headgate("store", *verb.split(), cwd=tmp_path)
    assert (said.code, "nothing has run here yet" in said.err) == (3, True)


def _run(shop: Path, workflow: str, store: str | None = None) -> str:
    where = () if store is None else ("--store", store)
    return headgate("runs", "--workflow", workflow, *where, "--format", "json", cwd=shop).json[0]["run"]
