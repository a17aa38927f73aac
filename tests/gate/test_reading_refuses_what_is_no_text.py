"""Bytes that cannot be a workflow: one sentence each, and exit 3."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headgate.api.checking import check, check_text
from headgate.api.reading import MAX_BYTES, Unreadable, decode, read_source

GOOD = 'workflow greet {\n  step hello = set { text = "Hello" }\n}\n'


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfew\x00o\x00", "is UTF-16; save it as UTF-8"),
        (b"workflow \x00", "is no text: it holds a NUL byte at offset 9"),
        (b"workflow a {\n  # \xe4\n}", "is not UTF-8: byte 0xe4 on line 2"),
        ("workflow ä".encode()[:-1], "is not UTF-8: byte 0xc3 on line 1"),
        (b"\xef\xbb\xbfa\n\xe4", "is not UTF-8: byte 0xe4 on line 2"),
        (b"#" * (MAX_BYTES + 1), "is 32 MiB; a file may have at most 32 MiB"),
        (b"", "is empty; expected at least one `workflow NAME { ... }`"),
        (b"\xef\xbb\xbf \n\n", "is empty"),
        (b"# only a comment\n", "holds no workflow"),
    ],
)
def test_bad_bytes_are_one_sentence_and_exit_3(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.flow"
    path.write_bytes(content)
    report = check([path], _at(tmp_path))
    assert report.exit_code() == 3
    assert [says in one.message and "`bad.flow`" in one.message for one in report.unreadable] == [True]
    assert report.files == ()
    assert report.verdict == "incomplete"


def test_a_file_at_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.flow"
    path.write_bytes(b"#" * MAX_BYTES)
    assert len(read_source(path, "long.flow").text) == MAX_BYTES


def test_the_byte_order_mark_is_no_part_of_the_text() -> None:
    assert decode(b"\xef\xbb\xbf" + GOOD.encode(), "a.flow").text == GOOD


def test_line_endings_are_kept() -> None:
    assert decode(b"a\r\nb\n", "a.flow").text == "a\r\nb\n"


def test_a_missing_file_and_a_folder_without_files_are_exit_3(tmp_path: Path) -> None:
    report = check(["nowhere.flow", tmp_path / "empty"], _at(tmp_path))
    assert report.exit_code() == 3
    (tmp_path / "empty").mkdir()
    report = check(["nowhere.flow", "empty"], _at(tmp_path))
    assert [one.message for one in report.unreadable] == ["no `.flow` file in `empty`", "no file `nowhere.flow`"]


def test_a_folder_given_as_a_file_is_named_as_one(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="is a folder; expected a"):
        read_source(tmp_path, "here")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_says_so(tmp_path: Path) -> None:
    path = tmp_path / "secret.flow"
    path.write_text(GOOD)
    path.chmod(0)
    with pytest.raises(Unreadable, match="permission denied"):
        read_source(path, "secret.flow")


def test_a_name_that_no_system_takes_is_refused() -> None:
    assert check(["a\x00b.flow"]).exit_code() == 3
    assert check(["a" * 5000]).exit_code() == 3


def test_standard_input_may_be_bytes() -> None:
    assert check_text(GOOD.encode(), "-").exit_code() == 0
    assert check_text(b"\x00", "-").unreadable[0].path == "<stdin>"


def _at(folder: Path):
    from headgate.api.surroundings import Options

    return Options(start=folder)


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.flow")
    with pytest.raises(Unreadable, match=r"`pipe\.flow` is a pipe"):
        read_source(tmp_path / "pipe.flow", "pipe.flow")
