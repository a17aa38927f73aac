"""What is written is what is so: the README's example, the reference pages, links, and what must not be said."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")) + sorted(ROOT.glob("examples/**/*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))


def test_the_readmes_example_prints_what_the_readme_says(tmp_path):
    from docs.readme_example import replay, steady

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert steady(replay(readme, tmp_path / "expense")) == steady(readme)


def test_the_reference_pages_are_up_to_date():
    command = [sys.executable, "-m", "docs.generate", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_undocumented_option_is_noticed(monkeypatch):
    import click

    from docs import cli_page
    from headgate.cli import group

    @click.command("bare")
    @click.option("--silent")
    def bare(silent):
        """Says something."""

    found = group.LazyGroup.get_command
    monkeypatch.setattr(
        group.LazyGroup, "get_command", lambda self, ctx, name: bare if name == "runs" else found(self, ctx, name)
    )
    assert cli_page.undocumented() == ["`headgate runs --silent` has no help"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for target, _ in LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_dependency_has_its_reason():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    explained = {name.strip() for cell in named for name in cell.split(",")}
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    for requirement in wanted:
        name = re.match(r"[A-Za-z0-9_.-]+", requirement)[0]
        assert name == "headgate" or name in explained, f"docs/dependencies.md says nothing of {name}"


def test_the_language_guides_example_passes_the_gate(tmp_path):
    from command_line import headgate

    guide = (ROOT / "docs/language.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"````text\n(.*?)````", guide, re.DOTALL)
    (tmp_path / "refund.flow").write_text(example)
    (tmp_path / "headgate.toml").write_text(
        '[project]\nname = "shop"\n[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n'
        '[instances.gmail]\nserver_url = "https://mcp.gmail.com"\n'
    )
    said = headgate("check", "refund.flow", cwd=tmp_path)
    assert "error" not in said.out, said.out
    assert headgate("fmt", "--check", "refund.flow", cwd=tmp_path).code == 0


def test_the_page_on_checking_shows_what_each_format_prints(tmp_path):
    from command_line import headgate

    page = (ROOT / "docs/checking.md").read_text(encoding="utf-8")
    (flow,) = re.findall(r"````text\n(.*?)````", page, re.DOTALL)
    (tmp_path / "order.flow").write_text(flow)
    shown = dict(re.findall(r"### `(\w+)`\n\n[^`#]*?(?:`[^`]+`[^`#]*?)*```\w+\n(.*?)```\n", page, re.DOTALL))
    assert list(shown) == ["text", "concise", "json", "github", "gitlab", "junit"]
    for output, example in shown.items():
        assert headgate("check", "order.flow", "--format", output, cwd=tmp_path).out == example


def test_the_licence_is_apache_2():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert len(text) > 11_000
