"""What must survive any bytes: each target takes them, and raises AssertionError for a promise that is broken.

`run.py` feeds them what a coverage-guided fuzzer makes up; `test_the_corpus_replays.py` what it found interesting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from headgate.api.reading import Unreadable, decode
from headgate.diagnostics import Diagnostic
from headgate.exchange.importing import import_text
from headgate.expressions import ExpressionError, lua_references, parse
from headgate.grammar.format import format_source
from headgate.render.findings_json import findings_json
from headgate.render.findings_text import findings_text
from headgate.source import Source, Span
from headgate.validators.gate import Setting, examine
from headgate.validators.report import CheckedFile, CheckReport
from headgate.workspace import EMPTY, LockDamaged, parse_lock, read

TODAY = "2026-11-20"
TOML = b"""\
[instances.stripe]
server_url = "https://mcp.stripe.com"
connection = "live"
[instances.files]
command = ["files"]
[connections.live]
app = "Stripe"
auth = { kind = "bearer", token = { env = "T" } }
[models.fast]
base_url = "http://127.0.0.1:1/v1"
model = "m"
price = { input = 1.0, output = 2.0 }
[agents.triage]
model = "fast"
tools = ["stripe.get_charge"]
[people]
finance = ["ann"]
[secrets]
TOKEN = { env = "T" }
[environments.prod.instances]
stripe = { connection = "live" }
[limits]
spend = { cap = 1.0, soft = 0.8, period = "month" }
"""
LOCK = b"""{"version": 1, "instances": {"stripe": {"tools": {
"get_charge": {"inputSchema": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
 "outputSchema": {"type": "object", "properties": {"id": {"type": "string"}, "amount": {"type": ["number", "null"]}}},
 "annotations": {"readOnlyHint": true}},
"create_refund": {"inputSchema": {"type": "object", "properties": {"charge": {"type": "string"}}},
 "annotations": {"destructiveHint": true}}}}}, "workflows": {}}"""
FLOW = """\
workflow w {
  trigger t = webhook { inputs = { order = {{ trigger.body.order }} } }
  input order: string
  step charge = mcp stripe.get_charge { args = { order = {{ inputs.order }} } }
  step refund = mcp stripe.create_refund after charge { args = { charge = {{ steps.charge.result.id }} } }
  step ask = agent triage after refund { input = {{ steps.charge.result.amount }} }
  step tell = llm fast after ask { prompt = "{{ steps.ask.result.text }}" }
}
"""


def grammar(content: bytes) -> None:
    """A file of workflows: read, checked, shown, laid out."""
    try:
        source = decode(content, "a.flow")
    except Unreadable:
        return
    workspace, faults = read(TOML, Path("/workspace"))
    assert not faults, faults
    _checked(source, Setting(workspace, parse_lock(LOCK), None, TODAY))
    _laid_out(source)


def templates(content: bytes) -> None:
    """The text of one template, of a text with templates, and of a script."""
    text = content.decode("utf-8", "replace")
    try:
        expression = parse(text)
    except ExpressionError as error:
        assert 0 <= error.start <= error.end <= len(text), (error, error.start, error.end)  # noqa: PT017
    else:
        for reference in expression.references:
            for segment in reference.segments:
                assert 0 <= segment.start <= segment.end <= len(text), segment
    for found in lua_references(text):
        assert 0 <= found.start <= found.end <= len(text), found
    line = text.replace("\n", " ").replace("\r", " ")
    flow = f'workflow w {{\n  input x: any\n  step a = set {{ b = {{{{ {line} }}}}\n  c = "{line}" }}\n'
    flow += f"  step l = lua ```lua\n{text}\n  ```\n}}\n"
    _checked(Source("a.flow", flow), Setting(EMPTY, None, None, TODAY))


def workspace(content: bytes) -> None:
    """A workspace file, and what the gate makes of a workflow in it, in each of its environments."""
    from headgate.workspace import for_environment

    found, faults = read(content, Path("/workspace"))
    lines = content.count(b"\n") + 1
    for fault in faults:
        assert fault.line is None or 1 <= fault.line <= lines + 1, fault
        assert "\n" not in fault.message, fault
    source, locked = Source("a.flow", FLOW), parse_lock(LOCK)
    _checked(source, Setting(found, locked, None, TODAY))
    for name in found.environments[:2]:
        _checked(source, Setting(for_environment(found, name), locked, name, TODAY))


def lock(content: bytes) -> None:
    """A lock file, and what the gate makes of a workflow with it."""
    try:
        found = parse_lock(content)
    except LockDamaged as damage:
        assert "\n" not in str(damage), damage  # noqa: PT017
        return
    there, faults = read(TOML, Path("/workspace"))
    assert not faults, faults
    _checked(Source("a.flow", FLOW), Setting(there, found, None, TODAY))


def imports(content: bytes) -> None:
    """A JSON step graph: what is made of it parses, is checked, and says what it leaves out at places that exist."""
    imported = import_text(content)
    lines = content.count(b"\n") + 1
    for one in imported.findings:
        assert 1 <= one.line <= lines, one
        assert one.column >= 1, one
        assert "\n" not in one.message + one.advice, one
    if imported.text is None:
        assert imported.findings, content
        return
    source = Source("a.flow", imported.text)
    laid_out, wrong = format_source(source)
    assert laid_out == imported.text, (imported.text, wrong)
    _checked(source, Setting(EMPTY, None, None, TODAY))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "grammar": grammar,
    "templates": templates,
    "workspace": workspace,
    "lock": lock,
    "imports": imports,
}


def _checked(source: Source, setting: Setting) -> None:
    """The gate answers; every place it names lies in the text; every rendering can be made."""
    examined = examine(source, setting)
    for one in (*examined.diagnostics, *examined.suppressed):
        for span in _spans(one):
            assert 0 <= span.start <= span.end <= len(source.text), (one, span)
        assert "\n" not in one.message + one.note + one.help, one
    names = tuple(workflow.name.text for workflow in examined.file.workflows)
    file = CheckedFile(source, examined.diagnostics, examined.suppressed, examined.skipped, names)
    report = CheckReport((file,), (), ())
    findings_text(report)
    findings_json(report)


def _spans(one: Diagnostic) -> Iterator[Span]:
    yield one.span
    yield from (label.span for label in one.labels)
    yield from (stop.span for stop in one.witness)
    for fix in one.fixes:
        yield from (edit.span for edit in fix.edits)


def _laid_out(source: Source) -> None:
    """What parses is laid out, parses again, and is then laid out already."""
    once, _ = format_source(source)
    if once is None:
        return
    twice, wrong = format_source(Source(source.path, once))
    assert twice == once, (source.text, once, twice, wrong)
