"""`headgate.lock` from live servers: the same bytes every time, all of it or nothing, and what a comparison tells."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from servers.mcp_over_http import mcp_over_http

from headgate.api.asking import Asked, Listener
from headgate.api.faults import NothingStarted, UsageFault
from headgate.api.locking import LockReport, lock
from headgate.api.place import Place
from headgate.workspace import load_lock

BAD = Path(__file__).parent / "servers" / "bad_mcp.py"


def instance(name: str, *command: str) -> str:
    return f"[instances.{name}]\ncommand = {json.dumps([sys.executable, *command])}\n"


SHOP = instance("shop", "-m", "headgate.demo.server")
ODD = instance("odd", str(BAD), "good")


def write(folder: Path, *parts: str) -> Place:
    (folder / "headgate.toml").write_text("\n".join(parts))
    return Place(folder)


def test_the_lock_holds_what_the_servers_say_sorted_and_indented(tmp_path: Path) -> None:
    told: list[Asked] = []
    report = lock(write(tmp_path, SHOP, ODD), listener=Listener(told.append))
    assert (report.exit_code, report.written, report.tools, report.faults) == (0, True, 5, ())
    assert {one.name for one in told} == {"shop", "odd"}
    content = (tmp_path / "headgate.lock").read_bytes()
    read = json.loads(content)
    assert content == (json.dumps(read, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
    assert read["version"] == 1
    assert read["workflows"] == {}
    assert read["instances"]["odd"]["tools"]["echo"] == {"inputSchema": {"type": "object", "properties": {}}}
    assert read["instances"]["shop"]["tools"]["get_order"]["annotations"] == {
        "readOnlyHint": True,
        "openWorldHint": False,
    }
    known = load_lock(tmp_path / "headgate.lock")
    assert known is not None
    assert sorted(known.instances["shop"]) == ["create_refund", "get_order", "send_email"]


def test_the_bundled_lock_is_what_the_bundled_server_says(tmp_path: Path) -> None:
    lock(write(tmp_path, SHOP))
    bundled = Path(sys.modules["headgate"].__file__ or "").parent / "demo" / "headgate.lock"
    assert (tmp_path / "headgate.lock").read_bytes() == bundled.read_bytes()


def test_a_second_lock_changes_no_byte_and_does_not_touch_the_file(tmp_path: Path) -> None:
    place = write(tmp_path, ODD)
    lock(place)
    before = (tmp_path / "headgate.lock").stat()
    report = lock(place)
    after = (tmp_path / "headgate.lock").stat()
    assert (report.written, report.differences) == (False, ())
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_comparison_tells_what_changed_and_writes_nothing(tmp_path: Path) -> None:
    place = write(tmp_path, ODD, SHOP)
    lock(place)
    path = tmp_path / "headgate.lock"
    content = json.loads(path.read_text())
    shop = content["instances"]["shop"]["tools"]
    del shop["get_order"]
    shop["old_tool"] = shop["send_email"]
    shop["create_refund"]["annotations"]["destructiveHint"] = False
    shop["create_refund"]["inputSchema"]["required"] = []
    content["instances"]["gone"] = {"tools": {}}
    del content["instances"]["odd"]
    edited = json.dumps(content)
    path.write_text(edited)
    report = lock(place, compare=True)
    assert report.exit_code == 1
    assert report.differences == (
        "the instance `gone` is gone",
        "the instance `odd` is new, with 2 tools",
        "the tool `shop.create_refund` has another `inputSchema`, `annotations`",
        "the tool `shop.get_order` is new",
        "the tool `shop.old_tool` is gone",
    )
    assert path.read_text() == edited
    lock(place)
    assert lock(place, compare=True) == LockReport(
        path=path, instances=("odd", "shop"), tools=5, differences=(), faults=(), written=False, exit_code=0
    )


def test_when_one_server_says_nothing_nothing_is_written(tmp_path: Path) -> None:
    report = lock(write(tmp_path, ODD, instance("off", str(BAD), "exit")))
    assert (report.exit_code, report.differences) == (3, ())
    assert report.faults == ("the MCP server `off` ended before it answered: cannot read config.json",)
    assert not (tmp_path / "headgate.lock").exists()


def test_naming_instances_leaves_the_others_and_the_workflows_as_they_are(tmp_path: Path) -> None:
    place = write(tmp_path, ODD, instance("off", str(BAD), "exit"))
    path = tmp_path / "headgate.lock"
    before = {
        "version": 1,
        "instances": {"off": {"tools": {"x": {"inputSchema": {}}}}},
        "workflows": {"w": {"inputs": {}, "outputs": {}}},
    }
    path.write_text(json.dumps(before))
    assert lock(place, ["odd"]).exit_code == 0
    after = json.loads(path.read_text())
    assert after["instances"]["off"] == before["instances"]["off"]  # type: ignore[index]
    assert after["workflows"] == before["workflows"]
    assert sorted(after["instances"]["odd"]["tools"]) == ["echo", "pid"]


def test_an_inactive_instance_is_not_asked_and_keeps_its_entry(tmp_path: Path) -> None:
    place = write(tmp_path, ODD, instance("off", str(BAD), "exit") + 'profile = "inactive"\n')
    path = tmp_path / "headgate.lock"
    path.write_text('{"version": 1, "instances": {"off": {"tools": {}}}, "workflows": {}}')
    assert lock(place).exit_code == 0
    assert sorted(json.loads(path.read_text())["instances"]) == ["odd", "off"]


def test_a_damaged_lock_is_told_and_written_again(tmp_path: Path) -> None:
    place = write(tmp_path, ODD)
    (tmp_path / "headgate.lock").write_text('{"version": 1, "inst')
    report = lock(place, compare=True)
    assert report.exit_code == 1
    assert report.differences[0].startswith("`headgate.lock` is damaged: it is not JSON")
    assert lock(place).written
    assert lock(place, compare=True).exit_code == 0


def test_a_server_over_http_is_locked_with_its_address(tmp_path: Path) -> None:
    with mcp_over_http(tmp_path / "books.json") as url:
        lock(write(tmp_path, f'[instances.far]\nserver_url = "{url}"\n'))
    far = json.loads((tmp_path / "headgate.lock").read_text())["instances"]["far"]
    assert far["server_url"] == url
    assert sorted(far["tools"]) == ["create_refund", "get_order", "send_email"]


def test_without_a_workspace_or_with_a_wrong_name_nothing_is_asked(tmp_path: Path) -> None:
    with pytest.raises(NothingStarted, match=r"there is no headgate\.toml here or above"):
        lock(Place(tmp_path))
    with pytest.raises(UsageFault, match="the workspace has no instance `x`: it has `odd`"):
        lock(write(tmp_path, ODD), ["x"])


def test_a_lock_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "headgate.lock").mkdir()
    with pytest.raises(NothingStarted, match="cannot be written"):
        lock(write(tmp_path, ODD))
