"""`headgate fmt`: what it may not change, over generated files, and what it looks like, on written ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from strategies.flow import files, plans

from headgate.api.compiling import compile_target
from headgate.grammar import ast
from headgate.grammar.format import format_source
from headgate.grammar.parse import parse
from headgate.source import Source, Span


def formatted(text: str) -> str:
    written, found = format_source(Source("x.flow", text))
    assert found == []
    assert written is not None
    return written


def tree(text: str) -> ast.File:
    file, found = parse(Source("x.flow", text))
    assert found == [], text
    return file


def meaning(node: object) -> object:
    """The tree without places and comments; plain edges first, as the layout writes them."""
    if isinstance(node, ast.Step):
        node = node._replace(edges=tuple(sorted(node.edges, key=lambda edge: edge.on != "completed")))
    if isinstance(node, Span):
        return None
    if isinstance(node, ast.File):
        return meaning(node.workflows)
    if isinstance(node, tuple):
        return (type(node).__name__, *(meaning(part) for part in node))
    return node


def fences(node: object, text: str) -> list[str]:
    if isinstance(node, ast.Fence):
        return [text[node.span.start : node.span.end]]
    return [fence for part in node for fence in fences(part, text)] if isinstance(node, tuple) else []


def places(text: str) -> list[tuple[str, bool, str]]:
    """Each comment, whether it stands alone on its line, and what it stands before or behind."""
    file = tree(text)
    found: list[tuple[str, bool, str]] = []
    ends = sorted({(span.start, span.end) for span in leaves(file.workflows)})
    for comment in file.comments:
        line = text.rfind("\n", 0, comment.span.start) + 1
        alone = not text[line : comment.span.start].strip(", \t")
        before = [text[start:end] for start, end in ends if end <= comment.span.start]
        after = [text[start:end] for start, end in ends if start >= comment.span.end]
        neighbour = after[0] if alone and after else before[-1] if before else ""
        found.append((comment.text.rstrip(), alone, neighbour))
    return found


def leaves(node: object) -> list[Span]:
    """The places of the nodes that hold no others, but for those that the layout may move or write anew."""
    if not isinstance(node, tuple) or isinstance(node, Span | ast.Edge):
        return []
    if isinstance(node, ast.Text | ast.Template | ast.Fence | ast.Name | ast.Word | ast.Number | ast.Duration):
        return [node.span]
    return [span for part in node for span in leaves(part)]


@given(files())
@settings(max_examples=150, deadline=None)
def test_the_layout_of_a_layout_is_itself(text: str) -> None:
    once = formatted(text)
    assert formatted(once) == once


@given(files())
@settings(max_examples=150, deadline=None)
def test_the_tree_and_its_docs_stay_the_same(text: str) -> None:
    assert meaning(tree(formatted(text))) == meaning(tree(text))


@given(files())
@settings(max_examples=150, deadline=None)
def test_every_comment_stays_at_its_place(text: str) -> None:
    assert places(formatted(text)) == places(text)


@given(files())
@settings(max_examples=100, deadline=None)
def test_fences_stay_the_same_to_the_byte(text: str) -> None:
    written = formatted(text)
    assert fences(tree(written), written) == fences(tree(text), text)


@given(files())
@settings(max_examples=100, deadline=None)
def test_line_ends_are_of_one_sort_and_nothing_trails(text: str) -> None:
    written = formatted(text)
    assert written.count("\r\n") in {0, written.count("\n")}
    assert not written or written.endswith("\n")


@given(plans())
@settings(max_examples=40, deadline=None)
def test_the_digest_of_the_plan_stays_the_same(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("digest")
    assert digest(folder / "a.flow", formatted(text)) == digest(folder / "a.flow", text)


def digest(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8", newline="")
    plan = compile_target(str(path)).plan
    assert plan is not None, text
    return plan.digest


def test_a_text_that_does_not_parse_is_not_laid_out() -> None:
    written, found = format_source(Source("x.flow", "workflow a {"))
    assert written is None
    assert [finding.code for finding in found] == ["HG002"]


BEFORE = """\
# top
## The doc.
workflow a "T" { # opener
x = 1
input n: enum( "a",
 "b" ) = "a" {description="x"}
  trigger t = manual
  trigger other = schedule "* * * * *"
  # own


  long = { x = 1, # one
     # two
     yy = [1,2, # l
     3] }
  step s = set after failed a, b,
     c { text = "AAA", other = "BBB" }  # end
  step t = set {}
  step u = lua ```lua
    return 1
``` { timeout = 3s
  }
  step v = set {

    a = 1
    step w = set { a=1,b=2 }
    bcd = 1

  }
  # last

}
# eof""".replace("AAA", "a" * 60).replace("BBB", "b" * 40)

AFTER = """\
# top
## The doc.
workflow a "T" {  # opener
  x = 1

  input n: enum("a", "b") = "a" { description = "x" }

  trigger t     = manual
  trigger other = schedule "* * * * *"
  # own

  long = {
    x = 1  # one
    # two
    yy = [
      1,
      2,  # l
      3,
    ]
  }

  step s = set after b, c, failed a {
    text  = "AAA"
    other = "BBB"
  }  # end

  step t = set {}

  step u = lua ```lua
    return 1
``` {
    timeout = 3s
  }

  step v = set {
    a = 1
    step w = set { a = 1, b = 2 }
    bcd = 1
  }
  # last
}
# eof
""".replace("AAA", "a" * 60).replace("BBB", "b" * 40)


def test_the_layout_looks_as_it_should() -> None:
    assert formatted(BEFORE) == AFTER
    assert formatted(AFTER) == AFTER


def test_a_line_that_a_suppression_speaks_of_stays_one_line() -> None:
    line = f'  step s = set {{ a = "{"x" * 80}", b = "{"y" * 40}" }}  # headgate: ignore[HG111] on purpose'
    assert line in formatted(f"workflow a {{\n{line}\n}}\n")


def test_a_long_edge_list_goes_on_below_its_head() -> None:
    names = [f"a_step_with_a_long_name_{number}" for number in range(8)]
    text = f"workflow a {{\n  step s = set after {', '.join(names)} {{ x = 1 }}\n}}\n"
    written = formatted(text)
    assert max(map(len, written.splitlines())) <= 120
    assert formatted(written) == written
    assert meaning(tree(written)) == meaning(tree(text))


def test_the_example_of_the_language_is_laid_out_already() -> None:
    text = (Path(__file__).parent.parent / "cases" / "tree" / "refund.flow").read_text(encoding="utf-8")
    assert formatted(text) == text
