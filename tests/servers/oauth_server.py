"""A real OAuth 2 provider on loopback, by Authlib's server side: `with oauth_server() as provider`.

| path | does |
|---|---|
| `/authorize` | agrees at once and redirects with a code; denies when `provider.denies` |
| `/token` | codes with PKCE, refresh tokens that rotate, client credentials |
| `/revoke` | gives a token up |
| `/api/...` | 200 with a token that lives, else 401; `/api/forbidden` 403 always |

Clients: `shop` with the secret `shop-secret`, and `public` without one. What it should do wrong is set on the provider.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit

from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge


class Client(ClientMixin):
    def __init__(self, name: str, secret: str | None) -> None:
        self.client_id = name
        self.client_secret = secret
        self.scope = "read write"

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(each for each in (scope or "").split() if each in self.scope.split())

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri.startswith("http://127.0.0.1")

    def check_client_secret(self, client_secret: str) -> bool:
        return self.client_secret is not None and secrets.compare_digest(self.client_secret, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method == "none") == (self.client_secret is None)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("authorization_code", "refresh_token", "client_credentials")


class Code(AuthorizationCodeMixin):
    def __init__(self, request: OAuth2Request, code: str) -> None:
        self.code = code
        self.client_id = request.client.client_id
        self.redirect_uri = request.payload.redirect_uri
        self.scope = request.payload.scope
        self.user = request.user
        self.code_challenge = request.payload.data.get("code_challenge")
        self.code_challenge_method = request.payload.data.get("code_challenge_method")

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


class Token(TokenMixin):
    def __init__(self, token: dict[str, object], client: Client, user: str | None) -> None:
        self.access = str(token["access_token"])
        self.refresh = token.get("refresh_token")
        self.scope = token.get("scope") or ""
        self.dies = time.monotonic() + float(token["expires_in"])  # type: ignore[arg-type]
        self.client = client
        self.user = user
        self.revoked = False

    def check_client(self, client: Client) -> bool:
        return client is self.client

    def get_scope(self) -> str:
        return str(self.scope)

    def get_expires_in(self) -> int:
        return round(self.dies - time.monotonic())

    def is_expired(self) -> bool:
        return time.monotonic() >= self.dies

    def is_revoked(self) -> bool:
        return self.revoked

    def get_client(self) -> Client:
        return self.client

    def get_user(self) -> str | None:
        return self.user


class CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        self.server.provider.codes[code] = Code(request, code)

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return self.server.provider.codes.get(code)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        self.server.provider.codes.pop(authorization_code.code, None)

    def authenticate_user(self, authorization_code: Code) -> str:
        return authorization_code.user


class RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        """A refresh token that was used before is a thief's: all that came of it ends, as RFC 9700 says."""
        provider = self.server.provider
        with provider.lock:
            provider.used[refresh_token] += 1
            token = next((each for each in provider.tokens if each.refresh == refresh_token), None)
            if token is not None and token.revoked:
                provider.revoke_all()
            return None if token is None or token.revoked else token

    def authenticate_user(self, refresh_token: Token) -> str | None:
        return refresh_token.user

    def revoke_old_credential(self, refresh_token: Token) -> None:
        if self.server.provider.rotates:
            refresh_token.revoked = True


class ClientGrant(grants.ClientCredentialsGrant):
    pass


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        return next((each for each in self.server.provider.tokens if token_string in (each.access, each.refresh)), None)

    def revoke_token(self, token: Token, request: OAuth2Request) -> None:
        token.revoked = True


class Authority(AuthorizationServer):
    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self.provider = provider
        self.register_grant(CodeGrant, [CodeChallenge(required=True)])
        self.register_grant(RefreshGrant)
        self.register_grant(ClientGrant)
        self.register_endpoint(Revocation)
        self.register_token_generator("default", BearerTokenGenerator(self._access, self._refresh, self._lifetime))

    def _access(self, **_: object) -> str:
        return f"access-canary-{secrets.token_urlsafe(24)}"

    def _refresh(self, **_: object) -> str:
        return f"refresh-canary-{secrets.token_urlsafe(24)}"

    def _lifetime(self, client: Client, grant_type: str) -> float:
        return self.provider.lifetime

    def query_client(self, client_id: str) -> Client | None:
        return self.provider.clients.get(client_id)

    def save_token(self, token: dict[str, object], request: OAuth2Request) -> None:
        with self.provider.lock:
            self.provider.tokens.append(Token(token, request.client, request.user))

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: object, headers: list[tuple[str, str]]) -> tuple[int, object, object]:
        return status, body, headers


class Request(OAuth2Request):
    """`form` and `args` of a request of the host below."""

    def __init__(self, method: str, url: str, form: dict[str, str], headers: dict[str, str]) -> None:
        super().__init__(method, url.replace("http://", "https://", 1), None, headers)
        self._args = dict(parse_qsl(urlsplit(url).query))
        self._form = form
        self.payload = BasicOAuth2Payload({**self._args, **form})

    @property
    def args(self) -> dict[str, str]:
        return self._args

    @property
    def form(self) -> dict[str, str]:
        return self._form


class Provider(ThreadingHTTPServer):
    """`lifetime` of its tokens in seconds; `failing` answers of the token endpoint are given instead: a status, a page.

    `slow` seconds pass before `/token` answers. `grants` counts what was asked for, `calls` lists what reached the API,
    `used` counts the refresh tokens that came.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.RLock()
        self.clients = {"shop": Client("shop", "shop-secret"), "public": Client("public", None)}
        self.codes: dict[str, Code] = {}
        self.tokens: list[Token] = []
        self.lifetime = 3600.0
        self.rotates = True
        self.denies = False
        self.slow = 0.0
        self.failing: list[tuple[int, str]] = []
        self.grants: Counter[str] = Counter()
        self.used: Counter[str] = Counter()
        self.calls: list[tuple[str, str]] = []
        self.authority = Authority(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def revoke_all(self) -> None:
        """The user took it back."""
        for token in self.tokens:
            token.revoked = True

    def expire_all(self) -> None:
        """Access tokens end; refresh tokens live on."""
        for token in self.tokens:
            token.dies = 0.0

    def auth(self, grant: str = "authorization_code", **more: str) -> str:
        """`auth` of headgate.toml for a client of this provider."""
        settings = {
            "kind": '"oauth2"',
            "grant": f'"{grant}"',
            "token_url": f'"{self.url}/token"',
            "revoke_url": f'"{self.url}/revoke"',
            "client_id": '"shop"',
            "client_secret": '{ env = "SHOP_SECRET" }',
            "scopes": '["read"]',
        }
        if grant == "authorization_code":
            settings["authorize_url"] = f'"{self.url}/authorize"'
        return "{ " + ", ".join(f"{key} = {value}" for key, value in {**settings, **more}.items()) + " }"

    def handle_error(self, _request: object, _address: object) -> None:
        """A client that goes away is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._answer_any()

    def do_POST(self) -> None:
        self._answer_any()

    def _answer_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        path = urlsplit(self.path).path
        form = {name: values[-1] for name, values in parse_qs(body).items()} if path in ("/token", "/revoke") else {}
        request = Request(self.command, self.server.url + self.path, form, dict(self.headers.items()))
        if path == "/authorize":
            self._authorize(request)
        elif path == "/token":
            self._token(request)
        elif path == "/revoke":
            self._send(*self.server.authority.create_endpoint_response("revocation", request))
        else:
            self._api(path)

    def _authorize(self, request: Request) -> None:
        authority = self.server.authority
        try:
            grant = authority.get_consent_grant(request, end_user="ann")
        except OAuth2Error as error:
            self._send(*authority.handle_error_response(request, error))
            return
        user = None if self.server.denies else "ann"
        self._send(*authority.create_authorization_response(request, grant_user=user, grant=grant))

    def _token(self, request: Request) -> None:
        provider = self.server
        with provider.lock:
            provider.grants[str(request.form.get("grant_type"))] += 1
            failing = provider.failing.pop(0) if provider.failing else None
        if provider.slow:
            threading.Event().wait(provider.slow)
        if failing is not None:
            kind = "application/json" if failing[1].startswith("{") else "text/html"
            self._send(failing[0], failing[1], [("Content-Type", kind)])
        else:
            self._send(*provider.authority.create_token_response(request))

    def _api(self, path: str) -> None:
        sent = self.headers.get("Authorization", "")
        self.server.calls.append((path, sent))
        token = next((each for each in self.server.tokens if f"Bearer {each.access}" == sent), None)
        if token is None or token.revoked or token.is_expired():
            self._send(401, {"error": "invalid_token"}, [("WWW-Authenticate", 'Bearer error="invalid_token"')])
        elif path.endswith("/forbidden"):
            self._send(403, {"error": "not yours"}, [])
        else:
            self._send(200, {"path": path, "sent": sent}, [])

    def _send(self, status: int, body: object, headers: object) -> None:
        content = body if isinstance(body, str) else json.dumps(body or {})
        fields = dict(headers)  # type: ignore[call-overload]
        self.send_response(status)
        self.send_header("Content-Type", fields.pop("Content-Type", "application/json"))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content.encode())))
        self.end_headers()
        self.wfile.write(content.encode())


@contextmanager
def oauth_server() -> Iterator[Provider]:
    provider = Provider()
    thread = threading.Thread(target=provider.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.shutdown()
        provider.server_close()
        thread.join()
