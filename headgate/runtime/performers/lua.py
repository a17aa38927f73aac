"""Runs a script in a killable child: no limit inside a process holds against Lua, a signal from outside does."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.runtime.errors import ErrorClass, StepError, StepFailure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from headgate.plan import Json, JsonObject
    from headgate.runtime.connections import World
    from headgate.runtime.performers import Attempt

_CHILD = Path(__file__).with_name("lua_child.py")
_AT_ONCE = 8
_KEPT = 4
_REPLY_LIMIT = 9 << 20
_DEFAULT_SECONDS = 60.0
_UNSEEN = frozenset({"secrets", "trigger", "run", "failure", "steps", "args"})
_MENTION = re.compile(r"""\bsteps\b(?:\s*\.\s*([A-Za-z_]\w*)|\s*\[\s*(?:"(\w+)"|'(\w+)')\s*\])?""")


class Performance:
    """Performs `lua`."""

    async def perform(self, attempt: Attempt, world: World) -> Json:
        """What the script returned; raises `StepFailure`: LUA_FAILED, or STEP_TIMED_OUT, both permanent.

        A script that ran too long is not tried again: the same script on the same input takes as long.
        """
        script = attempt.input.get("script")
        if not isinstance(script, str):
            raise _failure("CONFIG_INVALID", "`script` must be a text")
        body = request_of(script, attempt)
        seconds = attempt.seconds(_DEFAULT_SECONDS)
        children = world.live("lua", Children)
        async with children.one() as child:
            try:
                reply = await asyncio.wait_for(child.ask(body), seconds)
            except TimeoutError:
                limit = attempt.limit(_DEFAULT_SECONDS)
                raise _failure("STEP_TIMED_OUT", f"the script ran longer than {limit:g}s and was stopped") from None
        attempt.log.add(str(reply.get("printed") or ""))
        return result_of(reply)


def request_of(script: str, attempt: Attempt) -> bytes:
    """What a child is asked; raises `StepFailure`."""
    try:
        request = {
            "script": script,
            "names": names(script, attempt),
            "result": attempt.plan_step.result,
            "seconds": max(1, round(attempt.limit(_DEFAULT_SECONDS))),
        }
        return json.dumps(request, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")
    except RecursionError:
        raise _failure("LUA_FAILED", "a value that the script is given nests too deep") from None


def names(script: str, attempt: Attempt) -> JsonObject:
    """What the script sees: `inputs`, `vars`, the loop's names, `args`, and of `steps` those that it mentions."""
    seen = {name: _plain(value) for name, value in attempt.scope.items() if name not in _UNSEEN}
    steps = attempt.scope.get("steps")
    if isinstance(steps, Mapping):
        seen["steps"] = {name: _plain(steps[name]) for name in _mentioned(script, steps) if name in steps}
    args = attempt.input.get("args")
    seen["args"] = {} if args is None else args
    return seen


def _mentioned(script: str, steps: Mapping[str, object]) -> Iterator[str]:
    found: set[str] = set()
    for mention in _MENTION.finditer(script):
        name = mention[1] or mention[2] or mention[3]
        if name is None:
            yield from steps
            return
        found.add(name)
    yield from sorted(found)


def _plain(value: object) -> Any:
    """JSON of a value of the scope; what has no value yet is null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool) else None


def result_of(reply: dict[str, Any]) -> Json:
    """The result in a child's reply; raises `StepFailure` (LUA_FAILED)."""
    if "ok" in reply:
        value: Json = reply["ok"]
        return value
    line = reply.get("line")
    detail: JsonObject = {key: reply[key] for key in ("line", "printed", "value") if reply.get(key) not in (None, "")}
    place = f"line {line}: " if line else ""
    raise _failure("LUA_FAILED", f"{place}{reply['error']}", detail)


def _failure(code: str, message: str, detail: JsonObject | None = None) -> StepFailure:
    return StepFailure(StepError(code, message, ErrorClass.PERMANENT, None, detail or None))


def child_command() -> tuple[str, ...]:
    """What starts a child; raises `StepFailure` without Lua."""
    found = find_spec("lupa")
    if found is None or not found.submodule_search_locations:
        raise _failure("CONFIG_INVALID", "lupa is not installed; install headgate with its dependencies")
    packages = str(Path(found.submodule_search_locations[0]).parent)
    return sys.executable, "-I", "-S", str(_CHILD), packages


class Child:
    """One process; it answers one request at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None, "a child is started with both pipes"
        assert process.stdout is not None, "a child is started with both pipes"
        self._process = process
        self._sink = process.stdin
        self._source = process.stdout

    @classmethod
    async def start(cls) -> Child:
        """A child with an empty environment that has loaded nothing but Lua; raises `StepFailure` when it cannot."""
        command = child_command()
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
                start_new_session=True,
            )
        except OSError as error:
            message = f"no child process can be started for scripts: {error.strerror or error}"
            raise StepFailure(StepError("DEPENDENCY_UNAVAILABLE", message, ErrorClass.TRANSIENT)) from None
        return cls(process)

    async def ask(self, body: bytes) -> dict[str, Any]:
        """Its reply; raises `StepFailure` when it died over the script."""
        try:
            self._sink.write(struct.pack(">I", len(body)) + body)
            await self._sink.drain()
            size = struct.unpack(">I", await self._source.readexactly(4))[0]
            if size > _REPLY_LIMIT:
                raise _failure("LUA_FAILED", "the script's result is too large")
            reply: dict[str, Any] = json.loads(await self._source.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            raise self._obituary(await self._process.wait()) from None
        return reply

    def _obituary(self, status: int) -> StepFailure:
        if status == -signal.SIGXCPU:
            return _failure("STEP_TIMED_OUT", "the script used up its processor time and was stopped")
        if status < 0:
            return _failure("LUA_FAILED", "the script used too much memory and was stopped")
        return _failure("LUA_FAILED", f"the script's child process ended by itself (status {status})")

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def kill(self) -> None:
        """Ends it whatever it does, and waits until it is gone."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._sink.close()
        await self._process.wait()


class Children:
    """Warm children for reuse: a start costs 20 ms, a script in a warm child a tenth of one."""

    def __init__(self) -> None:
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._places = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Child]:
        """A child of one's own; it is killed unless the block ends well."""
        async with self._places:
            child = await self._take()
            self._busy.add(child)
            try:
                yield child
            except BaseException:
                self._busy.discard(child)
                await child.kill()
                raise
            self._busy.discard(child)
            if len(self._idle) < _KEPT:
                self._idle.append(child)
                return
        await child.kill()

    async def _take(self) -> Child:
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
        return await Child.start()

    async def close(self) -> None:
        """Kills every child."""
        children = [*self._idle, *self._busy]
        self._idle.clear()
        self._busy.clear()
        await asyncio.gather(*(child.kill() for child in children))
