"""Whatever is written, the gate answers: no exception, no span outside the file, nothing green that did not parse."""

from __future__ import annotations

import json
import random
from pathlib import Path

from gate_cases import CASES, gate, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.render.findings_json import findings_json
from headgate.render.findings_text import findings_text
from headgate.source import Source
from headgate.validators.report import CheckedFile, CheckReport

TEXTS = [read(path) for path in sorted(CASES.glob("*.flow"))]
PIECES = [
    *("step", "workflow", "{", "}", "[", "]", "{{", "}}", '"', '"""', "```", "after", "case", "->", "else", "gate"),
    *(
        "as",
        "=",
        ",",
        "\n",
        "#",
        "##",
        "each",
        "repeat",
        "switch",
        "mcp",
        "steps.a.result",
        "5s",
        "-1",
        "1e400",
        "null",
    ),
    *(
        "failed",
        "*",
        "entry",
        "depends_on",
        "9" * 30,
        "\t",
        "\r\n",
        "漢",
        "\u0301",
        "\u202e",
        "\x1b",
        "@",
        "$",
        "'",
        "\\",
    ),
]


def answers(text: str, toml: str = "", lock: str = "") -> None:
    examined = gate(text, toml, lock)
    source = Source("a.flow", text)
    for one in (*examined.diagnostics, *examined.suppressed):
        places = [one.span, *(label.span for label in one.labels), *(stop.span for stop in one.witness)]
        places += [edit.span for fix in one.fixes for edit in fix.edits]
        assert all(0 <= place.start <= place.end <= len(text) for place in places), one
        assert "\n" not in one.message, one
        assert "\n" not in one.help, one
    file = CheckedFile(source, examined.diagnostics, examined.suppressed, examined.skipped)
    report = CheckReport((file,))
    assert findings_text(report)
    assert findings_json(report)
    if any(one.code in ("HG001", "HG002") for one in examined.diagnostics):
        assert report.exit_code() == 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(TEXTS) - 1), st.randoms(use_true_random=False), st.integers(1, 4))
def test_cases_with_pieces_cut_out_and_put_in(number: int, chance: random.Random, times: int) -> None:
    case = TEXTS[number]
    text = case.text
    for _ in range(times):
        start = chance.randrange(len(text))
        end = min(len(text), start + chance.choice([0, 0, 1, 3, 10, 40]))
        text = text[:start] + chance.choice([*PIECES, ""]) + text[end:]
    answers(text, case.toml, case.lock)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_pieces_of_the_language_in_any_order(pieces: list[str]) -> None:
    answers("workflow w {\n step a = set { x = 1 }\n " + " ".join(pieces) + "\n}\n")


def test_what_a_newcomer_reads_first_passes() -> None:
    """The guide's own example needs nothing but its two servers."""
    text = (Path(__file__).parent.parent / "cases" / "refund.flow").read_text(encoding="utf-8")
    toml = """
[instances.stripe]
server_url = "https://mcp.stripe.com"
[instances.gmail]
server_url = "https://mcp.example.com"
"""
    tool = {"inputSchema": {"type": "object"}, "outputSchema": {"type": "object"}}
    reads, acts = ({**tool, "annotations": said} for said in ({"readOnlyHint": True}, {"destructiveHint": False}))
    stripe, gmail = {"tools": {"get_charge": reads, "create_refund": acts}}, {"tools": {"send_email": acts}}
    lock = json.dumps({"version": 1, "instances": {"stripe": stripe, "gmail": gmail}})
    examined = gate(text, toml, lock)
    assert (examined.diagnostics, examined.skipped) == ((), ())
