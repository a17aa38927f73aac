"""Secret inputs: templates see them, nobody is shown them, and no byte of the store tells them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from desk import Desk

from headgate.api.faults import NothingStarted
from headgate.runtime.keys import Keys

SECRET = "canary-7f3a-secret"
FLOW = """
workflow pay {
  input card: string { secret = true }
  input amount: number = 1
  step shout = set { loud = {{ inputs.card | upper }} }
  # headgate: ignore[HG702] what is asked is hidden as well
  step ask   = human approval after shout { title = "Pay with {{ inputs.card }}?", body = "card {{ inputs.card }}" }
  step book  = ledger after ask { book = "BOOK", line = {{ inputs.card }}, reversibility = recoverable }
  # headgate: ignore[HG702] a sub-run of a sealed run is sealed
  step call  = call inner after book { inputs = { given = {{ inputs.card }} } }
}
workflow inner {
  input given: string
  step keep = set { it = {{ inputs.given }} }
  step wait = human approval after keep { title = "on?" }
}
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    return Desk(tmp_path / "desk")


def stored(desk: Desk) -> bytes:
    folder = desk.folder / ".headgate"
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def bodies(desk: Desk) -> list[str]:
    connection = sqlite3.connect(desk.folder / ".headgate" / "headgate.db")
    try:
        return [body for (body,) in connection.execute("SELECT body FROM events ORDER BY key")]
    finally:
        connection.close()


def test_a_run_with_secret_inputs_is_sealed_with_all_that_it_calls_and_goes_on_in_every_process(desk: Desk) -> None:
    run = desk.run(FLOW, card=SECRET).view.run
    desk.act(run, "approve", "ask")
    (child,) = [view.run for view in desk.runs() if view.run != run]
    assert desk.act(child, "approve", "wait").view.status == "completed"
    view = desk.show(run)
    assert view.status == "completed"
    assert desk.lines()[0].endswith(SECRET), "the effect had the value"
    content = stored(desk)
    for hidden in (SECRET, SECRET.upper()):
        assert hidden.encode() not in content
    assert all(body.startswith("{") for body in bodies(desk))
    assert view.inputs == {"card": "***", "amount": 1}
    assert SECRET not in str(view)
    assert SECRET not in str(desk.events(run))


def test_a_run_without_secret_inputs_is_stored_in_clear_and_needs_no_key(desk: Desk) -> None:
    assert (
        desk.run("workflow w { input x: string\n step a = set { y = {{ inputs.x }} } }", x="plain").view.status
        == "completed"
    )
    assert all(body.startswith("[") for body in bodies(desk))
    assert not (desk.folder / ".headgate" / "key").exists()
    optional = "workflow w { input x: string? = null { secret = true }\n step a = set { y = 1 } }"
    assert desk.run(optional).view.status == "completed"
    assert not (desk.folder / ".headgate" / "key").exists(), "nothing secret was given"


def test_a_missing_key_is_named_and_loses_nothing(desk: Desk) -> None:
    run = desk.run(FLOW, card=SECRET).view.run
    open_one = desk.run('workflow w { step a = human approval { title = "?" } }').view.run
    key = desk.folder / ".headgate" / "key"
    text = key.read_text()
    key.unlink()
    said = f"run {run} was given secret inputs, and its events are sealed: the key of this store is missing"
    for act in (lambda: desk.show(run), lambda: desk.act(run, "approve", "ask"), lambda: desk.events(run)):
        with pytest.raises(NothingStarted) as caught:
            act()
        assert caught.value.message.startswith(said)
    drove = desk.drive()
    assert [rest.view.run for rest in drove.rests] == [open_one], "the others go on"
    assert [fault.startswith(said) for fault in drove.faults] == [True]
    with pytest.raises(NothingStarted, match="the key of this store is missing"):
        desk.run(FLOW, card=SECRET)
    assert {view.run for view in desk.runs()} == {run, open_one}
    key.write_text(text)
    key.chmod(0o600)
    desk.drive()
    assert desk.status(run, "book") == "completed", "what was asked for without the key was kept"


def test_a_sealed_event_stands_in_for_no_other(desk: Desk) -> None:
    run = desk.run(FLOW, card=SECRET).view.run
    path = desk.folder / ".headgate" / "headgate.db"
    connection = sqlite3.connect(path)
    connection.execute(
        "UPDATE events SET body=(SELECT body FROM events AS e WHERE e.key=events.key-1) "
        "WHERE key=(SELECT max(key) FROM events)"
    )
    connection.commit()
    connection.close()
    with pytest.raises(NothingStarted, match="was changed since it was sealed, or sealed for something else"):
        desk.show(run)


def test_a_replay_is_sealed_as_well(desk: Desk) -> None:
    from headgate.api import operating
    from headgate.api.place import Driving

    run = desk.run(
        "workflow w { input x: string { secret = true }\n step a = set { y = {{ inputs.x }} } }", x=SECRET
    ).view.run
    again = operating.replay(run, desk.place, Driving())
    assert again.view.status == "completed"
    assert SECRET.encode() not in stored(desk)
    assert Keys(desk.folder / ".headgate").source.startswith("the file")
