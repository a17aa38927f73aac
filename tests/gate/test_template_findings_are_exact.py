"""Where findings about templates stand, what their fixes write, and what is not said twice."""

import pytest
from gate_cases import gate

from headgate.diagnostics import Diagnostic


def findings(text: str) -> list[Diagnostic]:
    """What is said of templates, but not that some of these small workflows do not read their input (HG211)."""
    found = gate(text, "", "").diagnostics
    return [one for one in found if one.code.startswith("HG2") and one.code != "HG211"]


def fixed(text: str) -> str:
    """The text after the first fix of each finding."""
    edits = [edit for one in findings(text) for fix in one.fixes[:1] for edit in fix.edits]
    for edit in sorted(edits, key=lambda edit: edit.span, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def workflow(*lines: str) -> str:
    return "\n".join(["workflow w {", "  input name: string", *(f"  {line}" for line in lines), "}", ""])


@pytest.mark.parametrize(
    ("line", "code", "marked", "after"),
    [
        ("step a = set { x = {{ inputs.nam }} }", "HG210", "nam", "{{ inputs.name }}"),
        ('step a = set { x = "é😀 {{ inputs.nam | upper }}!" }', "HG210", "nam", "{{ inputs.name | upper }}!"),
        ('step a = set { x = {{ inputs["nam"] }} }', "HG210", "nam", '{{ inputs["name"] }}'),
        ("step a = set { x = {{ input.name }} }", "HG209", "input", "{{ inputs.name }}"),
        ("step a = set { x = {{ name }} }", "HG209", "name", "{{ inputs.name }}"),
        ('step a = set { x = "Hi {inputs.name}!" }', "HG207", "{inputs.name}", "Hi {{ inputs.name }}!"),
        ('step a = set { x = "Hi ${inputs.name}!" }', "HG207", "${inputs.name}", "Hi {{ inputs.name }}!"),
        ('step a = set { x = "${{ inputs.name }}" }', "HG209", "${{", '"{{ inputs.name }}"'),
        ("step a = set { x = {{ {{ inputs.name }} }} }", "HG207", "{{ inputs.name }}", "{{ inputs.name }}"),
        ('step a = set { x = "{{{{ inputs.name }}}}" }', "HG207", "{{ inputs.name }}", '"{{inputs.name}}"'),
        ('step a = set { x = "{{ inputs.name }}}}" }', "HG207", "}}", '"{{ inputs.name }}"'),
        ("step a = set { x = {{ inputs.name | uper }} }", "HG208", "uper", None),
        ("step a = set { x = {{ inputs.name.__class__ }} }", "HG208", "__class__", None),
        ('step a = set { x = "{% if x %}{% endif %}" }', "HG208", "{% if x %}", None),
        ("step a = set { x = {{ 2 ** inputs.name }} }", "HG212", "2 ** inputs.name", None),
        ("step a = set { x = {{ steps.a.result }} }", "HG203", "a", None),
        ("step a = set { x = {{ index }} }", "HG206", "index", None),
    ],
)
def test_a_finding_marks_the_wrong_link_and_its_fix_writes_the_right_one(
    line: str, code: str, marked: str, after: str | None
) -> None:
    for ending in ("\n", "\r\n"):
        text = workflow(line).replace("\n", ending)
        [finding] = findings(text)
        assert finding.code == code
        assert text[finding.span.start : finding.span.end] == marked
        if after is None:
            assert finding.fixes == ()
        else:
            assert after in fixed(text)
            assert findings(fixed(text)) == []


def test_places_in_block_text_and_over_several_lines_are_exact() -> None:
    text = workflow(
        "step a = set {",
        '  x = """',
        "      Dear {{ inputs.nam }},",
        "",
        "        {{ inputs",
        "             .naem }} {vars.q}",
        '      """',
        "}",
    )
    marked = [text[one.span.start : one.span.end] for one in findings(text)]
    assert marked == ["nam", "naem", "{vars.q}"]


def test_places_in_a_lua_script_are_exact() -> None:
    text = workflow(
        "step a = set { x = 1 }",
        "step b = lua after a ```lua",
        "    local é = 'steps.no'",
        "",
        '    return { x = steps.aa.result, y = steps["bb"].result, z = steps.a.output }',
        "  ```",
    )
    assert [text[one.span.start : one.span.end] for one in findings(text)] == ["aa", "bb", "output"]


def test_a_read_of_something_that_did_not_parse_is_no_finding() -> None:
    text = workflow(
        "input lost_input string",
        "let lost_let =",
        "step lost_step = set { x = }",
        "step b = set after lost_step {",
        "  x = {{ steps.lost_step.result.x }}, y = {{ inputs.lost_input }}, z = {{ vars.lost_let }}",
        "}",
    )
    assert findings(text) == []
    assert gate(text, "", "").diagnostics != ()


def test_a_template_that_cannot_be_read_says_nothing_more() -> None:
    text = workflow("step a = set { x = {{ steps.nowhere.result | nofilter(inputs.nothing) }} }")
    assert [one.code for one in findings(text)] == ["HG208"]


def test_an_unknown_step_is_one_finding_and_not_also_an_unknown_path_or_a_first_step() -> None:
    text = workflow(
        "step a = set { x = 1 }", "step b = set { y = {{ steps.nope.result.x.y }}, z = {{ steps.a.result.x }} }"
    )
    assert [one.code for one in gate(text, "", "").diagnostics] == ["HG201"]
    alone = workflow("step a = set { x = 1 }", "step b = set { y = {{ steps.nope.result.x.y }} }")
    assert [one.code for one in gate(alone, "", "").diagnostics] == ["HG201"]


def test_a_step_whose_name_was_taken_is_still_read() -> None:
    text = workflow("step a = set { x = 1 }", "step a = set { y = {{ inputs.nothing }} }")
    assert [one.code for one in gate(text, "", "").diagnostics] == ["HG003", "HG210"]


def test_the_same_text_in_two_workflows_of_a_file_is_judged_by_each() -> None:
    text = workflow("step a = set { x = {{ inputs.name }} }") + workflow(
        "step a = set { x = {{ inputs.name }} }"
    ).replace("workflow w", "workflow v").replace("input name", "input other")
    [finding] = findings(text)
    assert finding.code == "HG210"
    assert finding.span.start > text.index("workflow v")


def test_what_a_called_workflow_of_the_same_file_returns_is_known() -> None:
    child = "workflow child {\n  step a = set { x = 1 }\n  output { total = {{ steps.a.result.x }} }\n}\n"
    text = child + workflow("step c = call child", "step d = set { x = {{ steps.c.result.totl }} }")
    [finding] = [one for one in gate(text, "", "").diagnostics if one.code in ("HG202", "HG307")]
    assert (finding.code, text[finding.span.start : finding.span.end]) == ("HG307", "totl")
    assert "did you mean `total`?" in finding.message


CRM = '[instances.crm]\nserver_url = "https://crm.example.com"\n'
LOCKED = """{"version": 1, "instances": {"crm": {"tools": {"get": {"inputSchema": {"type": "object"},
  "annotations": {"readOnlyHint": true},
  "outputSchema": {"type": "object", "properties": {"id": {"type": "string"}}}}}}}}"""


def test_a_field_of_a_tool_without_a_lock_is_said_to_be_unchecked() -> None:
    text = workflow(
        "step a = mcp crm.get",
        "step b = set { x = {{ steps.a.result.idd }}, y = {{ steps.a.result }}, z = {{ inputs.name }} }",
    )
    examined = gate(text, CRM, "")
    assert examined.skipped == ("HG202", "HG302", "HG403", "HG601")
    assert {one.code for one in examined.diagnostics} == {"HG904"}
    assert [one.code for one in gate(text, CRM, LOCKED).diagnostics] == ["HG202"]


def test_a_declared_result_needs_no_lock_to_be_checked() -> None:
    text = workflow(
        'step a = http GET "https://example.com" { result = object }', "step b = set { x = {{ steps.a.result.any }} }"
    )
    assert gate(text, CRM, "").skipped == ()


def test_a_tool_that_is_named_by_its_address_is_known_too() -> None:
    step = 'step a = mcp { server_url = "https://crm.example.com/", tool = get }'
    text = workflow(step, "step b = set { x = {{ steps.a.result.idd }} }")
    [finding] = [one for one in gate(text, CRM, LOCKED).diagnostics if one.code == "HG202"]
    assert "did you mean `id`?" in finding.message
