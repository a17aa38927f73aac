"""What may go wrong in the world, as values; and whose fault it was."""

from __future__ import annotations

from enum import StrEnum

from headgate.plan import JsonObject
from headgate.records import NamedTuple


class ErrorClass(StrEnum):
    """What follows from a step's error (`docs/statuses.md`, Errors of a step)."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    AUTH = "auth"
    QUOTA = "quota"
    POLICY = "policy"
    IN_DOUBT = "in_doubt"


class StepError(NamedTuple):
    """`code` is one of the table of failure codes; `retry_after_ms` is what a provider asked for.

    `hold` is the reason of the hold that the workspace wants in place of a failure.
    """

    code: str
    message: str
    error_class: ErrorClass
    provider_status: int | None = None
    detail: JsonObject | None = None
    retry_after_ms: int | None = None
    hold: str | None = None

    @property
    def retryable(self) -> bool:
        return self.error_class is ErrorClass.TRANSIENT


class StepFailure(Exception):  # noqa: N818 - it is the failure of a step, not a fault of this program
    """Raised by a performer when the world refused."""

    def __init__(self, error: StepError) -> None:
        super().__init__(error.message)
        self.error = error


class DamagedLog(Exception):  # noqa: N818
    """The stored events of a run do not make sense; names the run and the sequence number."""

    def __init__(self, run: str, seq: int, message: str) -> None:
        super().__init__(f"run {run}, event {seq}: {message}")
        self.run = run
        self.seq = seq


class KeyFault(Exception):  # noqa: N818
    """The store's key is missing, another one or unusable, or what it sealed was damaged. One sentence for a person."""


class StoreError(Exception):
    """The store cannot be used: read-only, locked, full, of a newer version, or no store. One sentence for a person."""


class StoreLocked(StoreError):  # noqa: N818 - it names a state
    """Another program holds the store for longer than is waited for; what was to be written may be tried again."""
