"""What a connection puts into a request: its key or password as it stands, or a token that is still good.

A token is refreshed ahead of its end by one task of one process at a time: a refresh token that rotates is never used
twice. Who needs the connection meanwhile goes on with the old token while it lives, and waits for the new one else.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Final

from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.runtime import oauth
from headgate.runtime.connection_status import ConnectionRow
from headgate.runtime.errors import ErrorClass, KeyFault, StepError, StepFailure, StoreError
from headgate.runtime.oauth import Client, Refused, Unavailable
from headgate.runtime.vault import Tokens, Vault
from headgate.workspace import Connection, SecretSource

AHEAD: Final = 0.2
"""The share of a token's life, at its end, in which it is refreshed ahead; `AHEAD_AT_MOST_MS` at most."""
AHEAD_AT_MOST_MS: Final = 300_000
SLACK_MS: Final = 2_000
"""A token that dies this soon is not sent any more."""
LOOK_SECONDS: Final = 0.1

REAUTH = "AUTH_REAUTH_REQUIRED"
CODE, CLIENT = "authorization_code", "client_credentials"

ValueOf = Callable[[SecretSource, str], str]
"""(source, whose) -> the value it holds now; raises `StepFailure`."""


class Bound(NamedTuple):
    """A connection as an environment has it: `key` is its name in the store, `called` what people call it."""

    key: str
    connection: Connection
    read: ValueOf

    @property
    def called(self) -> str:
        return self.connection.app or self.connection.name

    @property
    def kind(self) -> str:
        return str(self.connection.auth.get("kind"))

    @property
    def grant(self) -> str | None:
        """The grant of an `oauth2` connection, None of another."""
        if self.kind != "oauth2":
            return None
        auth = self.connection.auth
        return str(auth.get("grant") or (CODE if "authorize_url" in auth else CLIENT))

    def text(self, name: str) -> str | None:
        """A setting of `auth`, read from where it comes; raises `StepFailure`."""
        return self._value(self.connection.auth.get(name), name)

    def texts(self, name: str) -> dict[str, str]:
        """A table of settings."""
        table = self.connection.auth.get(name)
        return (
            {key: self._value(value, f"{name}.{key}") or "" for key, value in table.items()}
            if isinstance(table, dict)
            else {}
        )

    def _value(self, value: Json, name: str) -> str | None:
        if isinstance(value, dict) and len(value) == 1:
            kind, where = next(iter(value.items()))
            return self.read(SecretSource(kind, str(where)), f"`{name}` of the connection `{self.connection.name}`")
        return None if value is None else str(value)

    def client(self) -> Client:
        """How its provider is asked; raises `StepFailure` for a secret that is missing."""
        scopes = self.connection.auth.get("scopes")
        secret = self.text("client_secret")
        wanted = self.text("client_auth") or ("basic" if secret else "none")
        return Client(
            token_url=self.text("token_url") or "",
            client_id=self.text("client_id") or "",
            client_secret=secret,
            authentication=wanted if wanted == "none" else f"client_secret_{wanted}",
            scope=" ".join(str(scope) for scope in scopes) if isinstance(scopes, list) and scopes else None,
            token_params=self.texts("token_params"),
        )


class Credential(NamedTuple):
    """Header fields and parts of the query to send. `minted` says which token they are of, 0 for none."""

    key: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    minted: int = 0


def fixed(bound: Bound) -> Credential | None:
    """The credential of a connection without tokens, None of one with; raises `StepFailure`."""
    match bound.kind:
        case "bearer":
            token = bound.text("token") or bound.text("value") or ""
            return Credential(bound.key, {"Authorization": f"Bearer {token}"}, {})
        case "basic":
            pair = f"{bound.text('user') or ''}:{bound.text('password') or ''}"
            return Credential(bound.key, {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}, {})
        case "api_key":
            value, query = bound.text("value") or "", bound.text("query")
            if query is not None:
                return Credential(bound.key, {}, {query: value})
            sent = f"{bound.text('prefix') or ''}{value}"
            return Credential(bound.key, {bound.text("header") or "X-Api-Key": sent}, {})
        case _:
            return None


class Credentials:
    """Of one event loop. `hide` is told every token, so that none comes back in an answer or an error."""

    def __init__(self, vault: Vault, hide: Callable[[str], None]) -> None:
        self._vault = vault
        self._hide = hide
        self._flights: dict[str, asyncio.Task[Tokens]] = {}

    async def of(self, bound: Bound, seconds: float) -> Credential:
        """What to send now, within so many seconds.

        Raises `StepFailure`: AUTH_REAUTH_REQUIRED when it was refused for good, transient when its provider cannot be
        asked and it has no token that lives.
        """
        row = self._row(bound)
        if row is not None and not row.usable:
            raise reauth(bound, row.fault)
        still = fixed(bound)
        if still is not None:
            return still
        tokens = self._tokens(bound)
        if tokens is None and bound.grant == CODE:
            self._vault.refused(bound.key, "it was never authorized", bound.called)
            raise reauth(bound, "it was never authorized")
        if tokens is not None and not self._ages(tokens, row):
            return self._credential(bound, tokens)
        return self._credential(bound, await self._fresh(bound, tokens, seconds))

    async def again(self, bound: Bound, used: Credential, seconds: float) -> Credential | None:
        """What to send in place of what a server refused; None where there is nothing else to send. Raises as `of`."""
        if not used.minted:
            return None
        tokens = self._tokens(bound)
        if tokens is None or tokens.minted <= used.minted:
            tokens = await self._fresh(bound, None, seconds, used.minted)
        return self._credential(bound, tokens)

    async def renewed(self, bound: Bound, minted: int, seconds: float) -> Tokens:
        """A token after the one of that number, asked for now though the next try is not due; raises as `of`."""
        self._vault.hasten(bound.key)
        return await self._fresh(bound, None, seconds, minted)

    def refuse(self, bound: Bound, used: Credential, said: str) -> StepFailure:
        """The server refuses even what is fresh: the connection is in error from now on. What the step fails with."""
        row = self._vault.refused(bound.key, said, bound.called, used.minted or None)
        return self._not_yet(bound, row) if row is not None and row.usable else reauth(bound, said)

    async def close(self) -> None:
        """A refresh that is out is waited for: what it brings cannot be had twice."""
        if self._flights:
            await asyncio.wait(list(self._flights.values()), timeout=oauth.REQUEST_SECONDS)

    def _row(self, bound: Bound) -> ConnectionRow | None:
        try:
            return self._vault.row(bound.key)
        except StoreError as fault:
            raise StepFailure(StepError("DEPENDENCY_UNAVAILABLE", str(fault), ErrorClass.TRANSIENT)) from None

    def _tokens(self, bound: Bound) -> Tokens | None:
        try:
            tokens = self._vault.tokens(bound.key)
        except KeyFault as fault:
            message = f"the tokens of the connection `{bound.connection.name}` cannot be read: {fault}"
            raise StepFailure(StepError("CONFIG_INVALID", message, ErrorClass.PERMANENT)) from None
        if tokens is not None:
            self._hide_tokens(tokens)
        return tokens

    def _credential(self, bound: Bound, tokens: Tokens) -> Credential:
        return Credential(bound.key, {"Authorization": f"Bearer {tokens.access}"}, {}, tokens.minted)

    def _ages(self, tokens: Tokens, row: ConnectionRow | None) -> bool:
        """Whether the token is in the last part of its life."""
        if tokens.expires_at is None:
            return False
        now = self._vault.clock.now_ms()
        born = None if row is None else row.minted_at
        ahead = AHEAD_AT_MOST_MS if born is None else min(AHEAD_AT_MOST_MS, round((tokens.expires_at - born) * AHEAD))
        return now >= tokens.expires_at - max(ahead, SLACK_MS)

    def _lives(self, tokens: Tokens | None) -> bool:
        if tokens is None:
            return False
        return tokens.expires_at is None or self._vault.clock.now_ms() < tokens.expires_at - SLACK_MS

    async def _fresh(self, bound: Bound, old: Tokens | None, seconds: float, seen: int | None = None) -> Tokens:
        """A newer token than the one `seen`; the old one, while it lives, when a newer cannot be had now."""
        flight = self._flights.get(bound.key)
        if flight is None:
            known = seen if seen is not None else (old.minted if old is not None else 0)
            flight = asyncio.get_running_loop().create_task(self._fly(bound, old, known))
            self._flights[bound.key] = flight
            flight.add_done_callback(lambda done: self._landed(bound.key, done))
        try:
            return await asyncio.wait_for(asyncio.shield(flight), seconds)
        except StepFailure as failure:
            if failure.error.error_class is ErrorClass.TRANSIENT and old is not None and self._lives(old):
                return old
            raise
        except TimeoutError:
            if old is not None and self._lives(old):
                return old
            message = f"the token of the connection `{bound.connection.name}` was not refreshed within {seconds:g}s"
            raise StepFailure(StepError("DEPENDENCY_UNAVAILABLE", message, ErrorClass.TRANSIENT)) from None

    def _landed(self, key: str, flight: asyncio.Task[Tokens]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.cancelled():
            flight.exception()

    async def _fly(self, bound: Bound, old: Tokens | None, seen: int) -> Tokens:
        """Refreshes it, or waits for who does."""
        client = bound.client()
        while True:
            against = self._vault.begin(bound.key, seen)
            if against is None:
                return await self._refresh(bound, client)
            if not against.usable:
                raise reauth(bound, against.fault)
            tokens = self._tokens(bound)
            if tokens is not None and tokens.minted > seen:
                return tokens
            if against.owner is None:
                raise self._not_yet(bound, against)
            if old is not None and self._lives(old):
                return old
            await asyncio.sleep(LOOK_SECONDS)

    async def _refresh(self, bound: Bound, client: Client) -> Tokens:
        """The refresh is ours: whatever comes of it is written down."""
        key, now = bound.key, self._vault.clock.now_ms
        try:
            before = self._tokens(bound)
            if bound.grant == CLIENT:
                tokens = await oauth.by_credentials(client, now)
            else:
                tokens = await _by_refresh(client, before, now)
            self._hide_tokens(tokens)
            kept = self._vault.minted(key, tokens)
        except Refused as refusal:
            self._vault.refused(key, str(refusal), bound.called)
            raise reauth(bound, str(refusal)) from None
        except Unavailable as reason:
            row = self._vault.failed(key, str(reason), reason.wait_ms)
            raise self._not_yet(bound, row) from None
        except BaseException as error:
            self._vault.failed(key, f"{type(error).__name__}: {error}"[:200], None)
            raise
        if kept is None:
            message = f"the refresh of the connection `{bound.connection.name}` took too long and was taken over"
            raise StepFailure(StepError("DEPENDENCY_UNAVAILABLE", message, ErrorClass.TRANSIENT))
        return kept

    def _not_yet(self, bound: Bound, row: ConnectionRow | None) -> StepFailure:
        """Its provider cannot be asked now; the step is tried again when the next refresh is due."""
        said = "" if row is None or row.fault is None else f": {row.fault}"
        wait = None if row is None or row.retry_at is None else max(0, row.retry_at - self._vault.clock.now_ms())
        message = f"the token of the connection `{bound.connection.name}` cannot be refreshed now{said}"
        return StepFailure(StepError("DEPENDENCY_UNAVAILABLE", message, ErrorClass.TRANSIENT, retry_after_ms=wait))

    def _hide_tokens(self, tokens: Tokens) -> None:
        self._hide(tokens.access)
        if tokens.refresh is not None:
            self._hide(tokens.refresh)


async def _by_refresh(client: Client, before: Tokens | None, now: Callable[[], int]) -> Tokens:
    if before is None or before.refresh is None:
        raise Refused("its token has ended, and its provider gave none to refresh it with")
    tokens = await oauth.by_refresh(client, before.refresh, now)
    return tokens._replace(refresh=tokens.refresh or before.refresh, scope=tokens.scope or before.scope)


def reauth(bound: Bound, said: str | None) -> StepFailure:
    """What a step fails with whose connection was refused for good: it is held, and the attempt does not count."""
    why = f": {said}" if said else ""
    message = f"the connection `{bound.connection.name}` needs to be reauthorized{why}"
    detail: JsonObject = {"connection": bound.key}
    return StepFailure(StepError(REAUTH, message, ErrorClass.AUTH, detail=detail))
