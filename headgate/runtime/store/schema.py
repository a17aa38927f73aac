"""The tables, version by version. A store of a newer version is refused; an older one is brought up to date."""

from __future__ import annotations

from headgate.runtime.store import connections, journal, limits, listing, signals, workflows

APPLICATION_ID = 0x48475445  # "HGTE", so that another program's database is never taken for a store

# One script a version; a store of version n has had the first n applied. None is ever edited once released.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE plans(digest TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE runs(
      n INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      root TEXT NOT NULL,
      parent TEXT,
      parent_step TEXT,
      source TEXT,
      workflow TEXT NOT NULL,
      version INTEGER,
      plan_digest TEXT NOT NULL,
      environment TEXT,
      trigger TEXT NOT NULL,
      phase TEXT NOT NULL,
      status TEXT NOT NULL,
      detail TEXT,
      outcome TEXT,
      holds TEXT NOT NULL,
      failure_code TEXT,
      failed_step TEXT,
      failure_message TEXT,
      epoch INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      started_at INTEGER,
      ended_at INTEGER,
      due_at INTEGER,
      wake_at INTEGER
    );
    CREATE INDEX runs_root ON runs(root) WHERE parent IS NOT NULL;
    CREATE TABLE events(key INTEGER PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE approvals(
      id TEXT PRIMARY KEY,
      run TEXT NOT NULL,
      step TEXT NOT NULL,
      status TEXT NOT NULL,
      title TEXT,
      body TEXT,
      assignees TEXT NOT NULL,
      reversibility TEXT,
      requested_at INTEGER NOT NULL,
      expires_at INTEGER,
      on_expiry TEXT,
      decided_by TEXT,
      decided_at INTEGER,
      comment TEXT,
      kind TEXT NOT NULL,
      channel TEXT NOT NULL,
      fields TEXT,
      links TEXT NOT NULL,
      escalated_from TEXT,
      via TEXT
    ) WITHOUT ROWID;
    CREATE INDEX approvals_run ON approvals(run);
    CREATE INDEX approvals_pending ON approvals(requested_at) WHERE status = 'pending';
    CREATE TABLE leases(
      root TEXT PRIMARY KEY, fence INTEGER NOT NULL, owner TEXT, expires_at INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX leases_owner ON leases(owner) WHERE owner IS NOT NULL;
    CREATE TABLE requests(
      id TEXT PRIMARY KEY, run TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL, answer TEXT
    ) WITHOUT ROWID;
    CREATE INDEX requests_open ON requests(run) WHERE answer IS NULL;
    """,
    journal.TABLES,
    workflows.TABLES,
    signals.TABLES,
    connections.TABLES,
    listing.INDEXES,
    limits.TABLES,
)

VERSION = len(MIGRATIONS)
