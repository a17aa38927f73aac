"""The servers that teams run: each is locked, called, made to fail, and closed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from attempts import attempt, perform_all
from servers.installed import node_server, pypi_server

from headgate.api.locking import lock
from headgate.api.place import Place
from headgate.plan import Json, JsonObject
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.performers import Attempt
from headgate.workspace import FILE_NAME, load


def workspace(folder: Path, *command: str) -> Path:
    file = folder / FILE_NAME
    file.write_text(f"[instances.it]\ncommand = {json.dumps(command)}\n")
    return file


def call(tool: str, args: JsonObject) -> Attempt:
    return attempt("mcp", {"instance": "it", "tool": tool, "args": args}, timeout=30_000)


def results(file: Path, *attempts: Attempt) -> list[Json | StepError]:
    bound, faults = load(file)
    assert faults == []
    return perform_all(*attempts, workspace=bound)


def locked(folder: Path) -> set[str]:
    """The tools in the lock, which is the same when it is written again."""
    first = lock(Place(folder))
    assert (first.exit_code, first.faults) == (0, ())
    assert lock(Place(folder), compare=True).differences == ()
    return set(json.loads(first.path.read_text())["instances"]["it"]["tools"])


def text(result: Json | StepError) -> str:
    assert isinstance(result, dict), result
    return str(result.get("text", result))


def failed(result: Json | StepError) -> str:
    assert isinstance(result, StepError), result
    assert (result.code, result.error_class) == ("MCP_TOOL_FAILED", ErrorClass.PERMANENT)
    return result.message


@pytest.mark.node
def test_the_filesystem_server_writes_and_reads_in_its_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    file = workspace(tmp_path, node_server("mcp-server-filesystem"), "./data")
    assert {"read_text_file", "write_file", "list_directory"} <= locked(tmp_path)
    written, read, refused = results(
        file,
        call("write_file", {"path": str(tmp_path / "data" / "a.txt"), "content": "grüß Gott\n"}),
        call("read_text_file", {"path": str(tmp_path / "data" / "a.txt")}),
        call("read_text_file", {"path": "/etc/passwd"}),
    )
    assert not isinstance(written, StepError)
    assert (tmp_path / "data" / "a.txt").read_text() == "grüß Gott\n"
    assert "grüß Gott" in text(read)
    assert "outside allowed directories" in failed(refused)


@pytest.mark.node
def test_the_everything_server_adds_and_gives_structured_content(tmp_path: Path) -> None:
    file = workspace(tmp_path, node_server("mcp-server-everything"))
    assert {"echo", "get-sum", "get-structured-content"} <= locked(tmp_path)
    added, structured, wrong = results(
        file,
        call("get-sum", {"a": 2, "b": 40}),
        call("get-structured-content", {"location": "New York"}),
        call("get-sum", {"a": "two"}),
    )
    assert "42" in text(added)
    assert isinstance(structured, dict)
    assert "temperature" in structured
    assert "get-sum" in failed(wrong)


@pytest.mark.node
def test_the_memory_server_remembers_within_a_session(tmp_path: Path) -> None:
    source = node_server("mcp-server-memory")
    file = workspace(tmp_path, source)
    file.write_text(file.read_text() + f"env = {{ MEMORY_FILE_PATH = {json.dumps(str(tmp_path / 'memory.json'))} }}\n")
    assert {"create_entities", "read_graph"} <= locked(tmp_path)
    entity: JsonObject = {"name": "Ann", "entityType": "person", "observations": ["likes tea"]}
    made, graph = results(file, call("create_entities", {"entities": [entity]}), call("read_graph", {}))
    assert not isinstance(made, StepError)
    assert "likes tea" in text(graph)
    assert "likes tea" in (tmp_path / "memory.json").read_text()


@pytest.mark.servers
def test_the_time_server_converts_and_says_what_it_does_not_know(tmp_path: Path) -> None:
    file = workspace(tmp_path, pypi_server("mcp-server-time"))
    assert locked(tmp_path) == {"convert_time", "get_current_time"}
    given: JsonObject = {"source_timezone": "UTC", "target_timezone": "Asia/Tokyo", "time": "12:00"}
    converted, wrong = results(file, call("convert_time", given), call("get_current_time", {"timezone": "Nowhere/X"}))
    assert "21:00" in text(converted)
    assert "Nowhere/X" in failed(wrong)


@pytest.mark.servers
def test_the_git_server_reads_a_repository(tmp_path: Path) -> None:
    git = shutil.which("git")
    assert git is not None, "git is needed to clone this repository at all"
    repository = tmp_path / "repo"
    subprocess.run([git, "init", "-q", str(repository)], check=True)
    (repository / "new.txt").write_text("x")
    file = workspace(tmp_path, pypi_server("mcp-server-git"))
    assert {"git_status", "git_log", "git_commit"} <= locked(tmp_path)
    status, wrong = results(
        file,
        call("git_status", {"repo_path": str(repository)}),
        call("git_status", {"repo_path": str(tmp_path / "no")}),
    )
    assert "new.txt" in text(status)
    assert failed(wrong).startswith("the tool `git_status` failed: ")
