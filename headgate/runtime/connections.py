"""What an environment binds names to: secrets, instances, models. Resolved at dispatch, never in a plan."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from headgate.runtime import os_keyring
from headgate.runtime.clock import Clock, SystemClock
from headgate.runtime.credentials import CODE, Bound, Credentials, fixed
from headgate.runtime.errors import ErrorClass, StepError, StepFailure
from headgate.runtime.keys import Keys
from headgate.runtime.masking import Mask
from headgate.runtime.vault import Vault
from headgate.workspace import Agent, Instance, Model, SecretSource, Workspace

if TYPE_CHECKING:
    from headgate.plan import Json, JsonObject


class Closable(Protocol):
    """Something that lives as long as the world: a session, a client, a pool of children."""

    async def close(self) -> None: ...


_C = TypeVar("_C", bound=Closable)


class World:
    """One environment's bindings and the live things that the steps of one driver share. Belongs to one event loop.

    `workspace` is the one for the environment. `environ` is where `env` sources are looked up; `keys`
    sign what outsiders are given, None where nothing is given out; `vault` gives the connections of the store, and is
    asked when the first connection is used.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        environ: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        keys: Keys | None = None,
        vault: Callable[[], Vault] | None = None,
    ) -> None:
        self.workspace = workspace
        self.environ = os.environ if environ is None else environ
        self.clock = SystemClock() if clock is None else clock
        self.keys = keys
        self._live: dict[str, Closable] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._digests: dict[tuple[str, str], str] = {}
        self._mask: Mask | None = None
        self._open_vault = vault
        self._vault: Vault | None = None
        self._credentials: Credentials | None = None

    @property
    def root(self) -> Path:
        """The workspace's folder, or the current one without a workspace file."""
        return self.workspace.root or Path.cwd()

    # -- secrets ---------------------------------------------------------------------------------------------------

    def secret(self, name: str) -> str:
        """The value; raises `StepFailure` (CONFIG_INVALID) with the sentence that says where it should be."""
        source = self.workspace.secrets.get(name)
        if source is None:
            raise unbound(f"the secret `{name}` is not in headgate.toml; add it to [secrets], with where it comes from")
        return self.value_of(source, f"the secret `{name}`")

    def value_of(self, source: SecretSource, whose: str) -> str:
        """What the source holds now; raises `StepFailure` (CONFIG_INVALID). `whose` starts the sentence."""
        value = self._read(source, whose)
        self._known().add(value)
        return value

    def _read(self, source: SecretSource, whose: str) -> str:
        if source.kind == "env":
            value = self.environ.get(source.name)
            if not value:
                raise unbound(f"{whose} is missing: set the environment variable `{source.name}`")
            return value
        if source.kind == "file":
            path = self.root / Path(source.name).expanduser()
            try:
                value = path.read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                raise unbound(f"{whose} is missing: cannot read the file `{source.name}` ({reason})") from None
            if not value:
                raise unbound(f"{whose} is missing: the file `{source.name}` is empty")
            return value
        assert source.kind == "keyring", "the schema knows three kinds of source"
        try:
            kept = os_keyring.read(source.name)
        except os_keyring.KeyringMissing as fault:
            raise unbound(f"{whose} comes from the system's keyring, and {fault}") from None
        if not kept:
            raise unbound(
                f"{whose} is missing: the system's keyring has no `{source.name}` (`keyring set` puts it there)"
            )
        return kept

    def settings(self, given: Mapping[str, str | SecretSource], whose: str) -> dict[str, str]:
        """Environment variables or headers of an instance with their sources read; raises as `value_of`."""
        return {
            name: value if isinstance(value, str) else self.value_of(value, f"`{name}` of {whose}")
            for name, value in given.items()
        }

    def bind(self, value: Json) -> Json:
        """A rendered input with its placeholders replaced; raises as `secret`.

        Rendering refuses data that looks like a placeholder, so that none here was written by anybody but the author.
        """
        match value:
            case {"$secret": str(name), **rest} if not rest:
                return self.secret(name)
            case {"$text": list(parts), **rest} if not rest:
                return "".join(part if isinstance(part, str) else str(self.bind(part)) for part in parts)
            case dict():
                return {key: self.bind(item) for key, item in value.items()}
            case list():
                return [self.bind(item) for item in value]
        return value

    def hide(self, value: str) -> None:
        """From now on this value is masked like a secret."""
        self._known().add(value)

    def mask(self, value: Json) -> Json:
        """The value with every known secret in it replaced by `***`."""
        return self._known().apply(value)

    def mask_error(self, error: StepError) -> StepError:
        detail = cast("JsonObject | None", self.mask(error.detail))
        return error._replace(message=str(self.mask(error.message)), detail=detail)

    def _known(self) -> Mask:
        """Every secret that can be read now, also those no step of this process has used: a server may send them."""
        if self._mask is None:
            self._mask = Mask()
            for source in self._sources():
                try:
                    self._mask.add(self._read(source, ""))
                except StepFailure:
                    continue
        return self._mask

    def _sources(self) -> list[SecretSource]:
        workspace = self.workspace
        keys = [model.api_key for model in workspace.models.values() if model.api_key is not None]
        tables = [table for one in workspace.instances.values() for table in (one.env, one.headers)]
        tables += [agent.headers for agent in workspace.agents.values()]
        values = [value for table in tables for value in table.values() if isinstance(value, SecretSource)]
        auths = [source for one in workspace.connections.values() for source in _auth_sources(one.auth)]
        return [*workspace.secrets.values(), *keys, *values, *auths]

    # -- bindings --------------------------------------------------------------------------------------------------

    def instance(self, name: str | None, server_url: str | None = None) -> Instance:
        """The instance of that name, or with that url; raises `StepFailure` (CONFIG_INVALID)."""
        if name is not None:
            found = self.workspace.instances.get(name)
        else:
            found = next((one for one in self.workspace.instances.values() if one.server_url == server_url), None)
        if found is None:
            raise unbound(f"no instance {_named(name, server_url)} in headgate.toml; add it to [instances]")
        if not found.active:
            raise unbound(f"the instance `{found.name}` is inactive; set its profile to `active` to use it")
        return found

    def model(self, name: str) -> Model:
        """The model of that name; raises `StepFailure` (CONFIG_INVALID)."""
        found = self.workspace.models.get(name)
        if found is None:
            raise unbound(f"no model `{name}` in headgate.toml; add it to [models]")
        return found

    def agent(self, name: str) -> Agent:
        """The agent of that name; raises `StepFailure` (CONFIG_INVALID)."""
        found = self.workspace.agents.get(name)
        if found is None:
            raise unbound(f"no agent `{name}` in headgate.toml; add it to [agents]")
        if found.model is None and found.url is None:
            raise unbound(f"the agent `{name}` has neither a `model` nor a `url` in headgate.toml")
        return found

    # -- connections -----------------------------------------------------------------------------------------------

    @property
    def vault(self) -> Vault | None:
        """The connections of the store; None in a world without one."""
        if self._vault is None and self._open_vault is not None:
            self._vault = self._open_vault()
        return self._vault

    @property
    def credentials(self) -> Credentials:
        """What connections send; raises `StepFailure` (CONFIG_INVALID) in a world without a store."""
        if self._credentials is None:
            vault = self.vault
            if vault is None:
                raise unbound("a connection is used where no store is at hand to keep its tokens")
            self._credentials = Credentials(vault, self._known().add)
        return self._credentials

    def bound(self, name: str) -> Bound:
        """The connection of that name; raises `StepFailure` (CONFIG_INVALID)."""
        found = self.workspace.connections.get(name)
        if found is None:
            raise unbound(f"no connection `{name}` in headgate.toml; add it to [connections]")
        if not found.auth:
            raise unbound(f"the connection `{name}` has no `auth` in headgate.toml, which says how it proves itself")
        return Bound(connection_key(self.workspace, name), found, self.value_of)

    def connections_of(self, kind: str, given: JsonObject) -> tuple[str, ...]:
        """The names of the connections that a step with this input calls by."""
        if kind == "http":
            name = given.get("connection")
            return (name,) if isinstance(name, str) else ()
        if kind == "mcp":
            return self._connection_of_instance(given.get("instance"), given.get("server_url"))
        if kind == "agent":
            agent = self.workspace.agents.get(str(given.get("agent")))
            instances = dict.fromkeys(tool.partition(".")[0] for tool in (agent.tools if agent else ()))
            return tuple(name for one in instances for name in self._connection_of_instance(one, None))
        return ()

    def _connection_of_instance(self, name: Json, server_url: Json) -> tuple[str, ...]:
        instances = self.workspace.instances
        one = instances.get(name) if isinstance(name, str) else None
        if one is None and isinstance(server_url, str):
            one = next((each for each in instances.values() if each.server_url == server_url), None)
        return () if one is None or one.connection is None else (one.connection,)

    def refused_connection(self, kind: str, given: JsonObject) -> str | None:
        """The first connection of the step that must be authorized again, by its name in the store; None for none.

        One that was never authorized is written down as refused, so that people are told of it. Raises `StoreError`.
        """
        for name in self.connections_of(kind, given):
            found = self.workspace.connections.get(name)
            vault = self.vault
            if found is None or not found.auth or vault is None:
                continue
            bound = Bound(connection_key(self.workspace, name), found, self.value_of)
            row = vault.row(bound.key)
            if row is None and bound.grant == CODE:
                vault.refused(bound.key, "it was never authorized", bound.called)
                return bound.key
            if row is not None and not row.usable:
                return bound.key
        return None

    def usable(self, key: str) -> bool:
        """Whether the connection of that name in the store was authorized, and not refused since."""
        row = None if self.vault is None else self.vault.row(key)
        return row is not None and row.usable

    def missing(self, requires: JsonObject) -> list[str]:
        """One sentence for each binding of a plan's `requires` that this machine lacks. Reads, and starts nothing."""
        checks: dict[str, Callable[[str], object]] = {
            "instances": self._instance_settings,
            "models": self._model_key,
            "agents": self._agent_bindings,
            "secrets": self.secret,
            "connections": self._connection_settings,
        }
        found: list[str] = []
        for kind, check in checks.items():
            names = requires.get(kind)
            for name in names if isinstance(names, list | dict) else ():
                try:
                    check(str(name))
                except StepFailure as failure:
                    found.append(failure.error.message)
        return found

    def _instance_settings(self, name: str) -> None:
        one = self.instance(name)
        self.settings(one.env, f"the instance `{name}`")
        self.settings(one.headers, f"the instance `{name}`")
        if one.connection is not None:
            self._connection_settings(one.connection)

    def _connection_settings(self, name: str) -> None:
        """Raises `StepFailure` for a connection that is not there, or whose keys cannot be read here."""
        bound = self.bound(name)
        if fixed(bound) is None:
            bound.client()

    def _agent_bindings(self, name: str) -> None:
        agent = self.agent(name)
        self.settings(agent.headers, f"the agent `{name}`")
        if agent.url is None and agent.model is not None:
            self._model_key(agent.model)
            for instance in dict.fromkeys(tool.partition(".")[0] for tool in agent.tools):
                self._instance_settings(instance)

    def _model_key(self, name: str) -> None:
        model = self.model(name)
        if model.api_key is not None:
            self.value_of(model.api_key, f"the key of the model `{name}`")

    def binding_digest(self, kind: str, value: JsonObject) -> str | None:
        """`sha256:` of the binding that an attempt of this kind with this input uses; None when it uses none.

        Of what is bound, with where its secrets come from; the secrets themselves are not in it.
        """
        named = {"llm": value.get("model"), "agent": value.get("agent"), "http": value.get("connection")}
        name = named[kind] if kind in named else value.get("instance") or value.get("server_url")
        if kind not in ("mcp", "llm", "agent", "http") or not isinstance(name, str):
            return None
        digest = self._digests.get((kind, name))
        if digest is None:
            binding = self._binding(kind, name)
            if binding is None:
                return None
            digest = self._digests[kind, name] = "sha256:" + sha256(repr(binding).encode()).hexdigest()
        return digest

    def dispatched(self, kind: str, value: JsonObject) -> JsonObject:
        """What the event of a dispatch says of its binding: its digest, and whether its agent is an `outside` one."""
        digest = self.binding_digest(kind, value)
        facts: JsonObject = {} if digest is None else {"binding": digest}
        agent = self.workspace.agents.get(str(value.get("agent"))) if kind == "agent" else None
        return {**facts, "outside": True} if agent is not None and agent.url is not None else facts

    def _binding(self, kind: str, name: str) -> tuple[object, ...] | None:
        if kind == "llm":
            model = self.workspace.models.get(name)
            return None if model is None else (model.base_url, model.model, model.api_key)
        if kind == "agent":
            agent = self.workspace.agents.get(name)
            if agent is None:
                return None
            thinks = None if agent.model is None else self._binding("llm", agent.model)
            headers = sorted(agent.headers.items(), key=_key)
            return (
                agent.url,
                headers,
                thinks,
                *((tool, self._binding("mcp", tool.partition(".")[0])) for tool in agent.tools),
            )
        if kind == "http":
            return self._connection_binding(name)
        instances = self.workspace.instances
        one = instances.get(name) or next((i for i in instances.values() if i.server_url == name), None)
        if one is None:
            return None
        env, headers = sorted(one.env.items(), key=_key), sorted(one.headers.items(), key=_key)
        wired = None if one.connection is None else self._connection_binding(one.connection)
        return one.server_url, one.command, one.cwd, env, headers, one.connection, wired

    def _connection_binding(self, name: str) -> tuple[object, ...] | None:
        found = self.workspace.connections.get(name)
        return None if found is None else (name, sorted(found.auth.items(), key=_key))

    # -- live things -----------------------------------------------------------------------------------------------

    def live(self, key: str, make: Callable[[], _C]) -> _C:
        """The thing kept under this key, made when first asked for and closed with the world."""
        found = self._live.get(key)
        if found is None:
            found = self._live[key] = make()
        return cast("_C", found)

    @property
    def kept(self) -> tuple[str, ...]:
        """The keys of what is live."""
        return tuple(self._live)

    def forget(self, key: str, thing: Closable) -> None:
        """Drops and closes a thing that is of no more use, so that the next asker gets a new one."""
        if self._live.get(key) is thing:
            del self._live[key]
            leaving = asyncio.get_running_loop().create_task(thing.close())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Closes every live thing; does not raise, and is bounded in time by each of them."""
        if self._credentials is not None:
            await self._credentials.close()
        live, self._live = self._live, {}
        await asyncio.gather(*self._leaving, *(thing.close() for thing in live.values()), return_exceptions=True)


class WorldBindings:
    """The bindings of each environment's world."""

    def __init__(self, worlds: Callable[[str | None], World]) -> None:
        self._worlds = worlds

    def facts(self, environment: str | None, kind: str, given: JsonObject) -> JsonObject:
        """As `World.dispatched`."""
        return self._worlds(environment).dispatched(kind, given)

    def refused(self, environment: str | None, kind: str, given: JsonObject) -> str | None:
        """As `World.refused_connection`."""
        return self._worlds(environment).refused_connection(kind, given)

    def usable(self, connection: str) -> bool:
        """As `World.usable`, of whatever environment."""
        return self._worlds(None).usable(connection)


def connection_key(workspace: Workspace, name: str) -> str:
    """The name of a connection in the store: with `@` and the environment where that changes how it proves itself."""
    environment = workspace.environment
    if environment is None:
        return name
    base = _auth(workspace.declared.get("connections"), name)
    found = workspace.connections.get(name)
    return name if found is not None and base == found.auth else f"{name}@{environment}"


def _auth(connections: Json, name: str) -> Json:
    one = connections.get(name) if isinstance(connections, dict) else None
    return one.get("auth") if isinstance(one, dict) else None


def _auth_sources(auth: JsonObject) -> list[SecretSource]:
    """Every place a connection's settings are read from."""
    tables = [auth, *(value for key, value in auth.items() if isinstance(value, dict) and key.endswith("_params"))]
    return [
        SecretSource(kind, str(where))
        for table in tables
        for key, value in table.items()
        if isinstance(value, dict) and len(value) == 1 and not key.endswith("_params")
        for kind, where in value.items()
    ]


def unbound(message: str) -> StepFailure:
    """A binding that is missing or may not be used: for good, until a person changes it."""
    return StepFailure(StepError("CONFIG_INVALID", message, ErrorClass.PERMANENT))


def _named(name: str | None, server_url: str | None) -> str:
    return f"`{name}`" if name is not None else f"with the server_url `{server_url}`"


def _key(item: tuple[str, object]) -> str:
    return item[0]
