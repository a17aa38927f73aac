"""Which tool of which server a step or a poll trigger calls, as far as the workspace tells."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.values import Block
from headgate.workspace import Workspace


class ToolCall(NamedTuple):
    """A call of an MCP tool. Names are None when they are not written, or not as a name.

    `resolved` is the instance of the workspace that is meant, by its name or by its `server_url`.
    """

    block: Block
    instance: str | None
    instance_place: Span | None
    tool: str | None
    tool_place: Span | None
    server_url: str | None
    url_place: Span | None
    resolved: str | None


def tool_calls(blocks: tuple[Block, ...], workspace: Workspace) -> Iterator[ToolCall]:
    """All `mcp` steps, and the `poll` triggers that name an instance."""
    for block in blocks:
        kind = block.written.kind
        if kind is None or (block.sort, kind.name) not in (("step", "mcp"), ("trigger", "poll")):
            continue
        said = block.written
        if kind.name == "poll" and said.get("instance") is None:
            continue
        instance, url = said.word("instance"), said.word("server_url")
        yield ToolCall(
            block,
            instance,
            _place(said.get("instance")),
            _tool(said.get("tool")),
            _place(said.get("tool")),
            url,
            _place(said.get("server_url")),
            _resolved(instance, url, workspace),
        )


def _place(value: ast.Value | None) -> Span | None:
    return None if value is None else value.span


def _tool(value: ast.Value | None) -> str | None:
    if isinstance(value, ast.Word):
        return value.text
    return value.plain if isinstance(value, ast.Text) else None


def _resolved(instance: str | None, url: str | None, workspace: Workspace) -> str | None:
    if instance is not None:
        return instance if instance in workspace.instances else None
    if url is None:
        return None
    same = (name for name, one in workspace.instances.items() if one.server_url and _alike(one.server_url, url))
    return next(same, None)


def _alike(left: str, right: str) -> bool:
    return left.rstrip("/") == right.rstrip("/")
