"""What a check of the store finds."""

from __future__ import annotations

from headgate.records import NamedTuple
from headgate.runtime.store import ApprovalRow, RunRow


class Difference(NamedTuple):
    """What is wrong with one thing of the store.

    `kind` is `file`, `log`, `plan`, `text`, `run`, `approval`, `wait`, `signal`, `request`, `connection`, `token`,
    `orphan`, `leftover`, `stalled`, `breaker`, `reservation` or `workflow`; `object` names it. `stored` and `rebuilt`
    are what stands there and what its log says. `row` is the projection as it should be; None when only a person can
    mend it, and for what is mended by its kind.
    """

    kind: str
    object: str
    message: str
    stored: str | None = None
    rebuilt: str | None = None
    row: RunRow | ApprovalRow | None = None
