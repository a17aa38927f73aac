"""Looking over all runs at once: what people did, and how many runs came to what in a period."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from headgate.records import NamedTuple
from headgate.runtime.events import SYSTEM
from headgate.runtime.store.journal import Entry

EVENT_BITS = 32


class ActsFilter(NamedTuple):
    """Whose acts, upon what, and when (UTC in ms); None lets everything through."""

    run: str | None = None
    workflow: str | None = None
    since: int | None = None
    until: int | None = None
    actor: str | None = None


class ActRow(NamedTuple):
    """One event that a person caused; `body` is the event as it is stored."""

    run: str
    workflow: str
    seq: int
    body: str


class CountRow(NamedTuple):
    """How many runs of a workflow that were made in a period stand so."""

    workflow: str
    period: str
    status: str
    outcome: str | None
    runs: int


# The fields of a stored event: version, at, type, step, data, actor, reason, request id.
_ACTS = """
    SELECT r.id, r.workflow, e.key - (r.n << 32), e.body FROM runs r
    JOIN (SELECT key, body, body ->> iif(body LIKE '{%', '$.actor', '$[5]') AS actor,
          body ->> iif(body LIKE '{%', '$.at', '$[1]') AS at FROM events) e
      ON e.key > (r.n << 32) AND e.key < ((r.n + 1) << 32)
    WHERE e.actor IS NOT NULL
      AND (:run IS NULL OR r.id = :run) AND (:workflow IS NULL OR r.workflow = :workflow)
      AND (:since IS NULL OR e.at >= :since) AND (:until IS NULL OR e.at < :until)
      AND (:actor IS NULL OR e.actor = :actor)
      AND (:since IS NULL OR r.ended_at IS NULL OR r.ended_at >= :since) AND (:until IS NULL OR r.created_at < :until)
    ORDER BY e.at, e.key
"""
PERIODS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m", "all": "all"}
"""How a period is written, by its name; weeks are those of ISO 8601."""


def acts(connection: sqlite3.Connection, chosen: ActsFilter) -> Iterator[ActRow]:
    """The events of runs that people caused, the oldest first."""
    for row in connection.execute(_ACTS, chosen._asdict()):
        yield ActRow(*row)


def entries_of_people(connection: sqlite3.Connection, chosen: ActsFilter) -> Iterator[Entry]:
    """What people did to things that are no run, the oldest first; those of one workflow when it is named."""
    rows = connection.execute(
        "SELECT subject, seq, at, type, body, actor, reason, request_id FROM journal WHERE actor<>:system "
        "AND (:subject IS NULL OR subject=:subject) AND (:since IS NULL OR at>=:since) "
        "AND (:until IS NULL OR at<:until) AND (:actor IS NULL OR actor=:actor) ORDER BY at, subject, seq",
        {
            "system": SYSTEM,
            "subject": None if chosen.workflow is None else f"workflow/{chosen.workflow}",
            "since": chosen.since,
            "until": chosen.until,
            "actor": chosen.actor,
        },
    )
    for subject, seq, at, kind, body, actor, reason, request_id in rows:
        yield Entry(subject, seq, at, kind, json.loads(body), actor, reason, request_id)


def tally(connection: sqlite3.Connection, period: str, chosen: ActsFilter) -> list[CountRow]:
    """The runs by workflow, period of their creation (UTC), status and outcome; `actor` and `run` are not looked at."""
    rows = connection.execute(
        "SELECT workflow, created_at / 86400000, status, outcome, count(*) FROM runs "
        "WHERE (:workflow IS NULL OR workflow=:workflow) AND (:since IS NULL OR created_at>=:since) "
        "AND (:until IS NULL OR created_at<:until) GROUP BY 1, 2, 3, 4",
        {"workflow": chosen.workflow, "since": chosen.since, "until": chosen.until},
    )
    found: dict[tuple[str, str, str, str | None], int] = {}
    for workflow, day, status, outcome, runs in rows:
        key = (workflow, _period(day, period), status, outcome)
        found[key] = found.get(key, 0) + runs
    return [CountRow(*key, runs) for key, runs in sorted(found.items(), key=lambda one: tuple(map(str, one[0])))]


def _period(day: int, period: str) -> str:
    from datetime import date, timedelta

    return (date(1970, 1, 1) + timedelta(days=day)).strftime(PERIODS[period])
