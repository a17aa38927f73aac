"""The operating system's own store of secrets, by the optional package `keyring`."""

from __future__ import annotations

SERVICE = "headgate"


class KeyringMissing(Exception):  # noqa: N818 - it names a state
    """The keyring of this machine cannot be asked; the message says why and what to do."""


def read(name: str) -> str | None:
    """The secret under `SERVICE/NAME`, or NAME of the service `headgate`; None when there is none.

    Raises `KeyringMissing` with one sentence when the package or the system's keyring is missing or locked.
    """
    try:
        import keyring
        from keyring.errors import KeyringError, NoKeyringError
    except ImportError:
        message = "the package `keyring` is not installed: `pip install 'headgate[keyring]'`"
        raise KeyringMissing(message) from None
    service, _, entry = name.rpartition("/")
    try:
        return keyring.get_password(service or SERVICE, entry)
    except NoKeyringError:
        message = "this machine has no keyring that can be asked (`keyring diagnose` tells more)"
        raise KeyringMissing(message) from None
    except KeyringError as error:
        said = str(error) or type(error).__name__
        raise KeyringMissing(f"the keyring of this machine refuses: {said}") from None


def installed() -> bool:
    """Whether there is a keyring to ask at all, without asking or loading it."""
    from importlib.util import find_spec

    return find_spec("keyring") is not None
