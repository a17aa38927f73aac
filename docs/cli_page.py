"""`docs/cli.md` from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc

import click

from headgate.cli.app import cli
from headgate.cli.verbs import SECTIONS, VERBS

INTRODUCTION = """\
# The command line

Every verb has `--help`, prints JSON with `--format json`, and uses colour only on a terminal (`NO_COLOR` is honoured).
Runs and approvals may be named by any unique beginning of their id. `FILE#NAME` names one workflow of a file.

The state is `.headgate/headgate.db` beside `headgate.toml`, unless `--store` or `HEADGATE_STORE` says otherwise;
`--env` or `HEADGATE_ENV` chooses an environment of the workspace; `--as` says who acts. `HEADGATE_DEBUG=1` shows the
traceback of a fault of ours.

## Stores

`--store` takes the path of a SQLite file or a `sqlite:` URL: `runs.db`, `/var/lib/headgate/runs.db`, `sqlite:runs.db`,
`sqlite:///runs.db`. A path is relative to the folder you are in, behind `sqlite:///` too: an absolute one has four
slashes there, `sqlite:////var/lib/headgate/runs.db`. Its folder must exist.

Without `--store`, `headgate run sub/x.flow` uses the store of the workspace that the file is in, the nearest
`headgate.toml` from `sub` upwards. Verbs that take a run or an approval have no file to go by, and use the store of the
workspace that you are in: call them in that workspace, or name its store. Without any `headgate.toml` it is `.headgate`
in the folder you are in.

## Exit codes

| code | of `check`, `fmt`, `compile` | of verbs that drive runs |
|---|---|---|
| 0 | clean, or warnings alone | completed; `pause` and `cancel`: accepted |
| 1 | errors; under strict, warnings too; `fmt`: see there | failed, cancelled or skipped |
| 2 | wrong usage or configuration | wrong usage, or inputs that do not fit |
| 3 | nothing to check, or unreadable | nothing started: gate findings, no such file or run |
| 4 | a fault of ours | a fault of ours |
| 5 | | at rest but not finished: waiting or paused |
| 6 | | refused by the status model; the code and what is allowed are on standard error |
| 130 | interrupted | interrupted; what was recorded is kept, and `headgate drive` goes on |

Warnings alone exit 0 and stop nothing. `--strict`, or `strict = true` under `[check]` in `headgate.toml`, makes them
count as errors, and also rules that could not run, such as those that need a lock.

`drive` exits 0 when no run is open or all completed, else with the first of 4, 1, 5 that applies.

## Comments and reasons

`approve` and `deny` take `--comment`: it is kept with the decision, and workflows read it as the `comment` of a `human`
step's result. `--reason` is why somebody acted; the verbs that operate on a run have it as well, and it is kept
with who and when in the log. With `--reason` alone, a decision's comment is
the reason too. Other verbs have no `--comment`.

## Shell completion

```sh
eval "$(_HEADGATE_COMPLETE=bash_source headgate)"     # or zsh_source, fish_source
```
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every verb with its command, in the order of `headgate --help`; one with parts is followed by these."""
    context = click.Context(cli)
    for _, names in SECTIONS:
        for name in names:
            command = cli.get_command(context, name)
            assert command is not None, f"the verb {name} has no command"
            yield name, command
            if isinstance(command, click.Group):
                yield from ((f"{name} {part}", each) for part, each in command.commands.items())


def undocumented() -> list[str]:
    """A sentence for each command, option or listing that says nothing about itself."""
    faults = [f"the verb `{name}` is in no section of verbs.py" for name in VERBS if name not in dict(commands())]
    for name, command in commands():
        if not command.help:
            faults.append(f"`headgate {name}` has no help")
        silent = [each for each in command.params if isinstance(each, click.Option) and not each.help]
        faults += [f"`headgate {name} {option.opts[0]}` has no help" for option in silent]
    return faults


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    described = dict(commands())
    for title, names in SECTIONS:
        parts.append(f"## {title}\n")
        parts += [_command(each, described[each]) for each in described if each.split()[0] in names]
    return "\n".join(parts)


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"headgate {name}")
    usage = " ".join([f"headgate {name}", *command.collect_usage_pieces(context)])
    lines = [f"### `{name}`\n", f"```\n{usage}\n```\n", cleandoc(command.help or "") + "\n"]
    rows = [row for parameter in command.params if (row := _option(parameter, context))]
    if rows:
        lines += ["| option | |\n|---|---|", *rows, ""]
    return "\n".join(lines)


def _option(parameter: click.Parameter, context: click.Context) -> str | None:
    if not isinstance(parameter, click.Option):
        return None
    record = parameter.get_help_record(context)
    if record is None:
        return None
    names, text = record
    return f"| `{names.replace('|', chr(92) + '|')}` | {text.replace('|', chr(92) + '|')} |"
