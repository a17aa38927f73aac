"""The workspace and the store that an act is about: found, read, and opened when they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headgate import workspace as workspaces
from headgate.api.faults import NothingStarted, UsageFault
from headgate.api.place import Place
from headgate.plan import JsonObject, PlanStep
from headgate.runtime.clock import Clock, SystemClock
from headgate.runtime.errors import DamagedLog, KeyFault, StoreError
from headgate.runtime.keys import FILE_NAME, MARK_NAME, Keys
from headgate.runtime.sealing import opener
from headgate.runtime.store import Reader, Store, reader_of
from headgate.workspace import EMPTY, LOCK_NAME, Lock, LockDamaged, Workspace

STATE_FOLDER = ".headgate"
STORE_NAME = "headgate.db"
_SQLITE = ("sqlite:///", "sqlite:")


class Site:
    """One workspace with its lock and its store, read once. Raises `UsageFault` for a workspace at fault."""

    def __init__(self, place: Place, near: Path | None = None) -> None:
        """`near` is a file whose workspace goes before the one of the place's folder."""
        self.place = place
        self.clock: Clock = SystemClock()
        file = (None if near is None else workspaces.find(near)) or workspaces.find(place.folder)
        self.base = EMPTY if file is None else _load(file)
        self.root = place.folder if file is None else file.parent
        self._environments: dict[str | None, Workspace] = {}
        self._lock: Lock | None = None
        self._keys: Keys | None = None
        self.environment = place.environment
        self.workspace = self.in_environment(place.environment)

    def in_environment(self, name: str | None) -> Workspace:
        """The workspace with the overrides of an environment; raises `UsageFault` for one that it does not have."""
        found = self._environments.get(name)
        if found is None:
            if name is not None and name not in self.base.environments:
                known = ", ".join(f"`{each}`" for each in self.base.environments) or "none"
                raise UsageFault(f"the workspace has no environment `{name}`: it has {known}")
            found = self.base if name is None else workspaces.for_environment(self.base, name)
            self._environments[name] = found
        return found

    def output_schema(self, step: PlanStep) -> JsonObject | None:
        """The schema that the lock has for the result of an `mcp` step's tool."""
        if step.kind != "mcp":
            return None
        tool = self.lock.instances.get(str(step.config.get("instance")), {}).get(str(step.config.get("tool")))
        return None if tool is None else tool.output_schema

    @property
    def lock(self) -> Lock:
        """The lock beside the workspace file, empty without one; raises `NothingStarted` for a damaged one."""
        if self._lock is None:
            try:
                self._lock = workspaces.load_lock(self.root / LOCK_NAME) or Lock({}, {})
            except LockDamaged as fault:
                raise NothingStarted(str(fault)) from fault
        return self._lock

    @property
    def store_path(self) -> Path:
        """Where the store is, whether it exists or not; raises `UsageFault` for a URL that is no SQLite file."""
        named = self.place.store
        if named is None:
            return self.root / STATE_FOLDER / STORE_NAME
        for scheme in _SQLITE:
            if named.startswith(scheme):
                return Path(named.removeprefix(scheme))
        if "://" in named:
            raise UsageFault(f"the store `{named}` is of a kind this headgate does not know: name a SQLite file")
        return self.place.folder / named

    @property
    def keys(self) -> Keys:
        """What signs and seals for this store; its key is looked for when it is first used.

        A store that stands elsewhere and has no key of its own, as a backup, is the workspace's.
        """
        if self._keys is None:
            folder, home = self.store_path.parent, self.root / STATE_FOLDER
            own = (folder / FILE_NAME).exists() or (folder / MARK_NAME).exists()
            self._keys = Keys(folder if own or not (home / MARK_NAME).exists() else home)
        return self._keys

    @property
    def stands_elsewhere(self) -> bool:
        """Whether an act from the place's own folder would look for another store than this one."""
        return self.place.store is None and self.root != Site(self.place).root

    def open_store(self) -> Store:
        """The store, made when it is missing; raises `NothingStarted` with why it cannot be used."""
        path = self.store_path
        try:
            if self.place.store is None:
                _make_state_folder(path.parent)
            store = Store(path)
        except StoreError as fault:
            raise NothingStarted(str(fault)) from fault
        store.read.unseal = opener(self.keys)
        store.read.opening = self.keys.open
        return store

    def open_reader(self) -> Reader | None:
        """The store for reading, None when nothing ever ran; raises `NothingStarted` as above."""
        try:
            reader = reader_of(self.store_path) if self.store_path.parent.is_dir() or self.place.store else None
        except StoreError as fault:
            raise NothingStarted(str(fault)) from fault
        if reader is not None:
            reader.unseal = opener(self.keys)
            reader.opening = self.keys.open
        return reader

    @contextmanager
    def reading(self) -> Iterator[Reader | None]:
        """The store for reading, None when nothing ever ran; closed at the end, whatever happens.

        Raises `NothingStarted` as above, also for what makes no sense inside.
        """
        read = self.open_reader()
        try:
            with translated():
                yield read
        finally:
            if read is not None:
                read.close()

    def existing_store(self) -> Store:
        """The store of a run that exists; raises `NothingStarted` when there is none."""
        if not self.store_path.exists():
            raise NothingStarted(f"there is no store at `{self.store_path}`: nothing has run here yet")
        return self.open_store()


def find_run(read: Reader, prefix: str) -> str:
    """The id of the run that `prefix` names; raises `NothingStarted` for none or several."""
    found = read.runs_by_prefix(prefix) if prefix else []
    if not found:
        raise NothingStarted(f"NO_SUCH_RUN: there is no run `{prefix}`: `headgate runs` lists them")
    if len(found) > 1 and prefix.upper() not in found:
        raise NothingStarted(f"`{prefix}` begins the ids of several runs: {', '.join(found)}; give more of it")
    return found[0]


def _load(file: Path) -> Workspace:
    workspace, faults = workspaces.load(file)
    if faults:
        first = faults[0]
        line = "" if first.line is None else f":{first.line}"
        raise UsageFault(f"{file}{line}: {first.message}")
    return workspace


def _make_state_folder(folder: Path) -> None:
    """What runs leave behind is nobody's to commit."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)  # it holds what runs were given
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise NothingStarted(f"the folder `{folder}` for the store cannot be made: {error.strerror}") from error


@contextmanager
def translated() -> Iterator[None]:
    """Raises `NothingStarted` for a store or a key that cannot be used and for a log that makes no sense."""
    try:
        yield
    except (StoreError, KeyFault, DamagedLog) as fault:
        raise NothingStarted(str(fault)) from fault
