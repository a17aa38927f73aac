"""The examples do what they say; those that need servers of other people are run where these are installed."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from examples import run_all  # noqa: E402 - the examples stand beside the package, not in it


@pytest.mark.parametrize("name", run_all.names())
def test_an_example_checks_clean_and_does_what_it_says(name):
    lacking = run_all.missing(name)
    if lacking and os.environ.get("CI") != "true":
        pytest.skip(f"{', '.join(lacking)} is not installed: see examples/README.md")
    assert not lacking, f"{', '.join(lacking)} is not installed"
    assert "completed" in run_all.run(name)


def test_there_are_examples_on_every_server_they_promise():
    import json

    needs = {
        need
        for name in run_all.names()
        for need in json.loads((ROOT / "examples" / name / "example.json").read_text()).get("needs", [])
    }
    servers = {f"mcp-server-{name}" for name in ("filesystem", "everything", "memory", "time", "git")}
    assert needs == servers | {"chat", "office"}
    assert len(run_all.names()) >= 6


def test_a_wrong_outcome_is_noticed(tmp_path, monkeypatch):
    import shutil

    shutil.copytree(ROOT / "examples" / "expense", tmp_path / "expense")
    example = tmp_path / "expense" / "example.json"
    example.write_text(example.read_text().replace("219.5", "220"))
    monkeypatch.setattr(run_all, "HERE", tmp_path)
    with pytest.raises(run_all.Differs, match=r"output is .*219\.5"):
        run_all.run("expense")
