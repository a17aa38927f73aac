"""A click group that imports a verb when it is used, and lists all of them from a table."""

from __future__ import annotations

import builtins
from importlib import import_module
from keyword import iskeyword
from shutil import get_terminal_size

import click

from headgate.cli.verbs import VERBS, help_text


class LazyGroup(click.Group):
    """The commands of `VERBS`; looking one up imports its module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        module = import_module(f"headgate.cli.{verb.module}")
        name = cmd_name.replace("-", "_")
        taken = hasattr(builtins, name) or iskeyword(name)
        command = getattr(module, f"{name}_command" if taken else name, None)
        assert isinstance(command, click.Command), f"headgate.cli.{verb.module} holds no command `{cmd_name}`"
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            raise click.UsageError(unknown_verb(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        return help_text(min(ctx.terminal_width or get_terminal_size().columns, 100))


def unknown_verb(name: str) -> str:
    """The sentence for a verb that does not exist, with the nearest one that does."""
    from headgate.diagnostics import nearest

    guess = nearest(name, tuple(VERBS))
    return f"no verb `{name}`; " + (f"did you mean `{guess}`?" if guess else "`headgate --help` lists them")
