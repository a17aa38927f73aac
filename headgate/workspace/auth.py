"""How a connection proves itself: what each kind of `auth` needs and takes, as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headgate.diagnostics import nearest
from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple


class AuthKind(NamedTuple):
    """`needs` one of each group; `takes` more, each at will."""

    needs: tuple[tuple[str, ...], ...]
    takes: tuple[str, ...]


AUTH_KINDS: Final[dict[str, AuthKind]] = {
    # tokens of an OAuth 2 provider, refreshed ahead of their end
    "oauth2": AuthKind(
        (("token_url",), ("client_id",)),
        (
            "grant",
            "authorize_url",
            "revoke_url",
            "redirect_uri",
            "scopes",
            "client_secret",
            "client_auth",
            "authorize_params",
            "token_params",
        ),
    ),
    # a key in a header field or in the query
    "api_key": AuthKind((("value",),), ("header", "query", "prefix")),
    "basic": AuthKind((("user",), ("password",)), ()),
    # a token that does not change
    "bearer": AuthKind((("token", "value"),), ()),
}


def auth_faults(declared: JsonObject) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with the `auth` of a file's connections, here and in environments: the keys and a sentence each."""
    yield from _of_section((), declared.get("connections"))
    environments = declared.get("environments")
    for name, environment in environments.items() if isinstance(environments, dict) else ():
        section = environment.get("connections") if isinstance(environment, dict) else None
        yield from _of_section(("environments", name), section)


def _of_section(place: tuple[str, ...], section: Json) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, connection in section.items() if isinstance(section, dict) else ():
        auth = connection.get("auth") if isinstance(connection, dict) else None
        if isinstance(auth, dict):
            keys = (*place, "connections", name, "auth")
            for message in _of_auth(".".join(keys), auth):
                yield keys, message


def _of_auth(named: str, auth: JsonObject) -> Iterator[str]:
    kind = str(auth.get("kind"))
    rules = AUTH_KINDS[kind]
    known = ("kind", *(key for group in rules.needs for key in group), *rules.takes)
    for key in auth:
        if key not in known:
            guess = nearest(key, known)
            hint = f"did you mean `{guess}`?" if guess else f"it takes {', '.join(f'`{each}`' for each in known[1:])}"
            yield f"`{named}`: `{key}` says nothing to a connection of kind `{kind}`; {hint}"
    for group in rules.needs:
        if not any(key in auth for key in group):
            yield f"`{named}` needs `{'` or `'.join(group)}`: a connection of kind `{kind}` has none without"
    if auth.get("grant") == "authorization_code" and "authorize_url" not in auth:
        yield f"`{named}` needs `authorize_url`: that is where somebody allows an `authorization_code`"
    if "header" in auth and "query" in auth:
        yield f"`{named}` has both `header` and `query`; expected one of them"
    if auth.get("client_auth") in ("basic", "post") and "client_secret" not in auth:
        yield f"`{named}` needs `client_secret`: `client_auth` says how it is sent"
