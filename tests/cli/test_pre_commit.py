"""The hooks of `.pre-commit-hooks.yaml`, run by pre-commit itself in a repository of somebody else."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = "workflow w {\n  step a = set { x = 1 }\n}\n"

pytestmark = pytest.mark.pre_commit


@pytest.fixture(scope="module")
def tool():
    found = shutil.which("pre-commit")
    if found is None:
        message = "pre-commit is not installed: `pip install pre-commit`"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where pre-commit keeps what it installs: nothing of the user's own is touched."""
    return tmp_path_factory.mktemp("pre_commit_home")


def git(folder, *arguments):
    names = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True)


def try_hook(tool, home, folder, hook):
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "HEADGATE_"))}
    done = subprocess.run(
        [tool, "try-repo", str(ROOT), hook, "--all-files", "--verbose", "--color", "never"],
        cwd=folder,
        env={**variables, "PRE_COMMIT_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_pre_commit_refuses_what_fails_the_gate_and_lays_files_out(tool, home, tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a.flow").write_text(GOOD)
    (tmp_path / "notes.txt").write_text("workflow? no")
    git(tmp_path, "add", ".")
    code, said = try_hook(tool, home, tmp_path, "headgate-check")
    assert code == 0, said
    assert "no findings in 1 file" in said
    (tmp_path / "a.flow").write_text(GOOD.replace("set", "sett"))
    code, said = try_hook(tool, home, tmp_path, "headgate-check")
    assert code == 1, said
    assert "error[HG006]" in said
    (tmp_path / "a.flow").write_text(GOOD.replace("  step", "      step"))
    code, said = try_hook(tool, home, tmp_path, "headgate-fmt")
    assert code == 1, said
    assert (tmp_path / "a.flow").read_text() == GOOD
    code, said = try_hook(tool, home, tmp_path, "headgate-fmt")
    assert code == 0, said
