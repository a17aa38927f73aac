"""What the fixes of single rules write, where a parse and a vanished finding do not say enough."""

from __future__ import annotations

import pytest
from gate_cases import gate


def fixed(text: str, code: str, number: int = 0) -> str:
    """The text after one fix of the first finding of a rule."""
    finding = next(one for one in gate(text).diagnostics if one.code == code)
    for edit in sorted(finding.fixes[number].edits, key=lambda edit: edit.span, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def test_a_step_is_renamed_wherever_it_is_named() -> None:
    text = """workflow w {
  entry = inputs
  step inputs = set { x = 1 }
  step size = switch after inputs {
    case {{ steps.inputs.result.x == 1 }} -> small
    else -> small
  }
  step small = lua ```lua
    return { x = steps.inputs.result.x, y = steps["inputs"].status }
  ```
  step other = set after failed inputs { inputs = {{ inputs }} }
}
"""
    assert fixed(text, "HG004") == text.replace("= inputs\n", "= inputs_step\n").replace(
        "step inputs", "step inputs_step"
    ).replace("after inputs", "after inputs_step").replace("steps.inputs", "steps.inputs_step").replace(
        '["inputs"]', '["inputs_step"]'
    ).replace("failed inputs", "failed inputs_step")


def test_an_item_is_renamed_in_its_loop_and_not_in_a_loop_inside_of_the_same_name() -> None:
    text = """workflow w {
  input list: list<string>
  step email = set { x = 1 }
  step all = each {{ inputs.list }} as email after email {
    step send = set { to = "{{ email }}", at = {{ steps.email.result.x }} }
    step note = lua ```lua
      local other = email
      return { email = other }
    ```
    step inner = each {{ [email] }} as email {
      step deep = set { to = {{ email }} }
    }
  }
}
"""
    after = fixed(text, "HG004")
    assert "as email_item after email {" in after
    assert 'to = "{{ email_item }}", at = {{ steps.email.result.x }}' in after
    assert "local other = email_item\n      return { email = other }" in after
    assert "each {{ [email_item] }} as email {" in after
    assert "to = {{ email }} }" in after


def test_a_second_name_gets_the_first_number_that_is_free() -> None:
    text = "workflow w {\n  step a = set { x = 1 }\n  step a_2 = set after a { x = 1 }\n  step a = set { x = 2 }\n}\n"
    assert fixed(text, "HG003") == text.replace("step a = set { x = 2 }", "step a_3 = set { x = 2 }")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{ timeout = 5s, title = "A", timeout = 9s }', '{ timeout = 5s, title = "A" }'),
        ("{\n    timeout = 5s\n    timeout = 9s\n  }", "{\n    timeout = 5s\n  }"),
    ],
)
def test_what_is_given_twice_is_removed(before: str, after: str) -> None:
    text = f'workflow w {{\n  step a = http GET "https://e.com" {before}\n}}\n'
    assert fixed(text, "HG003") == text.replace(before, after)


def test_a_loop_gets_its_bound_on_a_line_of_its_own_or_on_the_one_it_has() -> None:
    inner = 'step ask = http GET "https://e.com"'
    text = f"workflow w {{\n  step poll = repeat {{\n    until = {{{{ true }}}}\n    {inner}\n  }}\n}}\n"
    assert fixed(text, "HG501") == text.replace("repeat {\n", "repeat {\n    max = 10\n")
    line = f"workflow w {{\n  step poll = repeat {{ until = {{{{ true }}}}, {inner} }}\n}}\n"
    assert fixed(line, "HG501") == line.replace("repeat {", "repeat { max = 10,")


def test_a_list_over_the_default_limit_gets_a_limit() -> None:
    items = ", ".join(str(number) for number in range(501))
    text = f"workflow w {{\n  step all = each [{items}] as n {{\n    step a = set {{ x = {{{{ n }}}} }}\n  }}\n}}\n"
    text = text.replace(f"each [{items}] as n {{", f"each as n {{\n    over = [{items}]")
    assert fixed(text, "HG501") == text.replace("each as n {\n", "each as n {\n    limit = 501\n")


def test_a_limit_that_strikes_first_is_raised_to_what_may_be_needed() -> None:
    text = """workflow w {
  deadline = 2m
  step pick = http GET "https://shop.example.com/orders/1" { timeout = 30s, retry = 1 }
  step ask = human approval after pick { title = "Go?", expires = 3h }
}
"""
    assert fixed(text, "HG504") == text.replace("deadline = 2m", "deadline = 3h")
    loop = """workflow w {
  input list: list<string> = []
  step all = each {{ inputs.list }} as one {
    timeout = 10s
    step pick = http GET "https://shop.example.com/{{ one }}" { timeout = 7.5s, retry = 0 }
    step more = http GET "https://shop.example.com/{{ one }}" { timeout = 12.5s, retry = 0 }
  }
}
"""
    assert fixed(loop, "HG504") == loop.replace("timeout = 10s", "timeout = 13s")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('enabled = "true"', "enabled = true"),
        ("title = 5", 'title = "5"'),
        ('retry = "3"', "retry = 3"),
        ("timeout = 30", "timeout = 30s"),
        ('timeout = "30s"', "timeout = 30s"),
        ('join = "any"', "join = any"),
    ],
)
def test_a_quote_or_a_unit_too_many_or_too_few_is_put_right(written: str, meant: str) -> None:
    text = f'workflow w {{\n  step a = http GET "https://e.com" {{ {written} }}\n}}\n'
    assert fixed(text, "HG007") == text.replace(written, meant)


def test_what_comes_after_the_end_is_removed_with_its_comment() -> None:
    text = """workflow w {
  step stop = fail "no"

  ## Tells somebody.
  step tell = http POST "https://e.com" after stop {  # too late
    body = "no"
  }

  step other = set { x = 1 }
}
"""
    assert fixed(text, "HG103") == text[: text.index("  ## Tells")] + "  step other = set { x = 1 }\n}\n"
