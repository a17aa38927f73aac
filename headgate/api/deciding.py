"""What people decide: approve, deny, answer a form, take more time; in the inbox, or with a one-time link."""

from __future__ import annotations

import json
from collections.abc import Mapping

from headgate.api.faults import NothingStarted, Refused, UsageFault
from headgate.api.inputs import NOTHING_GIVEN, Given, read_one
from headgate.api.onetime import token_for
from headgate.api.operating import Act, operate
from headgate.api.place import Driving, Place, Rest
from headgate.api.site import Site, find_run, translated
from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.runtime.acts import REFUSALS, RefusalCode
from headgate.runtime.fields import fields_of
from headgate.runtime.store import ApprovalRow, Reader
from headgate.runtime.tokens import Purpose, digest

LONGEST_MS = 3650 * 86_400_000


class Chosen(NamedTuple):
    """Which approval: `name` is its id or what it begins with, or a run's when `step` names where it waits; or none of
    them, but the `token` of a one-time link.
    """

    name: str | None = None
    step: str | None = None
    token: str | None = None


def decide(chosen: Chosen, act: Act, place: Place, driving: Driving) -> Rest:
    """Approves or denies. As `operate`; with a token it acts as the person whom the link was made for."""
    return _decide(chosen, act, NOTHING_GIVEN, place, driving)


def answer(chosen: Chosen, given: Given, act: Act, place: Place, driving: Driving) -> Rest:
    """Fills a form in. As `decide`; raises `UsageFault`, with a sentence for each field, for what does not fit."""
    return _decide(chosen, act, given, place, driving)


def extend(chosen: Chosen, ms: int, act: Act, place: Place, driving: Driving) -> Rest:
    """Gives people more time, `ms` behind the expiry that there is. As `decide`."""
    if not 0 < ms <= LONGEST_MS:
        raise UsageFault("an approval is extended by 3650 days at most, and by more than nothing")
    return _decide(chosen, act._replace(args={**act.args, "ms": ms}), NOTHING_GIVEN, place, driving)


def _decide(chosen: Chosen, act: Act, given: Given, place: Place, driving: Driving) -> Rest:
    site = Site(place)
    if chosen.token is not None:
        task, run, person = _linked(site, chosen.token)
        place = place._replace(actor=person)
        act = act._replace(task=task, args={**act.args, "token": digest(chosen.token)}, auth="link")
    else:
        with translated():
            found = _find(site, chosen)
        run = found.run
        act = act._replace(task=found.id or None, step=chosen.step)
    if given != NOTHING_GIVEN:
        act = act._replace(args={**act.args, "fields": _filled(site, act.task, given)})
    try:
        return operate(run, act, place, driving)
    except Refused as refusal:
        if refusal.code == RefusalCode.FIELDS_INVALID:
            raise UsageFault(refusal.message.removeprefix(f"{refusal.code}: ")) from None
        raise


class _Found(NamedTuple):
    run: str
    id: str


def _find(site: Site, chosen: Chosen) -> _Found:
    """The run and the approval that were named; of a step the last one it asked for, with no id when it is unknown."""
    name = chosen.name or ""
    with site.reading() as reader:
        if reader is None:
            raise NothingStarted(f"there is no approval `{name}`: nothing has run here yet")
        if chosen.step is not None:
            run = find_run(reader, name)
            mine = [each for each in reader.approvals(run, ()) if each.step == chosen.step]
            return _Found(run, mine[-1].id if mine else "")
        row = find_approval(reader, name)
        return _Found(row.run, row.id)


def find_approval(read: Reader, name: str) -> ApprovalRow:
    """The approval that `name` begins, or the only pending one of a run; raises `NothingStarted` otherwise."""
    whole = read.approval(name)
    if whole is not None:
        return whole
    found = read.approvals_by_prefix(name) if name else []
    if not found:
        raise NothingStarted(f"there is no approval `{name}`: `headgate approvals` lists them")
    pending = [approval for approval in found if approval.status == "pending"]
    if len(found) > 1 and len(pending) != 1:
        named = ", ".join(f"{approval.id} (`{approval.step}`)" for approval in pending or found)
        raise NothingStarted(f"`{name}` begins the ids of several approvals: {named}; say which")
    return (pending or found)[0]


def _linked(site: Site, text: str) -> tuple[str, str, str]:
    """The approval, run and person of a one-time link; raises `Refused` for one that is none of this store's."""
    otherwise = "this token is no link to an approval: `headgate callback` takes it"
    token = token_for(Purpose.LINK, text, site, otherwise)
    if token.person is None:
        raise Refused(RefusalCode.TOKEN_INVALID.value, otherwise)
    with site.reading() as reader:
        known = reader is not None and reader.approval(str(token.about)) is not None
    if not known:
        message = f"{REFUSALS[RefusalCode.TOKEN_INVALID]}: its approval {token.about} is not in this store"
        raise Refused(RefusalCode.TOKEN_INVALID.value, message)
    return str(token.about), token.run, token.person


def _filled(site: Site, task: str | None, given: Given) -> JsonObject:
    """What was filled in, read by the types of the fields; what does not fit them is said by the run's driver."""
    rules: Mapping[str, JsonObject] = {}
    with site.reading() as reader:
        row = None if reader is None or task is None else reader.approval(task)
        if row is not None and row.fields is not None:
            rules = fields_of(json.loads(row.fields))
    filled: dict[str, Json] = {**given.values}
    for name, text in given.texts.items():
        filled[name] = read_one(name, text, rules[name], "field") if name in rules else text
    return filled
