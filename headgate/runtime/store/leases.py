"""Who is alive: each process that drives runs holds an operating system lock, which dies with it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from headgate.runtime.errors import StoreError

LEASE_MS = 30_000
RENEW_SECONDS = 8.0


class Owner:
    """A driver, which is this process: a name, and a lock on `locks/<name>` beside the store for as long as it lives.

    The kernel drops the lock when the process ends, however it ends; so another process on this machine takes its
    leases at once, and never while it lives. A process of another machine is believed until its lease expires.
    """

    __slots__ = ("_descriptor", "_path", "name")

    def __init__(self, locks: Path) -> None:
        self.name = f"{_machine()}-{os.getpid()}-{os.urandom(4).hex()}"
        self._path = locks / self.name
        try:
            locks.mkdir(parents=True, exist_ok=True)
            self._descriptor: int | None = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"the folder `{locks}` cannot be written: {error.strerror}") from error
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> None:
        """Gives the lock up and removes its file; twice is once."""
        if self._descriptor is None:
            return
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None


def is_gone(locks: Path, owner: str) -> bool:
    """True when `owner` was a process of this machine and has ended."""
    if not owner.startswith(_machine() + "-"):
        return False
    path = locks / owner
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def _machine() -> str:
    name = os.uname().nodename
    return "".join(letter if letter.isalnum() else "_" for letter in name) or "here"
