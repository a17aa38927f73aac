"""Why the front door turned somebody away, with the exit code that says so. The message is one line for a person."""

from __future__ import annotations


class Fault(Exception):  # noqa: N818 - most of these are an answer, not an error
    """Raised by every function of `headgate.api` for what its caller can put right; never a traceback for a user."""

    exit_code: int = 4

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UsageFault(Fault):
    """Wrong usage, or inputs that do not fit."""

    exit_code = 2


class InputsMissing(UsageFault):
    """Required inputs were not given. `missing` maps each name to its JSON Schema, for a shell that can ask."""

    def __init__(self, message: str, missing: dict[str, object]) -> None:
        super().__init__(message)
        self.missing = missing


class NothingStarted(Fault):
    """No such file or run, a damaged plan, a store that cannot be used, findings of the gate.

    `report` is the `CheckReport` when the gate refused, for a shell that shows it.
    """

    exit_code = 3

    def __init__(self, message: str, report: object = None) -> None:
        super().__init__(message)
        self.report = report


class CompilationFailed(Fault):
    """What was to be published does not pass the gate; the active version stays. `report` is the `CheckReport`.

    The exit code is the gate's: 1 for findings, 2 for a workspace at fault, 3 for what cannot be read.
    """

    def __init__(self, message: str, report: object, exit_code: int) -> None:
        super().__init__(message)
        self.report = report
        self.exit_code = exit_code


class Refused(Fault):
    """The status model does not allow it: `code` of its table, and one sentence that says what is allowed instead."""

    exit_code = 6

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
