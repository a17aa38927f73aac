"""The connections of a store, opened when the first of them is used and closed with what used them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headgate.api.place import Place
from headgate.api.site import Site
from headgate.runtime.store import Owner, Store
from headgate.runtime.vault import Vault
from headgate.workspace import Workspace

STORE_VARIABLE = "HEADGATE_STORE"


@contextmanager
def vault_of(site: Site) -> Iterator[Callable[[], Vault]]:
    """Gives what opens the vault of a site, once; the store is made when it is missing.

    Opening raises `NothingStarted` for a store that cannot be used.
    """
    opened: list[tuple[Vault, Store, Owner]] = []

    def vault() -> Vault:
        if not opened:
            store = site.open_store()
            owner = Owner(store.locks)
            opened.append((Vault(store, site.keys, site.clock, owner.name), store, owner))
        return opened[0][0]

    try:
        yield vault
    finally:
        for _, store, owner in opened:
            owner.release()
            store.close()


@contextmanager
def vault_beside(workspace: Workspace) -> Iterator[Callable[[], Vault]]:
    """As `vault_of`, for who knows no more than the workspace: its own store, or the one that HEADGATE_STORE names."""
    with vault_of(Site(Place(workspace.root or Path.cwd(), os.environ.get(STORE_VARIABLE)))) as vault:
        yield vault
