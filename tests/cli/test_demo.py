"""`headgate demo`: what a newcomer sees first."""

import json
import re

from command_line import headgate


def test_the_demo_goes_from_text_to_a_finished_run_with_nobody_to_ask(tmp_path):
    said = headgate("demo", cwd=tmp_path)
    assert said.code == 0, said.err
    stages = re.findall(r"^== (.*?) =+$", said.out, re.MULTILINE)
    assert stages == [
        "1. text", "2. the gate", "3. the plan", "4. the run", "5. the approval", "6. the timeline", "now you",
    ]  # fmt: skip
    assert "did you mean `total`?" in said.out
    assert "waiting (approval)" in said.out
    assert "approved by the demo itself" in said.out
    assert "completed (clean)" in said.out
    assert "Traceback" not in said.err
    books = json.loads((tmp_path / "headgate-demo" / "shop.json").read_text())
    assert [refund["amount"] for refund in books["refunds"].values()] == [137]
    assert [email["to"] for email in books["emails"]] == ["ann@example.com"]


def test_what_the_demo_leaves_can_be_looked_at_and_shown_again(tmp_path):
    assert headgate("demo", "first", cwd=tmp_path).code == 0
    assert headgate("demo", "first", cwd=tmp_path).code == 0
    runs = headgate("runs", "--format", "json", cwd=tmp_path / "first").json
    assert [run["status"] for run in runs] == ["completed", "completed"]
    assert headgate("lock", "--check", cwd=tmp_path / "first").code == 0
    assert headgate("doctor", cwd=tmp_path / "first").code == 0


def test_the_demo_leaves_a_folder_of_somebody_else_alone(tmp_path):
    (tmp_path / "headgate-demo").mkdir()
    (tmp_path / "headgate-demo" / "mine.txt").write_text("mine")
    said = headgate("demo", cwd=tmp_path)
    assert said.code == 2
    assert "another folder" in said.err
    assert [path.name for path in (tmp_path / "headgate-demo").iterdir()] == ["mine.txt"]


def test_lock_says_what_a_server_that_does_not_start_is_and_writes_nothing(tmp_path):
    (tmp_path / "headgate.toml").write_text('[project]\nname = "t"\n[instances.gone]\ncommand = ["no-such-program"]\n')
    said = headgate("lock", cwd=tmp_path)
    assert said.code == 3
    assert "`gone`" in said.err
    assert "no-such-program" in said.err
    assert not (tmp_path / "headgate.lock").exists()


def test_doctor_names_what_is_wrong_and_the_fix(tmp_path):
    (tmp_path / "headgate.toml").write_text('[project]\nname = "t"\n[instances.gone]\ncommand = ["no-such-program"]\n')
    said = headgate("doctor", "--format", "json", cwd=tmp_path)
    assert said.code == 1
    (wrong,) = [each for each in said.json if each["verdict"] == "error"]
    assert "gone" in wrong["subject"] + wrong["message"]
    assert wrong["fix"]
    text = headgate("doctor", cwd=tmp_path).out
    assert "fix: " in text
