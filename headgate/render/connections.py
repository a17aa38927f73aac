"""Connections and instances: for people, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headgate.plan import Json
from headgate.render.columns import printable
from headgate.render.tables import Cell, table
from headgate.render.words import moment, timestamp
from headgate.runtime.connection_status import CONNECTION_STATUSES, ConnectionStatus

_TIMES = ("since", "expires_at", "retry_at")


def connections_text(views: Sequence[Mapping[str, object]], *, width: int | None, colour: bool) -> str:
    """A line a connection; a sentence when there is none."""
    if not views:
        return "no connections\n"
    heads = ("connection", "app", "kind", "status", "expires (UTC)", "instances", "held", "detail")
    return table(heads, [_row(view) for view in views], width=width, colour=colour)


def _row(view: Mapping[str, object]) -> tuple[Cell | str, ...]:
    facts = CONNECTION_STATUSES[ConnectionStatus(str(view["status"]))]
    expires, runs = view["expires_at"], view["runs"]
    assert isinstance(runs, tuple), "the runs that are held for it are listed"
    return (
        shown_name(view),
        str(view["app"]),
        str(view["kind"] or ""),
        Cell(f"{facts.mark} {view['status']}", facts.colour),
        moment(expires) if isinstance(expires, int) else "",
        _listed(view["instances"]),
        str(len(runs)) if runs else "",
        printable(str(view["fault"] or "")),
    )


def shown_name(view: Mapping[str, object]) -> str:
    """The connection's name, with the environment that has it its own way."""
    return f"{view['name']} ({view['environment']})" if view["environment"] else str(view["name"])


def connection_object(view: Mapping[str, object]) -> dict[str, Json]:
    """A connection as scripts read it; `notice` is what people are told, or null."""
    found: dict[str, Json] = {}
    for key, value in view.items():
        if key in _TIMES:
            found[key] = timestamp(value if isinstance(value, int) else None)
        elif isinstance(value, tuple):
            found[key] = [str(each) for each in value]
        else:
            found[key] = value if isinstance(value, bool | None) else str(value)
    return found


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else ""
