"""Instances as they are bound, and what was found when they were asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from headgate.plan import Json
from headgate.render.columns import printable
from headgate.render.tables import table
from headgate.render.words import coloured


class Examined(Protocol):
    @property
    def question(self) -> str: ...
    @property
    def fine(self) -> bool: ...
    @property
    def said(self) -> str: ...


class Bound(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def environment(self) -> str | None: ...
    @property
    def address(self) -> str: ...
    @property
    def connection(self) -> str | None: ...
    @property
    def profile(self) -> str: ...
    @property
    def tools(self) -> tuple[str, ...] | None: ...
    @property
    def examined(self) -> Sequence[Examined]: ...
    @property
    def valid(self) -> bool | None: ...


def instances_text(views: Sequence[Bound], *, width: int | None, colour: bool) -> str:
    """A line an instance; with what was asked of each below it, when it was asked."""
    if not views:
        return "no instances\n"
    rows = [(view.name, view.profile, view.connection or "", view.address) for view in views]
    if not any(view.examined for view in views):
        return table(("instance", "profile", "connection", "address"), rows, width=width, colour=colour)
    parts: list[str] = []
    for view in views:
        parts.append(f"{view.name}  {printable(view.address)}\n")
        for one in view.examined:
            mark = ("✓", "green") if one.fine else ("✗", "red")
            shown = coloured(*mark) if colour else mark[0]
            parts.append(f"  {shown} {one.question:<11} {printable(one.said)}\n")
    return "".join(parts)


def instance_object(view: Bound) -> dict[str, Json]:
    """An instance as scripts read it."""
    return {
        "name": view.name,
        "environment": view.environment,
        "address": view.address,
        "connection": view.connection,
        "profile": view.profile,
        "tools": None if view.tools is None else list(view.tools),
        "valid": view.valid,
        "examined": [{"question": one.question, "fine": one.fine, "said": one.said} for one in view.examined],
    }
