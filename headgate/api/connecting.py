"""Connections: what is known of them, authorizing one again, refreshing one, giving one up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from headgate.api.authorizing import Person, authorized
from headgate.api.banners import key_of, reauth_notices
from headgate.api.faults import NothingStarted, Refused
from headgate.api.needing import runs_needing
from headgate.api.place import COMPLETED, Driving, Place, Rest
from headgate.api.running import drive
from headgate.api.session import Session
from headgate.api.site import Site, translated
from headgate.api.vaults import vault_of
from headgate.diagnostics import nearest
from headgate.records import NamedTuple
from headgate.runtime.connection_status import ConnectionEvent, ConnectionRow, ConnectionStatus
from headgate.runtime.connections import World, connection_key
from headgate.runtime.credentials import CODE, Bound, Credential, Credentials, fixed
from headgate.runtime.errors import ErrorClass, StepFailure, StoreError
from headgate.runtime.events import SYSTEM
from headgate.runtime.judging import Request
from headgate.runtime.oauth import Refused as ProviderRefused
from headgate.runtime.oauth import Unavailable, revoke
from headgate.runtime.store import Identifiers, Reader, RunRow, StoredRequest
from headgate.runtime.store.connections import Change
from headgate.runtime.vault import Vault
from headgate.runtime.verdicts import body_of

if TYPE_CHECKING:
    from headgate.workspace import Workspace

CANNOT_BE_REFRESHED = "Connection cannot be refreshed. Please reconnect your connection."
REFRESH_SECONDS = 30.0
NEVER = "it was never authorized"


class ConnectionView(NamedTuple):
    """A connection as people see it; times are UTC in ms.

    `status` is a word of the status model; `app` is what people call it; `instances` are wired to it; `runs` are held
    for it; `environment` is the one that has it its own way. `usable` says whether calls by it are worth making;
    `notice` is what people were told, until it is so no more.
    """

    name: str
    environment: str | None
    app: str
    kind: str | None
    status: str
    usable: bool
    since: int | None
    expires_at: int | None
    retry_at: int | None
    fault: str | None
    instances: tuple[str, ...]
    runs: tuple[str, ...]
    notice: str | None


class Reconnected(NamedTuple):
    """`went_on` are the runs that go on by themselves, as they rest; `waiting` those that a person resumes."""

    view: ConnectionView
    message: str
    went_on: tuple[Rest, ...]
    waiting: tuple[str, ...]
    exit_code: int


# Looking


def connections(place: Place) -> tuple[ConnectionView, ...]:
    """Every connection of the workspace, as the environment of `place` has it, and those only the store knows of."""
    site = Site(place)
    with site.reading() as read:
        return tuple(_views(site, read))


def _views(site: Site, read: Reader | None) -> list[ConnectionView]:
    rows = {} if read is None else {row.name: row for row in read.connections()}
    world = World(site.workspace)
    found: list[ConnectionView] = []
    for name in site.workspace.connections:
        key = connection_key(site.workspace, name)
        found.append(_view(world, name, key, rows.pop(key, None), read))
    for key, row in rows.items():
        name, _, environment = key.rpartition("@") if "@" in key else (key, "", "")
        known = environment in site.base.environments
        found.append(_view(World(site.in_environment(environment)) if known else world, name or key, key, row, read))
    return found


def _view(world: World, name: str, key: str, row: ConnectionRow | None, read: Reader | None) -> ConnectionView:
    told = {} if read is None else {key_of(notice): notice.message for notice in reauth_notices(read)}
    declared = world.workspace.connections.get(name)
    auth = {} if declared is None else declared.auth
    grant = None if declared is None else Bound(key, declared, world.value_of).grant
    fault = None if row is None else row.fault
    if declared is None:
        fault = fault or "headgate.toml has it no more"
    elif fault is None:
        fault = next(iter(world.missing({"connections": [name]})), None)
    never = row is None and grant == CODE
    status = ConnectionStatus.ERROR if never else ConnectionStatus.ACTIVE if row is None else row.status
    held = () if read is None else tuple(run.id for run in read.runs_held_for(key))
    wired = tuple(one.name for one in world.workspace.instances.values() if one.connection == name)
    kind = auth.get("kind")
    return ConnectionView(
        name=name,
        environment=key.rpartition("@")[2] if "@" in key else None,
        app=(None if declared is None else declared.app) or name,
        kind=kind if isinstance(kind, str) else None,
        status=status.value,
        usable=not never and (row is None or row.usable),
        since=None if row is None else row.since,
        expires_at=None if row is None else row.expires_at,
        retry_at=None if row is None else row.retry_at,
        fault=NEVER if never else fault,
        instances=wired,
        runs=held,
        notice=told.get(key),
    )


# Acting


def reconnect(name: str, place: Place, person: Person, driving: Driving) -> Reconnected:
    """Authorizes a connection again. Runs that were held for it go on by themselves where they may.

    Raises `NothingStarted` when there is no such connection, or its provider gave nothing.
    """
    site = Site(place)
    with translated(), vault_of(site) as opening:
        bound = _bound(site, name)
        vault = opening()
        tokens = authorized(bound, person, site.clock.now_ms)
        held = _reconnected(vault, bound, place.actor, tokens)
    by_itself = [row.id for row in held if _goes_on(row, bound.key)]
    waiting = tuple(row.id for row in held if row.id not in by_itself)
    _tell(site, [row.root for row in held])
    rests: tuple[Rest, ...] = ()
    code = COMPLETED
    if by_itself and not driving.detach:
        drove = drive(by_itself, place, driving)
        rests, code = tuple(drove.rests), drove.exit_code
    view = next(each for each in connections(place) if each.name == name)
    message = f"{bound.called} is connected"
    return Reconnected(view, message, rests, waiting, code)


def _reconnected(vault: Vault, bound: Bound, actor: str, tokens: object) -> list[RunRow]:
    """Writes down that it is active again, with what that asks of the runs that are held; gives those."""
    from headgate.runtime.vault import Tokens

    held: list[RunRow] = []

    def also(put: Callable[[StoredRequest], None]) -> None:
        held.extend(vault.store.read.runs_held_for(bound.key))
        identifiers, now = Identifiers(), vault.clock.now_ms()
        for row in held:
            request = Request("reconnected", SYSTEM, args={"connection": bound.key})
            put(StoredRequest(identifiers.new(now), row.id, now, body_of(request), None))

    if isinstance(tokens, Tokens):
        vault.authorized(bound.key, tokens, actor, also)
    else:
        vault.change(Change(bound.key, ConnectionEvent.CONNECTED, vault.clock.now_ms(), actor=actor), also=also)
    return held


def _goes_on(row: RunRow, key: str) -> bool:
    import json

    return any(len(hold) > 7 and hold[5] == key and hold[7] for hold in json.loads(row.holds))


def _tell(site: Site, roots: list[str]) -> None:
    """Lets the runs that nobody drives know of it now; those that somebody drives hear of it there."""
    if not roots:
        return
    with Session(site, site.existing_store(), Driving()) as session:
        for root in dict.fromkeys(roots):
            try:
                session.lead(root)
            except StoreError:
                continue
        session.executor.record()


def refresh(name: str, place: Place) -> tuple[ConnectionView, str]:
    """Gets a connection a new token now.

    Raises `Refused` for one that was refused for good, `NothingStarted` when its provider cannot be asked now.
    """
    site = Site(place)
    with translated(), vault_of(site) as opening:
        bound = _bound(site, name)
        vault = opening()
        row = vault.row(bound.key)
        if (row is not None and not row.usable) or (row is None and bound.grant == CODE):
            raise Refused("", CANNOT_BE_REFRESHED)
        if fixed_of(bound) is not None:
            message = f"{bound.called} is of kind `{bound.kind}`: it has no token that ends, and nothing to refresh"
        else:
            message = _refreshed(bound, vault, 0 if row is None else row.minted)
    return next(each for each in connections(place) if each.name == name), message


def _refreshed(bound: Bound, vault: Vault, minted: int) -> str:
    async def ask() -> None:
        credentials = Credentials(vault, lambda _: None)
        try:
            await credentials.renewed(bound, minted, REFRESH_SECONDS)
        finally:
            await credentials.close()

    try:
        asyncio.run(ask())
    except StepFailure as failure:
        if failure.error.error_class is ErrorClass.AUTH:
            raise Refused("", f"{CANNOT_BE_REFRESHED} ({failure.error.message})") from None
        raise NothingStarted(failure.error.message) from None
    return f"{bound.called} has a new token"


def remove(name: str, place: Place, *, cancel_runs: bool) -> tuple[str, tuple[str, ...]]:
    """Gives up a connection's tokens, at its provider too where it can be told. Gives a sentence and what it cancelled.

    Raises `Refused` (DEPENDENCY_REMOVED) with the open runs that need it, unless they are to be cancelled.
    """
    from headgate.api.operating import Act, operate

    site = Site(place)
    with translated(), vault_of(site) as opening:
        key = _key(site, name, opening)
        needing = runs_needing(site, opening().store.read, key)
    if needing and not cancel_runs:
        listed = ", ".join(needing[:8]) + (f" and {len(needing) - 8} more" if len(needing) > 8 else "")
        message = f"{len(needing)} open runs need the connection `{name}`: {listed}"
        if len(needing) == 1:
            message = f"an open run needs the connection `{name}`: {listed}"
        raise Refused("DEPENDENCY_REMOVED", f"{message}; wait for them, or cancel them with `--cancel-runs`")
    for run in needing:
        act = Act("cancel", args={"code": "DEPENDENCY_REMOVED"}, reason=f"the connection `{name}` was removed")
        operate(run, act, place, Driving())
    with translated(), vault_of(site) as opening:
        said = _given_up(site, name, opening())
        vault = opening()
        if vault.row(key) is not None:
            vault.change(Change(key, ConnectionEvent.REMOVED, site.clock.now_ms(), actor=place.actor))
    kept = "; it is still in headgate.toml" if name in site.workspace.connections else ""
    return f"the tokens of `{name}` are removed{said}{kept}", needing


def revoke_tokens(name: str, place: Place) -> str:
    """Gives a connection's tokens up, at its provider too; it is `revoked` until somebody reconnects it."""
    site = Site(place)
    with translated(), vault_of(site) as opening:
        bound, vault = _bound(site, name), opening()
        row = vault.row(bound.key)
        if row is None or row.status is ConnectionStatus.REVOKED:
            return f"`{name}` has no tokens to give up"
        said = _given_up(site, name, vault)
        what = Change(bound.key, ConnectionEvent.REVOKED, site.clock.now_ms(), actor=place.actor)
        vault.change(what, bound.called)
    return f"the tokens of `{name}` are given up{said}"


def _given_up(site: Site, name: str, vault: Vault) -> str:
    """Tells the provider, where it wants to be told; what could not be told is said."""
    if name not in site.workspace.connections:
        return ""
    bound = _bound(site, name)
    try:
        url = bound.text("revoke_url")
        tokens = None if url is None else vault.tokens(bound.key)
        if url is None or tokens is None:
            return ""
        asyncio.run(revoke(bound.client(), url, tokens.refresh or tokens.access))
    except (ProviderRefused, Unavailable) as reason:
        return f" here, though not at its provider: {reason}"
    except StepFailure as failure:
        return f" here, though not at its provider: {failure.error.message}"
    return ", at its provider too"


def _key(site: Site, name: str, opening: Callable[[], Vault]) -> str:
    """The name in the store of a connection that the workspace has, or only the store."""
    if name in site.workspace.connections:
        return connection_key(site.workspace, name)
    if opening().row(name) is None:
        raise _unknown(site.workspace, name)
    return name


def _bound(site: Site, name: str) -> Bound:
    if name not in site.workspace.connections:
        raise _unknown(site.workspace, name)
    try:
        return World(site.workspace).bound(name)
    except StepFailure as failure:
        raise NothingStarted(failure.error.message) from None


def fixed_of(bound: Bound) -> Credential | None:
    """`fixed`, with a fault of the front door for a key that cannot be read."""
    try:
        return fixed(bound)
    except StepFailure as failure:
        raise NothingStarted(failure.error.message) from None


def _unknown(workspace: Workspace, name: str) -> NothingStarted:
    guess = nearest(name, tuple(workspace.connections))
    known = ", ".join(f"`{each}`" for each in workspace.connections)
    hint = f"did you mean `{guess}`?" if guess else f"it has {known}" if known else "it has none"
    return NothingStarted(f"headgate.toml has no connection `{name}`: {hint}")
