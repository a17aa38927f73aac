"""`store check` looks at everything that is kept: each table is damaged by hand, found, and mended where it can be."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from command_line import headgate

WORKSPACE = """
[connections.crm]
auth = { kind = "oauth2", authorize_url = "http://127.0.0.1:9/a", token_url = "http://127.0.0.1:9/t", client_id = "me" }
"""
FLOWS = {
    "hears": 'workflow hears {\n  step a = wait { event = "paid" }\n  step b = wait after a { event = "sent" }\n}\n',
    "calls": 'workflow calls { step x = http GET "http://127.0.0.1:9/x" { connection = crm } }\n',
    "sold": "workflow sold { step x = set { y = 1 } }\n",
    "kept": "workflow kept { step x = set { y = 2 } }\n",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "shop"
    folder.mkdir()
    (folder / "headgate.toml").write_text(WORKSPACE)
    for name, text in FLOWS.items():
        (folder / f"{name}.flow").write_text(text)
    assert headgate("run", "hears.flow", cwd=folder).code == 5
    assert headgate("signal", "paid", "--data", '{"n": 1}', cwd=folder).code == 5
    assert headgate("run", "hears.flow", cwd=folder).code == 5
    assert headgate("signal", "later", "--data", "1", cwd=folder).code == 0
    assert headgate("run", "calls.flow", cwd=folder).code == 5
    for name in ("sold", "kept"):
        assert headgate("publish", f"{name}.flow", cwd=folder).code == 0
    assert headgate("run", "sold", cwd=folder).code == 0
    paused = headgate("runs", "--workflow", "hears", "--format", "json", cwd=folder).json[0]["run"]
    assert headgate("pause", paused, cwd=folder).code == 0
    checked = headgate("store", "check", cwd=folder)
    assert checked.code == 0, checked.out
    return folder


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "shop")


def change(shop: Path, statement: str) -> None:
    connection = sqlite3.connect(shop / ".headgate" / "headgate.db")
    changed = connection.execute(statement).rowcount
    connection.commit()
    connection.close()
    assert changed, "the test damages something"


def found(shop: Path, *more: str) -> list[tuple[str, str]]:
    said = headgate("store", "check", "--format", "json", *more, cwd=shop).json
    return [(each["kind"], each["message"]) for each in said["differences"]]


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        ("UPDATE connections SET status='active'", "connection", "differs from its log"),
        ("DELETE FROM connections", "connection", "differs from its log"),
        ("UPDATE signals SET taken_by=NULL WHERE event='paid'", "signal", "it is free, and a run took it"),
        (
            "UPDATE signals SET taken_by=(SELECT id FROM runs WHERE workflow='sold') WHERE event='later'",
            "signal",
            "does not say so in its log",
        ),
        ("UPDATE waits SET event='other' WHERE event='sent'", "wait", "differs from its log"),
        ("DELETE FROM waits WHERE event='sent'", "wait", "differs from its log"),
        ("INSERT INTO waits VALUES ('x', 'GONE', 's')", "leftover", "rows of `waits` are kept for a run that is not"),
        ("INSERT INTO slots VALUES ('GONE','GONE','w','k',1,1)", "leftover", "rows of `slots`"),
        ("UPDATE workflows SET status='disabled' WHERE name='sold'", "workflow", "differs from its log"),
        ("DELETE FROM versions WHERE workflow='kept'", "workflow", "differs from its log"),
    ],
)
def test_what_follows_from_a_log_is_found_and_made_anew(shop: Path, statement: str, kind: str, message: str) -> None:
    change(shop, statement)
    ((got, said),) = found(shop)
    assert (got, message in said) == (kind, True), said
    assert headgate("store", "check", cwd=shop).code == 1
    assert headgate("store", "check", "--repair", cwd=shop).code == 0
    assert found(shop) == []


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        (
            "UPDATE plans SET body='{}' WHERE digest=(SELECT plan_digest FROM versions WHERE workflow='kept')",
            "plan",
            "is damaged",
        ),
        ("UPDATE texts SET body=body || ' '", "text", "not what its digest says"),
        ("INSERT INTO tokens VALUES ('gone', 1, x'00')", "token", "of a connection that is not there"),
        ("INSERT INTO tokens VALUES ('crm', 7, x'00')", "token", "not those that the connection got last"),
        (
            "UPDATE requests SET id='OTHER' WHERE body ->> '$.verb'='pause'",
            "request",
            "was accepted, and no event of its log tells of it",
        ),
        ("UPDATE journal SET type='none' WHERE subject='connection/crm'", "log", "makes no sense"),
    ],
)
def test_what_only_a_person_can_mend_is_found_and_left(shop: Path, statement: str, kind: str, message: str) -> None:
    change(shop, statement)
    everything = found(shop, "--repair")
    assert any(got == kind and message in said for got, said in everything), everything


def test_a_sealed_run_without_its_key_is_named_and_the_others_are_checked(shop: Path) -> None:
    (shop / "secret.flow").write_text(
        "workflow secret { input t: string { secret = true }\n step x = set { y = {{ inputs.t }} } }"
    )
    headgate("run", "secret.flow", "-i", "t=canary", cwd=shop)
    (shop / ".headgate" / "key").unlink()
    change(shop, "UPDATE runs SET status='failed' WHERE workflow='sold'")
    everything = found(shop)
    assert [kind for kind, _ in everything] == ["run", "log"]
    assert "the key of this store is missing" in everything[1][1]


def test_pruning_leaves_what_versions_need_and_nothing_of_runs(shop: Path) -> None:
    for run in headgate("runs", "--format", "json", cwd=shop).json:
        headgate("cancel", run["run"], cwd=shop)
    done = headgate("store", "prune", "--older-than", "0s", "--archive", "old.db", cwd=shop)
    assert done.code == 0, done.err
    connection = sqlite3.connect(shop / ".headgate" / "headgate.db")
    counts = {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("runs", "events", "requests", "waits", "slots", "reservations", "plans", "texts")
    }
    connection.close()
    assert counts == {
        **dict.fromkeys(("runs", "events", "requests", "waits", "slots", "reservations"), 0), "plans": 2, "texts": 2
    }  # fmt: skip
    assert found(shop) == []
    assert found(shop, "--store", "old.db") == []
    for name in ("sold", "kept"):
        assert headgate("run", name, cwd=shop).code == 0


def test_an_export_has_the_journal_when_it_is_asked_for(shop: Path) -> None:
    said = headgate("store", "export", "--journal", "-o", "all.jsonl", cwd=shop)
    lines = [json.loads(line) for line in (shop / "all.jsonl").read_text().splitlines()]
    entries = [line for line in lines if "subject" in line]
    assert (len(lines) - len(entries), said.err) == (
        len(headgate("runs", "--format", "json", cwd=shop).json),
        f"headgate: all.jsonl: {len(lines) - len(entries)} runs and {len(entries)} entries of the journal\n",
    )
    assert {entry["subject"] for entry in entries} == {"connection/crm", "workflow/kept", "workflow/sold"}
    assert all(entry["at"].endswith("Z") and entry["type"] for entry in entries)
    only = headgate("store", "export", "--journal", "--workflow", "kept", cwd=shop).out.splitlines()
    assert {json.loads(line)["subject"] for line in only} == {"workflow/kept"}
    assert not any("subject" in json.loads(line) for line in headgate("store", "export", cwd=shop).out.splitlines())
