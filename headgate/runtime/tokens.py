"""One-time tokens: signed with the store's key, shown to the one who may use them, and kept only as a digest.

A token says itself what it is for, so that nothing has to be looked up before its signature is checked. The same
occasion gives the same token: whoever holds the key can show it again, and nobody has to keep it.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import StrEnum
from hashlib import sha256

from headgate.records import NamedTuple
from headgate.runtime.keys import Keys

_MARK = "hg1"
_SIGNATURE_BYTES = 32


class Purpose(StrEnum):
    CALLBACK = "callback"
    LINK = "link"


class Token(NamedTuple):
    """What a token is for. `about` is an attempt's number, or an approval's id; `person` decides by a link.

    `expires_at` is UTC in ms, None for never.
    """

    purpose: Purpose
    run: str
    step: str
    about: int | str
    expires_at: int | None
    person: str | None = None


class TokenFault(Exception):  # noqa: N818 - it is the fault of a token
    """The text is no token of this store: damaged, or signed by another. One sentence for a person."""


def issue(keys: Keys, token: Token) -> str:
    """The text of a token. Raises `KeyFault`."""
    said = [token.purpose.value, token.run, token.step, token.about, token.expires_at, token.person]
    content = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    signature = keys.sign(f"token/{token.purpose.value}", content)
    return f"{_MARK}.{_encode(content)}.{_encode(signature)}"


def read(keys: Keys, text: str) -> Token:
    """What the text of a token stands for. Raises `TokenFault`, and `KeyFault`."""
    try:
        mark, content, signature = text.strip().split(".")
        said, signed = _decode(content), _decode(signature)
        purpose, run, step, about, expires_at, person = json.loads(said)
        token = Token(Purpose(purpose), str(run), str(step), about, expires_at, person)
    except (ValueError, TypeError):
        raise TokenFault("this is no token of headgate, or a part of it is missing") from None
    if mark != _MARK or len(signed) != _SIGNATURE_BYTES:
        raise TokenFault("this is no token of headgate, or a part of it is missing")
    if not keys.verify(f"token/{token.purpose.value}", said, signed):
        raise TokenFault("the token was changed, or another store made it: its signature is not this store's")
    return token


def digest(text: str) -> str:
    """What is kept of a token: `sha256:` of its text."""
    return "sha256:" + sha256(text.strip().encode("utf-8", "surrogatepass")).hexdigest()


def _encode(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """Raises ValueError for what is not the one way to write these bytes."""
    content = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if _encode(content) != text:
        raise ValueError("not canonical")
    return content
