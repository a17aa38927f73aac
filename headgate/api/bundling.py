"""A support bundle: everything about one run that somebody who helps needs, and nothing that is secret."""

from __future__ import annotations

import json
import platform
import zipfile
from collections.abc import Callable
from pathlib import Path

from headgate import __version__
from headgate.api import history
from headgate.api.faults import NothingStarted, UsageFault
from headgate.api.place import Place
from headgate.api.site import Site, find_run
from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.runtime.events import Event
from headgate.runtime.view import RunView
from headgate.runtime.why import Reason


class Material(NamedTuple):
    """What a bundle is made of; secret inputs are masked in all of it."""

    view: RunView
    events: tuple[Event, ...]
    reasons: tuple[Reason, ...]


Part = Callable[[Material], str]
"""A file of the bundle, as text."""


def bundle(run: str, target: Path | None, parts: dict[str, Part], place: Place) -> Path:
    """Writes a zip file about `run` and gives its path: `headgate-RUN.zip` unless `target` says otherwise.

    Beside `parts` (file name -> content) it holds the plan and what it ran on. Raises `NothingStarted` for no such run
    or a file that cannot be written, `UsageFault` for one that exists.
    """
    view, events = history.whole_run(run, place)
    material = Material(view, events, history.why(run, place))
    whole = place.folder / (target or Path(f"headgate-{material.view.run}.zip"))
    if whole.exists():
        raise UsageFault(f"`{whole}` exists: name another file with -o")
    draft = whole.with_name(whole.name + ".part")
    try:
        draft.unlink(missing_ok=True)
        draft.touch(0o600)
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as file:
            for name, part in parts.items():
                file.writestr(name, part(material))
            file.writestr("plan.json", _plan(material.view.run, place))
            file.writestr("environment.json", json.dumps(_environment(place), indent=2))
        draft.rename(whole)
    except OSError as error:
        raise NothingStarted(f"`{whole}` cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return whole


def _plan(run: str, place: Place) -> bytes:
    """The plan as it is stored; a damaged one too, since that may be what is wrong."""
    with Site(place).reading() as read:
        if read is None:
            return b""
        row = read.run(find_run(read, run))
        content = None if row is None else read.plan(row.plan_digest)
    return content or b""


def _environment(place: Place) -> JsonObject:
    """What the run was driven on: versions, and the names of what the workspace binds, never their values."""
    site = Site(place)
    workspace = site.workspace
    names: dict[str, Json] = {
        kind: sorted(getattr(workspace, kind)) for kind in ("instances", "models", "agents", "secrets", "connections")
    }
    return {
        "headgate": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "environment": site.environment,
        "workspace": names,
    }
