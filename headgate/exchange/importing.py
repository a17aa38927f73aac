"""A step graph in JSON as a workflow of the language."""

from __future__ import annotations

from headgate.diagnostics import Severity
from headgate.exchange.conversion import Choices, Conversion
from headgate.exchange.fields import Fields, shape_of
from headgate.exchange.finding import Finding
from headgate.exchange.input_types import Declared, declaration, declared_inputs
from headgate.exchange.json_tree import ROOT, Member, NotJson, read
from headgate.exchange.names import is_name, name_for
from headgate.exchange.naming import InputNames, Naming
from headgate.exchange.part import Part
from headgate.exchange.steps import level
from headgate.exchange.values import Writer
from headgate.exchange.writing import Lines, attribute, block, doc, quoted
from headgate.grammar.format import format_source
from headgate.records import NamedTuple
from headgate.source import Source

FALLBACK = "imported"


class Imported(NamedTuple):
    """`text` is a `.flow` file in its layout, None when there was nothing to make one of; `findings` by their place.

    `name` is the workflow's; `readable` is false for what is no JSON.
    """

    text: str | None
    findings: tuple[Finding, ...]
    name: str = FALLBACK
    readable: bool = True


def import_text(content: bytes, choices: Choices | None = None, path: str = "<json>") -> Imported:
    """The workflow that the bytes of a JSON step graph stand for; see `import_source`. Never raises."""
    try:
        source = Source(path, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"it is not UTF-8: byte 0x{content[error.start]:02x}; save it as UTF-8"
        return Imported(None, (Finding(Severity.ERROR, ROOT, line, 1, message),), readable=False)
    return import_source(source, choices or Choices())


def import_source(source: Source, choices: Choices) -> Imported:
    """The workflow that a JSON step graph stands for, and what of it could not be carried over. Never raises."""
    try:
        root = read(source.text)
    except NotJson as error:
        where = source.position(error.offset)
        message = f"it is no JSON: {error.message}"
        return Imported(None, (Finding(Severity.ERROR, ROOT, *where, message),), readable=False)
    return _imported(Conversion(source, choices), root)


def _imported(conversion: Conversion, root: Member) -> Imported:
    member = root._replace(value={"steps": root}) if isinstance(root.value, list) else root
    if not isinstance(member.value, dict):
        message = f"expected a step graph, an object with `steps`, not {shape_of(root)}"
        conversion.say(Severity.ERROR, root, message)
        return Imported(None, tuple(conversion.findings))
    fields = Fields(conversion, member)
    steps = fields.list("steps")
    if steps is None:
        if "steps" not in fields.members:
            conversion.say(Severity.ERROR, root, "expected `steps`: a list of the graph's steps")
        return Imported(None, tuple(conversion.findings))
    name, title = _named(conversion, fields)
    comment, settings = _settings(conversion, fields)
    names = InputNames()
    declared = declared_inputs(conversion, fields.take("input_schema", "inputs", "input"))
    for one in declared:
        if one.name in names:
            conversion.say(Severity.ERROR, root, f"two inputs are called `{_shown(one.name)}`; the first one counts")
        name_here = names[one.name]
        if one.default is None and not one.required:
            names.nullable.add(name_here)
    lines, naming = level(conversion, steps, Naming({}, names))
    outputs = _outputs(conversion, fields.take("outputs", "output"), naming)
    fields.warn_of_rest("a workflow")
    conversion.note_unused(root)
    items = [*settings, *_declarations(conversion, declared, names), *lines, *outputs]
    written = [*comment, *block(f"workflow {name}{title}", items)]
    if not items:
        written[-1] += " {}"
    return Imported(_laid_out("\n".join(written) + "\n"), _in_order(conversion.findings), name)


def _named(conversion: Conversion, fields: Fields) -> tuple[str, str]:
    """The workflow's name and its title, as it stands behind the name."""
    identifier, given = fields.text("id"), fields.text("name", "title")
    wanted = conversion.choices.name
    basis = wanted or str((identifier or given or fields.member).value) if identifier or given or wanted else FALLBACK
    if wanted is None and identifier is not None and not is_name(str(identifier.value)) and given is not None:
        basis = str(given.value)
    name = name_for(basis if is_name(basis) else basis.lower(), (), "workflow")
    title = "" if given is None else str(given.value)
    if not title or title == name:
        return name, ""
    writer = Writer(conversion, Naming({}, InputNames()), templates=False)
    return name, f" {writer.literal(given)}" if given is not None else ""


def _settings(conversion: Conversion, fields: Fields) -> tuple[Lines, list[Lines]]:
    """The doc comment of the workflow, and its attributes."""
    part = Part(conversion, fields, Naming({}, InputNames()), "")
    comment: Lines = []
    description = fields.text("description")
    if description is not None and description.value:
        content = part.writer.plain(str(description.value), description)
        lines = doc(content)
        comment = lines or []
        if lines is None:
            part.set("description", quoted(content))
    policy = fields.text("on_failure", "error_policy")
    if policy is not None and policy.value in ("fail", "pause", "drain", "continue"):
        part.set("on_failure", str(policy.value))
    elif policy is not None:
        fields.wrong(policy, "expected `fail`, `pause`, `drain` or `continue`; a failure fails the run")
    part.duration("deadline", "timeout_s", "timeout_seconds")
    return comment, part.items


def _declarations(conversion: Conversion, declared: list[Declared], names: InputNames) -> list[Lines]:
    """The inputs that were declared, then those that something reads and nobody declared."""
    known: dict[str, Declared] = {}
    for one in declared:
        known.setdefault(one.name, one)
    undeclared = [Declared(name, {}, None, required=True) for name in names if name not in known]
    return [declaration(conversion, one, names) for one in [*known.values(), *undeclared]]


def _outputs(conversion: Conversion, member: Member | None, naming: Naming) -> list[Lines]:
    """What the run gives back: names and values, as an object or as a list of objects."""
    if member is None:
        return []
    writer = Writer(conversion, naming)
    named: list[tuple[str, Member]] = []
    if isinstance(member.value, dict):
        named = [*member.value.items()]
    elif isinstance(member.value, list):
        for one in member.value:
            found = Fields(conversion, one) if isinstance(one.value, dict) else None
            name = found.text("name", "key", "id") if found else None
            value = found.take("value", "from", "source", "expression") if found else None
            if found is None or name is None or value is None:
                conversion.say(Severity.ERROR, one, "expected an output with `name` and `value`; it is left out")
                continue
            named.append((str(name.value), value))
            found.warn_of_rest("an output")
    else:
        conversion.say(Severity.ERROR, member, f"expected the outputs by name, not {shape_of(member)}")
    entries = [attribute(writer.plain(key, value), writer.value(value)) for key, value in named]
    return [block("output", entries)] if entries else []


def _laid_out(written: str) -> str:
    """The text in its layout. What was written parses; if it should not, the gate says why."""
    laid, _ = format_source(Source("imported.flow", written))
    return written if laid is None else laid


def _in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: (finding.line, finding.column)))


def _shown(name: str) -> str:
    return name.replace("`", "'")[:60]
