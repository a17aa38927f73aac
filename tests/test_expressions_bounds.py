"""No expression hangs or eats memory: each limit is met by an expression that would go beyond it."""

import subprocess
import sys

import pytest

from headgate.expressions import TemplateFailed, evaluate, evaluate_condition, render

LONG = "x" * 1_000_000
SCOPE = {
    "n": 10**9,
    "huge": 10**400,
    "long": LONG,
    "list": list(range(100_000)),
    "texts": [LONG] * 20,
    "fmt": "%0999999999d",
}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("'a' * 10**10", "10,000,000,000 characters"),
        ("n * 'a'", "characters"),
        ("[0] * n", "1,000,000,000 items"),
        ("[[0] * 900000] * 900000", "items"),
        ("[[[0] * 1000] * 1000] * 10", "items"),
        ("['x' * 1000000] * 1000", "characters"),
        ("2 ** n", "bits"),
        ("n ** n ** n", "bits"),
        ("huge * huge * huge * huge", "bits"),
        ("10.0 ** 400", "too large"),
        ("'%999999999d' % 3", "1,000 characters wide"),
        ("'%.999999999f' % 3", "1,000 characters wide"),
        ("'%*d' % [999999999, 3]", "not from `*`"),
        ("fmt % 3", "1,000 characters wide"),
        ("'%d' | format(huge ~ '') ", "cannot fill in"),
        ("fmt | format(3)", "1,000 characters wide"),
        ("texts | join", "characters"),
        ("texts | join(long)", "characters"),
        ("list | join(long)", "characters"),
        ("long | replace('x', long)", "1,000,000,000,000 characters"),
        ("long | replace('', long)", "characters"),
        ("long ~ long ~ long ~ long ~ long ~ long ~ long ~ long ~ long ~ long ~ long", "characters"),
        ("texts ~ ''", "characters"),
        ("texts | tojson", "characters"),
        ("[list, list, list, list, list, list, list, list, list, list, list]", "items"),
        ("[1] | slice(n)", "at most 100,000"),
        ("1 | round(n)", "at most 100"),
        ("1 | round(0 - n)", "at most 100"),
        ("[1] | tojson(indent=n)", "at most 8"),
        ("'a' | replace('a', 'b', huge)", "may be at most"),
        ("(long * 9) | split('x')", "items"),
        ("long | list_", "no filter"),
        ("('9' * 5000) | int", "reads up to"),
        ("list | select('in', list)", "too much work"),
        ("list | map('replace', 'x', long)", "too much work"),
        ("list | map('join', long)", "needs a list"),
        ("texts | map('upper') | map('upper') | map('upper') | map('upper')", "work"),
        ("(long | sort) and (long | sort) and (long | sort)", "work"),
    ],
)
def test_a_template_bomb_fails_with_one_sentence_that_names_the_limit(text: str, words: str) -> None:
    with pytest.raises(TemplateFailed) as caught:
        evaluate(text, SCOPE)
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300


def test_text_with_many_templates_is_bounded_as_a_whole() -> None:
    with pytest.raises(TemplateFailed, match=r"characters|work"):
        render("{{ long }}" * 30, SCOPE)


def test_values_beyond_what_a_number_elsewhere_holds_stay_exact() -> None:
    assert evaluate("huge + 1", SCOPE) == 10**400 + 1
    assert render("{{ huge }}!", SCOPE) == f"{10**400}!"


def test_a_value_that_nests_too_deeply_fails() -> None:
    value: list[object] = []
    for _ in range(5_000):
        value = [value]
    with pytest.raises(TemplateFailed, match="deep"):
        render("{{ v }}", {"v": value})
    with pytest.raises(TemplateFailed, match="deep"):
        render("a {{ v }}", {"v": value})
    with pytest.raises(TemplateFailed):
        evaluate_condition("{{ v == [v] }}", {"v": value})


def test_large_data_may_be_passed_on_whole() -> None:
    assert evaluate("list", SCOPE) == SCOPE["list"]
    assert evaluate("long ~ 'y'", SCOPE) == LONG + "y"
    assert evaluate("list | length", SCOPE) == 100_000
    assert evaluate("list | map('string') | join(',') | length", SCOPE) == 588_889


def test_bombs_stay_small_in_memory() -> None:
    bombs = ["'a' * 10**10", "['a' * 9000000, 'b' * 9000000, 'c' * 9000000]", "[[0] * 900000] * 9", "2 ** (10**10)"]
    script = f"""
import resource
from headgate.expressions import TemplateFailed, evaluate
evaluate("1 + 1", {{}})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for bomb in {bombs!r}:
    try:
        evaluate(bomb, {{}})
        raise SystemExit(f"{{bomb}} was evaluated")
    except TemplateFailed:
        pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 200


@pytest.mark.parametrize(
    "text",
    [
        "''.__class__.__mro__[1].__subclasses__()",
        "''['__class__']",
        "[]|map(attribute='__class__')|first",
        "['a']|map(attribute='__class__')|first",
        "('%s' | format)['__init__']",
        "lipsum.__globals__",
        "self.__init__",
        "cycler",
        "namespace",
        "'{0.__class__}'.format(1)",
        "'a'['format']",
        "{}['items']",
        "[1]['append']",
        "'a' | attr('upper')",
        "[{'a': 1}] | sort(attribute='__class__')",
        "true.__class__",
        "(1)['real']",
    ],
)
def test_nothing_behind_the_data_can_be_reached(text: str) -> None:
    with pytest.raises(TemplateFailed):
        evaluate(text, {})
