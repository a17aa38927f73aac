"""Generated texts of expressions: every one is in Jinja2's grammar and in ours."""

from __future__ import annotations

import json

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b2", "steps", "inputs", "order_id", "Items", "x_y"])
KEYS = st.text("abc -.\"'é😀", min_size=1, max_size=4)
NUMBERS = st.one_of(st.integers(0, 10**20).map(str), st.sampled_from(["1.5", "0", "2e3", "0x1F", "1_000"]))
TEXTS = st.text("ab'\\\" {}é\n", max_size=6).map(lambda text: json.dumps(text, ensure_ascii=False))


@st.composite
def paths(draw: st.DrawFn) -> str:
    text = draw(NAMES)
    for link in draw(st.lists(st.sampled_from(["dot", "number", "double", "single"]), max_size=4)):
        name = draw(NAMES)
        text += {"dot": f".{name}", "number": "[3]", "double": f'["{name}"]', "single": f" [ '{name}' ]"}[link]
    return text


OPERATORS = "+ - * / // % ** ~ == != < <= > >= and or in"
FORMS = [
    *(f"{{0}} {operator} {{1}}" for operator in OPERATORS.split()),
    "{0} not in {1}",
    "{0} if ({1}) else {2}",
    "({0})",
    "(not {0})",
    "(-({0}))",
    "[{0}, {1}]",
    '{{"k": {0}, "l": {1}}}',
    "({0}) | default({1})",
    "({0}) | round(precision={1})",
    "({0}) | join('-')",
    "({0}) | upper | trim",
    "(({0}) is defined)",
    "(({0}) is not string)",
    "({0})[{1}]",
    "({0})[{1}:]",
    "({0}).name",
]


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.one_of(paths(), NUMBERS, TEXTS, st.sampled_from(["true", "none"])))
    form = draw(st.sampled_from(FORMS))
    wanted = 3 if "{2}" in form else 2 if "{1}" in form else 1
    return form.format(*(draw(expressions(depth - 1)) for _ in range(wanted)))


EXPRESSIONS = expressions()
