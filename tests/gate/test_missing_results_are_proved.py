"""HG204: how bad it is, by which path, and what the fix writes."""

from __future__ import annotations

from gate_cases import gate

from headgate.diagnostics import Diagnostic, Safety

BRANCHES = """
workflow a {
  input rush: boolean
  input loud: boolean
  trigger off = manual { enabled = false }
  trigger nightly = schedule "0 3 * * *" { inputs = { rush = true, loud = true } }
  step kind = switch {
    case {{ inputs.rush }} -> quick
    else -> slow
  }
  step quick = set { fee = 1, ok = true }
  step slow = set { fee = 2 }
  STEP
}
"""
LOCK = """{"version": 1, "instances": {"shop": {"server_url": "https://shop.example.com", "tools": {"pay": {
  "inputSchema": {"type": "object", "properties": {"fee": {"type": "number"}, "note": {"type": "string"}},
    "required": ["fee"]}, "annotations": {"readOnlyHint": true}}}}}, "workflows": {}}"""
TOML = '[instances.shop]\nserver_url = "https://shop.example.com"\n'


def found(step: str) -> list[Diagnostic]:
    diagnostics = gate(BRANCHES.replace("STEP", step), TOML, LOCK).diagnostics
    return [one for one in diagnostics if one.code == "HG204"]


def fixed(step: str) -> str:
    text = BRANCHES.replace("STEP", step)
    (one,) = found(step)
    (fix,) = one.fixes
    assert fix.safety is Safety.UNSAFE
    for edit in sorted(fix.edits, key=lambda edit: edit.span, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    assert [other.code for other in gate(text, TOML, LOCK).diagnostics if other.code in ("HG001", "HG204")] == []
    return next(line.strip() for line in text.splitlines() if line.strip().startswith("step last"))


def test_the_path_begins_at_the_trigger_and_names_the_branch() -> None:
    (one,) = found("step last = set after quick, slow { fee = {{ steps.quick.result.fee }} }")
    assert [(stop.step, stop.edge) for stop in one.witness] == [
        ("trigger nightly", ""),
        ("kind", ""),
        ("slow", "else"),
        ("last", ""),
    ]
    assert one.message == "`last` reads the result of `quick`, which may not have run: `kind` takes another case"


def test_it_is_an_error_where_the_step_stops_and_a_warning_where_a_condition_may_keep_it_from_reading() -> None:
    (strict,) = found("step last = set after quick, slow { fee = {{ steps.quick.result.fee }} }")
    (loose,) = found("step last = set after quick, slow { fee = {{ steps.quick.result.fee if inputs.loud else 0 }} }")
    assert (strict.severity, loose.severity) == ("error", "warning")


def test_it_is_an_error_where_it_fills_a_required_argument() -> None:
    def severity(arguments: str) -> str:
        (one,) = found(f"step last = mcp shop.pay after quick, slow {{ args = {{ {arguments} }} }}")
        return one.severity

    assert severity("fee = {{ steps.quick.result.fee if inputs.loud else 0 }}") == "error"
    assert severity('fee = 1, note = {{ steps.quick.result.fee if inputs.loud else "" }}') == "warning"


def test_all_reads_of_one_step_are_one_finding() -> None:
    (one,) = found(
        "step last = set after quick, slow { a = {{ steps.quick.result.fee }}, b = {{ steps.quick.result.fee }} }"
    )
    assert [label.message for label in one.labels] == ["`kind` takes another case", "and here"]


def test_the_fix_gives_a_default_that_fits_the_place() -> None:
    head = "step last = set after quick, slow"
    assert "{{ steps.quick.result.fee | default(null) }}" in fixed(f"{head} {{ a = {{{{ steps.quick.result.fee }}}} }}")
    assert '"{{ steps.quick.result.fee | default("") }}!"' in fixed(
        f'{head} {{ a = "{{{{ steps.quick.result.fee }}}}!" }}'
    )
    assert "when = {{ steps.quick.result.ok | default(false) }}" in fixed(
        f"{head} {{ when = {{{{ steps.quick.result.ok }}}}, a = 1 }}"
    )


def test_what_follows_a_step_that_stops_is_not_said_again() -> None:
    steps = """step first = set after quick, slow { fee = {{ steps.quick.result.fee }} }
  step last = set after first { fee = {{ steps.quick.result.fee + steps.first.result.fee }} }"""
    assert len(found(steps)) == 1


def test_an_argument_that_may_be_null_is_left_out_or_gets_an_empty_value_of_its_type() -> None:
    def fixed_argument(arguments: str) -> str:
        text = BRANCHES.replace("STEP", f"step last = mcp shop.pay after quick, slow {{ args = {{ {arguments} }} }}")
        (one,) = (one for one in gate(text, TOML, LOCK).diagnostics if one.code == "HG304")
        (fix,) = one.fixes
        (edit,) = fix.edits
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
        assert not [other for other in gate(text, TOML, LOCK).diagnostics if other.code in ("HG001", "HG304")]
        return text

    assert "{{ steps.quick.result.fee | default(0) }}" in fixed_argument(
        "fee = {{ steps.quick.result.fee | default(null) }}"
    )
    assert "{{ steps.quick.result.fee | default(0, true) }}" in fixed_argument(
        "fee = {{ steps.quick.result.fee | omit }}"
    )
    note = "fee = 1, note = {{ steps.quick.result.fee | default(none) }}"
    assert "note = {{ steps.quick.result.fee | omit }}" in fixed_argument(note)
