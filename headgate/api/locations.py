"""Where the files of a report stand in their repository: what services that show findings beside code want to know."""

from __future__ import annotations

import os
from pathlib import Path

from headgate.source import Source
from headgate.validators.report import CheckReport


def in_repository(report: CheckReport, start: Path) -> CheckReport:
    """The report with paths from the root of the repository around `start`, or from `start` outside of one.

    A text that stands in no file keeps the name that it has.
    """
    base = repository(start)
    return report._replace(
        files=tuple(
            file if file.file is None else file._replace(source=Source(_from(base, file.file), file.source.text))
            for file in report.files
        ),
        unreadable=tuple(
            one if one.file is None else one._replace(path=_from(base, one.file)) for one in report.unreadable
        ),
    )


def repository(start: Path) -> Path:
    """The nearest folder around `start` that holds `.git`, else `start` itself."""
    folder = start.resolve()
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def _from(base: Path, file: Path) -> str:
    """The path of a file from a folder; a link is named by where the link is, as the repository lists it."""
    real = file.parent.resolve() / file.name
    return Path(os.path.relpath(real, base)).as_posix()
