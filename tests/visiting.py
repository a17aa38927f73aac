"""A browser that somebody sits before, for tests: it opens the address and follows where it is led."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from pathlib import Path

from headgate.api import connecting
from headgate.api.authorizing import Person
from headgate.api.connecting import Reconnected
from headgate.api.place import Driving, Place


def visit(url: str) -> str:
    """What the browser shows at the end."""
    try:
        with urllib.request.urlopen(url, timeout=20) as page:
            return str(page.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()


def visitor(told: list[str] | None = None) -> Person:
    """Somebody who opens what they are told to open."""
    said = [] if told is None else told
    return Person(said.append, lambda url: threading.Thread(target=visit, args=(url,)).start(), None, 20.0)


def authorize(
    folder: Path, name: str, *, actor: str = "ann", detach: bool = False, env: str | None = None
) -> Reconnected:
    """`headgate reconnect NAME` by a visitor."""
    return connecting.reconnect(name, Place(folder, None, env, actor), visitor(), Driving(None, detach))
