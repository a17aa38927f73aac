"""An open store and a driver on it, for as long as one act takes."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import Coroutine, Mapping
from contextlib import AbstractContextManager, suppress
from types import TracebackType

from headgate.api.callees import CalleeFinder
from headgate.api.faults import UsageFault
from headgate.api.place import Driving
from headgate.api.site import Site
from headgate.plan import JsonObject, PlanIntegrity
from headgate.runtime.children import Caller
from headgate.runtime.connections import World
from headgate.runtime.errors import StoreError
from headgate.runtime.executor import Executor, Services
from headgate.runtime.limiting import Limiter
from headgate.runtime.patience import Patience
from headgate.runtime.status import RunStatus
from headgate.runtime.store import Owner, Store
from headgate.runtime.vault import Vault
from headgate.runtime.view import run_view
from headgate.runtime.workflow_status import WorkflowStatus

VIEW_SECONDS = 0.1
LEAVE_SECONDS = 1.0
MOVES_WHEN_DRIVEN = frozenset(
    {
        RunStatus.QUEUED,
        RunStatus.STARTING,
        RunStatus.RUNNING,
        RunStatus.INTERRUPTED,
        RunStatus.DRAINING,
        RunStatus.CANCELLING,
        RunStatus.STALLED,
    }
)
"""A run in another status moves when a timer is due or somebody acts."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Session(AbstractContextManager["Session"]):
    """Leads runs of one store. Its leases and its lock are given up at the end, whatever happens."""

    def __init__(self, site: Site, store: Store, driving: Driving) -> None:
        self.site = site
        self.store = store
        self.interrupted = False
        self._driving = driving
        self._worlds: dict[str | None, World] = {}
        self._watched: str | None = None
        self._shown_at = 0.0
        self._view_due: asyncio.TimerHandle | None = None
        self._owner = Owner(store.locks)
        self.callees = CalleeFinder(site, store.read)
        self.executor = Executor(
            store,
            self._owner,
            Services(
                worlds=self.world,
                clock=site.clock,
                callees=self.callees.find,
                output_schema=site.output_schema,
                people=site.workspace.people,
                changed=self._show,
                dispatching=self.dispatching,
                keys=site.keys,
                limiter=Limiter(store, site.workspace.limits, self._price),
            ),
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """A store that fails now has lost nothing: leases without their owner's lock are anybody's."""
        with suppress(StoreError):
            self.executor.release()
        self._owner.release()
        self.store.close()

    def world(self, environment: str | None) -> World:
        """The bindings of an environment, kept for the session."""
        world = self._worlds.get(environment)
        if world is None:
            workspace = self.site.in_environment(environment)
            world = self._worlds[environment] = World(
                workspace, clock=self.site.clock, keys=self.site.keys, vault=self._vault
            )
        return world

    def dispatching(self, workflow: str) -> bool:
        """Whether a workflow lets runs start that are due; those of one that is paused for safety are held then."""
        row = self.store.read.workflow(workflow)
        return row is None or row.status in (WorkflowStatus.PUBLISHED, WorkflowStatus.PAUSED_SAFETY)

    def _price(self, environment: str | None, kind: str, asked: JsonObject) -> Mapping[str, float] | None:
        """The price of the model that a step asks, itself or by its agent."""
        workspace = self.world(environment).workspace
        name = asked.get("model")
        if kind == "agent":
            agent = workspace.agents.get(str(asked.get("agent")))
            name = None if agent is None else agent.model
        found = workspace.models.get(name) if isinstance(name, str) else None
        return None if found is None else found.price

    def _vault(self) -> Vault:
        return Vault(self.store, self.site.keys, self.site.clock, self._owner.name)

    def lead(self, root: str) -> bool:
        """Takes a family of runs; False while another process drives it. Raises `DamagedLog` and `StoreError`."""
        return self.executor.fleet.take(root, self.site.clock.now_ms())

    def look_at_limits(self) -> None:
        """Asks the runs to go on that a limit held and holds no longer. Raises `StoreError`."""
        self.executor.fleet.turnstile.look_again(self.site.clock.now_ms())

    def leaves_at_rest(self, root: str, patience: Patience) -> bool:
        """Whether nothing of a family is due, so that it need not be led: its driver then looks at it when it is, if
        `patience` waits for that, or when an act on it is asked for.
        """
        read, now = self.store.read, self.site.clock.now_ms()
        rows = [row for row in read.family(root) if row.ended_at is None]
        if not rows or read.lease_holder(root) is not None or any(read.is_asked(row.id) for row in rows):
            return False
        if any(row.status in MOVES_WHEN_DRIVEN or (row.wake_at or now + 1) <= now for row in rows):
            return False
        try:
            for row in rows:
                self.executor.fleet.shelf.plan(row.plan_digest)
        except PlanIntegrity:
            return False  # its driver says so
        waited = [row.wake_at for row in rows if row.wake_at is not None and row.status != RunStatus.PAUSED]
        wake = min(waited, default=None)
        if wake is not None and patience.until is not None and wake > patience.until:
            wake = None
        self.executor.parking.park(root, wake)
        return True

    def let_go(self, root: str) -> None:
        """Gives a family back without driving it."""
        self.executor.let_go(root)

    def lacking(self, root: str) -> tuple[str, ...]:
        """A sentence for each binding that a family's plans require and this machine lacks."""
        sentences: dict[str, None] = {}
        for driven in self.executor.fleet.family(root):
            try:
                world = self.world(driven.state.environment)
            except UsageFault as fault:
                sentences[fault.message] = None
                continue
            for plan in self.callees.closure(Caller(driven.plan, driven.state.version is not None)):
                sentences.update(dict.fromkeys(world.missing(plan.requires)))
        return tuple(sentences)

    def drive(self, watched: str | None, patience: Patience) -> None:
        """Drives what the executor leads until it rests; `watched` is the run that is shown as it changes.

        A first SIGINT or SIGTERM puts down what is in flight and returns; `interrupted` then says so.
        """
        self._watched = watched
        _run(self._drive(patience))

    async def _drive(self, patience: Patience) -> None:
        loop = asyncio.get_running_loop()
        caught = _SIGNALS if threading.current_thread() is threading.main_thread() else ()
        for number in caught:
            loop.add_signal_handler(number, self._stop, loop)
        freezing = loop.call_soon(gc.freeze)  # plans and states stay: no look for garbage goes through them again
        try:
            await self.executor.drive(patience)
        finally:
            freezing.cancel()
            gc.unfreeze()
            for number in caught:
                loop.remove_signal_handler(number)
            if self._view_due is not None:
                self._view_due.cancel()
                self._view_due = None
            worlds, self._worlds = self._worlds, {}
            for world in worlds.values():
                await world.close()

    def _stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """The second signal is no longer caught: who is in a hurry gets out."""
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
        self.interrupted = True
        self.executor.stop()

    def _show(self, run: str) -> None:
        """Shows the watched run now, or a moment later when it was shown just before."""
        if self._driving.on_change is None or run != self._watched or self._view_due is not None:
            return
        wait = self._shown_at + VIEW_SECONDS - self.site.clock.monotonic()
        if wait <= 0:
            self._show_now()
        else:
            self._view_due = asyncio.get_running_loop().call_later(wait, self._show_now)

    def _show_now(self) -> None:
        self._view_due = None
        self._shown_at = self.site.clock.monotonic()
        driven = None if self._watched is None else self.executor.fleet.runs.get(self._watched)
        if driven is not None and self._driving.on_change is not None:
            self._driving.on_change(run_view(driven.state))


def _run(main: Coroutine[object, object, None]) -> None:
    """As `asyncio.run`, but a task that does not heed its cancellation is left behind after a moment."""
    loop = asyncio.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(main)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=LEAVE_SECONDS))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.set_exception_handler(lambda _loop, _context: None)  # nobody needs to hear that it was left
        asyncio.set_event_loop(None)
        loop.close()
