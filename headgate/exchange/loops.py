"""`for_each` and `while` as `each` and `repeat`."""

from __future__ import annotations

from typing import Final

from headgate.diagnostics import Severity
from headgate.exchange.calls import written_script
from headgate.exchange.fields import Fields
from headgate.exchange.json_tree import Member
from headgate.exchange.names import name_for
from headgate.exchange.naming import Naming
from headgate.exchange.part import Part
from headgate.exchange.writing import block, template
from headgate.expressions import ExpressionError, parse

POLICIES: Final = {
    **dict.fromkeys(("fail_fast", "fail", "stop", "abort", "stop_on_error"), "fail"),
    **dict.fromkeys(("continue", "continue_on_error", "collect", "collect_errors", "ignore", "skip"), "continue"),
    "pause": "pause",
}
WHILE, UNTIL, DO_WHILE, SCRIPT = "while", "until", "do_while", "script"
MODES: Final = {
    **dict.fromkeys(("while", "condition", "pre", "pre_check"), WHILE),
    **dict.fromkeys(("until", "do_until", "repeat_until"), UNTIL),
    **dict.fromkeys(("do_while", "dowhile", "post", "post_check"), DO_WHILE),
    **dict.fromkeys(("script", "lua", "eval", "eval_script"), SCRIPT),
}
DECIDE: Final = "go_on"
RESERVED: Final = "\0"
"""Stands for the id of the step that decides, which no graph names."""


def inside_each(part: Part) -> Naming:
    """What the body of a `for_each` may read: the item besides."""
    wanted = part.fields.text("for_each_as")
    taken = {*part.naming.steps.values(), *part.naming.items}
    name = name_for(str(wanted.value) if wanted is not None else "item", taken, "item")
    if wanted is not None and name != wanted.value:
        part.conversion.say(Severity.NOTE, wanted, f"the item is called `{name}` here")
    return part.naming._replace(item=name, items=part.naming.items | {name})


def each(part: Part, inside: Naming) -> str:
    """`each {{ list }} as item`."""
    fields = part.fields
    items = fields.take("for_each_items")
    over = ""
    if items is not None and isinstance(items.value, list | str):
        over = f" {_list(part, items)}"
    elif items is not None:
        part.set("over", part.writer.value(items))
    for attribute, member in (("concurrency", "for_each_max_parallel"), ("limit", "for_each_limit")):
        if (number := fields.whole(1, member)) is not None:
            part.set(attribute, str(number))
    policy = fields.text("for_each_error_policy")
    if policy is not None:
        chosen = POLICIES.get(str(policy.value).lower().replace("-", "_"))
        if chosen is None:
            fields.wrong(policy, "expected `fail_fast`, `continue` or `pause`; a failed item fails the loop")
        elif chosen != "fail":
            part.set("on_item_failure", chosen)
    return f"each{over} as {inside.item}"


def _list(part: Part, member: Member) -> str:
    """The list of a loop: a list, a template, or a path that lacks its braces."""
    value = member.value
    if isinstance(value, str) and "{{" not in value and value.strip():
        return part.writer.condition(member)
    return part.writer.value(member)


def inside_repeat(part: Part) -> Naming:
    """What the body of a `while` may read: where a script decides, the name of its step is taken before all others."""
    if not _script_decides(part.fields):
        return part.naming
    name = name_for(DECIDE, {*part.naming.steps.values()}, "step")
    return part.naming._replace(steps={**part.naming.steps, RESERVED: name})


def _script_decides(fields: Fields) -> bool:
    """Whether a `while_eval_script` says when the loop ends: by its mode, or because no condition does."""
    script, condition, mode = (
        fields.members.get(name) for name in ("while_eval_script", "while_condition", "while_mode")
    )
    if script is None or not isinstance(script.value, str) or not script.value:
        return False
    chosen = MODES.get(mode.value.lower().replace("-", "_")) if mode and isinstance(mode.value, str) else None
    return chosen == SCRIPT or condition is None or condition.value is None


def repeat(part: Part, inside: Naming) -> None:
    """The attributes of a `repeat`; `inside` is what its body reads."""
    fields = part.fields
    most = fields.whole(1, "while_max_iterations", "max_iterations")
    if most is not None:
        part.set("max", str(most))
    given = fields.text("while_mode")
    condition, script = fields.take("while_condition"), fields.text("while_eval_script")
    mode = WHILE if given is None else MODES.get(str(given.value).lower().replace("-", "_"))
    if mode is None and given is not None:
        fields.wrong(given, "expected `while`, `until`, `do_while` or `script`; it is read as `while`")
        mode = WHILE
    if script is not None and _script_decides(fields):
        if condition is not None:
            part.conversion.say(Severity.WARNING, condition, "the script decides, so this condition is left out")
        _decided_by_script(part, inside, script)
        return
    if script is not None and script.value:
        part.conversion.say(Severity.WARNING, script, "the condition decides, so this script is left out")
    if condition is None:
        part.conversion.say(Severity.WARNING, fields.member, f"`{part.name}` has no condition: all its rounds run")
        return
    test = Part(part.conversion, fields, inside, part.name)
    name = UNTIL if mode in (UNTIL, DO_WHILE) else WHILE
    written = test.writer.condition(condition, opposite=mode == DO_WHILE)
    part.set(name, written)
    if name == WHILE:
        _note_first_round(part, inside, condition, written)


def _note_first_round(part: Part, inside: Naming, condition: Member, written: str) -> None:
    """Say which of its own steps a condition reads before the first round, when none of them has run."""
    own = {*inside.steps.values()} - {*part.naming.steps.values()}
    try:
        references = parse(written.removeprefix("{{").removesuffix("}}")).references
    except ExpressionError:
        return
    for reference in references:
        names = [segment.name for segment in reference.segments[:2]]
        if len(names) == 2 and names[0] == "steps" and names[1] in own and not reference.defaulted:
            message = f"before the first round `{names[1]}` has not run, so this condition cannot be told then"
            advice = 'give it a default, as in `... | "first"`, or test after the round with the mode `do_while`'
            part.conversion.say(Severity.WARNING, condition, message, advice=advice)
            return


def _decided_by_script(part: Part, inside: Naming, script: Member) -> None:
    """A step behind all others of the body that runs the script; the loop goes on while it returns true."""
    name = inside.steps[RESERVED]
    around = {name, *part.naming.steps.values()}
    own = [one for one in inside.steps.values() if one not in around]
    content = str(script.value).rstrip("\n")
    wrapped = f"local function decide()\n{content}\nend\nreturn {{ {DECIDE} = decide() and true or false }}"
    held = Part(part.conversion, part.fields, inside, name)
    behind = written_script(held, script, wrapped)
    after = f" after {', '.join(own)}" if own else ""
    part.last.append(block(f"step {name} = lua{after}{behind}", held.items))
    part.set("until", template(f"not steps.{name}.result.{DECIDE}"))
    message = f"the script became the step `{name}`, which decides after each round whether there is another"
    advice = "the first round always runs; a script that has to decide before it needs a step before the loop"
    part.conversion.say(Severity.WARNING, script, message, advice=advice)
