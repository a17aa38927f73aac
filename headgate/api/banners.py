"""What people should know before they read a list: the connections that need to be reauthorized."""

from __future__ import annotations

from headgate.api.place import Place
from headgate.api.site import Site
from headgate.runtime.status import said_connection
from headgate.runtime.store import Notice, Reader
from headgate.runtime.store.connections import REAUTH

_PREFIX = "connection/"


def banners(place: Place) -> tuple[str, ...]:
    """A headline and a row for each connection that needs somebody; () when all is well."""
    with Site(place).reading() as read:
        if read is None:
            return ()
        notices = reauth_notices(read)
    if not notices:
        return ()
    count = len(notices)
    head = "A connection needs" if count == 1 else f"{count} connections need"
    rows = (f"  {each.message}: headgate reconnect {said_connection(key_of(each))}" for each in notices)
    return (f"{head} to be reauthorized", *rows)


def reauth_notices(read: Reader) -> list[Notice]:
    """The open notices about connections, by name."""
    return sorted((each for each in read.notices() if each.kind == REAUTH), key=lambda each: each.subject)


def key_of(notice: Notice) -> str:
    """The name in the store of the connection that a notice is about."""
    return notice.subject.removeprefix(_PREFIX)
