"""Write the reference pages from the code: `python -m docs.generate`; `--check` fails when one is stale.

Pages: `cli.md` from the commands, `rules/` from the registry, `kinds.md` from the kinds' schemas, `statuses.md` from
the tables of the status model, `images/` from the examples. An undocumented command, option or rule is an error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from docs import cli_page, examples_page, kind_page, rule_pages, status_page
from headgate.api.compiling import compile_target
from headgate.render.graph_svg import graph_svg
from headgate.render.picture import picture

HERE = Path(__file__).parent
NOTE = "<!-- Written by `python -m docs.generate`; do not edit. -->\n\n"


def pages() -> Iterator[tuple[Path, str]]:
    """Every generated page: where it stands and what it says."""
    yield HERE / "cli.md", NOTE + cli_page.page()
    yield HERE / "kinds.md", NOTE + kind_page.page()
    yield HERE / "statuses.md", NOTE + status_page.page()
    for name, text in rule_pages.pages():
        yield HERE / "rules" / name, NOTE + text
    yield HERE.parent / "examples" / "README.md", NOTE + examples_page.page()
    yield HERE / "images" / "expense.svg", _drawing(HERE.parent / "examples" / "expense" / "expense.flow")


def _drawing(flow: Path) -> str:
    plan = compile_target(str(flow), None).plan
    assert plan is not None, f"{flow} passes the gate"
    return graph_svg(picture(plan), f"{plan.workflow}: {plan.title}")


def stale() -> list[str]:
    """What is wrong with the pages as they are, one sentence each."""
    faults = []
    written = dict(pages())
    for path, text in written.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            faults.append(f"{path.relative_to(HERE.parent)} is stale: run `python -m docs.generate`")
    strangers = [path for path in (HERE / "rules").glob("*.md") if path not in written]
    faults += [f"{path.relative_to(HERE.parent)} is of no rule: delete it" for path in strangers]
    return faults


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` only say which are stale; returns the exit code."""
    faults = [*cli_page.undocumented(), *rule_pages.undocumented()]
    if arguments == ["--check"]:
        faults += stale()
    elif arguments:
        faults.append("usage: python -m docs.generate [--check]")
    else:
        for path, text in pages():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
