"""OAuth 2 by Authlib: asking a provider for tokens, and telling what it refuses for now from what for good."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from headgate.records import NamedTuple
from headgate.runtime.vault import Tokens

if TYPE_CHECKING:
    import httpx
    import httpx2
    from authlib.integrations.httpx_client import AsyncOAuth2Client

    Response = httpx.Response | httpx2.Response  # Authlib takes the newer where it is installed

REQUEST_SECONDS = 20.0
_BUSY = frozenset({408, 425, 429})
_FOR_NOW = frozenset(
    {"temporarily_unavailable", "server_error", "slow_down", "rate_limited", "ratelimited", "internal_error"}
)
_SHOWN = 200


class Client(NamedTuple):
    """How a connection asks its provider, with its secrets read.

    `authentication` is `client_secret_basic`, `client_secret_post` or `none`; `token_params` go with every request for
    a token.
    """

    token_url: str
    client_id: str
    client_secret: str | None
    authentication: str
    scope: str | None
    token_params: Mapping[str, str]


class Refused(Exception):  # noqa: N818 - it is the provider's answer
    """The provider said no for good; the message is a sentence without secrets."""


class Unavailable(Exception):  # noqa: N818
    """It cannot be asked now, or says so; `wait_ms` is what it asked for."""

    def __init__(self, message: str, wait_ms: int | None = None) -> None:
        super().__init__(message)
        self.wait_ms = wait_ms


class Authorization(NamedTuple):
    """One way to a code: the address to open, and what the answer must be held against."""

    url: str
    state: str
    verifier: str
    redirect_uri: str


def authorization(client: Client, authorize_url: str, redirect_uri: str, params: Mapping[str, str]) -> Authorization:
    """The address where somebody allows it, with PKCE (S256) and a state."""
    from authlib.common.security import generate_token

    verifier, state = generate_token(64), generate_token(43)
    session = _session(client, redirect_uri)
    url, _ = session.create_authorization_url(authorize_url, state=state, code_verifier=verifier, **params)
    return Authorization(str(url), state, verifier, redirect_uri)


async def by_code(client: Client, code: str, given: Authorization, now_ms: Callable[[], int]) -> Tokens:
    """The tokens for a code. Raises `Refused` and `Unavailable`, as all of these do."""

    async def ask(session: AsyncOAuth2Client) -> Any:
        return await session.fetch_token(
            client.token_url,
            grant_type="authorization_code",
            code=code,
            code_verifier=given.verifier,
            redirect_uri=given.redirect_uri,
            **client.token_params,
        )

    return await _asked(client, ask, now_ms, given.redirect_uri)


async def by_credentials(client: Client, now_ms: Callable[[], int]) -> Tokens:
    """The token of the client itself."""

    async def ask(session: AsyncOAuth2Client) -> Any:
        return await session.fetch_token(client.token_url, grant_type="client_credentials", **client.token_params)

    return await _asked(client, ask, now_ms)


async def by_refresh(client: Client, refresh: str, now_ms: Callable[[], int]) -> Tokens:
    """The next tokens; with the old refresh token where the provider gave no new one."""

    async def ask(session: AsyncOAuth2Client) -> Any:
        # without a scope: the one that was granted stays
        session.scope = None
        return await session.refresh_token(client.token_url, refresh_token=refresh, **client.token_params)

    return await _asked(client, ask, now_ms)


async def revoke(client: Client, revoke_url: str, token: str) -> None:
    """Gives a token up. What the provider says to it is not waited for to be good."""

    async def ask(session: AsyncOAuth2Client) -> Any:
        await session.revoke_token(revoke_url, token=token)
        return {"access_token": token}

    await _asked(client, ask, lambda: 0)


def _session(client: Client, redirect_uri: str | None = None) -> AsyncOAuth2Client:
    from authlib.integrations.httpx_client import AsyncOAuth2Client

    return AsyncOAuth2Client(
        client_id=client.client_id,
        client_secret=client.client_secret,
        token_endpoint_auth_method=client.authentication,
        revocation_endpoint_auth_method=client.authentication,
        scope=client.scope,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        timeout=REQUEST_SECONDS,
    )


async def _asked(
    client: Client,
    ask: Callable[[AsyncOAuth2Client], Awaitable[Any]],
    now_ms: Callable[[], int],
    redirect_uri: str | None = None,
) -> Tokens:
    import httpx
    import httpx2
    from authlib.integrations.httpx_client import OAuthError

    where = f"`{client.token_url.partition('?')[0]}`"
    answers: list[Response] = []

    def note(response: Response) -> Response:
        answers.append(response)
        return response

    session = _session(client, redirect_uri)
    for hook in ("access_token_response", "refresh_token_response"):
        session.register_compliance_hook(hook, note)
    try:
        async with session:
            token = await ask(session)
    except OAuthError as error:
        raise _told(where, error.error, error.description, answers) from None
    except (httpx.HTTPStatusError, httpx2.HTTPStatusError) as error:
        raise _status(where, error.response) from None
    except (httpx.HTTPError, httpx2.HTTPError, httpx.InvalidURL, httpx2.InvalidURL) as error:
        raise Unavailable(f"{where} cannot be reached: {error or type(error).__name__}") from None
    except ValueError as error:
        raise Unavailable(f"{where} answered what is no token: {str(error)[:_SHOWN]}") from None
    return _tokens(token, where, now_ms())


def _told(where: str, code: str | None, description: str | None, answers: list[Response]) -> Exception:
    """What an `error` in an answer means."""
    said = f"{where} answers `{code}`" + (f": {description[:_SHOWN]}" if description else "")
    response = answers[-1] if answers else None
    if code in _FOR_NOW or (response is not None and (response.status_code in _BUSY or response.status_code >= 500)):
        return Unavailable(said, None if response is None else _wait_ms(response))
    return Refused(said)


def _status(where: str, response: Response) -> Exception:
    """What a status without an answer in JSON means: a gateway's page is no word of the provider's."""
    said = f"{where} answered {response.status_code} {response.reason_phrase}".rstrip()
    if response.status_code in (400, 401):
        return Refused(said)
    return Unavailable(said, _wait_ms(response))


def _wait_ms(response: Response) -> int | None:
    text = response.headers.get("Retry-After", "")
    return int(text) * 1000 if text.isdecimal() and len(text) < 6 else None


def _tokens(token: Any, where: str, now_ms: int) -> Tokens:
    access = token.get("access_token")
    if not isinstance(access, str) or not access:
        raise Unavailable(f"{where} answered without an access token")
    lives = token.get("expires_in")
    try:
        seconds = None if lives is None else float(lives)
    except (TypeError, ValueError):
        seconds = None
    refresh, scope = token.get("refresh_token"), token.get("scope")
    return Tokens(
        access,
        refresh if isinstance(refresh, str) and refresh else None,
        None if seconds is None else now_ms + round(seconds * 1000),
        scope if isinstance(scope, str) else None,
    )
