"""What `check` remembers from one call to the next: always the answer that a fresh check gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.api import examining
from headgate.api.checking import check
from headgate.api.surroundings import Options
from headgate.render.findings_json import findings_json
from headgate.validators.report import CheckReport

TEXTS = (
    "workflow good {\n  step a = set { x = 1 }\n}\n",
    "workflow good {\r\n  step a = set { x = 1 }\r\n}\r\n",
    "workflow wrong {\n  step a = set after nowhere { x = 1 }\n}\n",
    "workflow broken {\n  step a = set { x = }\n}\n",
    "workflow calls {\n  step a = mcp stripe.get_charge\n}\n",
    "workflow parent {\n  step a = call child\n}\n",
    "workflow child {\n  step a = set { x = 1 }\n}\n",
    "workflow child {\n  input n: integer\n  step a = set { x = {{ inputs.n }} }\n}\n",
    "workflow odd {\n  step a = nothing_like_it { x = 1 }\n}\n",
    """\
workflow often {
  trigger t = schedule "30 2 * * *" { timezone = "Europe/Berlin" }
  step a = set { x = 1 }
}
""",
    """\
workflow quiet {
  step a = set { x = 1 }
  step b = set { x = 1 }  # headgate: ignore[HG111] on purpose, until 2026-12-01
}
""",
    "",
    "\xff",
)
TOMLS = (
    "",
    '[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n[environments.prod]\n',
    '[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n[check]\nstrict = true\n',
    '[check]\nignore = ["HG111"]\n',
    "[chekc]\n",
)
LOCKS = ('{"version": 1, "instances": {"stripe": {"tools": {"get_charge": {"inputSchema": {}}}}}}', "", "{")
FILES = ("a.flow", "b.flow", "sub/c.flow")


class Edit(NamedTuple):
    file: str
    content: str | None


class Ask(NamedTuple):
    paths: tuple[str, ...]
    options: Options


edits = st.one_of(
    st.builds(Edit, st.sampled_from(FILES), st.sampled_from((*TEXTS, None))),
    st.builds(Edit, st.just("headgate.toml"), st.sampled_from((*TOMLS, None))),
    st.builds(Edit, st.just("headgate.lock"), st.sampled_from((*LOCKS, None))),
)
asks = st.builds(
    Ask,
    st.sampled_from(((), ("a.flow",), ("a.flow", "sub"), ("b.flow#good",))),
    st.builds(
        Options,
        strict=st.booleans(),
        environment=st.sampled_from((None, None, "prod")),
        select=st.sampled_from(((), ("HG1",), ("HG999",))),
        today=st.sampled_from(("2026-11-20", "2027-02-01")),
        start=st.none(),
    ),
)


def said(report: CheckReport) -> tuple[object, ...]:
    return (findings_json(report), report.exit_code(), report.faults, report.unreadable, report.files)


def put(folder: Path, edit: Edit) -> None:
    path = folder / edit.file
    path.parent.mkdir(exist_ok=True)
    if edit.content is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(edit.content.encode("latin-1"))


def comparable(report: CheckReport) -> tuple[object, ...]:
    json_text, code, faults, unreadable, files = said(report)
    assert isinstance(files, tuple)
    return (json_text, code, faults, unreadable, [file._replace(source=file.source.text) for file in files])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(edits, asks), min_size=2, max_size=12))
def test_whatever_changes_the_kept_answer_is_the_fresh_one(history: list[tuple[Edit, Ask]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder)
        for edit, ask in history:
            put(start, edit)
            options = ask.options._replace(start=start)
            fresh = check(ask.paths, options._replace(cache=False))
            assert comparable(check(ask.paths, options)) == comparable(fresh)
            assert comparable(check(ask.paths, options)) == comparable(fresh)


def workspace(folder: Path) -> Options:
    (folder / "headgate.toml").write_text(TOMLS[1])
    for name, text in (("a.flow", TEXTS[0]), ("b.flow", TEXTS[2])):
        (folder / name).write_text(text)
    return Options(start=folder, today="2026-11-20")


def examined(monkeypatch: pytest.MonkeyPatch, options: Options) -> list[str]:
    """The files that one check examines anew."""
    names: list[str] = []
    real = examining.examine_source

    def watched(source, path, surroundings):
        names.append(source.path)
        return real(source, path, surroundings)

    with monkeypatch.context() as patch:
        patch.setattr(examining, "examine_source", watched)
        check((), options)
    return names


def test_only_what_changed_is_examined_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = workspace(tmp_path)
    assert examined(monkeypatch, options) == ["a.flow", "b.flow"]
    assert examined(monkeypatch, options) == []
    (tmp_path / "b.flow").write_text(TEXTS[6])
    assert examined(monkeypatch, options) == ["b.flow"]
    (tmp_path / "headgate.lock").write_text(LOCKS[0])
    assert examined(monkeypatch, options) == ["a.flow", "b.flow"]
    assert examined(monkeypatch, options._replace(cache=False)) == ["a.flow", "b.flow"]


def test_what_asked_for_other_workflows_is_examined_again_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = workspace(tmp_path)
    (tmp_path / "a.flow").write_text(TEXTS[5])
    examined(monkeypatch, options)
    assert examined(monkeypatch, options) == []
    (tmp_path / "b.flow").write_text(TEXTS[6])
    assert sorted(examined(monkeypatch, options)) == ["a.flow", "b.flow"]


def test_what_depends_on_installed_kinds_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = workspace(tmp_path)
    (tmp_path / "a.flow").write_text(TEXTS[8])
    examined(monkeypatch, options)
    assert examined(monkeypatch, options) == ["a.flow"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"a.flow": 1}', b"\xff\xfe", b"null", b"[" * 100_000])
def test_a_damaged_file_of_answers_costs_only_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setenv("HEADGATE_CACHE_DIR", str(tmp_path / "answers"))
    options = workspace(tmp_path)
    before = findings_json(check((), options))
    kept = list((tmp_path / "answers").rglob("*.json"))
    assert len(kept) == 1
    kept[0].write_bytes(content)
    assert findings_json(check((), options)) == before
    assert examined(monkeypatch, options) == []


def test_an_answer_with_places_outside_the_text_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_CACHE_DIR", str(tmp_path / "answers"))
    options = workspace(tmp_path)
    before = findings_json(check((), options))
    (kept,) = (tmp_path / "answers").rglob("*.json")
    entries = json.loads(kept.read_text())
    entries["b.flow"][2][0][0][4] = [0, 100_000]
    kept.write_text(json.dumps(entries))
    assert findings_json(check((), options)) == before


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HEADGATE_CACHE_DIR", str(tmp_path / "file"))
    options = workspace(tmp_path)
    assert check((), options).exit_code() == 1


def test_processes_that_write_at_once_leave_whole_answers(tmp_path: Path) -> None:
    options = workspace(tmp_path)
    program = (
        "import sys; from pathlib import Path\n"
        "from headgate.api.checking import check; from headgate.api.surroundings import Options\n"
        "folder = Path(sys.argv[1]); own = folder / sys.argv[2]\n"
        "for n in range(30):\n"
        "    own.write_text('workflow w%d {\\n  step a = set { x = 1 }\\n}\\n' % n)\n"
        "    report = check((), Options(start=folder, today='2026-11-20'))\n"
        "    assert not report.faults and len(report.files) >= 3, report\n"
    )
    environment = {**os.environ, "HEADGATE_CACHE_DIR": str(tmp_path / "answers")}
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), f"w{n}.flow"], env=environment)
        for n in range(3)
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    (kept,) = (tmp_path / "answers").rglob("*.json")
    assert set(json.loads(kept.read_text())) <= {"a.flow", "b.flow", "w0.flow", "w1.flow", "w2.flow"}
    assert options.start is not None
    assert not list((tmp_path / "answers").rglob(".*"))
