"""The fix of HG704 writes a script that says what the text with templates was meant to say."""

from __future__ import annotations

import pytest
from gate_cases import gate

from headgate.expressions import lua_references

SCRIPTS = {
    r"return { t = 'Hello {{ inputs.name }}!' }": """return { t = 'Hello ' .. tostring(inputs.name) .. '!' }""",
    r"return { t = '{{ inputs.name }}' }": "return { t = tostring(inputs.name) }",
    r"return { t = '{{ inputs.name }}-{{ steps.a.result.n }}' }": (
        "return { t = tostring(inputs.name) .. '-' .. tostring(steps.a.result.n) }"
    ),
    r"return { n = {{ steps.a.result.n }} + 1 }": "return { n = steps.a.result.n + 1 }",
    r"return { n = {{ steps.a.result.list[0] }} }": "return { n = steps.a.result.list[1] }",
    'return { n = {{ vars["two words"].end }} }': """return { n = vars["two words"]["end"] }""",
    r"return { t = \"it's {{ inputs.name }}\" }": """return { t = "it's " .. tostring(inputs.name) }""",
    r"return { t = 'a\\'b {{ inputs.name }}' }": r"""return { t = 'a\'b ' .. tostring(inputs.name) }""",
}


def _text(script: str) -> str:
    return (
        "workflow a {\n  input name: string\n  let x = 1\n  step a = set { n = 1, list = [1] }\n"
        f'  step b = lua after a {{ script = "{script}" }}\n}}\n'
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_fix_writes_the_same_script_in_lua(script: str) -> None:
    text = _text(script)
    (found,) = [one for one in gate(text).diagnostics if one.code == "HG704"]
    (fix,) = found.fixes
    (edit,) = fix.edits
    examined = gate(text[: edit.span.start] + edit.text + text[edit.span.end :])
    assert {one.code for one in examined.diagnostics} & {"HG001", "HG007", "HG704", "HG901"} == set()
    fence = examined.file.workflows[0].steps[1].attributes[0].value
    assert getattr(fence, "text", "") == SCRIPTS[script]
    assert {one.step for one in lua_references(SCRIPTS[script])} == ({"a"} if "steps.a" in script else set())


@pytest.mark.parametrize(
    "script",
    [
        "return { t = '{{ inputs.name | upper }}' }",
        "return { t = [[{{ inputs.name }}]] }",
        "return { t = {{ trigger.at }} }",
        "return { t = {{ steps.a.result.list[-1] }} }",
    ],
)
def test_there_is_no_fix_where_a_script_cannot_read_the_same(script: str) -> None:
    (found,) = [one for one in gate(_text(script)).diagnostics if one.code == "HG704"]
    assert found.fixes == ()
