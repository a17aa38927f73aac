"""`headgate doctor`: every fault is found, with what to do about it, and looking changes nothing."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import pytest
from servers.chat_server import chat_server

from headgate.api.diagnosing import Examined, Verdict, diagnose
from headgate.api.locking import lock
from headgate.api.place import Place
from headgate.runtime.store import Store

BAD = Path(__file__).parent / "servers" / "bad_mcp.py"
GOOD = f"[instances.odd]\ncommand = {json.dumps([sys.executable, str(BAD), 'good'])}\n"


def write(folder: Path, *parts: str) -> Place:
    (folder / "headgate.toml").write_text("\n".join(parts))
    return Place(folder)


def wrong(place: Place) -> list[tuple[str, Verdict, str, str | None]]:
    return [tuple(one) for one in diagnose(place).examined if one.verdict is not Verdict.FINE]


def store_of(folder: Path) -> Path:
    path = folder / ".headgate" / "headgate.db"
    path.parent.mkdir()
    Store(path).close()
    return path


def test_a_sound_workspace_is_fine_in_every_part(tmp_path: Path) -> None:
    place = write(tmp_path, GOOD)
    lock(place)
    store_of(tmp_path)
    told: list[Examined] = []
    diagnosis = diagnose(place, told.append)
    assert diagnosis.exit_code == 0
    assert tuple(told) == diagnosis.examined
    assert {one.verdict for one in told} == {Verdict.FINE}
    assert [one.subject for one in told] == ["lua", "workspace", "store", "servers", "lock"]


def test_without_a_workspace_it_says_how_to_make_one(tmp_path: Path) -> None:
    expected = ("workspace", Verdict.WARNING, "there is no headgate.toml here or above", "`headgate init` makes one")
    assert wrong(Place(tmp_path)) == [expected]
    assert diagnose(Place(tmp_path)).exit_code == 0


def test_a_workspace_at_fault_is_told_with_its_line(tmp_path: Path) -> None:
    place = write(tmp_path, "[project]", 'name = "x"', "[instancs.a]", 'command = ["x"]')
    diagnosis = diagnose(place)
    assert diagnosis.exit_code == 1
    (found,) = [one for one in diagnosis.examined if one.verdict is Verdict.ERROR]
    assert found.message.startswith(f"{tmp_path / 'headgate.toml'}:3: ")
    assert "`instances`" in found.message


def test_an_environment_that_is_not_there_is_told(tmp_path: Path) -> None:
    place = write(tmp_path, GOOD)._replace(environment="prod")
    assert wrong(place)[0][2] == "the workspace has no environment `prod`: it has none"


def test_a_missing_lock_a_damaged_one_and_drift_are_told_apart(tmp_path: Path) -> None:
    place = write(tmp_path, GOOD)
    path = tmp_path / "headgate.lock"
    assert wrong(place) == [
        ("lock", Verdict.WARNING, "there is no headgate.lock: tools are not checked", "`headgate lock` writes it")
    ]
    path.write_text("{")
    (damaged,) = wrong(place)
    assert damaged[:2] == ("lock", Verdict.ERROR)
    assert damaged[2].startswith("`headgate.lock` is damaged")
    path.write_text('{"version": 1, "instances": {"odd": {"tools": {"old": {"inputSchema": {}}}}}, "workflows": {}}')
    assert [one[2] for one in wrong(place)] == [
        "the tool `odd.echo` is new",
        "the tool `odd.old` is gone",
        "the tool `odd.pid` is new",
    ]


def test_a_server_that_does_not_start_is_an_error_with_its_last_word(tmp_path: Path) -> None:
    place = write(tmp_path, f"[instances.off]\ncommand = {json.dumps([sys.executable, str(BAD), 'exit'])}\n")
    errors = [one for one in wrong(place) if one[1] is Verdict.ERROR]
    assert errors == [
        (
            "servers",
            Verdict.ERROR,
            "the MCP server `off` ended before it answered: cannot read config.json",
            "correct [instances.off] in headgate.toml, or start the server",
        )
    ]


def test_missing_secrets_and_models_that_do_not_answer_are_errors(tmp_path: Path) -> None:
    with chat_server() as server:
        place = write(
            tmp_path,
            '[secrets]\nTOKEN = { env = "HEADGATE_TEST_NO_SUCH" }\n',
            f'[models.near]\nbase_url = "{server.url}"\nmodel = "m"\n',
            '[models.far]\nbase_url = "http://127.0.0.1:1/v1"\nmodel = "m"\n',
        )
        found = wrong(place)
    assert found[0] == (
        "secrets",
        Verdict.ERROR,
        "the secret `TOKEN` is missing",
        "set the environment variable `HEADGATE_TEST_NO_SUCH`",
    )
    assert found[1][2].startswith("the model `far` cannot be reached at `http://127.0.0.1:1/v1`: ")
    assert len(found) == 2


def test_a_store_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    place = write(tmp_path, "")
    path = store_of(tmp_path)
    assert wrong(place) == []

    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=999")
    connection.close()
    ((subject, verdict, message, fix),) = wrong(place)
    assert (subject, verdict, fix) == ("store", Verdict.ERROR, "upgrade headgate")
    assert "has version 999" in message

    path.write_bytes(b"this is no database, and long enough to be told from one" * 100)
    ((subject, verdict, message, _),) = wrong(place)
    assert (subject, verdict) == ("store", Verdict.ERROR)
    assert "is not a headgate store" in message


def test_a_damaged_store_is_an_error(tmp_path: Path) -> None:
    place = write(tmp_path, "")
    path = store_of(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    path.write_bytes(content)
    ((subject, verdict, message, fix),) = wrong(place)
    assert (subject, verdict) == ("store", Verdict.ERROR)
    assert "damaged" in message
    assert fix


def test_a_folder_in_place_of_the_store_is_an_error(tmp_path: Path) -> None:
    place = write(tmp_path, "")
    (tmp_path / ".headgate" / "headgate.db").mkdir(parents=True)
    ((subject, verdict, message, fix),) = wrong(place)
    assert (subject, verdict, fix) == ("store", Verdict.ERROR, "name the file in it")
    assert "is a folder" in message


@pytest.mark.parametrize("name", ["headgate.toml", "headgate.lock", ".headgate/headgate.db"])
def test_looking_changes_nothing(tmp_path: Path, name: str) -> None:
    place = write(tmp_path, GOOD)
    lock(place)
    store_of(tmp_path)
    before = (tmp_path / name).read_bytes()
    diagnose(place)
    assert (tmp_path / name).read_bytes() == before
