"""The arguments of every tool call against the locked schema of its tool: facts that HG301, HG302 and HG303 report."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from headgate.compiler.types import ANY, Type
from headgate.compiler.uses import Use, uses
from headgate.diagnostics import Fix, nearest, replace
from headgate.grammar import ast
from headgate.kinds.json_schema import schema_fault
from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.validators.fitting import Fitting, Misfit, TypeOf
from headgate.validators.rule import Context, NotChecked
from headgate.validators.templates import OfGraph, inference_of
from headgate.validators.toolcalls import ToolCall

_ADVICE = "`headgate lock` asks the servers for their tools and writes headgate.lock"


class CheckedCall(NamedTuple):
    """A call and what does not fit. `missed` is why it could not be checked, then there are no `misfits`.

    `gives` says that it writes arguments at all; `name` is the tool's, for a sentence.
    """

    call: ToolCall
    name: str
    gives: bool
    misfits: tuple[Misfit, ...]
    missed: NotChecked | None


def checked_calls(context: Context) -> tuple[CheckedCall, ...]:
    """Every call of a tool that the workspace resolves; those of tools that the lock does not have are HG403's."""
    return _checked_calls(OfGraph(context))


@lru_cache(maxsize=4)
def _checked_calls(key: OfGraph) -> tuple[CheckedCall, ...]:
    context = key.context
    calls = [call for call in context.calls if call.resolved and call.tool]
    if not calls:
        return ()
    faulty: dict[int, bool] = {}
    type_of = static_types(context)
    return tuple(one for call in calls if (one := _checked(context, call, type_of, faulty)) is not None)


def _checked(context: Context, call: ToolCall, type_of: TypeOf, faulty: dict[int, bool]) -> CheckedCall | None:
    instance, tool, place = call.resolved or "", call.tool or "", call.tool_place
    assert place is not None, "a tool that was named stands somewhere"
    name = f"{instance}.{tool}"
    args = call.block.written.get("args")
    gives = args is not None and not (isinstance(args, ast.Map) and not args.entries)
    if context.lock is None or instance not in context.lock.instances:
        unknown = f"headgate.lock does not know the instance `{instance}`"
        reason = "there is no headgate.lock" if context.lock is None else unknown
        return CheckedCall(call, name, gives, (), NotChecked(reason, place, _ADVICE))
    locked = context.lock.instances[instance].get(tool)
    if locked is None:
        return None
    schema = locked.input_schema
    if id(locked) not in faulty:
        faulty[id(locked)] = schema_fault(schema) is not None
    if faulty[id(locked)]:
        reason = f"the `inputSchema` of `{name}` in headgate.lock is no JSON Schema that can be applied"
        return CheckedCall(call, name, gives, (), NotChecked(reason, place, "ask who makes the server to correct it"))
    return CheckedCall(call, name, gives, tuple(_misfits(context, call, schema, type_of)), None)


def _misfits(context: Context, call: ToolCall, schema: JsonObject, type_of: TypeOf) -> Iterator[Misfit]:
    written = call.block.written
    args, keyed = written.get("args"), written.word("idempotency_arg")
    given = frozenset({keyed} if keyed else ())
    fitting = Fitting(schema, type_of, context.source.text)
    place = call.tool_place or call.block.place
    if keyed and (where := written.get("idempotency_arg")) is not None:
        yield from fitting.unnamed(keyed, where.span)
    if args is None:
        if not call.block.broken:
            yield from fitting.missing(place, given)
        return
    for one in fitting.misfits(args, given):
        outermost = one.sort == "missing" and len(one.path) == 1
        yield one._replace(span=place) if outermost else one


def static_types(context: Context) -> TypeOf:
    """The static type of a template that stands somewhere in the workflow."""
    found: dict[int, Use] = {}

    def type_of(value: ast.Template) -> Type:
        if not found:
            found.update({use.template.span.start: use for use in uses(context.graph)})
        use = found.get(value.span.start)
        if use is None or use.expression is None:
            return ANY
        return inference_of(context).type_of(use.expression.root, use.site)

    return type_of


def misspelt(one: Misfit, others: tuple[Misfit, ...]) -> str | None:
    """The name that was probably meant by one that is not known; None when none is near."""
    assert one.sort == "unknown", "only a name can be misspelt"
    lacking = tuple(str(other.path[-1]) for other in others if _beside(other, one))
    name = str(one.path[-1])
    return nearest(name, lacking) or nearest(name, one.known)


def _beside(lacking: Misfit, unknown: Misfit) -> bool:
    return lacking.sort == "missing" and lacking.path[:-1] == unknown.path[:-1]


def is_explained(one: Misfit, others: tuple[Misfit, ...]) -> bool:
    """Whether what is missing is there under a name that is nearly right."""
    return any(
        other.sort == "unknown" and _beside(one, other) and misspelt(other, others) == one.path[-1] for other in others
    )


def dotted(path: tuple[str | int, ...]) -> str:
    """`items[0].sku`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def key_fix(one: Misfit, guess: str | None) -> tuple[Fix, ...]:
    """The fix that writes the key that was meant."""
    if guess is None:
        return ()
    plain = guess.isidentifier() and guess.isascii() and not one.quoted
    if not plain and (not guess.isprintable() or set(guess) & {'"', "\\", "{"}):
        return ()
    return (replace(f"write `{guess}`", one.span, guess if plain else f'"{guess}"'),)


def value_fix(one: Misfit) -> tuple[Fix, ...]:
    """The fix that writes the value that was meant, where it is one token."""
    if one.replacement is None:
        return ()
    return (replace(f"write `{one.replacement}`", one.span, one.replacement),)


def expected_of(names: tuple[str, ...]) -> str:
    """The names that may stand there, in a sentence."""
    if not names:
        return "it has no other"
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return f"expected {' or '.join(f'`{name}`' for name in names[:6])}{more}"
