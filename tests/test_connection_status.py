"""The status model of a connection, tested from its own table: every pair that is there and every one that is not."""

from __future__ import annotations

import sqlite3
from itertools import product

import pytest

from headgate.plan import JsonObject
from headgate.runtime.connection_status import (
    CONNECTION_STATUSES,
    CONNECTION_TRANSITIONS,
    ConnectionEvent,
    ConnectionRow,
    ConnectionStatus,
    IllegalChange,
    follow,
)
from headgate.runtime.store import journal
from headgate.runtime.store.connections import (
    TABLES,
    Change,
    change,
    connection_row,
    keep_token,
    rebuilt,
    sealed_token,
)

E, S = ConnectionEvent, ConnectionStatus
AT = 1_000
STANDING: dict[ConnectionStatus | None, list[ConnectionEvent]] = {
    None: [],
    S.ACTIVE: [E.CONNECTED],
    S.REFRESHING: [E.CONNECTED, E.REFRESH_STARTED],
    S.DEGRADED: [E.CONNECTED, E.REFRESH_STARTED, E.REFRESH_FAILED],
    S.ERROR: [E.REFUSED],
    S.REVOKED: [E.CONNECTED, E.REVOKED],
}
DATA: dict[ConnectionEvent, JsonObject] = {
    E.CONNECTED: {"expires_at": 9_000, "scope": "read"},
    E.REFRESH_STARTED: {"owner": "me", "until": 2_000},
    E.REFRESHED: {"expires_at": 9_500, "scope": "read"},
    E.REFRESH_FAILED: {"fault": "503", "retry_at": 3_000},
    E.REFUSED: {"fault": "invalid_grant"},
    E.REVOKED: {},
    E.REMOVED: {},
}


def standing(status: ConnectionStatus | None) -> ConnectionRow | None:
    row: ConnectionRow | None = None
    for event in STANDING[status]:
        row = follow(row, "slack", event, AT, DATA[event])
    assert (None if row is None else row.status) is status
    return row


@pytest.mark.parametrize(("status", "event"), list(product(STANDING, ConnectionEvent)))
def test_every_cell_of_the_table_is_what_follows(status: ConnectionStatus | None, event: ConnectionEvent) -> None:
    before = standing(status)
    allowed = CONNECTION_TRANSITIONS[status]
    if event in allowed:
        after = follow(before, "slack", event, AT + 1, DATA[event])
        assert (None if after is None else after.status) is allowed[event]
        if after is not None:
            assert (after.owner is None) is (after.status is not S.REFRESHING)
    else:
        with pytest.raises(IllegalChange, match=r"the connection `slack` is .*, which `\w+` does not follow"):
            follow(before, "slack", event, AT + 1, DATA[event])


def test_the_tables_speak_of_every_status_and_of_no_other() -> None:
    assert set(CONNECTION_TRANSITIONS) == {None, *ConnectionStatus}
    assert set(CONNECTION_STATUSES) == set(ConnectionStatus)
    reached = {to for row in CONNECTION_TRANSITIONS.values() for to in row.values()}
    assert reached == {None, *ConnectionStatus}
    assert {status for status, facts in CONNECTION_STATUSES.items() if not facts.usable} == {S.ERROR, S.REVOKED}


def test_failures_are_counted_until_a_token_comes() -> None:
    row: ConnectionRow | None = None
    for _ in range(3):
        row = follow(row, "slack", E.REFRESH_STARTED, AT, DATA[E.REFRESH_STARTED])
        row = follow(row, "slack", E.REFRESH_FAILED, AT, DATA[E.REFRESH_FAILED])
    assert row is not None
    assert (row.failures, row.retry_at, row.fault) == (3, 3_000, "503")
    row = follow(row, "slack", E.REFRESH_STARTED, AT, DATA[E.REFRESH_STARTED])
    row = follow(row, "slack", E.REFRESHED, AT, DATA[E.REFRESHED])
    assert row is not None
    assert (row.failures, row.retry_at, row.fault, row.minted) == (0, None, None, 1)


@pytest.fixture
def store() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.executescript(f"{journal.TABLES};{TABLES}")
    return connection


def happen(store: sqlite3.Connection, *events: ConnectionEvent) -> None:
    for event in events:
        change(store, Change("slack", event, AT, DATA[event]), "Slack")


def test_the_row_is_what_its_journal_makes_it_after_every_event(store: sqlite3.Connection) -> None:
    for event in (
        E.REFUSED,
        E.CONNECTED,
        E.REFRESH_STARTED,
        E.REFRESH_FAILED,
        E.REFRESH_STARTED,
        E.REFRESHED,
        E.REVOKED,
    ):
        happen(store, event)
        assert rebuilt(store, "slack") == connection_row(store, "slack")
    happen(store, E.REMOVED)
    assert rebuilt(store, "slack") is connection_row(store, "slack") is None
    happen(store, E.CONNECTED)
    assert rebuilt(store, "slack") == connection_row(store, "slack")


def test_one_notice_stands_from_the_refusal_to_the_reconnection(store: sqlite3.Connection) -> None:
    happen(store, E.CONNECTED)
    assert journal.open_notices(store) == []
    happen(store, E.REFUSED)
    (notice,) = journal.open_notices(store)
    assert (notice.kind, notice.subject, notice.message) == (
        "oauth-reauth-required",
        "connection/slack",
        "Slack reauth required",
    )
    happen(store, E.CONNECTED)
    assert journal.open_notices(store) == []
    happen(store, E.REFUSED, E.REVOKED)
    assert len(journal.open_notices(store)) == 1
    happen(store, E.REMOVED)
    assert journal.open_notices(store) == []


def test_tokens_go_with_what_gives_them_up(store: sqlite3.Connection) -> None:
    for end in (E.REVOKED, E.REMOVED):
        happen(store, E.CONNECTED)
        keep_token(store, "slack", 1, b"sealed")
        happen(store, end)
        assert sealed_token(store, "slack") is None
