"""Starts the corpora from what the repository has already: `PYTHONPATH=tests/gate python tests/fuzz/seed.py`."""

from __future__ import annotations

import re
from pathlib import Path

import corpus
import gate_cases
import targets

ROOT = Path(__file__).parents[2]
TEMPLATE = re.compile(r"\{\{(.*?)\}\}")


def seeds() -> dict[str, list[bytes]]:
    """The first inputs of each target."""
    flows = [path.read_bytes() for folder in ("tests/cases", "examples") for path in (ROOT / folder).rglob("*.flow")]
    texts = [flow.decode("utf-8", "replace") for flow in flows]
    workflows = [part.encode() for text in texts for part in re.split(r"(?m)^(?=workflow )", text)]
    cases = [gate_cases.read(path) for path in sorted(gate_cases.CASES.glob("*.flow"))]
    tomls = [case.toml.encode() for case in cases if case.toml]
    locks = [case.lock.encode() for case in cases if case.lock]
    return {
        "grammar": [content for content in workflows if len(content) < 1500],
        "templates": [text.encode() for text in sorted({found for text in texts for found in TEMPLATE.findall(text)})],
        "workspace": [targets.TOML, *(path.read_bytes() for path in ROOT.glob("examples/*/headgate.toml")), *tomls],
        "lock": [targets.LOCK, *locks],
        "imports": [path.read_bytes() for path in ROOT.glob("tests/cases/imports/*.json")],
    }


if __name__ == "__main__":
    for target, contents in seeds().items():
        corpus.save(target, [*corpus.load(target), *contents])
        print(target, len(corpus.load(target)))
