"""What people do about limits: resume a workflow, set a cap, add credits. What was held goes on with the next drive."""

from __future__ import annotations

from headgate.api.faults import NothingStarted, Refused, UsageFault
from headgate.api.limits import policies_of
from headgate.api.place import Place
from headgate.api.site import Site, translated
from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.runtime.acts import RefusalCode
from headgate.runtime.admitting import GRANTED
from headgate.runtime.breakers import WORKSPACE, Tripped
from headgate.runtime.budgets import usd
from headgate.runtime.capping import ask_release, release_throughput
from headgate.runtime.limiting import Limiter
from headgate.runtime.store import Entry, Store, limits, queues
from headgate.runtime.store.journal import entry_of_request
from headgate.runtime.store.workflows import Signed, workflow_names
from headgate.runtime.terms import LIMIT_RESET, LIMIT_SET, fold_overrides, spend_of, terms_of
from headgate.runtime.times import iso
from headgate.runtime.workflow_status import Breaker


class Answered(NamedTuple):
    """What was done, in a sentence; `released` is how many runs go on with the next drive."""

    message: str
    released: int


def resume_workflow(workflow: str, place: Place, reason: str | None = None, request_id: str | None = None) -> Answered:
    """Releases the throughput breaker of a workflow, and what it held, in lots. The same `request_id` twice is one act.

    Raises `Refused`: `SPEND_CAP_OPEN` when a cap alone pauses it, `NOT_PAUSED`; `NothingStarted` for an unknown one.
    """
    site = Site(place)
    with translated():
        store = site.existing_store()
        try:
            return _resume(site, store, workflow, Signed(place.actor, reason, request_id))
        finally:
            store.close()


def _resume(site: Site, store: Store, workflow: str, signed: Signed) -> Answered:
    now = site.clock.now_ms()
    _look_again(site, store, now)
    if limits.last_plan(store.connection, workflow) is None and workflow not in workflow_names(store.connection):
        message = f"there is no workflow `{workflow}` here: `headgate runs` names those that ran"
        raise NothingStarted(f"NO_SUCH_WORKFLOW: {message}")
    if signed.request_id is not None and entry_of_request(store.connection, signed.request_id) is not None:
        return Answered(f"`{workflow}` was resumed by this request before", 0)
    overrides = fold_overrides((entry.type, entry.data) for entry in store.read.journal(limits.SUBJECT))
    cap = terms_of(site.workspace.limits, overrides, workflow, policies_of(store.read, workflow)).throughput
    with store.transaction() as connection:
        released = release_throughput(connection, workflow, cap, now, signed)
        stays = [
            each for each in limits.open_breakers(connection, WORKSPACE, workflow) if each.breaker is Breaker.SPEND_CAP
        ]
    if released is None:
        if stays:
            raise Refused(RefusalCode.SPEND_CAP_OPEN.value, _capped(workflow, stays[0]))
        message = f"`{workflow}` is not paused for safety: it dispatches, and `headgate run` starts it"
        raise Refused(RefusalCode.NOT_PAUSED.value, message)
    runs = _counted(released)
    if stays:
        return Answered(f"the throughput breaker of `{workflow}` is released; {_capped(workflow, stays[0])}", 0)
    goes = f": {runs} released, `headgate drive` goes on" if released else ""
    return Answered(f"`{workflow}` dispatches again{goes}", released)


def _capped(workflow: str, tripped: Tripped) -> str:
    facts = tripped.facts
    whose = f"of `{workflow}`" if tripped.scope else "of the account"
    named = f" --workflow {tripped.scope}" if tripped.scope else ""
    used, cap, until = (int(str(facts[name])) for name in ("used", "cap", "until"))
    return (
        f"the spend cap {whose} holds `{workflow}`: {usd(used)} of {usd(cap)} are used in this {facts['period']}; "
        f"raise it with `headgate limits set spend --cap USD{named}`, or wait until {iso(until)}"
    )


def set_limit(limit: str, workflow: str | None, table: JsonObject, place: Place, reason: str | None) -> Answered:
    """Lays `table` over what the files say of a limit, `spend` or `throughput`; raises `UsageFault` when it is none."""
    site, scope = Site(place), workflow or WORKSPACE
    with translated():
        store = site.open_store()
        try:
            now = site.clock.now_ms()
            overrides = fold_overrides((entry.type, entry.data) for entry in store.read.journal(limits.SUBJECT))
            laid: JsonObject = {**overrides.tables.get((scope, limit), {}), **table}
            if limit == "spend":
                laid_over = type(overrides)({**overrides.tables, (scope, limit): laid})
                if spend_of(site.workspace.limits, laid_over, scope) is None:
                    raise UsageFault("a limit on money needs a cap: give `--cap USD`")
            data: JsonObject = {"scope": scope, "limit": limit, "table": laid}
            with store.transaction() as connection:
                limits.note(connection, Entry(limits.SUBJECT, 0, now, LIMIT_SET, data, place.actor, reason))
            return _after(site, store, f"the {limit} limit {_of(workflow)} is {_said(limit, laid)}", now)
        finally:
            store.close()


def reset_limit(limit: str, workflow: str | None, place: Place, reason: str | None) -> Answered:
    """Takes away what was laid over the files, so that they count again."""
    site, scope = Site(place), workflow or WORKSPACE
    with translated():
        store = site.existing_store()
        try:
            now = site.clock.now_ms()
            data: JsonObject = {"scope": scope, "limit": limit}
            with store.transaction() as connection:
                limits.note(connection, Entry(limits.SUBJECT, 0, now, LIMIT_RESET, data, place.actor, reason))
            return _after(site, store, f"the {limit} limit {_of(workflow)} is what the files say", now)
        finally:
            store.close()


def add_credits(number: int, place: Place, reason: str | None) -> Answered:
    """Adds credits, which are spent after those that are given; what credits hold goes on. 0 only lets it go on."""
    site = Site(place)
    with translated():
        store = site.open_store()
        try:
            now = site.clock.now_ms()
            if number and site.workspace.limits.credits is None:
                message = "this workspace counts no credits: add `credits = { ... }` to [limits] in headgate.toml first"
                raise UsageFault(message)
            with store.transaction() as connection:
                if number:
                    data: JsonObject = {"number": number}
                    limits.note(connection, Entry(limits.CREDITS, 0, now, GRANTED, data, place.actor, reason))
                held = [run for run, _ in queues.held_back(connection, "credits")]
                for run in held:
                    ask_release(connection, run, "credits", now, f"{place.actor} added credits")
        finally:
            store.close()
    added = f"{number} credits are added" if number else "what credits held is let go"
    goes = f"; {_counted(len(held))} released, `headgate drive` goes on" if held else ""
    return Answered(f"{added}{goes}", len(held))


def _look_again(site: Site, store: Store, now: int) -> None:
    Limiter(store, site.workspace.limits, lambda _environment, _kind, _asked: None).look_again(now)


def _after(site: Site, store: Store, message: str, now: int) -> Answered:
    """Holds the caps against what was used, now that they changed, and says what that released."""
    before = limits.releases_asked(store.connection)
    _look_again(site, store, now)
    released = limits.releases_asked(store.connection) - before
    goes = f"; {_counted(released)} released, `headgate drive` goes on" if released else ""
    return Answered(f"{message}{goes}", released)


def _of(workflow: str | None) -> str:
    return "of the account" if workflow is None else f"of `{workflow}`"


def _said(limit: str, table: JsonObject) -> str:
    if limit == "throughput":
        per = int(str(table["per"])) / 1000
        return f"{table['max']} runs in {per:g} s"
    parts = []
    if "cap" in table:
        parts.append(usd(round(float(str(table["cap"])) * 1_000_000)))
    if "period" in table:
        parts.append(f"for each {table['period']}")
    if "soft" in table:
        parts.append(f"near from {float(str(table['soft'])):.0%} on")
    return ", ".join(parts)


def _counted(runs: int) -> str:
    return f"{runs} held run{'' if runs == 1 else 's'} {'is' if runs == 1 else 'are'}"
