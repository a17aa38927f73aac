"""The event log and its projections: SQLite in WAL, synced at every commit, one writer at a time."""

from headgate.runtime.store.database import Store
from headgate.runtime.store.identifiers import Identifiers
from headgate.runtime.store.journal import Entry, Notice, cleared, noted
from headgate.runtime.store.leases import RENEW_SECONDS, Owner, is_gone
from headgate.runtime.store.queries import Reader, reader_of
from headgate.runtime.store.reports import ActRow, ActsFilter
from headgate.runtime.store.rows import (
    Also,
    ApprovalRow,
    Lease,
    OpenRun,
    RunFilter,
    RunRow,
    RunWrite,
    StoredRequest,
    request_purpose,
)
from headgate.runtime.store.signals import Sent, Signal, listens, signal_purpose, taken

__all__ = [
    "RENEW_SECONDS",
    "ActRow",
    "ActsFilter",
    "Also",
    "ApprovalRow",
    "Entry",
    "Identifiers",
    "Lease",
    "Notice",
    "OpenRun",
    "Owner",
    "Reader",
    "RunFilter",
    "RunRow",
    "RunWrite",
    "Sent",
    "Signal",
    "Store",
    "StoredRequest",
    "cleared",
    "is_gone",
    "listens",
    "noted",
    "reader_of",
    "request_purpose",
    "signal_purpose",
    "taken",
]
