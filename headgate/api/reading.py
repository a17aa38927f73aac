"""Bytes to `Source`: what cannot be text is refused here, with one sentence."""

from __future__ import annotations

from pathlib import Path

from headgate.source import Source

MAX_BYTES = 32 * 1024 * 1024
_MIB = 1024 * 1024


class Unreadable(Exception):  # noqa: N818 - it names a state
    """A file that cannot be checked; the message is one sentence that names it and says why."""


def read_source(path: Path, shown_path: str) -> Source:
    """The text of a file. `shown_path` is what people see. Raises Unreadable."""
    try:
        if path.is_fifo() and not path.is_relative_to("/dev") and not path.is_relative_to("/proc"):
            raise Unreadable(f"`{shown_path}` is a pipe that nobody may write to; expected a `.flow` file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                size = max(path.stat().st_size, len(content))
                raise Unreadable(f"`{shown_path}` is {size / _MIB:.0f} MiB; a file may have at most 32 MiB")
    except FileNotFoundError:
        raise Unreadable(f"no file `{shown_path}`") from None
    except IsADirectoryError:
        raise Unreadable(f"`{shown_path}` is a folder; expected a `.flow` file") from None
    except PermissionError:
        raise Unreadable(f"`{shown_path}` may not be read: permission denied") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Unreadable(f"`{shown_path}` cannot be read: {reason}") from None
    return decode(content, shown_path)


def decode(content: bytes, shown_path: str) -> Source:
    """The text of a file's bytes: UTF-8, with or without a byte order mark. Raises Unreadable."""
    if len(content) > MAX_BYTES:
        raise Unreadable(f"`{shown_path}` is {len(content) / _MIB:.0f} MiB; a file may have at most 32 MiB")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(f"`{shown_path}` is UTF-16; save it as UTF-8")
    nul = content.find(b"\x00")
    if nul >= 0:
        raise Unreadable(f"`{shown_path}` is no text: it holds a NUL byte at offset {nul}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        raise Unreadable(f"`{shown_path}` is not UTF-8: byte 0x{byte:02x} on line {line}; save it as UTF-8") from None
    return Source(shown_path, text)
