"""One-time links to an approval: a token for each person it asks, of which the run keeps the digest."""

from __future__ import annotations

import json
from collections.abc import Iterator

from headgate.plan import JsonObject
from headgate.runtime.commands import Record
from headgate.runtime.errors import KeyFault
from headgate.runtime.judging import People, Request
from headgate.runtime.keys import Keys
from headgate.runtime.state import RunState
from headgate.runtime.store import ApprovalRow
from headgate.runtime.tokens import Purpose, Token, digest, issue
from headgate.runtime.view import mask_of

INBOX = "inbox"
ANYBODY = "anybody"


def asked(state: RunState, request: Record, people: People, keys: Keys | None) -> Record:
    """What is asked of people as it is stored: without the values of secret inputs, and with the digests of its links.

    Without a usable key there are no links, and `unlinked` says why: the inbox is always there.
    """
    data: JsonObject = {**request.data}
    mask = mask_of(state)
    if mask.hides:
        data["title"], data["body"] = mask.apply(data.get("title")), mask.apply(data.get("body"))
    if keys is not None and data.get("channel") not in (None, INBOX):
        task, assignees = str(data["task"]), data.get("assignees")
        names = [str(name) for name in assignees] if isinstance(assignees, list) else []
        try:
            data["links"] = {
                person: digest(issue(keys, _token(state.run_id, str(request.step), task, person)))
                for person in _persons(names, people)
            }
        except KeyFault as fault:
            data["unlinked"] = str(fault)
    return request._replace(data=data)


def said(state: RunState, request: Request) -> Request:
    """What somebody says with an act, without the values of secret inputs."""
    mask = mask_of(state)
    if not mask.hides:
        return request
    args = request.args
    if "comment" in args:
        args = {**args, "comment": mask.apply(args["comment"])}
    return request._replace(args=args, reason=None if request.reason is None else mask.text(request.reason))


def link_of(keys: Keys, row: ApprovalRow, person: str) -> str | None:
    """The token with which `person` decides, None when none was made for them. Raises `KeyFault`."""
    links = json.loads(row.links)
    for name in (person, ANYBODY):
        if name in links:
            token = issue(keys, _token(row.run, row.step, row.id, name))
            return token if digest(token) == links[name] else None
    return None


def _token(run: str, step: str, task: str, person: str) -> Token:
    return Token(Purpose.LINK, run, step, task, None, person)


def _persons(assignees: list[str], people: People) -> Iterator[str]:
    """Every person once; who is in no group stands for themselves."""
    named = [person for name in assignees for person in people.get(name, (name,))]
    yield from dict.fromkeys(named or [ANYBODY])
