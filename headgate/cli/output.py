"""Where the output goes: colour only on a terminal, JSON with one layout."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pathlib import Path

    from headgate.plan import Json


def colour_wanted(stream: TextIO | None = None) -> bool:
    """Whether `stream` (standard output) is a terminal that may be coloured.

    `NO_COLOR` says no; else `FORCE_COLOR` says yes, for logs that show colours and are no terminal.
    """
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("FORCE_COLOR", "0")
    return forced not in ("", "0") or ((stream or sys.stdout).isatty() and os.environ.get("TERM") != "dumb")


def columns(stream: TextIO | None = None) -> int | None:
    """How wide the terminal is; None when the output goes elsewhere and nothing needs to be cut."""
    if not (stream or sys.stdout).isatty():
        return None
    from shutil import get_terminal_size

    return get_terminal_size().columns


def print_json(value: Json) -> None:
    """Print a value as indented JSON."""
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))


def findings_text(report: object, stream: TextIO) -> str:
    """A gate report as text, coloured when `stream` is a terminal."""
    from headgate.render import findings_text as renderer
    from headgate.validators.report import CheckReport

    assert isinstance(report, CheckReport), "a gate refusal carries the gate's report"
    return renderer.findings_text(report, colour=colour_wanted(stream))


def print_findings_json(report: object) -> None:
    """Print a gate report as `check --format json` does."""
    from headgate.render.findings_json import findings_json
    from headgate.validators.report import CheckReport

    assert isinstance(report, CheckReport), "a gate refusal carries the gate's report"
    print(findings_json(report), end="")


def write_file(target: Path, content: bytes, source: str) -> None:
    """Write what was made of `source` (FILE or FILE#NAME); raises `NothingStarted` when it cannot, or is that file."""
    from pathlib import Path

    from headgate.api.faults import NothingStarted, UsageFault

    origin = Path(source) if Path(source).exists() else Path(source.rpartition("#")[0])
    if target.exists() and origin.exists() and target.samefile(origin):
        raise UsageFault(f"`{target}` is the file it is made of: name another one")
    try:
        target.write_bytes(content)
    except OSError as error:
        raise NothingStarted(f"`{target}` cannot be written: {error.strerror}") from None


@contextmanager
def writing(target: Path) -> Iterator[TextIO]:
    """A text file for nobody else to read, there whole or not at all; raises `NothingStarted` when it cannot be."""
    from headgate.api.faults import NothingStarted

    draft = target.with_name(target.name + ".part")
    try:
        draft.unlink(missing_ok=True)
        draft.touch(0o600)
        with draft.open("w", encoding="utf-8") as file:
            yield file
        draft.replace(target)
    except OSError as error:
        raise NothingStarted(f"`{target}` cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def say(notes: tuple[str, ...] | list[str]) -> None:
    """Print remarks to standard error, one a line."""
    for note in notes:
        print(f"headgate: {note}", file=sys.stderr)


def say_waiting(names: tuple[str, ...]) -> None:
    """Say which servers have not answered yet."""
    say([f"still waiting for {', '.join(f'`{name}`' for name in names)}"])
