"""The one key of a store: it signs links and tokens, and seals what must not be read from the disk.

The key is a text of 32 characters at least. It comes from `HEADGATE_KEY`; without that from the file `key` beside the
store; without that from the entry `key` of the service `headgate` in the operating system's keyring; and when a store
has never had one, the file is made. A key in a file beside the store protects backups and copies of the database alone,
not a machine that was taken as a whole: to be asked for nothing before the first run is worth that, and
`docs/connections.md` says how to move it out. `key.id` remembers which key it was and where it came from, so that
another key is never taken for it, and a lost one never replaced in silence.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from headgate.records import NamedTuple
from headgate.runtime import os_keyring
from headgate.runtime.errors import KeyFault

ENVIRON = "HEADGATE_KEY"
FILE_NAME = "key"
MARK_NAME = "key.id"
SHORTEST = 32
_FORMAT = b"HGS1"
_ID_BYTES = 4
_NONCE_BYTES = 12


class _Master(NamedTuple):
    """The key itself, as it may never be shown. `id` names it without giving it away, `source` where it came from."""

    secret: bytes
    id: bytes
    source: str


class Keys:
    """Signs and seals, each purpose with a key of its own that is derived from the store's.

    Everything raises `KeyFault` when the store's key is missing, unusable or another than it was.
    """

    __slots__ = ("_environ", "_folder", "_known")

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        """`folder` is the store's; nothing is read or made before the first use."""
        self._folder = folder
        self._environ = os.environ if environ is None else environ
        self._known: _Master | None = None

    def sign(self, purpose: str, content: bytes) -> bytes:
        """The signature of `content`: 32 bytes."""
        return hmac.digest(self._derived("sign", purpose), content, "sha256")

    def verify(self, purpose: str, content: bytes, signature: bytes) -> bool:
        """Whether `signature` is that of `content`, in constant time."""
        return hmac.compare_digest(self.sign(purpose, content), signature)

    def seal(self, purpose: str, content: bytes) -> bytes:
        """`content` encrypted and authenticated; it names the key it takes to open it."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        head = _FORMAT + self._master().id
        nonce = os.urandom(_NONCE_BYTES)
        return head + nonce + AESGCM(self._derived("seal", purpose)).encrypt(nonce, content, head)

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """What was sealed for this purpose. Raises `KeyFault` also when it was changed since."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        start = len(_FORMAT) + _ID_BYTES
        head, nonce, content = sealed[:start], sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :]
        if not head.startswith(_FORMAT) or len(nonce) < _NONCE_BYTES:
            raise KeyFault("what should be opened was not sealed by headgate, or it is damaged")
        master = self._known or self._find(made=False)
        if master is None:
            other = head[len(_FORMAT) :].hex()
            where = self._folder / FILE_NAME
            raise KeyFault(f"it takes the key {other}, and there is none: set `{ENVIRON}`, or put it into `{where}`")
        self._known = master
        if head != _FORMAT + master.id:
            other = head[len(_FORMAT) :].hex()
            raise KeyFault(
                f"this was sealed with the key {other}, and the key of this store is {master.id.hex()} "
                f"(from {_said(master.source, self._folder)}): put the key {other} back to read it"
            )
        try:
            return AESGCM(self._derived("seal", purpose)).decrypt(nonce, content, head)
        except InvalidTag:
            raise KeyFault(
                "what should be opened was changed since it was sealed, or sealed for something else"
            ) from None

    @property
    def source(self) -> str:
        """Where the key comes from, in words."""
        return _said(self._master().source, self._folder)

    def _derived(self, use: str, purpose: str) -> bytes:
        return hmac.digest(self._master().secret, f"headgate/{use}/{purpose}".encode(), "sha256")

    def _master(self) -> _Master:
        if self._known is None:
            self._known = self._find(made=True)
        assert self._known is not None, "a key that is missing is made"
        return self._known

    def _find(self, *, made: bool) -> _Master | None:
        """The store's key; one that it never had is `made`, or None."""
        mark = _read_mark(self._folder / MARK_NAME)
        found = self._given(mark)
        if found is None:
            if mark is not None:
                raise KeyFault(_gone(mark, self._folder))
            if not made:
                return None
            found = _master(_make(self._folder / FILE_NAME), "file", self._folder)
        if mark is not None and mark["id"] != found.id.hex():
            raise KeyFault(_another(mark, found, self._folder))
        if mark is None or mark["from"] != found.source:
            _write_mark(self._folder / MARK_NAME, found)
        return found

    def _given(self, mark: dict[str, str] | None) -> _Master | None:
        """The key that is there; None without one."""
        given = self._environ.get(ENVIRON, "").strip()
        if given:
            return _master(given, "env", self._folder)
        text = _read(self._folder / FILE_NAME)
        if text is not None:
            return _master(text, "file", self._folder)
        wanted = mark is not None and mark["from"] == "keyring"
        if not wanted and not os_keyring.installed():
            return None
        try:
            text = os_keyring.read("key")
        except os_keyring.KeyringMissing as fault:
            if wanted:
                raise KeyFault(f"the key of this store is in the system's keyring, and {fault}") from None
            return None
        return None if text is None else _master(text.strip(), "keyring", self._folder)


def _master(text: str, source: str, folder: Path) -> _Master:
    if len(text) < SHORTEST:
        said = _said(source, folder)
        raise KeyFault(f"{said} holds a key that is too short: expected {SHORTEST} characters at least, all random")
    secret = hmac.digest(text.encode(), b"headgate/master", "sha256")
    return _Master(secret, hmac.digest(secret, b"headgate/id", "sha256")[:_ID_BYTES], source)


def _said(source: str, folder: Path) -> str:
    if source == "env":
        return f"the environment variable `{ENVIRON}`"
    return f"the file `{folder / FILE_NAME}`" if source == "file" else "the system's keyring (service `headgate`)"


def _gone(mark: dict[str, str], folder: Path) -> str:
    return (
        f"the key of this store is missing: it was the key {mark['id']} from {_said(mark['from'], folder)}; put it "
        f"back, or remove `{folder / MARK_NAME}` to begin with a new one, which cannot read what the old one sealed"
    )


def _another(mark: dict[str, str], found: _Master, folder: Path) -> str:
    return (
        f"{_said(found.source, folder)} holds the key {found.id.hex()}, and the key of this store is {mark['id']}, "
        f"which came from {_said(mark['from'], folder)}; put that one back, or remove `{folder / MARK_NAME}` to go on "
        "with this one, which cannot read what the old one sealed"
    )


def _read(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(4096).strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise KeyFault(f"the key in `{path}` cannot be read: {reason}") from None
    if mode & 0o077:
        raise KeyFault(f"others may read the key in `{path}`: make it yours alone with `chmod 600 {path}`")
    return text


def _make(path: Path) -> str:
    """A new key in a file that is whole as soon as it is there; another process's, when that was first."""
    text = secrets.token_urlsafe(32)
    draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, text.encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise KeyFault(f"a key for this store cannot be written to `{path}`: {error.strerror}") from error
    made = _read(path)
    assert made is not None, "a key that was just made is there"
    return made


def _read_mark(path: Path) -> dict[str, str] | None:
    try:
        mark = json.loads(path.read_text("utf-8"))
        return {"id": str(mark["id"]), "from": str(mark["from"])}
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise KeyFault(
            f"`{path}` cannot be read: it names the key of this store; remove it when the key is in its place"
        ) from None


def _write_mark(path: Path, master: _Master) -> None:
    """Written whole or not at all; a folder that takes none loses a warning, and no secret."""
    draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    with suppress(OSError):
        draft.touch(0o600)
        draft.write_text(json.dumps({"id": master.id.hex(), "from": master.source}) + "\n", encoding="utf-8")
        draft.replace(path)
