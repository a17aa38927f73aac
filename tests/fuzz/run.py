"""Coverage-guided fuzzing of one target: `python tests/fuzz/run.py TARGET SECONDS` (needs `pip install atheris`).

Starts from the corpus, keeps what reaches something new, and prints how many executions there were. What breaks a
promise is written beside the corpus as `crash-...`, and the exit code is not 0.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import corpus

LONGEST = 2048
SLOWEST_SECONDS = 10


def fuzz(target: str, program: str, arguments: list[str]) -> None:
    """Never returns: the fuzzer ends the process. It starts `program` again when it merges."""
    import atheris

    with atheris.instrument_imports(include=["headgate"]):
        import targets

        for content in corpus.load(target)[:200]:  # what is imported when it is used is instrumented, too
            targets.TARGETS[target](content)
    atheris.Setup([program, *arguments], targets.TARGETS[target])
    atheris.Fuzz()


def main(target: str, seconds: int) -> int:
    known = corpus.load(target)
    with tempfile.TemporaryDirectory() as scratch:
        seeds, kept = Path(scratch, "seeds"), Path(scratch, "kept")
        for folder in (seeds, kept):
            folder.mkdir()
        for number, content in enumerate(known):
            (seeds / str(number)).write_bytes(content)
        words = Path(scratch, "words")
        words.write_text("".join(f'"{word}"\n' for word in corpus.WORDS), encoding="utf-8")
        limits = [f"-max_len={LONGEST}", f"-timeout={SLOWEST_SECONDS}", f"-artifact_prefix={corpus.FOLDER}/"]
        program = Path(scratch, "again")
        program.write_text(
            f'#!/bin/sh\nexec {sys.executable} {__file__} --inside {target} "$0" "$@"\n', encoding="utf-8"
        )
        program.chmod(0o700)
        command = [str(program)]
        done = subprocess.run(
            [*command, *limits, f"-max_total_time={seconds}", f"-dict={words}", "-print_final_stats=1", str(seeds)],
            check=False,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        subprocess.run([*command, *limits, "-merge=1", str(kept), str(seeds)], check=False, capture_output=True)
        found = sorted(path.read_bytes() for path in kept.iterdir())
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    print(f"{target}: {executions[1] if executions else '?'} executions, corpus {len(known)} -> {len(found)}")
    if done.returncode:
        print(done.stderr[-4000:])
    elif found:
        corpus.save(target, found)
    return done.returncode


if __name__ == "__main__":
    if sys.argv[1] == "--inside":
        fuzz(sys.argv[2], sys.argv[3], sys.argv[4:])
    else:
        sys.exit(main(sys.argv[1], int(sys.argv[2])))
