"""A keyring for tests: a JSON file, named by PLAIN_KEYRING, of `service/name` to secret."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend


class PlainKeyring(KeyringBackend):
    priority = 1  # type: ignore[assignment]

    def _book(self) -> Path:
        return Path(os.environ["PLAIN_KEYRING"])

    def _entries(self) -> dict[str, str]:
        return dict(json.loads(self._book().read_text())) if self._book().exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._entries().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._book().write_text(json.dumps({**self._entries(), f"{service}/{username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        entries = self._entries()
        entries.pop(f"{service}/{username}")
        self._book().write_text(json.dumps(entries))
