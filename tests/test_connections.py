"""Secrets and bindings: where they come from, what is said when they are missing, and that they never come back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyrings_of_ours import use_keyring, use_plain_keyring

from headgate.plan import Json
from headgate.runtime.connections import World
from headgate.runtime.errors import ErrorClass, StepError, StepFailure
from headgate.runtime.masking import Mask
from headgate.workspace import EMPTY, Instance, Model, SecretSource


def world(root: Path | None = None, **sources: SecretSource) -> World:
    environ = {"SHOP": "tok-12345", "EMPTY": ""}
    return World(EMPTY._replace(root=root, secrets=sources), environ=environ)


def sentence(act: object, *args: object) -> str:
    with pytest.raises(StepFailure) as caught:
        act(*args)  # type: ignore[operator]
    error = caught.value.error
    assert (error.code, error.error_class) == ("CONFIG_INVALID", ErrorClass.PERMANENT)
    return error.message


def test_secrets_come_from_the_environment_and_from_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from file\n")
    here = world(tmp_path, A=SecretSource("env", "SHOP"), B=SecretSource("file", "key"))
    assert (here.secret("A"), here.secret("B")) == ("tok-12345", "from file")


def test_a_missing_secret_says_where_it_should_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_keyring(monkeypatch, "keyring.backends.fail.Keyring")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    here = world(
        tmp_path,
        ENV=SecretSource("env", "NOPE"),
        BLANK=SecretSource("env", "EMPTY"),
        FILE=SecretSource("file", "nope"),
        VOID=SecretSource("file", "empty"),
        BINARY=SecretSource("file", "binary"),
        RING=SecretSource("keyring", "a/b"),
    )
    assert {name: sentence(here.secret, name) for name in ("ENV", "BLANK", "FILE", "VOID", "BINARY", "RING", "X")} == {
        "ENV": "the secret `ENV` is missing: set the environment variable `NOPE`",
        "BLANK": "the secret `BLANK` is missing: set the environment variable `EMPTY`",
        "FILE": "the secret `FILE` is missing: cannot read the file `nope` (No such file or directory)",
        "VOID": "the secret `VOID` is missing: the file `empty` is empty",
        "BINARY": "the secret `BINARY` is missing: cannot read the file `binary` (it is not UTF-8)",
        "RING": "the secret `RING` comes from the system's keyring, and this machine has no keyring that can be asked "
        "(`keyring diagnose` tells more)",
        "X": "the secret `X` is not in headgate.toml; add it to [secrets], with where it comes from",
    }


def test_a_secret_may_be_kept_in_the_keyring_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = use_plain_keyring(monkeypatch, tmp_path)
    book.write_text('{"shop/token": "from the ring", "headgate/short": "of ours"}')
    here = world(
        A=SecretSource("keyring", "shop/token"), B=SecretSource("keyring", "short"), C=SecretSource("keyring", "x")
    )
    assert (here.secret("A"), here.secret("B")) == ("from the ring", "of ours")
    assert sentence(here.secret, "C") == (
        "the secret `C` is missing: the system's keyring has no `x` (`keyring set` puts it there)"
    )


def test_placeholders_are_bound_wherever_they_stand() -> None:
    here = world(A=SecretSource("env", "SHOP"))
    given: Json = {"h": {"$text": ["Bearer ", {"$secret": "A"}, "!"]}, "l": [{"$secret": "A"}, 1, None], "plain": "x"}
    assert here.bind(given) == {"h": "Bearer tok-12345!", "l": ["tok-12345", 1, None], "plain": "x"}


def test_what_only_resembles_a_placeholder_stays() -> None:
    here = world(A=SecretSource("env", "SHOP"))
    given: Json = [{"$secret": "A", "more": 1}, {"$secret": 3}, {"$text": "A"}]
    assert here.bind(given) == given


def test_every_spelling_of_a_secret_is_masked() -> None:
    here = World(EMPTY._replace(secrets={"A": SecretSource("env", "A")}), environ={"A": 'p&ss "wörd"/1'})
    assert here.mask(
        {
            "plain": 'x p&ss "wörd"/1 y',
            "json": 'p&ss \\"w\\u00f6rd\\"/1',
            "url": "https://x/?k=p%26ss%20%22w%C3%B6rd%22%2F1",
            "form": "k=p%26ss+%22w%C3%B6rd%22%2F1",
            "base64": "cCZzcyAid8O2cmQiLzE=",
            'p&ss "wörd"/1': 1,
        }
    ) == {"plain": "x *** y", "json": "***", "url": "https://x/?k=***", "form": "k=***", "base64": "***", "***": 1}


def test_a_secret_is_masked_before_any_step_of_this_process_used_it() -> None:
    here = world(A=SecretSource("env", "SHOP"))
    assert here.mask(["tok-12345"]) == ["***"]


def test_keys_of_models_and_settings_of_instances_are_masked_too() -> None:
    one = Instance("x", None, ("run",), {"K": SecretSource("env", "E")}, None, {}, None, active=True, tools={})
    model = Model("m", "http://x", "m", SecretSource("env", "M"), None)
    here = World(EMPTY._replace(instances={"x": one}, models={"m": model}), environ={"E": "eeeee", "M": "mmmmm"})
    assert here.mask("eeeee mmmmm") == "*** ***"


def test_errors_are_masked_in_message_and_detail() -> None:
    here = world(A=SecretSource("env", "SHOP"))
    error = StepError("X", "bad tok-12345", ErrorClass.PERMANENT, 400, {"body": {"t": "tok-12345"}})
    assert here.mask_error(error) == StepError("X", "bad ***", ErrorClass.PERMANENT, 400, {"body": {"t": "***"}})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab-12345", max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab-12345", max_size=12), inner, max_size=3),
    max_leaves=10,
)


@given(_JSON, st.text("ab-12345", min_size=4, max_size=6))
def test_no_value_holds_a_secret_after_masking(value: Json, secret: str) -> None:
    mask = Mask()
    mask.add(secret)
    assert not _holds(mask.apply(value), secret)


def _holds(value: Json, secret: str) -> bool:
    match value:
        case dict():
            return any(secret in key or _holds(item, secret) for key, item in value.items())
        case list():
            return any(_holds(item, secret) for item in value)
        case bool() | None:
            return False
    return secret in value if isinstance(value, str) else str(value) == secret


def test_a_short_secret_is_masked_only_where_it_stands_alone() -> None:
    mask = Mask()
    mask.add("42")
    assert mask.apply(["42", 42, "a 42", {"42": True}]) == ["***", "***", "a 42", {"***": True}]


def test_what_this_machine_lacks_is_listed_before_anything_starts() -> None:
    one = Instance("files", None, ("run",), {"K": SecretSource("env", "NOPE")}, None, {}, None, active=True, tools={})
    off = one._replace(name="off", active=False)
    model = Model("fast", "http://x", "m", SecretSource("env", "KEY"), None)
    here = World(
        EMPTY._replace(
            instances={"files": one, "off": off}, models={"fast": model}, secrets={"A": SecretSource("env", "SHOP")}
        ),
        environ={"SHOP": "s"},
    )
    requires: dict[str, Json] = {
        "instances": ["files", "gone", "off"],
        "models": ["fast", "slow"],
        "secrets": ["A", "B"],
        "workflows": ["w"],
        "connections": [],
        "agents": [],
    }
    assert here.missing(requires) == [
        "`K` of the instance `files` is missing: set the environment variable `NOPE`",
        "no instance `gone` in headgate.toml; add it to [instances]",
        "the instance `off` is inactive; set its profile to `active` to use it",
        "the key of the model `fast` is missing: set the environment variable `KEY`",
        "no model `slow` in headgate.toml; add it to [models]",
        "the secret `B` is not in headgate.toml; add it to [secrets], with where it comes from",
    ]
    assert here.missing({}) == []


def test_a_binding_has_a_digest_that_changes_with_what_is_bound_and_holds_no_secret() -> None:
    one = Instance("x", None, ("run",), {}, None, {}, None, active=True, tools={})

    def digest(instance: Instance) -> str | None:
        return World(EMPTY._replace(instances={"x": instance}), environ={}).binding_digest("mcp", {"instance": "x"})

    first = digest(one)
    assert first is not None
    assert first.startswith("sha256:")
    assert first == digest(one)
    assert first != digest(one._replace(command=("run", "--fast")))
    assert world().binding_digest("set", {"instance": "x"}) is None
    assert world().binding_digest("mcp", {"instance": "x"}) is None


def test_live_things_are_made_once_and_closed_together_whatever_one_of_them_does() -> None:
    closed: list[str] = []

    class Thing:
        def __init__(self, name: str) -> None:
            self.name = name

        async def close(self) -> None:
            closed.append(self.name)
            if self.name == "a":
                raise OSError("no")

    async def story() -> None:
        here = world()
        first = here.live("a", lambda: Thing("a"))
        assert here.live("a", lambda: Thing("other")) is first
        here.live("b", lambda: Thing("b"))
        here.live("c", lambda: Thing("c"))
        here.forget("c", first)
        assert here.kept == ("a", "b", "c")
        here.forget("a", first)
        assert here.kept == ("b", "c")
        await here.close()
        assert here.kept == ()

    asyncio.run(story())
    assert sorted(closed) == ["a", "b", "c"]
