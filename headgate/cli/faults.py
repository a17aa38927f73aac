"""What a failed command line says, and the code it leaves with."""

from __future__ import annotations

import os
import sys

from headgate import __version__
from headgate.api.faults import Fault, NothingStarted, Refused

EXIT_OURS = 4


def report(fault: Exception) -> int:
    """Write one sentence about `fault` to standard error; returns the exit code."""
    if isinstance(fault, Fault):
        return _explain(fault)
    if isinstance(fault, PermissionError):
        print(f"headgate: `{fault.filename}` cannot be used: you may not read or write there", file=sys.stderr)
        return NothingStarted.exit_code
    place = _deepest_place(fault)
    what = f"{type(fault).__name__}: {fault}".split("\n", 1)[0]
    print(
        f"headgate: this is a fault of headgate {__version__}, not of your files: {what} ({place}); "
        "please report it with the command you ran; HEADGATE_DEBUG=1 shows the traceback",
        file=sys.stderr,
    )
    if os.environ.get("HEADGATE_DEBUG"):
        import traceback

        traceback.print_exception(fault)
    return EXIT_OURS


def _explain(fault: Fault) -> int:
    if isinstance(fault, NothingStarted) and fault.report is not None:
        from headgate.cli.output import findings_text

        print(findings_text(fault.report, sys.stderr), end="", file=sys.stderr)
    code = f"{fault.code}: " if isinstance(fault, Refused) and fault.code else ""
    print(f"headgate: {code}{fault.message}", file=sys.stderr)
    return fault.exit_code


def _deepest_place(fault: Exception) -> str:
    trace = fault.__traceback__
    place = "unknown place"
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "?")
        if module.startswith("headgate"):
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
