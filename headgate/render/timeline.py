"""A run as a Gantt chart of characters: one line a step, time from left to right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.render.columns import printable
from headgate.render.intervals import Interval, intervals
from headgate.render.picture import shorten
from headgate.render.rounds import round_lines, rounds_list
from headgate.render.words import coloured, moment, run_facts, span, step_facts, timestamp
from headgate.runtime.events import Event, EventType
from headgate.runtime.view import RunView, StepView

FILLS = {"running": "█", "waiting": "░", "retrying": "╌", "held": "▒", "interrupted": "╌"}
COLOURS = {"running": "cyan", "waiting": "blue", "retrying": "magenta", "held": "yellow", "interrupted": "magenta"}
INSTANT = "▏"
LEAST_CHART = 20
NAME_LIMIT = 28
REMARK_LIMIT = 60
DEFAULT_WIDTH = 110


class _Scale(NamedTuple):
    """`cells` characters stand for the time from `start` to `end`, in ms."""

    start: int
    end: int
    cells: int

    def at(self, moment: int) -> int:
        """The character that a moment falls on."""
        return min(self.cells - 1, (moment - self.start) * self.cells // max(1, self.end - self.start))


def timeline_text(view: RunView, events: Sequence[Event], now: int, *, width: int | None, colour: bool) -> str:
    """The chart. `now` (ms) is where open steps end; `width` None stands for a pipe."""
    found = intervals(events)
    remarks = _remarks(view, events)
    started = view.started_at or view.created_at
    names = _in_order(view, found)
    label = min(NAME_LIMIT, max((len(name) for name in names), default=4))
    kinds = max((len(view.steps[name].kind) for name in names), default=4)
    room = (width or DEFAULT_WIDTH) - label - kinds - 20 - (REMARK_LIMIT // 2 if any(remarks.values()) else 0)
    scale = _Scale(started, max(view.ended_at or now, started + 1), max(LEAST_CHART, room))
    margin = " " * (label + kinds + 6)
    lines = [_head(view, now, colour=colour), margin + _axis(scale)]
    for name in names:
        step = view.steps[name]
        facts = step_facts(step.status)
        mark = coloured(facts.mark, facts.colour) if colour else facts.mark
        took = _took(step, now)
        bar = _bar(found.get(name, []), scale, now, colour=colour)
        remark = shorten(remarks.get(name, ""), REMARK_LIMIT)
        title = printable(shorten(name, label)).ljust(label)
        lines.append(f"{mark} {title}  {step.kind.ljust(kinds)}  {bar}  {took:>10}  {printable(remark)}".rstrip())
        lines += (f"    {line}" for line in round_lines(step))
    return "\n".join(lines) + "\n"


def timeline_object(view: RunView, events: Sequence[Event]) -> JsonObject:
    """The same as plain values."""
    found = intervals(events)
    remarks = _remarks(view, events)
    return {
        "run": view.run,
        "workflow": view.workflow,
        "status": view.word or view.status,
        "started_at": timestamp(view.started_at),
        "ended_at": timestamp(view.ended_at),
        "steps": [
            _step_object(name, view.steps[name], found.get(name, []), remarks) for name in _in_order(view, found)
        ],
    }


def _step_object(name: str, step: StepView, mine: Sequence[Interval], remarks: Mapping[str, str]) -> JsonObject:
    made: JsonObject = {
        "step": name,
        "kind": step.kind,
        "status": step.word or step.status,
        "detail": step.detail,
        "agent": step.agent,
        "started_at": timestamp(step.started_at),
        "ended_at": timestamp(step.ended_at),
        "output": step.result,
        "remark": remarks.get(name) or None,
        "intervals": [{"state": each.state, "from": timestamp(each.start), "to": timestamp(each.end)} for each in mine],
    }
    return {**made, "rounds": rounds_list(step)} if step.rounds else made


def _in_order(view: RunView, found: Mapping[str, Sequence[Interval]]) -> list[str]:
    """Steps that began, in that order; then those that never did, in the plan's."""
    begun = [name for name in found if name in view.steps]
    return begun + [name for name in view.steps if name not in found]


def _head(view: RunView, now: int, *, colour: bool) -> str:
    facts = run_facts(view.status)
    status = f"{facts.mark} {view.word or view.status}" + (f" ({view.detail})" if view.detail else "")
    status = coloured(status, facts.colour) if colour else status
    started = view.started_at or view.created_at
    return f"{view.workflow} {view.run}  {status}  {moment(started)} UTC  {span((view.ended_at or now) - started)}"


def _axis(scale: _Scale) -> str:
    """Moments above the bars, about every 14 characters; each is said once."""
    axis = [" "] * (scale.cells + 12)
    steps = max(1, scale.cells // 14)
    before = ""
    for tick in range(steps + 1):
        at = tick * scale.cells // (steps + 1)
        text = span((scale.end - scale.start) * at // scale.cells) if tick else "0"
        if text != before and (text != "0 ms" or not before):
            axis[at : at + len(text)] = text
        before = text
    return "".join(axis).rstrip()


def _bar(mine: Sequence[Interval], scale: _Scale, now: int, *, colour: bool) -> str:
    bar = [" "] * scale.cells
    shades = [""] * scale.cells
    for each in mine:
        first, last = scale.at(each.start), scale.at(now if each.end is None else each.end)
        instant = each.end is not None and first == last
        for cell in range(first, last + 1):
            bar[cell] = INSTANT if instant and each.end == each.start else FILLS[each.state]
            shades[cell] = COLOURS[each.state]
    if not colour:
        return "".join(bar)
    return "".join(coloured(text, shade) if shade else text for text, shade in zip(bar, shades, strict=True))


def _took(step: StepView, now: int) -> str:
    return "" if step.started_at is None else span((step.ended_at or now) - step.started_at)


def _remarks(view: RunView, events: Sequence[Event]) -> dict[str, str]:
    """What people said at a step, its error, its detail, or its output; whichever says most."""
    remarks: dict[str, str] = {}
    for name, step in view.steps.items():
        parts = [step.detail] if step.detail and step.status != "completed" else []
        if step.attempts > 1:
            parts.append(f"{step.attempts} attempts")
        if step.error is not None:
            parts.append(_error(step.error))
        elif step.result is not None and not parts:
            parts.append(_short(_told(step)))
        remarks[name] = "; ".join(filter(None, parts))
    for event in events:
        if event.type is EventType.APPROVAL_DECIDED and event.step is not None:
            comment = event.data.get("comment")
            said = f"{event.data.get('decision')} by {event.data.get('by')}" + (f' "{comment}"' if comment else "")
            remarks[event.step] = said
    return remarks


def _told(step: StepView) -> Json:
    """A result as a remark has room for it: of an agent what it said, for its rounds are told below."""
    if step.rounds and isinstance(step.result, dict):
        return step.result.get("text") if step.result.get("data") is None else step.result["data"]
    return step.result


def _error(error: Json) -> str:
    if isinstance(error, dict):
        return f"{error.get('code', '')}: {error.get('message', '')}".strip(": ")
    return str(error)


def _short(value: Json) -> str:
    from json import dumps

    return dumps(value, ensure_ascii=False, separators=(", ", ": "))
