"""`depends_on` as `after`, and rings in it."""

from __future__ import annotations

from headgate.diagnostics import Severity, nearest
from headgate.exchange.conversion import Conversion
from headgate.exchange.fields import Fields, shape_of
from headgate.exchange.json_tree import Member, is_number
from headgate.exchange.naming import Naming
from headgate.exchange.paths import step_name


def edges(conversion: Conversion, fields: Fields, own: dict[str, str], naming: Naming, step: str) -> list[str]:
    """The names behind `after`. An id that names no step of this level is said, and stays."""
    member = fields.take("depends_on")
    found: list[str] = []
    for one in _listed(member):
        identifier = one.raw if is_number(one.value) else one.value
        if not isinstance(identifier, str):
            conversion.say(Severity.ERROR, one, f"expected the id of a step, not {shape_of(one)}")
            continue
        if identifier not in own:
            _say_unknown(conversion, one, identifier, own, naming, step)
        name = step_name(identifier, naming)
        if name not in found:
            found.append(name)
    return found


def note_ring(conversion: Conversion, steps: list[tuple[Member, str]]) -> None:
    """Say where the `depends_on` of a level come back to where they began: one finding for each ring that is met."""
    waits: dict[str, list[tuple[str, Member]]] = {}
    for member, identifier in steps:
        assert isinstance(member.value, dict), "a step is an object"
        listed = _listed(member.value.get("depends_on"))
        waits.setdefault(identifier, [(str(one.value), one) for one in listed if isinstance(one.value, str)])
    done: set[str] = set()
    for start in waits:
        _walk(conversion, start, waits, done)


def _walk(conversion: Conversion, start: str, waits: dict[str, list[tuple[str, Member]]], done: set[str]) -> None:
    path: list[str] = []
    open_steps = [(start, 0)]
    while open_steps:
        identifier, at = open_steps.pop()
        if at == 0:
            if identifier in done:
                continue
            path.append(identifier)
        following = waits[identifier]
        if at == len(following):
            done.add(path.pop())
            continue
        open_steps.append((identifier, at + 1))
        name, member = following[at]
        if name in path and name != identifier:
            _say_ring(conversion, path[path.index(name) :], member)
        elif name in waits and name not in path:
            open_steps.append((name, 0))


def _say_ring(conversion: Conversion, ring: list[str], member: Member) -> None:
    names = [f"`{one}`" for one in ring[:5]] + ["..."] * (len(ring) > 5)
    conversion.say(
        Severity.ERROR,
        member,
        f"these steps wait for each other: {' waits for '.join([*names, f'`{ring[0]}`'])}",
        advice="take one of them out of `depends_on`",
        covers=("HG101",),
    )


def _say_unknown(
    conversion: Conversion, member: Member, identifier: str, own: dict[str, str], naming: Naming, step: str
) -> None:
    shown = identifier.replace("`", "'")[:60]
    near = nearest(identifier, [*own])
    if identifier in naming.steps:
        message = f"`{shown}` is a step outside of this body: the loop itself has to wait for it"
    else:
        message = f"no step has the id `{shown}`" + (f"; did you mean `{near}`?" if near else "")
    conversion.say(Severity.ERROR, member, message, step=step, covers=("HG104",))


def _listed(member: Member | None) -> list[Member]:
    """The ids of a `depends_on`: a list of them, or one alone."""
    if member is None or member.value is None:
        return []
    return member.value if isinstance(member.value, list) else [member]
