"""What operators see of runs: lists, and what they hand on to who helps."""

from __future__ import annotations

import zipfile

from command_line import headgate
from desk import Desk

RUNS = {
    "running": 'workflow running { step s = http GET "http://127.0.0.1:1/" { retry = 0 } }',
    "waiting": "workflow waiting { step s = delay 1h }",
    "paused": "workflow paused { step s = delay 1h }",
    "completed": "workflow completed { step s = set { x = 1 } }",
    "failed": 'workflow failed { step s = fail "no" }',
    "cancelled": "workflow cancelled { step s = delay 1h }",
}  # fmt: skip
LOOKS = {
    "queued": ("◌", "90"),
    "waiting": ("⏲", "34"),  # a blue clock
    "paused": ("⏸", "33"),  # a yellow pause
    "completed": ("✓", "32"),
    "failed": ("✗", "31"),  # red
    "cancelled": ("⊘", "90"),
}


def test_TJ01_statuses_are_told_apart_by_word_colour_and_mark_and_filtered_for(desk: Desk) -> None:
    made = {name: desk.run(text, wait_ms=0, detach=name == "running").view.run for name, text in RUNS.items()}
    for verb in ("pause", "cancel"):
        headgate(verb, made[f"{verb}d" if verb == "pause" else "cancelled"], cwd=desk.folder)
    text = headgate("runs", cwd=desk.folder, FORCE_COLOR="1", NO_COLOR="").out
    for status, (mark, colour) in LOOKS.items():
        assert f"\x1b[{colour}m{mark} {status}" in text, (status, text)
    assert len({mark for mark, _ in LOOKS.values()} | {"▶"}) == len(LOOKS) + 1
    for status in LOOKS:
        found = headgate("runs", "--status", status, "--format", "json", cwd=desk.folder).json
        assert [each["status"] for each in found] == [status]
        shown = headgate("show", found[0]["run"], cwd=desk.folder).out
        assert f"{LOOKS[status][0]} {status}" in shown


def test_AR16_a_bundle_names_workflow_run_code_step_and_time(desk: Desk) -> None:
    run = desk.run('workflow failed { step s = fail "no" }').view.run
    said = headgate("bundle", run, cwd=desk.folder)
    assert said.code == 0
    with zipfile.ZipFile(said.out.strip()) as file:
        log = file.read("log.txt").decode()
        events = file.read("events.json").decode()
        run_json = file.read("run.json").decode()
    for part in ("the run of failed was created", "WORKFLOW_FAILED", "error   s: failed"):
        assert part in log
    for part in ('"workflow": "failed"', '"code": "WORKFLOW_FAILED"', '"step": "s"', '"ended_at": "20'):
        assert part in run_json
    assert run in said.out
    assert '"type": "run_failed"' in events
