"""Many files are checked by two processes, and nobody can tell."""

from __future__ import annotations

import os
from pathlib import Path

from headgate.api.checking import check
from headgate.api.sharing import WORTH_A_PROCESS, in_two_halves
from headgate.api.surroundings import Options
from headgate.render.findings_json import findings_json

GOOD = "workflow w {\n  step a = set { x = 1 }\n}\n"
BAD = "workflow w {\n  step a = set { x = {{ inputs.nothing }} }\n}\n"


def test_the_answer_is_that_of_one_process(tmp_path: Path) -> None:
    paths = [tmp_path / f"w{n:03}.flow" for n in range(WORTH_A_PROCESS + 10)]
    for n, path in enumerate(paths):
        path.write_text(BAD if n % 7 == 0 else GOOD, encoding="utf-8")
    (tmp_path / "w003.flow").write_bytes(b"\xff\xfe\x00")
    paths[-2].unlink()
    options = Options(start=tmp_path)
    together = check(paths, options)
    apart = [check([path], options) for path in paths]
    assert [file.source.path for file in together.files] == [f.source.path for one in apart for f in one.files]
    assert [file.diagnostics for file in together.files] == [f.diagnostics for one in apart for f in one.files]
    assert together.unreadable == tuple(one for part in apart for one in part.unreadable)
    assert findings_json(together).count("HG210") == sum(findings_json(one).count("HG210") for one in apart) > 10


def test_a_second_process_does_the_second_half() -> None:
    items = list(range(WORTH_A_PROCESS + 1))
    answers = in_two_halves(items, lambda share: (os.getpid(), sum(share)))
    assert sum(total for _, total in answers) == sum(items)
    if len(answers) == 2:
        assert answers[0][0] == os.getpid() != answers[1][0]


def test_a_second_process_that_ends_early_is_made_up_for() -> None:
    here = os.getpid()

    def work(share: object) -> int:
        if os.getpid() != here:
            os._exit(3)
        return len(share)

    assert sum(in_two_halves(list(range(WORTH_A_PROCESS + 1)), work)) == WORTH_A_PROCESS + 1
