"""Whether what is kept beside the runs is what it should be: connections, signals, requests, plans and texts."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from headgate.plan import PlanIntegrity
from headgate.runtime.connection_status import ConnectionRow, IllegalChange
from headgate.runtime.differences import Difference
from headgate.runtime.errors import StoreError
from headgate.runtime.loading import PlanShelf
from headgate.runtime.state import RunState
from headgate.runtime.store import Reader, connections, kept

_NO_EVENT = frozenset({"signal"})
"""The acts of which no event of the run tells by their id."""


def audit_connections(read: Reader) -> Iterator[Difference]:
    """Each connection is what its journal comes to, and has the tokens that it says it has."""
    stored = {row.name: row for row in read.connections()}
    tokens = kept.tokens(read.connection)
    for name in dict.fromkeys([*kept.journalled(read.connection, "connection/"), *stored]):
        try:
            told = connections.rebuilt(read.connection, name)
        except (StoreError, IllegalChange, ValueError) as fault:
            yield Difference("log", connections.subject(name), f"its log makes no sense: {fault}")
            continue
        if told != stored.get(name):
            message = "its list entry differs from its log"
            yield Difference("connection", name, message, _said(stored.get(name)), _said(told))
    for name, minted in tokens.items():
        row = stored.get(name)
        if row is None:
            yield Difference("token", name, "tokens are kept of a connection that is not there")
        elif row.minted != minted:
            message = "the tokens are not those that the connection got last: `headgate reconnect` gets new ones"
            yield Difference("token", name, message, str(minted), str(row.minted))


def _said(row: ConnectionRow | None) -> str:
    if row is None:
        return "not there"
    return ", ".join(f"{name} = {value!s}" for name, value in row._asdict().items() if value is not None)


def audit_taken(read: Reader, state: RunState) -> Iterator[Difference]:
    """The signals that a run took are those that say so, and what was accepted of it stands in its log."""
    taken = kept.taken_by(read.connection, state.run_id)
    for name in sorted(taken - state.signals.keys()):
        message = f"run {state.run_id} took it, and does not say so in its log"
        yield Difference("signal", name, message, state.run_id, "free")
    for name in sorted(kept.free(read.connection, state.signals)):
        yield Difference("signal", name, "it is free, and a run took it", "free", state.run_id)
    for name, verb in kept.accepted(read.connection, state.run_id):
        if verb not in _NO_EVENT and name not in state.requests:
            message = f"`{verb}` of run {state.run_id} was accepted, and no event of its log tells of it"
            yield Difference("request", name, message)


def audit_leftovers(read: Reader) -> Iterator[Difference]:
    """Nothing is kept for runs that are not there."""
    for table, run in kept.leftovers(read.connection):
        yield Difference("leftover", f"{table} {run}", f"rows of `{table}` are kept for a run that is not in the store")


def audit_contents(read: Reader, shelf: PlanShelf) -> Iterator[Difference]:
    """Each stored plan and text is what its digest says, whoever uses it."""
    for digest in kept.plans_of_no_run(read.connection):
        try:
            shelf.plan(digest)
        except PlanIntegrity as fault:
            yield Difference("plan", digest, f"the stored plan is damaged: {fault}")
    for digest, body in kept.texts(read.connection):
        if digest != "sha256:" + sha256(body.encode("utf-8", "surrogatepass")).hexdigest():
            yield Difference("text", digest, "the stored source text is not what its digest says")
