"""What an environment binds names to: secrets, instances, models; resolved when a step is dispatched, never in a plan."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from headgate.runtime.clock import Clock, SystemClock

if TYPE_CHECKING:
    from headgate.plan import Json, JsonObject
    from headgate.runtime.errors import StepError
    from headgate.workspace import Workspace


class Closable(Protocol):
    """Something that lives as long as the world: a session, a client, a pool of children."""

    async def close(self) -> None: ...


_C = TypeVar("_C", bound=Closable)


class World:
    """One environment's bindings and the live things that steps of one driver share. Belongs to one event loop."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        environ: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.workspace = workspace
        self.environ = os.environ if environ is None else environ
        self.clock = SystemClock() if clock is None else clock
        self._live: dict[str, Closable] = {}

    @property
    def root(self) -> Path:
        """The workspace's folder, or the current one without a workspace file."""
        return self.workspace.root or Path.cwd()

    def secret(self, name: str) -> str:
        """The value; raises `StepFailure` (CONFIG_INVALID) with the sentence that says where it should be."""
        raise NotImplementedError

    def bind(self, value: Json) -> Json:
        raise NotImplementedError

    def mask(self, value: Json) -> Json:
        raise NotImplementedError

    def mask_error(self, error: StepError) -> StepError:
        raise NotImplementedError

    def missing(self, requires: JsonObject) -> list[str]:
        """One sentence for each binding of the plan that this machine lacks."""
        raise NotImplementedError

    def binding_digest(self, kind: str, value: JsonObject) -> str | None:
        """`sha256:` of the binding that an attempt of this kind with this input uses; None when it uses none."""
        raise NotImplementedError

    def live(self, key: str, make: Callable[[], _C]) -> _C:
        """The thing kept under this key, made when first asked for and closed with the world."""
        raise NotImplementedError

    def forget(self, key: str) -> None:
        """Drops a thing that is of no more use; the next asker gets a new one."""
        self._live.pop(key, None)

    async def close(self) -> None:
        live, self._live = self._live, {}
        await asyncio.gather(*(thing.close() for thing in live.values()), return_exceptions=True)
