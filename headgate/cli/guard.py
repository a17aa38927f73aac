"""What becomes of everything that a verb may raise, whether its command line was parsed by click or was plain."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

EXIT_OURS = 4
EXIT_INTERRUPTED = 130
_OUTPUT_LOST = {errno.EPIPE, errno.ENOSPC, errno.EIO}


def guarded(verb: Callable[[], int]) -> int:
    """The exit code of a verb. What is not a known fault is one of ours, code 4, and no traceback.

    Raises `OSError` when standard output cannot be written.
    """
    try:
        return verb()
    except KeyboardInterrupt:
        return interrupted()
    except OSError as fault:
        if fault.errno in _OUTPUT_LOST and fault.filename is None:
            raise
        from headgate.cli.faults import report

        return report(fault)
    except Exception as fault:  # noqa: BLE001 - the one place that answers for everything below
        from headgate.cli.faults import report

        return report(fault)


def interrupted() -> int:
    """Says that somebody stopped the verb; returns its exit code."""
    print("headgate: interrupted; what was recorded is kept", file=sys.stderr)
    return EXIT_INTERRUPTED


def lose_output(fault: OSError) -> int:
    """The exit code when standard output cannot be written. A reader that left, as `head` does, need not be told."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nor at the interpreter's end
    if isinstance(fault, BrokenPipeError):
        return 0
    print(f"headgate: the output cannot be written: {fault.strerror or fault}", file=sys.stderr)
    return EXIT_OURS
