"""What an agent can do with a tool: read what anybody wrote, read what is private, send something out.

By the facts of the lock and the workspace first, and where nobody says anything by the words of its name.
"""

from __future__ import annotations

import re

from headgate.records import NamedTuple
from headgate.workspace import Lock, Workspace
from headgate.workspace.facts import opens_world, reads_only

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SENDS = frozenset(
    {
        *("send", "post", "reply", "publish", "tweet", "notify", "upload", "share", "submit", "forward", "comment"),
        *("invite", "webhook", "push", "email", "message", "dm", "sms"),
    }
)
_READS = frozenset(
    {"get", "read", "list", "search", "query", "find", "lookup", "select", "show", "view", "export", "dump"}
)
_FETCHES = frozenset(
    {"fetch", "browse", "crawl", "scrape", "web", "url", "website", "internet", "navigate", "http", "curl"}
)
_WRITTEN_BY_ANYBODY = frozenset(
    {
        *("inbox", "mail", "mails", "email", "emails", "issue", "issues", "ticket", "tickets", "messages", "comments"),
        *("reviews", "feed", "feeds", "rss", "tweets"),
    }
)
_OWN = frozenset(
    {
        *("inbox", "mail", "mails", "email", "emails", "messages", "file", "files", "document", "documents", "drive"),
        *("calendar", "contact", "contacts", "customer", "customers", "order", "orders", "account", "accounts", "crm"),
        *("database", "db", "sql", "record", "records", "secret", "secrets", "user", "users", "private", "env"),
    }
)


class Roles(NamedTuple):
    """What a tool does: brings in text that anybody may have written, reads private data, sends something out."""

    brings: bool
    private: bool
    sends: bool


def roles(workspace: Workspace, lock: Lock | None, name: str) -> Roles:
    """What `INSTANCE.TOOL` does."""
    instance, _, tool = name.partition(".")
    words = frozenset(word.lower() for word in _WORD.findall(tool))
    reads, opens = reads_only(workspace, lock, instance, tool), opens_world(workspace, lock, instance, tool)
    if opens is None:
        return _by_name(words, reads=reads)
    named = bool(words & _READS) and bool(words & _OWN)
    if not opens:
        return Roles(brings=False, private=reads is True or (reads is None and bool(words & _READS)), sends=False)
    brings = reads is True or (reads is None and not words & _SENDS)
    return Roles(brings, private=named and reads is not False, sends=reads is not True or bool(words & _FETCHES))


def _by_name(words: frozenset[str], *, reads: bool | None) -> Roles:
    fetches, looks = bool(words & _FETCHES), bool(words & _READS)
    sends = fetches or (bool(words & _SENDS) and not looks and reads is not True)
    brings = fetches or (looks and bool(words & _WRITTEN_BY_ANYBODY))
    private = not fetches and reads is not False and (looks or reads is True)
    return Roles(brings, private, sends)
