"""A command line that does not fit is answered in one sentence of the product's own words, with exit code 2."""

from __future__ import annotations

import pytest
from command_line import headgate


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["runs", "--format", "xml"], "`--format`: expected one of `text`, `json`, got `xml`"),
        (["runs", "--stat", "paused"], "no option `--stat`; did you mean `--"),
        (["runs", "--limit", "0"], "`--limit`: 0 is not in the range x>=1"),
        (["runs", "--limit", "few"], "`--limit`: `few` is no whole number"),
        (["credits", "add", "1.5"], "`N`: `1.5` is no whole number"),
        (["limits", "set", "spend", "--cap", "much"], "`--cap`: `much` is no number"),
        (["runs", "--status", "wait"], "no status `wait`; did you mean `waiting`?"),
        (["show"], "`RUN` is missing"),
        (["show", "a", "b"], "more arguments than expected: b"),
        (["run", "a.flow", "-i"], "option `-i` requires an argument"),
        (["drive", "--wait", "soon"], "`--wait`: `soon` is no duration; expected one number and unit"),
        (["skip", "R", "s", "--output", "{"], "`--output`: `{` is no JSON (expecting property name"),
    ],
)
def test_wrong_usage_is_said_in_one_sentence(words: list[str], said: str, tmp_path) -> None:
    answer = headgate(*words, cwd=tmp_path)
    assert answer.code == 2
    assert answer.err.startswith(f"headgate: {said}")
    assert "'" not in answer.err.splitlines()[0].replace("'\"text\"'", "")
