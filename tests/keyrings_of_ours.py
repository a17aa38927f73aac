"""Which keyring a test's machine has."""

from __future__ import annotations

import importlib
from pathlib import Path

import keyring
import pytest


def use_keyring(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    """The machine's keyring is `backend`, a class by its full name, until the end of the test."""
    module, _, name = backend.rpartition(".")
    before = keyring.get_keyring()
    monkeypatch.setattr("keyring.core._keyring_backend", before)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    keyring.set_keyring(getattr(importlib.import_module(module), name)())


def use_plain_keyring(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """A keyring that is a JSON file; gives the file, which is not there yet."""
    book = folder / "keyring.json"
    monkeypatch.setenv("PLAIN_KEYRING", str(book))
    use_keyring(monkeypatch, "plain_keyring.PlainKeyring")
    return book
