"""Options that many verbs share, and how their texts become values."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from headgate.records import NamedTuple

if TYPE_CHECKING:
    from headgate.plan import Json

_Verb = TypeVar("_Verb", bound=Callable[..., Any])

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])")


def duration(text: str) -> int:
    """Milliseconds of one number and unit, as the language writes them."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"`{text}` is no duration; expected one number and unit, such as `30s`, `5m`, `1.5h`")
    return round(float(match[1]) * _UNITS[match[2]])


def future(text: str) -> int:
    """UTC milliseconds of a time to come: `+2h` from now, `18:30` the next one here, or an ISO date and time (UTC
    unless it says otherwise).
    """
    from datetime import UTC, datetime, time, timedelta

    from headgate.runtime.clock import SystemClock

    now = SystemClock().now_ms()
    if text.startswith("+"):
        return now + duration(text[1:])
    clock_time = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text)
    if clock_time is not None:
        here = datetime.fromtimestamp(now / 1000, UTC).astimezone()
        due = datetime.combine(here.date(), time(int(clock_time[1]), int(clock_time[2])))
        if due.astimezone() <= here:
            due += timedelta(days=1)
        return round(due.astimezone().timestamp() * 1000)
    return _iso_ms(text, "`+2h` from now, `18:30`, or a time such as `2026-11-20T10:00` (UTC)")


def _iso_ms(text: str, expected: str) -> int:
    """UTC milliseconds of an ISO date or time, UTC unless it says otherwise."""
    from datetime import UTC, datetime

    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"`{text}` is no time; expected {expected}") from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


class Parsed(NamedTuple):
    """A parsed JSON value, so that `null` is told apart from an option that was not given."""

    value: Json


def json_value(text: str) -> Parsed:
    """Any JSON value."""
    from headgate.api.json_text import read_json

    try:
        return Parsed(read_json(text))
    except ValueError as error:
        raise click.BadParameter(f"`{text}` is no JSON ({error}); a text is written '\"text\"'") from None


def said(text: str) -> str:
    """A text that says something."""
    if not text.strip():
        raise click.BadParameter("expected a text that says why, and not nothing")
    return text.strip()


def pair(text: str) -> tuple[str, str]:
    """The two sides of `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise click.BadParameter(f"`{text}` is no NAME=VALUE")
    return name.strip(), value


def when(text: str) -> int:
    """UTC milliseconds of an ISO date or time (UTC unless it says otherwise), or of a duration ago such as `24h`."""
    if _DURATION.fullmatch(text):
        from headgate.runtime.clock import SystemClock

        return SystemClock().now_ms() - duration(text)
    return _iso_ms(text, "a date, a time such as `2026-11-20T10:00`, or a duration ago such as `24h`")


def format_option(*formats: str) -> Callable[[_Verb], _Verb]:
    """`--format`, the first of `formats` unless said otherwise; the verb gets it as `output`."""
    return click.option(
        "--format", "output", type=click.Choice(formats), default=formats[0], show_default=True, help="How to print it."
    )


environment_option = click.option(
    "--env",
    "environment",
    envvar="HEADGATE_ENV",
    metavar="NAME",
    help="Bind as this environment of headgate.toml does.",
)


def placed(verb: _Verb) -> _Verb:
    """Give the verb `place`: where it stands, which store and environment it uses, and who acts."""

    @click.option(
        "--store", envvar="HEADGATE_STORE", metavar="URL", help="The store, else .headgate beside headgate.toml."
    )
    @environment_option
    @click.option("--as", "actor", metavar="NAME", help="Who acts, else the login name.")
    @wraps(verb)
    def with_place(*args: Any, store: str | None, environment: str | None, actor: str | None, **more: Any) -> Any:
        from pathlib import Path

        from headgate.api.place import Place

        place = Place(Path.cwd(), store, environment, actor or login_name())
        return verb(*args, place=place, **more)

    return with_place  # type: ignore[return-value]


class Manner(NamedTuple):
    """How a verb goes on with a run: how long it follows it (None leaves that to the verb), not at all when it is
    detached, and the format in which it prints it.
    """

    output: str
    wait_ms: int | None
    detach: bool


def driving(verb: _Verb) -> _Verb:
    """Give the verb `--format`, `--wait` and `--detach`, as its `manner`."""

    @format_option("text", "json")
    @click.option("--wait", "wait_ms", type=duration, metavar="DURATION", help="Follow it this long, timers included.")
    @click.option("--detach", is_flag=True, help="Record it and return at once; another process drives.")
    @wraps(verb)
    def with_manner(*args: Any, output: str, wait_ms: int | None, detach: bool, **more: Any) -> Any:
        return verb(*args, manner=Manner(output, wait_ms, detach), **more)

    return with_manner  # type: ignore[return-value]


class Why(NamedTuple):
    """Why somebody acts, None when it was not said; the same `request_id` twice is one act."""

    reason: str | None
    request_id: str | None


def acting(verb: _Verb) -> _Verb:
    """Give the verb `--reason` and `--request-id`, as its `why`."""

    @reason_option
    @request_option
    @wraps(verb)
    def with_why(*args: Any, reason: str | None, request_id: str | None, **more: Any) -> Any:
        return verb(*args, why=Why(reason, request_id), **more)

    return with_why  # type: ignore[return-value]


vocabulary_option = click.option(
    "--vocabulary",
    metavar="NAME",
    help="Say statuses in another product's words: taskjuice, agentruntime, rocketlead, sprigr, or a file.",
)
reason_option = click.option("--reason", metavar="TEXT", help="Why; it is kept with who and when.")
request_option = click.option(
    "--request-id", "request_id", metavar="ID", help="Names this act: the same ID twice is one act."
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask before what cannot be undone.")


def login_name() -> str:
    """The name of the user who runs this process."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        import os

        return f"uid{os.getuid()}"
