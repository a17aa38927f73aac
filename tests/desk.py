"""A folder with a workspace and a store, and an operator who sits before it: tests drive the product through it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from headgate.api import history, operating, publishing, running, workflows
from headgate.api.driving import Drive
from headgate.api.inputs import Given
from headgate.api.operating import Act
from headgate.api.passing import Publishing
from headgate.api.place import Driving, Drove, Place, Rest
from headgate.api.publishing import Because, Done
from headgate.api.site import Site
from headgate.api.workflows import WorkflowView
from headgate.plan import Json
from headgate.runtime.events import Event
from headgate.runtime.store import RunFilter
from headgate.runtime.view import RunView

BECAUSE = Because()


class TurnedClock:
    """A clock that moves when it is told to, and a millisecond at each look, so that nothing waits for ever."""

    def __init__(self, at_ms: int) -> None:
        self._at = float(at_ms)

    def now_ms(self) -> int:
        self._at += 1
        return int(self._at)

    def monotonic(self) -> float:
        return self._at / 1000

    def turn(self, seconds: float) -> None:
        self._at += seconds * 1000


INSTALLED = Path(__file__).parent / "installed"
"""A folder that holds an installed package: the kind `ledger`, whose effects count themselves."""


class Desk:
    """Acts as `actor`; every text may say BOOK for the ledger's file."""

    def __init__(self, folder: Path, workspace: str = "", actor: str = "ann") -> None:
        self.folder = folder
        self.actor = actor
        self.book = folder / "book.txt"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "headgate.toml").write_text(f'[project]\nname = "desk"\n{workspace}')

    @property
    def place(self) -> Place:
        return Place(self.folder, actor=self.actor)

    def as_(self, actor: str) -> Desk:
        other = Desk.__new__(Desk)
        other.folder, other.actor, other.book = self.folder, actor, self.book
        return other

    def write(self, text: str, name: str = "flow.flow") -> str:
        (self.folder / name).write_text(text.replace("BOOK", str(self.book)))
        return name

    def lines(self) -> list[str]:
        """What the effects wrote: the step's path, the attempt, the line."""
        return self.book.read_text().splitlines() if self.book.exists() else []

    def performed(self) -> list[str]:
        return [line.split(" ")[0] for line in self.lines()]

    def run(
        self,
        text: str,
        wait_ms: int | None = None,
        texts: dict[str, str] | None = None,
        *,
        detach: bool = False,
        **values: Json,
    ) -> Rest:
        """Runs the first workflow of `text`."""
        target = self.write(text)
        name = text.partition("workflow ")[2].split()[0]
        return running.run(f"{target}#{name}", Given(texts or {}, values), self.place, Driving(wait_ms, detach))

    def publish(self, text: str, because: Because = BECAUSE, **how: bool | str) -> Done:
        """Publishes the first workflow of `text`."""
        target = self.write(text)
        name = text.partition("workflow ")[2].split()[0]
        return publishing.publish(f"{target}#{name}", Publishing(**how), because, self.place)  # type: ignore[arg-type]

    def start(self, name: str, wait_ms: int | None = None, **values: Json) -> Rest:
        """Runs the active version of a published workflow."""
        return running.run(name, Given({}, values), self.place, Driving(wait_ms))

    def workflow(self, name: str) -> WorkflowView:
        return workflows.workflow(name, self.place)

    def turned(self, at_ms: int) -> Drove:
        """What `drive` makes of the store when the clock stands at `at_ms`."""
        site, clock = Site(self.place), TurnedClock(at_ms)
        site.clock = clock
        return Drive(site, Driving(), clock.turn).all()

    def drive(self, *runs: str, wait_ms: int | None = None) -> Drove:
        return running.drive(runs, self.place, Driving(wait_ms))

    def act(self, run: str, verb: str, step: str | None = None, **args: Json) -> Rest:
        wait_ms = args.pop("wait_ms", None)
        reason, request_id = args.pop("reason", None), args.pop("request_id", None)
        act = Act(verb, step, None, args, reason, request_id)  # type: ignore[arg-type]
        return operating.operate(run, act, self.place, Driving(wait_ms))  # type: ignore[arg-type]

    def show(self, run: str) -> RunView:
        return history.show(run, self.place)

    def status(self, run: str, step: str | None = None) -> str:
        view = self.show(run)
        return view.status.value if step is None else view.steps[step].status

    def events(self, run: str, kind: str | None = None) -> list[Event]:
        return [event for event in history.events(run, self.place) if kind is None or event.type == kind]

    def runs(self, **chosen: object) -> list[RunView]:
        return list(history.runs(RunFilter(**chosen), self.place))  # type: ignore[arg-type]

    # The real command line, in a process of its own

    def command(self, *words: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(INSTALLED), "NO_COLOR": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "headgate", *words, "--as", self.actor],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def check(self, *words: str) -> tuple[int, str]:
        """What `check` says."""
        return self.plain("check", *words)

    def compiled(self, output: str) -> None:
        """Writes the plan of the file to `output`."""
        code, said = self.plain("compile", "flow.flow", "-o", output)
        assert code == 0, said

    def plain(self, *words: str) -> tuple[int, str]:
        """What a verb says in which nobody acts."""
        said = subprocess.run(
            [sys.executable, "-m", "headgate", *words], cwd=self.folder, capture_output=True, text=True, check=False
        )
        return said.returncode, said.stdout + said.stderr

    def cli(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        process = self.command(*words)
        out, err = process.communicate()
        return process.returncode, out, err
