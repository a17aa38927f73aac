"""The key of a store: where it comes from, what it signs and seals, and what is said when it is not the one it was."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import pytest
from keyrings_of_ours import use_keyring, use_plain_keyring

from headgate.runtime.errors import KeyFault
from headgate.runtime.keys import Keys

ONE, TWO = "one" * 12, "two" * 12


@pytest.fixture(autouse=True)
def _no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    use_keyring(monkeypatch, "keyring.backends.fail.Keyring")


def keys(folder: Path, key: str | None = None) -> Keys:
    return Keys(folder, {} if key is None else {"HEADGATE_KEY": key})


def sentence(of: Keys, sealed: bytes = b"") -> str:
    with pytest.raises(KeyFault) as caught:
        _ = of.open("p", sealed) if sealed else of.sign("p", b"x")
    return str(caught.value)


def test_a_signature_is_bound_to_its_key_its_purpose_and_its_content(tmp_path: Path) -> None:
    here = keys(tmp_path / "a", ONE)
    signature = here.sign("link", b"run 1")
    assert len(signature) == 32
    assert keys(tmp_path / "b", ONE).verify("link", b"run 1", signature)
    assert not here.verify("link", b"run 2", signature)
    assert not here.verify("callback", b"run 1", signature)
    assert not here.verify("link", b"run 1", signature[:-1])
    assert not keys(tmp_path / "c", TWO).verify("link", b"run 1", signature)


def test_what_is_sealed_opens_for_its_purpose_and_unchanged_only(tmp_path: Path) -> None:
    here = keys(tmp_path, ONE)
    sealed = here.seal("p", b"canary-secret")
    assert here.open("p", sealed) == b"canary-secret"
    assert b"canary" not in sealed
    assert here.seal("p", b"canary-secret") != sealed
    for number in range(8, len(sealed)):
        changed = sealed[:number] + bytes([sealed[number] ^ 1]) + sealed[number + 1 :]
        assert "was changed since it was sealed" in sentence(here, changed)
    with pytest.raises(KeyFault, match="sealed for something else"):
        here.open("q", sealed)
    for cut in (b"x", sealed[:10], b"HGS2" + sealed[4:]):
        assert "was not sealed by headgate" in sentence(here, cut)


def test_a_key_is_made_beside_the_store_on_its_first_use_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    here = keys(folder)
    assert not folder.exists()
    signature = here.sign("p", b"x")
    assert (folder / "key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["key", "key.id"]
    assert keys(folder).verify("p", b"x", signature)
    assert here.source == f"the file `{folder / 'key'}`"


def test_a_key_in_a_file_moves_to_the_environment_and_to_the_keyring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = keys(tmp_path).seal("p", b"x")
    text = (tmp_path / "key").read_text().strip()
    (tmp_path / "key").unlink()
    assert keys(tmp_path, text).open("p", sealed) == b"x"
    assert json.loads((tmp_path / "key.id").read_text())["from"] == "env"
    use_plain_keyring(monkeypatch, tmp_path).write_text(json.dumps({"headgate/key": text}))
    assert keys(tmp_path).open("p", sealed) == b"x"
    use_keyring(monkeypatch, "keyring.backends.fail.Keyring")
    assert sentence(keys(tmp_path)) == (
        "the key of this store is in the system's keyring, and this machine has no keyring that can be asked "
        "(`keyring diagnose` tells more)"
    )


def test_a_lost_key_is_never_replaced_in_silence(tmp_path: Path) -> None:
    keys(tmp_path).sign("p", b"x")
    known = json.loads((tmp_path / "key.id").read_text())["id"]
    (tmp_path / "key").unlink()
    assert sentence(keys(tmp_path)) == (
        f"the key of this store is missing: it was the key {known} from the file `{tmp_path / 'key'}`; put it back, or "
        f"remove `{tmp_path / 'key.id'}` to begin with a new one, which cannot read what the old one sealed"
    )
    assert not (tmp_path / "key").exists()


def test_no_key_is_made_to_open_what_another_sealed(tmp_path: Path) -> None:
    sealed = keys(tmp_path / "a", ONE).seal("p", b"x")
    said = sentence(keys(tmp_path / "b"), sealed)
    assert said.startswith("it takes the key ")
    assert said.endswith(f"and there is none: set `HEADGATE_KEY`, or put it into `{tmp_path / 'b' / 'key'}`")
    assert not (tmp_path / "b").exists()


def test_another_key_is_named_with_where_the_right_one_was(tmp_path: Path) -> None:
    sealed = keys(tmp_path, ONE).seal("p", b"x")
    said = sentence(keys(tmp_path, TWO))
    known = json.loads((tmp_path / "key.id").read_text())["id"]
    assert said.startswith("the environment variable `HEADGATE_KEY` holds the key ")
    assert f"and the key of this store is {known}, which came from the environment variable `HEADGATE_KEY`" in said
    (tmp_path / "key.id").unlink()
    assert f"this was sealed with the key {known}, and the key of this store is " in sentence(
        keys(tmp_path, TWO), sealed
    )
    assert ONE not in said
    assert TWO not in said


def test_a_key_that_is_short_open_to_others_or_unreadable_is_refused(tmp_path: Path) -> None:
    assert "holds a key that is too short: expected 32 characters" in sentence(keys(tmp_path, "short"))
    file = tmp_path / "key"
    file.write_text(ONE)
    file.chmod(0o644)
    assert (
        sentence(keys(tmp_path)) == f"others may read the key in `{file}`: make it yours alone with `chmod 600 {file}`"
    )
    file.chmod(0o600)
    file.write_bytes(b"\xff" * 40)
    assert sentence(keys(tmp_path)) == f"the key in `{file}` cannot be read: it is not text"
    (tmp_path / "key.id").write_text("[]")
    assert "key.id` cannot be read: it names the key of this store" in sentence(keys(tmp_path, ONE))


def test_a_folder_that_takes_no_key_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert sentence(keys(tmp_path / "file" / "state")).endswith("Not a directory")


def test_processes_that_need_the_first_key_at_once_make_one(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        signatures = pool.map(_signature, [str(tmp_path / "state")] * 8)
    assert len(set(signatures)) == 1


def _signature(folder: str) -> bytes:
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    return keys(Path(folder)).sign("p", b"x")
