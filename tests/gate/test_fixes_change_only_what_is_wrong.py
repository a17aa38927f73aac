"""Every fix of every finding in all case files: what it leaves parses, and is the same apart from the fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from gate_cases import CASES, Case, gate, read

from headgate.api.changes import Change
from headgate.api.faults import NothingStarted
from headgate.api.fixing import Fixed, allowed, apply, fix, preview
from headgate.api.surroundings import Options
from headgate.compiler.lower import lower
from headgate.diagnostics import Diagnostic, Edit, Fix, Safety
from headgate.grammar import ast
from headgate.source import Source, Span
from headgate.validators import registry
from headgate.validators.gate import Examined
from headgate.validators.rule import Rule
from headgate.workspace import EMPTY, parse, parse_lock

SYNTAX = CASES.parent / "syntax"
FIXES = CASES.parent / "fixes"
FILES = [*sorted(CASES.glob("*.flow")), *sorted(SYNTAX.glob("*.flow"))]
ITEMS = (ast.Step, ast.Input, ast.Let, ast.Trigger, ast.Attribute, ast.Output)


class Applied(NamedTuple):
    """One fix of one finding of a case, applied."""

    found: Diagnostic
    fix: Fix
    before: Examined
    text: str
    after: Examined


def each_fix(case: Case) -> Iterator[Applied]:
    before = examined(case, case.text)
    for found in before.diagnostics:
        for one in found.fixes:
            text, applied = apply(case.text, [one.edits])
            assert applied == [one.edits], "the edits of one fix do not touch each other"
            yield Applied(found, one, before, text, examined(case, text))


def examined(case: Case, text: str) -> Examined:
    return gate(text, case.toml, case.lock, case.environment)


def count(one: Examined, *codes: str) -> int:
    return sum(found.code in codes for found in one.diagnostics)


def touched(span: Span, edits: tuple[Edit, ...]) -> bool:
    return any(span.start <= edit.span.end and edit.span.start <= span.end for edit in edits)


def items(file: ast.File) -> Iterator[tuple[tuple[ast.Name, ...], object, Span]]:
    """Every item with the names of what is around it."""
    for workflow in file.workflows:
        yield from _inside((workflow.name,), workflow)


def _inside(around: tuple[ast.Name, ...], holder: object) -> Iterator[tuple[tuple[ast.Name, ...], object, Span]]:
    assert isinstance(holder, tuple)
    for part in holder:
        for item in part if isinstance(part, tuple) and not hasattr(part, "_fields") else ():
            if isinstance(item, ITEMS):
                yield around, item, item.span
                if isinstance(item, ast.Step):
                    yield from _inside((*around, item.name), item)


def meaning(node: object) -> object:
    """A tree without its places."""
    if isinstance(node, Span):
        return None
    if isinstance(node, tuple):
        return (type(node).__name__, *(meaning(part) for part in node))
    return node


def plans(case: Case, text: str, one: Examined) -> dict[str, str]:
    """The digests of the plans of the workflows that no error stands in: they cover neither layout nor comments."""
    workspace = parse(case.toml, Path("/workspace"))[0] if case.toml else EMPTY
    lock = parse_lock(case.lock.encode()) if case.lock.strip() else None
    errors = [found.span.start for found in one.diagnostics if found.severity == "error"]
    sound = {
        graph.workflow.name.text: graph
        for graph in one.graphs
        if not any(graph.workflow.span.start <= error < graph.workflow.span.end for error in errors)
    }
    source = Source("case.flow", text)
    return {name: lower(graph, source, workspace, lock, sound).digest for name, graph in sound.items()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_fix_breaks_the_syntax_or_makes_a_ring_and_a_safe_one_answers_its_finding(path: Path) -> None:
    case = read(path)
    for one in each_fix(case):
        assert count(one.after, "HG001", "HG002") <= count(one.before, "HG001", "HG002"), (one.found.message, one.fix)
        assert count(one.after, "HG101") <= count(one.before, "HG101"), (one.found.message, one.fix)
        if one.fix.safety is Safety.SAFE:
            same = (one.found.code, one.found.message)
            left = sum((found.code, found.message) == same for found in one.after.diagnostics)
            was = sum((found.code, found.message) == same for found in one.before.diagnostics)
            assert left < was, (one.found.message, one.fix)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_fix_keeps_every_item_that_it_does_not_touch(path: Path) -> None:
    case = read(path)
    for one in each_fix(case):
        after = [(meaning(around), meaning(item)) for around, item, _ in items(one.after.file)]
        for around, item, span in items(one.before.file):
            if not any(touched(each, one.fix.edits) for each in (span, *(name.span for name in around))):
                assert (meaning(around), meaning(item)) in after, (one.found.message, one.fix, around, item)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.flow")), ids=lambda path: path.stem)
def test_a_safe_fix_keeps_the_plans_of_all_workflows_that_it_does_not_touch(path: Path) -> None:
    case = read(path)
    before: dict[str, str] | None = None
    for one in each_fix(case):
        if one.fix.safety is not Safety.SAFE:
            continue
        before = before or plans(case, case.text, one.before)
        spans = {graph.workflow.name.text: graph.workflow.span for graph in one.before.graphs}
        after = plans(case, one.text, one.after)
        for name, plan in before.items():
            assert name in after, (one.found.message, one.fix, name)
            if not touched(spans[name], one.fix.edits) or one.found.code == "HG903":
                assert after[name] == plan, (one.found.message, one.fix, name)


def workspace(case: Case, folder: Path, *, crlf: bool = False) -> Path:
    folder.mkdir(exist_ok=True)
    if case.toml:
        (folder / "headgate.toml").write_text(case.toml, encoding="utf-8")
    if case.lock.strip():
        (folder / "headgate.lock").write_text(case.lock, encoding="utf-8")
    file = folder / "case.flow"
    text = case.text.replace("\r\n", "\n")
    file.write_bytes((text.replace("\n", "\r\n") if crlf else text).encode())
    return file


@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_fixing_twice_changes_nothing_and_line_ends_stay(path: Path, tmp_path: Path, *, unsafe: bool) -> None:
    case = read(path)
    results = []
    for crlf in (False, True):
        file = workspace(case, tmp_path / str(crlf), crlf=crlf)
        options = Options(start=file.parent, today="2026-11-20", environment=case.environment, cache=False)
        fixed = fix(["case.flow"], options, allowed(unsafe=unsafe))
        assert fixed.refused == ()
        assert preview(["case.flow"], options, allowed(unsafe=unsafe)).changes == ()
        left = [one for one in fixed.report.files for one in one.diagnostics if one.fixes]
        assert [one.message for one in left if unsafe or any(f.safety is Safety.SAFE for f in one.fixes)] == []
        results.append(file.read_bytes())
    plain, windows = results
    assert windows.replace(b"\r\n", b"\n") == plain
    assert windows.count(b"\n") == windows.count(b"\r\n")


def with_safe_fix(rule: Rule) -> bool:
    found = gate(rule.wrong, rule.workspace, rule.lock).diagnostics
    return any(one.safety is Safety.SAFE for each in found for one in each.fixes)


@pytest.mark.parametrize("rule", filter(with_safe_fix, registry.rules()), ids=lambda rule: rule.code)
def test_the_fixed_example_of_a_rule_is_the_one_corrected_by_hand(rule: Rule, tmp_path: Path) -> None:
    """Its right example, or where that is another way to put it right, `tests/cases/fixes/CODE.flow`."""
    file = workspace(Case(FIXES, rule.wrong, rule.workspace, rule.lock, None, ""), tmp_path)
    fix(["case.flow"], Options(start=tmp_path, today="2026-11-20", cache=False), allowed(unsafe=False))
    by_hand = FIXES / f"{rule.code}.flow"
    assert file.read_text(encoding="utf-8") == (by_hand.read_text(encoding="utf-8") if by_hand.exists() else rule.right)


GOOD = "workflow w {\n  step a = set { x = 1 }\n}\n"
TYPO = GOOD.replace("set", "sett")


def run(folder: Path, *paths: str) -> Fixed:
    return fix(paths or ["a.flow"], Options(start=folder, today="2026-11-20", cache=False), allowed(unsafe=False))


def test_a_fixed_file_keeps_its_mode_its_link_and_its_byte_order_mark(tmp_path: Path) -> None:
    real = tmp_path / "real" / "b.flow"
    real.parent.mkdir()
    real.write_bytes(b"\xef\xbb\xbf" + TYPO.encode())
    real.chmod(0o640)
    (tmp_path / "a.flow").symlink_to("real/b.flow")
    assert len(run(tmp_path).changes) == 1
    assert (tmp_path / "a.flow").is_symlink()
    assert real.read_bytes() == b"\xef\xbb\xbf" + GOOD.encode()
    assert real.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in real.parent.iterdir()] == ["b.flow"]


def test_what_is_read_only_is_left_and_said_and_the_others_are_fixed(tmp_path: Path) -> None:
    for name in ("a.flow", "b.flow", "sub/c.flow"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TYPO)
    (tmp_path / "a.flow").chmod(0o444)
    (tmp_path / "sub").chmod(0o555)
    fixed = run(tmp_path, "a.flow", "b.flow", "sub/c.flow")
    (tmp_path / "sub").chmod(0o755)
    assert fixed.refused == (
        "`a.flow` cannot be written: it is read-only",
        "`sub/c.flow` cannot be written: its folder is read-only",
    )
    assert [(tmp_path / name).read_text() for name in ("a.flow", "b.flow", "sub/c.flow")] == [TYPO, GOOD, TYPO]
    assert fixed.exit_code() == 3


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.flow").write_text(TYPO)
    options = Options(start=tmp_path, cache=False)
    (change,) = preview(["a.flow"], options, allowed(unsafe=False)).changes
    (tmp_path / "a.flow").write_text(TYPO + "# of somebody else\n")
    with pytest.raises(NothingStarted, match=r"`a.flow` changed meanwhile and was left as it is"):
        change.write()
    assert (tmp_path / "a.flow").read_text() == TYPO + "# of somebody else\n"
    assert [each.name for each in tmp_path.iterdir()] == ["a.flow"]


def test_only_the_workflow_that_is_named_is_fixed(tmp_path: Path) -> None:
    two = TYPO + TYPO.replace("workflow w", "workflow v")
    (tmp_path / "a.flow").write_text(two)
    run(tmp_path, "a.flow#v")
    assert (tmp_path / "a.flow").read_text() == TYPO + GOOD.replace("workflow w", "workflow v")


def test_a_fix_that_touches_another_waits_for_the_next_round() -> None:
    first, second, third = (
        (Edit(Span(0, 1), "x"),),
        (Edit(Span(1, 2), "y"), Edit(Span(4, 5), "z")),
        (Edit(Span(3, 3), "-"),),
    )
    assert apply("abcde", [first, second, third]) == ("xbc-de", [first, third])


def test_all_faults_of_a_file_are_fixed_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.flow").write_text(
        "workflow w {\n  step first = sett\n  step b = sett after frist, first { x = {{ steps.frist.resul }} }\n}\n"
    )
    assert run(tmp_path).report.files[0].diagnostics == ()
    assert "set after first, first { x = {{ steps.first.result }} }" in (tmp_path / "a.flow").read_text()


def test_edits_at_one_place_come_in_their_order() -> None:
    text, _ = apply("ab", [(Edit(Span(1, 1), "x"), Edit(Span(1, 1), "y"))])
    assert text == "axyb"


def test_a_diff_cuts_lines_only_where_the_language_does() -> None:
    said = Change("a.flow", Path("a.flow"), "a\u2028b\r\nold", "a\u2028b\r\nnew").diff()
    assert said == (
        "--- a.flow\n+++ a.flow\n@@ -1,2 +1,2 @@\n a\u2028b\r\n"
        "-old\n\\ No newline at end of file\n+new\n\\ No newline at end of file\n"
    )
