"""The store: what is committed is there, who may write, and what it says when it cannot be used."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.runtime.errors import StoreError
from headgate.runtime.store import (
    ApprovalRow,
    Entry,
    Identifiers,
    Lease,
    Notice,
    Owner,
    RunFilter,
    RunRow,
    RunWrite,
    Store,
    StoredRequest,
    is_gone,
    journal,
    reader_of,
)
from headgate.runtime.store.opening import open_for_writing, version_of
from headgate.runtime.store.schema import VERSION

NOW = 1_800_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "headgate.db"


@pytest.fixture
def store(path: Path):
    opened = Store(path)
    yield opened
    opened.close()


@pytest.fixture
def owner(path: Path):
    held = Owner(path.parent / "locks")
    yield held
    held.release()


def row(run: str, **changes: object) -> RunRow:
    values: dict[str, object] = dict.fromkeys(RunRow._fields)
    values.update(
        id=run, root=run, workflow="refund", plan_digest="sha256:1", trigger="manual", phase="active",
        status="running", holds="[]", epoch=0, created_at=NOW,
    )  # fmt: skip
    return RunRow(**{**values, **changes})  # type: ignore[arg-type]


def create(store: Store, run: str, owner: Owner, **changes: object) -> Lease:
    lease = Lease(run, owner.name, 1)
    write = RunWrite(run, lease, [(1, "first")], row(run, **changes), plan=("sha256:1", b"{}"), new=True)
    assert store.commit([write]) == frozenset()
    return lease


def run_python(script: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def approval(task: str, **changes: object) -> ApprovalRow:
    values: dict[str, object] = dict.fromkeys(ApprovalRow._fields)
    values.update(id=task, run="A", step="ask", status="pending", assignees="[]", requested_at=NOW)
    values.update(kind="approval", channel="inbox", links="[]")
    return ApprovalRow(**{**values, **changes})  # type: ignore[arg-type]


def test_what_was_committed_is_there_for_the_next_process(store: Store, owner: Owner, path: Path) -> None:
    lease = create(store, "A", owner)
    write = RunWrite("A", lease, [(2, "second"), (3, "third")], row("A", status="waiting"), (approval("t1"),))
    assert store.commit([write]) == frozenset()

    reader = reader_of(path)
    assert reader is not None
    assert reader.events("A") == [(1, "first"), (2, "second"), (3, "third")]
    assert reader.events("A", after=2) == [(3, "third")]
    assert reader.run("A") == row("A", status="waiting")
    assert reader.plan("sha256:1") == b"{}"
    assert reader.approvals(None, ("pending",)) == [approval("t1")]
    reader.close()


def test_events_of_one_run_never_show_up_in_another(store: Store, owner: Owner) -> None:
    leases = {run: create(store, run, owner) for run in ("A", "B", "C")}
    store.commit([RunWrite(run, lease, [(2, f"of {run}")]) for run, lease in leases.items()])
    assert store.read.events("B") == [(1, "first"), (2, "of B")]


def test_a_late_write_of_a_driver_whose_lease_was_taken_is_refused(store: Store, owner: Owner, path: Path) -> None:
    late = create(store, "A", owner)
    create(store, "B", owner)
    owner.release()
    successor = Owner(path.parent / "locks")
    taken = store.take_lease("A", successor, NOW)
    assert taken is not None
    assert taken.fence == late.fence + 1

    refused = store.commit([RunWrite("A", late, [(2, "late")]), RunWrite("B", Lease("B", "x", 1), [(2, "fine")])])
    assert refused == {"A"}
    assert store.read.events("A") == [(1, "first")]
    assert store.read.events("B") == [(1, "first"), (2, "fine")]
    assert store.commit([RunWrite("A", taken, [(2, "mine")])]) == frozenset()
    successor.release()


def test_the_same_event_twice_is_refused_and_the_other_runs_go_on(store: Store, owner: Owner) -> None:
    first, second = create(store, "A", owner), create(store, "B", owner)
    refused = store.commit([RunWrite("A", first, [(1, "again")]), RunWrite("B", second, [(2, "fine")])])
    assert refused == {"A"}
    assert store.read.events("A") == [(1, "first")]
    assert store.read.events("B") == [(1, "first"), (2, "fine")]


def test_a_lease_is_not_given_while_its_driver_lives(store: Store, owner: Owner, path: Path) -> None:
    create(store, "A", owner)
    other = Owner(path.parent / "locks")
    assert store.take_lease("A", other, NOW) is None
    store.release_leases([Lease("A", owner.name, 1)])
    assert store.take_lease("A", other, NOW) is not None
    other.release()


def test_a_lease_that_expired_is_taken_from_a_driver_of_another_machine(store: Store, owner: Owner) -> None:
    create(store, "A", owner)
    foreign = Lease("A", "elsewhere-1-00", 1)
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE leases SET owner=?", (foreign.owner,))
    assert store.take_lease("A", owner, NOW + 29_999) is None
    assert store.take_lease("A", owner, NOW + 30_000) is not None


def test_renewing_keeps_a_lease_from_expiring(store: Store, owner: Owner) -> None:
    create(store, "A", owner)
    store.renew_leases(owner, NOW + 20_000)
    with sqlite3.connect(store.path) as connection:
        assert connection.execute("SELECT expires_at FROM leases").fetchone() == (NOW + 50_000,)


def test_the_lease_of_a_process_that_was_killed_is_taken_at_once(store: Store, owner: Owner, path: Path) -> None:
    locks = path.parent / "locks"
    driver = run_python(
        "import sys; from pathlib import Path; from headgate.runtime.store import Owner\n"
        "owner = Owner(Path(sys.argv[1])); print(owner.name, flush=True); sys.stdin.read()",
        str(locks),
    )
    assert driver.stdout is not None
    name = driver.stdout.readline().strip()
    create(store, "A", owner)
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE leases SET owner=?", (name,))
    assert store.take_lease("A", owner, NOW) is None
    assert not is_gone(locks, name)
    driver.kill()
    driver.communicate()
    assert store.take_lease("A", owner, NOW) is not None
    assert is_gone(locks, name)


def test_releasing_leaves_a_lease_alone_that_another_has_taken(store: Store, owner: Owner, path: Path) -> None:
    late = create(store, "A", owner)
    owner.release()
    successor = Owner(path.parent / "locks")
    assert store.take_lease("A", successor, NOW) is not None
    store.release_leases([late])
    assert store.read.lease_holder("A") == successor.name
    successor.release()


def test_the_same_request_twice_is_one_and_gets_the_first_answer(store: Store, owner: Owner) -> None:
    lease = create(store, "A", owner)
    asked = StoredRequest("r1", "A", NOW, {"verb": "pause"}, None)
    assert store.put_request(asked) == asked
    assert store.read.open_requests() == [asked]
    store.commit([RunWrite("A", lease, [(2, "held")], answers=(("r1", {"accepted": True}),))])
    again = store.put_request(StoredRequest("r1", "A", NOW + 5, {"verb": "pause"}, None))
    assert again.answer == {"accepted": True}
    assert store.read.open_requests() == []


def test_another_process_is_noticed_by_the_data_version(store: Store, owner: Owner, path: Path) -> None:
    create(store, "A", owner)
    before = store.data_version()
    store.put_request(StoredRequest("mine", "A", NOW, {}, None))
    assert store.data_version() == before
    other = Store(path)
    other.put_request(StoredRequest("theirs", "A", NOW, {}, None))
    other.close()
    assert store.data_version() != before


def test_runs_are_filtered_by_status_workflow_trigger_and_time(store: Store, owner: Owner) -> None:
    create(store, "A", owner, status="waiting", created_at=NOW)
    create(store, "B", owner, status="failed", created_at=NOW + 1, ended_at=NOW + 2)
    create(store, "C", owner, workflow="ship", trigger="nightly", created_at=NOW + 2)

    def found(**wanted: object) -> list[str]:
        return [run.id for run in store.read.runs(RunFilter(**wanted))]  # type: ignore[arg-type]

    assert found() == ["C", "B", "A"]
    assert found(statuses=("waiting", "failed")) == ["B", "A"]
    assert found(workflow="ship") == ["C"]
    assert found(trigger="nightly") == ["C"]
    assert found(since=NOW + 1, until=NOW + 2) == ["B"]
    assert found(open_only=True) == ["C", "A"]
    assert found(limit=2) == ["C", "B"]


def test_a_run_is_found_by_any_prefix_in_either_case(store: Store, owner: Owner) -> None:
    for run in ("01AB", "01AC", "02"):
        create(store, run, owner)
    assert store.read.runs_by_prefix("01") == ["01AB", "01AC"]
    assert store.read.runs_by_prefix("01ab") == ["01AB"]
    assert store.read.runs_by_prefix("03") == []


# What it says when it cannot be used


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"the folder `.*nowhere` of the store does not exist"):
        Store(tmp_path / "nowhere" / "headgate.db")


def test_a_file_that_is_no_database_is_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"this is a shopping list, not a store\n" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is not a headgate store"):
        Store(path)
    with pytest.raises(StoreError, match="is not a headgate store"):
        reader_of(path)
    assert path.read_bytes() == before


def test_another_programs_database_is_left_as_it_is(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs(x)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program's database"):
        Store(path)
    assert path.read_bytes() == before


def test_a_store_of_a_newer_version_asks_for_a_newer_headgate(path: Path) -> None:
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(StoreError, match=f"has version 99 and this headgate reads up to {VERSION}: upgrade headgate"):
        Store(path)
    with pytest.raises(StoreError, match="upgrade headgate"):
        reader_of(path)


def test_a_locked_store_says_so_and_nothing_is_written(path: Path, owner: Owner) -> None:
    store = Store(path, lambda at: open_for_writing(at, busy_seconds=0.05))
    lease = create(store, "A", owner)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked by another program"):
        store.commit([RunWrite("A", lease, [(2, "second")])])
    other.execute("ROLLBACK")
    assert store.read.events("A") == [(1, "first")]
    assert store.commit([RunWrite("A", lease, [(2, "second")])]) == frozenset()
    other.close()
    store.close()


def test_a_full_disk_says_so_and_what_was_acknowledged_stays(store: Store, owner: Owner, path: Path) -> None:
    lease = create(store, "A", owner)

    def on_a_small_disk(at: Path) -> sqlite3.Connection:
        connection = open_for_writing(at)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 1}")
        return connection

    limited = Store(path, on_a_small_disk)
    with pytest.raises(StoreError, match="the disk is full"):
        limited.commit([RunWrite("A", lease, [(2, "x" * 100_000)])])
    assert limited.read.events("A") == [(1, "first")]
    assert limited.commit([RunWrite("A", lease, [(2, "small")])]) == frozenset()
    limited.close()


def test_a_damaged_page_says_that_the_store_is_damaged(path: Path, owner: Owner) -> None:
    store = Store(path)
    lease = create(store, "A", owner)
    store.commit([RunWrite("A", lease, [(seq, "x" * 900) for seq in range(2, 200)])])
    store.close()
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)
    reader = reader_of(path)
    assert reader is not None
    with pytest.raises(StoreError, match="is damaged"):
        reader.events("A")
    reader.close()


def test_a_read_only_store_is_read_and_refuses_to_be_written() -> None:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    path = folder / "headgate.db"
    holder = Owner(folder / "locks")
    store = Store(path)
    create(store, "A", holder)
    store.close()
    holder.release()
    path.chmod(0o444)
    folder.chmod(0o555)
    script = (
        "import sys; from pathlib import Path; from headgate.runtime.errors import StoreError\n"
        "from headgate.runtime.store import *; path = Path(sys.argv[1])\n"
        "import os; os.geteuid() or os.setuid(65534)\n"
        "print(reader_of(path).events('A'))\n"
        "try: Store(path).put_request(StoredRequest('r', 'A', 1, {}, None))\n"
        "except StoreError as error: print(error)\n"
        "try: Owner(path.parent / 'locks')\n"
        "except StoreError as error: print(error)\n"
    )
    try:
        (folder / "locks").chmod(0o555)
        said, _ = run_python(script, str(path)).communicate()
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
    events, refusal, locks = said.splitlines()
    assert events == "[(1, 'first')]"
    assert refusal == f"the store `{path}` cannot be written: the file or its folder is read-only"
    assert locks == f"the folder `{folder / 'locks'}` cannot be written: Permission denied"


def test_there_is_no_reader_of_a_store_that_was_never_made(path: Path) -> None:
    assert reader_of(path) is None
    assert not path.exists()


def test_an_empty_file_becomes_a_store(path: Path, owner: Owner) -> None:
    path.touch()
    assert reader_of(path) is None
    store = Store(path)
    create(store, "A", owner)
    store.close()


@given(st.lists(st.integers(min_value=NOW, max_value=NOW + 3), min_size=1, max_size=50))
def test_run_ids_are_unique_and_sort_as_they_were_made(times: list[int]) -> None:
    identifiers = Identifiers()
    made = [identifiers.new(at) for at in sorted(times)]
    assert made == sorted(set(made))
    assert {len(run) for run in made} == {26}


def test_a_journal_counts_each_subject_without_a_gap_and_an_act_is_there_once(store: Store) -> None:
    published = Entry("workflow/refund", 1, NOW, "published", {"version": 1}, "ann", "first", "act-1")
    with store.transaction() as connection:
        journal.append(connection, published)
        journal.append(connection, Entry("limits", 1, NOW, "set", {}))
    assert store.read.journal("workflow/refund") == [published]
    for again in (published._replace(request_id=None), published._replace(seq=2)):
        with pytest.raises(StoreError), store.transaction() as connection:
            journal.append(connection, again)
    with store.transaction() as connection:
        assert journal.entry_of_request(connection, "act-1") == published
    assert store.read.journal("workflow/refund") == [published]


def test_a_notice_is_raised_once_until_it_is_cleared(store: Store) -> None:
    notice = Notice("reauth/slack", NOW, "oauth-reauth-required", "connection/slack", "Slack needs to be reauthorized")
    with store.transaction() as connection:
        assert journal.put_notice(connection, notice)
        assert not journal.put_notice(connection, notice._replace(at=NOW + 1))
    assert store.read.notices() == [notice]
    with store.transaction() as connection:
        journal.clear_notice(connection, notice.key, NOW + 2)
    assert store.read.notices() == []
    with store.transaction() as connection:
        assert journal.put_notice(connection, notice._replace(at=NOW + 3))
    assert [each.at for each in store.read.notices()] == [NOW + 3]


def test_rows_beside_a_run_are_written_with_its_events_or_not_at_all(store: Store, owner: Owner) -> None:
    lease = create(store, "A", owner)

    def also(connection: sqlite3.Connection) -> None:
        journal.append(connection, Entry("credits", 1, NOW, "spent", {"credits": 1}))

    assert store.commit([RunWrite("A", lease, [(2, "second")], also=(also,))]) == frozenset()
    assert len(store.read.journal("credits")) == 1
    assert store.commit([RunWrite("A", lease, [(3, "third")], also=(also,))]) == {"A"}
    assert store.read.events("A", 1) == [(2, "second")]


def test_a_store_that_is_being_made_just_now_is_nobody_else_s(path: Path) -> None:
    """Between two looks of the one that opens it, another process makes it whole."""

    class Looking(sqlite3.Connection):
        def execute(self, statement: str, *values: object) -> sqlite3.Cursor:  # type: ignore[override]
            found = super().execute(statement, *values)  # type: ignore[arg-type]
            if statement == "PRAGMA application_id" and not path.with_suffix(".made").exists():
                path.with_suffix(".made").touch()
                Store(path).close()
            return found

    connection = sqlite3.connect(path, factory=Looking, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    assert version_of(connection, path) == 0
    assert version_of(connection, path) == VERSION
    connection.close()
