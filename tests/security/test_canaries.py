"""A canary in every place where a secret can enter; then every byte that is left behind is searched for each of them.

One workspace, real servers, the real command line: runs that succeed, fail, time out, are killed, held, edited,
redriven, replayed and forked. The one file that is not searched is the store's key.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import quote, quote_plus

import pytest
from command_line import Said, headgate
from servers.chat_server import chat_server
from servers.http_server import Server, http_server
from servers.oauth_server import Provider, oauth_server

TESTS = Path(__file__).parent.parent
BAD = str(TESTS / "servers" / "bad_mcp.py")
NAMES = (
    *("env", "file", "ring", "model", "server-env", "server-header", "agent-header", "client", "api-key", "password"),
    *("bearer", "input", "input-file", "child", "form", "output", "comment"),
)
CANARIES = {name: f'cn-{name}-7f/3+k= "Zq{number:02}"' for number, name in enumerate(NAMES)}
CANARIES |= {name: f"cn-{name}-7f/3+k=Zq" for name in ("server-header", "agent-header", "client", "bearer", "api-key")}
CANARIES |= {"ring": "cn-ring-7f/3+k=Zq", "env": "cn-env-7f/3+k=Zq"}

WORKSPACE = """
[check]
ignore = ["HG1", "HG2", "HG3", "HG4", "HG5", "HG6", "HG7"]
[people]
finance = ["ann"]
admins = ["root"]
[secrets]
ENV = { env = "CN_ENV" }
FILE = { file = "secret.txt" }
RING = { keyring = "shop/token" }
[models.parrot]
base_url = "CHAT"
model = "echo"
api_key = { env = "CN_MODEL" }
[models.broken]
base_url = "CHAT"
model = "status 400"
api_key = { env = "CN_MODEL" }
[instances.tell]
command = [PYTHON, BAD, "tell"]
env = { TOLD = { env = "CN_SERVER_ENV" } }
[instances.die]
command = [PYTHON, BAD, "die"]
env = { TOLD = { env = "CN_SERVER_ENV" } }
[instances.good]
command = [PYTHON, BAD, "good"]
[instances.far]
server_url = "HTTP/status/400"
headers = { X-Key = { env = "CN_SERVER_HEADER" } }
[agents.writer]
url = "HTTP/echo"
instructions = "You write."
headers = { X-Key = { env = "CN_AGENT_HEADER" } }
[agents.clerk]
model = "parrot"
tools = ["good.echo"]
[connections.oauth]
auth = { kind = "oauth2", grant = "client_credentials", token_url = "OAUTH/token", client_id = "shop", client_secret = { env = "CN_CLIENT" } }
[connections.key]
auth = { kind = "api_key", header = "X-Key", value = { env = "CN_API_KEY" } }
[connections.query]
auth = { kind = "api_key", query = "k", value = { env = "CN_API_KEY" } }
[connections.basic]
auth = { kind = "basic", user = "shop", password = { env = "CN_PASSWORD" } }
[connections.bearer]
auth = { kind = "bearer", token = { env = "CN_BEARER" } }
"""  # noqa: E501

FLOWS = """
workflow works {
  on_failure = continue
  step http = http POST "HTTP/echo" {
    headers = { Authorization = "Bearer {{ secrets.ENV }}", "X-Ring" = {{ secrets.RING }} }
    query = { q = {{ secrets.FILE }} }
    body = { f = {{ secrets.FILE }}, said = "it is {{ secrets.ENV }}" }
  }
  step key = http GET "HTTP/echo" { connection = key }
  step query = http GET "HTTP/echo" { connection = query }
  step basic = http GET "HTTP/echo" { connection = basic }
  step bearer = http GET "HTTP/echo" { connection = bearer }
  step oauth = http GET "OAUTH/api/x" { connection = oauth }
  step redirect = http GET "HTTP/redirect" {
    query = { to = "HTTP/echo?x={{ secrets.FILE }}" }
    headers = { "X-Key" = {{ secrets.ENV }} }
  }
  step gone = http POST "HTTP/redirect" { query = { to = "http://127.0.0.1:9/{{ secrets.ENV }}" }, body = "x" }
  step tool = mcp good.echo { args = { t = {{ secrets.RING }} } }
  step ask = llm parrot { prompt = "say {{ secrets.FILE }}" }
  step clerk = agent clerk { instructions = "use it", input = "it is {{ secrets.ENV }}" }
}
workflow fails {
  on_failure = continue
  step bad = http POST "HTTP/status/400" { query = { message = "no {{ secrets.FILE }}" }, body = {{ secrets.ENV }} }
  step worse = http POST "HTTP/status/500" {
    query = { message = "no {{ secrets.ENV }}" }
    retry = { max = 0 }
  }
  step late = http GET "HTTP/hang" { query = { q = {{ secrets.FILE }} }, timeout = 300ms, retry = { max = 0 } }
  step broken = http POST "HTTP/drop" { body = {{ secrets.FILE }}, retry = { max = 0 }, in_doubt = fail }
  step nowhere = http GET "http://127.0.0.1:9/{{ secrets.ENV }}" { retry = { max = 0 } }
  step tell = mcp tell.echo { args = { t = {{ secrets.RING }} } }
  step die = mcp die.echo { args = { t = {{ secrets.RING }} }, retry = { max = 0 }, in_doubt = fail }
  step far = mcp far.echo { args = { t = {{ secrets.RING }} }, retry = { max = 0 } }
  step model = llm broken { prompt = {{ secrets.FILE }} }
  step script = lua { args = { t = {{ secrets.ENV }} }, script = "return {args.t}" }
  step forbidden = http GET "OAUTH/api/forbidden" { connection = oauth }
}
workflow child {
  input told: string
  step keep = set { kept = "child keeps {{ inputs.told }}" }
  step script = lua { script = "print(inputs.told) error(inputs.told)" }
  output { told = {{ inputs.told }} }
}
workflow sealing {
  input token: string { secret = true }
  step echo = http POST "HTTP/echo" { body = {{ inputs.token }} }
  step send = http POST "HTTP/status/400" after echo {
    on_failure = continue, query = { message = "no {{ inputs.token }}" }
  }
  output { token = {{ inputs.token }} }
}
workflow private {
  on_failure = pause
  input token: string { secret = true }
  input deep: object = {} { secret = true }
  step say = lua { script = "print(inputs.token) return { t = inputs.token, u = string.upper(inputs.token) .. 'x' }" }
  step call = call child after say { inputs = { told = "Bearer {{ inputs.token }}" }, on_failure = continue }
  step sealed = call sealing after finished call { inputs = { token = "CANARY-child" }, on_failure = continue }
  step tools = mcp tell.echo after finished sealed { args = { t = {{ inputs.token }} }, on_failure = continue }
  step model = llm parrot after finished tools {
    prompt = "say {{ inputs.token }} {{ inputs.deep }}", on_failure = continue
  }
  step clerk = agent clerk after finished model {
    instructions = "use it", input = {{ inputs.token }}, on_failure = continue
  }
  step ask = human form after finished clerk {
    title = "Pay with {{ inputs.token }}?", assignees = ["finance"], channel = email
    body = { t = {{ inputs.token }} }
    fields = { why = string }
  }
  step hear = wait after ask { event = "paid", match = {{ event.t != null }} }
  step sent = http POST "HTTP/status/400" after hear {
    query = { message = "no {{ inputs.token }} {{ steps.hear.result.t }}" }
  }
  step last = fail after sent { message = "it was {{ inputs.token }}" }
  output { token = {{ inputs.token }}, heard = {{ steps.hear.result }} }
}
workflow outside {
  input token: string { secret = true }
  step write = agent writer { instructions = "Write.", input = {{ inputs.token }} }
  output { said = {{ steps.write.result }} }
}
workflow killed {
  input token: string { secret = true }
  step slow = http POST "HTTP/hang" { body = {{ inputs.token }}, headers = { "X-Key" = {{ secrets.ENV }} } }
}
"""

SOLD = """
workflow sold {
  input token: string { secret = true }
  step echo = http POST "HTTP/echo" { body = {{ inputs.token }} }
  output { token = {{ inputs.token }} }
}
"""


class Searched(NamedTuple):
    """What is left of it all: what was printed, by command line; `children` are the processes that were seen."""

    folder: Path
    printed: dict[str, str]
    children: dict[str, tuple[bytes, bytes]]
    server: Server
    canaries: dict[str, str]


class Watcher:
    """Looks at every process below this one, for as long as it is told to."""

    def __init__(self) -> None:
        self.children: dict[str, tuple[bytes, bytes]] = {}
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ends.wait(0.03):
            for pid in _below(os.getpid()):
                folder = Path("/proc") / str(pid)
                try:
                    line, environ = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
                except OSError:
                    continue
                self.children[f"{pid} {line[:200]!r}"] = (line, environ)


def _below(pid: int) -> Iterator[int]:
    try:
        tasks = list((Path("/proc") / str(pid) / "task").iterdir())
        children = {int(each) for task in tasks for each in (task / "children").read_text().split()}
    except OSError:
        return
    for child in children:
        yield child
        yield from _below(child)


class Shell:
    """The command line in the folder, with the canaries where they belong; all that it prints is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.printed: dict[str, str] = {}
        self.numbers = count()
        self.environ = {
            f"CN_{name.upper().replace('-', '_')}": CANARIES[name]
            for name in NAMES
            if name not in ("file", "ring", "input", "input-file", "child", "form", "output", "comment")
        }
        self.environ |= {
            "PYTHONPATH": str(TESTS / "installed"),
            "PYTHON_KEYRING_BACKEND": "plain_keyring.PlainKeyring",
            "PLAIN_KEYRING": str(folder.parent / "keyring.json"),
            "HEADGATE_CACHE_DIR": str(folder / "cache"),
            "TMPDIR": str(folder / "tmp"),
        }

    def __call__(self, *arguments: str, code: int | None = None) -> Said:
        said = headgate(*arguments, cwd=self.folder, **self.environ)
        self.printed[f"{next(self.numbers)} {' '.join(arguments)[:60]}"] = said.out + said.err
        assert "Traceback" not in said.err, said.err
        if code is not None:
            assert said.code == code, (arguments, said.out[-3000:], said.err)
        return said

    def runs(self, workflow: str) -> list[str]:
        return [each["run"] for each in self("runs", "--workflow", workflow, "--format", "json").json]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searched]:
    folder = tmp_path_factory.mktemp("canaries") / "shop"
    with http_server() as server, chat_server() as chat, oauth_server() as provider, Watcher() as watcher:
        provider.clients["shop"].client_secret = CANARIES["client"]
        shell = _workspace(folder, server, chat.url, provider)
        _successes_and_failures(shell)
        _secret_inputs(shell)
        tokens = _outside(shell, server)
        _killed(shell, server)
        _again(shell)
        _read_everything(shell)
        minted = {f"minted {number}": each.access for number, each in enumerate(provider.tokens)}
        yield Searched(folder, shell.printed, watcher.children, server, {**CANARIES, **tokens, **minted})


def _workspace(folder: Path, server: Server, chat: str, provider: Provider) -> Shell:
    (folder / "tmp").mkdir(parents=True)
    places = {
        "HTTP/": f"{server.url}/",
        "CHAT": chat,
        "OAUTH/": f"{provider.url}/",
        "PYTHON": json.dumps(sys.executable),
    }
    places |= {"BAD": json.dumps(BAD)}
    for name, text in (("headgate.toml", WORKSPACE), ("shop.flow", FLOWS), ("sold.flow", SOLD)):
        for word, value in places.items():
            text = text.replace(word, value)  # noqa: PLW2901 - one after the other
        (folder / name).write_text(text)
    text = (folder / "shop.flow").read_text()
    (folder / "shop.flow").write_text(text.replace('"CANARY-child"', "{{ steps.say.result.t }}"))
    (folder / "secret.txt").write_text(CANARIES["file"] + "\n")
    (folder.parent / "keyring.json").write_text(json.dumps({"shop/token": CANARIES["ring"]}))
    return Shell(folder)


def _successes_and_failures(shell: Shell) -> None:
    done = shell("run", "shop.flow#works", "--format", "json", code=0).json
    assert {name: each["status"] for name, each in done["steps"].items() if each["status"] != "completed"} == {
        "gone": "failed"
    }
    failed = shell("run", "shop.flow#fails", "--format", "json", "--wait", "5s").json
    assert {each["status"] for each in failed["steps"].values()} <= {"failed", "held"}, failed
    shell("publish", "sold.flow", code=0)
    shell("run", "sold", "-i", f"token={CANARIES['input']}", "--format", "json", code=0)


def _secret_inputs(shell: Shell) -> None:
    token = CANARIES["input"]
    given = shell.folder.parent / "inputs.json"
    given.write_text(json.dumps({"token": CANARIES["input-file"], "deep": {"a": [CANARIES["input"]]}}))
    shell("run", "shop.flow#private", "--inputs", str(given), code=5)
    rest = shell("run", "shop.flow#private", "-i", f"token={token}", "--format", "json", code=5).json
    run = rest["run"]
    assert rest["steps"]["call"]["status"] == "failed", rest["steps"]["call"]
    (task,) = shell("approvals", "--run", run, "--format", "json").json
    assert task["title"] == "Pay with ***?"
    shell("approvals", "--as", "ann")
    shell("deny", task["id"], "--as", "bob", "--comment", f"no {token}", code=6)
    shell("answer", task["id"], "--as", "ann", "-i", f"why={token} {CANARIES['env']}", "--comment", token, code=5)
    shell("signal", "paid", "--data", json.dumps({"t": token, "u": CANARIES["env"]}), "--run", run)
    shell("signal", "paid", "--data", json.dumps({"t": CANARIES["input-file"]}))
    held = shell("show", run, "--format", "json").json
    assert held["status"] == "paused", held
    assert held["steps"]["hear"]["result"] == {"t": "***", "u": "***"}
    shell("retry", run, "sent", "--edit", f"query={{ message = {json.dumps('again ' + token)} }}")
    shell("retry", run, "sent", "--edit", f"query={{ message = {json.dumps(CANARIES['env'])} }}", code=2)
    shell("skip", run, "sent", "--output", json.dumps({"t": token, "u": CANARIES["env"]}), "--reason", f"it is {token}")
    shell("skip", run, "last")


def _outside(shell: Shell, server: Server) -> dict[str, str]:
    """An agent elsewhere and a link; the tokens that were given out, by what they are for."""
    run = shell("run", "shop.flow#outside", "-i", f"token={CANARIES['input']}", "--format", "json", code=5).json["run"]
    posted = next(json.loads(each.body) for each in reversed(server.seen) if '"callback"' in each.body)
    callback = posted["callback"]["token"]
    said = {"text": f"{CANARIES['input']} {CANARIES['agent-header']}"}
    done = headgate("callback", callback, "--data", json.dumps(said), cwd=shell.folder, **shell.environ)
    shell.printed["callback"] = done.out + done.err
    assert done.code == 0, done
    assert shell("show", run, "--format", "json").json["output"]["said"]["text"] == "*** ***"
    return {"callback": callback}


def _killed(shell: Shell, server: Server) -> None:
    """The driver is killed in the middle of a call; the next finds the attempt lost, and in doubt."""
    driver = subprocess.Popen(
        [sys.executable, "-m", "headgate", "run", "shop.flow#killed", "-i", f"token={CANARIES['input']}"],
        cwd=shell.folder,
        env={**os.environ, **shell.environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not any(each.path == "/hang" and CANARIES["input"] in each.body for each in server.seen):
            assert server.arrived.acquire(timeout=30)
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    shell("drive", "--format", "json")
    (run,) = shell.runs("killed")
    assert shell("show", run, "--format", "json").json["detail"] == "in_doubt: slow"
    shell("confirm", run, "slow", "--done", "--output", json.dumps({"t": CANARIES["input"]}), code=0)


def _again(shell: Shell) -> None:
    private = shell.runs("private")[-1]
    shell("cancel", private, "--reason", CANARIES["input-file"])
    shell("redrive", private)
    shell("cancel", private)
    shell("replay", private)
    shell("fork", private, "--from", "tools")
    shell("fork", shell.runs("outside")[0], "--set", f"token={CANARIES['form']}")
    (child,) = shell.runs("child")[:1]
    shell("replay", child)
    for run in shell.runs("private"):
        shell("cancel", run)


def _read_everything(shell: Shell) -> None:
    runs = [shell.runs(name)[-1] for name in ("private", "child", "outside", "killed", "fails")]
    verbs = [(verb, run) for run in runs for verb in ("show", "events", "logs", "timeline", "why")]
    with ThreadPoolExecutor(2) as two:
        list(two.map(lambda one: shell(*one), verbs))
        list(two.map(lambda one: shell(*one, "--format", "json"), [one for one in verbs if one[0] != "timeline"]))
        list(two.map(lambda run: shell("bundle", run, code=0), runs))
    shell("graph", "shop.flow#private", "--run", runs[0])
    for verb in ("runs", "approvals", "connections", "limits", "workflows", "doctor", "audit", "report"):
        shell(verb)
        shell(verb, "--format", "json")
    shell("lock")
    shell("diff", "sold.flow", "sold")
    shell("store", "backup", "backup.db", code=0)
    shell("store", "export", "-o", "export.jsonl", code=0)
    shell("store", "check", code=0)
    shell("store", "prune", "--older-than", "0s", "--archive", "archive.db", code=0)
    shell("runs", "--store", "archive.db")
    shell("show", runs[0], "--store", "archive.db", code=0)


def spellings(value: str) -> Iterator[bytes]:
    content = value.encode()
    yield content
    yield json.dumps(value)[1:-1].encode()
    yield json.dumps(json.dumps(value)[1:-1])[1:-1].encode()
    yield from (one(value).encode() for one in (quote, quote_plus, lambda text: quote(text, safe="")))
    yield content.hex().encode()
    yield value.upper().encode() if value.startswith("cn-") else content
    for before in range(3):
        inside = b64encode(bytes(before) + content).rstrip(b"=")
        yield inside[-(-before * 8 // 6) : (before + len(content)) * 8 // 6]


def leaks(searched: Searched, places: dict[str, bytes], names: set[str] | None = None) -> list[tuple[str, str, bytes]]:
    """(where, whose, what stands around it) for every canary that is found."""
    found = []
    for canary, value in searched.canaries.items():
        for spelling in set(spellings(value)) if names is None or canary in names else ():
            found += [
                (name, canary, content[max(0, at - 160) : at + 60])
                for name, content in places.items()
                if (at := content.find(spelling)) >= 0
            ]
    return found


@pytest.fixture(scope="module")
def left(searched: Searched) -> dict[str, bytes]:
    """Every file that is left, by name; archives of files are opened."""
    found: dict[str, bytes] = {}
    for path in searched.folder.rglob("*"):
        if path.is_file() and path.name not in ("key", "secret.txt"):
            found[str(path.relative_to(searched.folder))] = path.read_bytes()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as bundle:
                found |= {f"{path.name}/{name}": bundle.read(name) for name in bundle.namelist()}
    return found


def test_the_servers_were_sent_every_secret(searched: Searched) -> None:
    """Else nothing would be proved."""
    sent = "".join(f"{each.path}{each.headers}{each.body}" for each in searched.server.seen)
    heard = {"env", "file", "ring", "server-header", "agent-header", "api-key", "bearer", "input"}
    assert {name for name in heard if any(each.decode() in sent for each in spellings(CANARIES[name]))} == heard


def test_no_file_holds_a_secret(searched: Searched, left: dict[str, bytes]) -> None:
    assert any(name.endswith("headgate.db") for name in left)
    assert any(name.startswith("headgate-") for name in left)
    assert leaks(searched, left) == []


def test_nothing_that_was_printed_holds_a_secret(searched: Searched) -> None:
    assert leaks(searched, {name: text.encode() for name, text in searched.printed.items()}) == []


def test_no_process_has_a_secret_in_its_arguments(searched: Searched) -> None:
    """But for those that a person writes there: inputs, answers, signals and comments of the command line itself."""
    typed = {"input", "input-file", "form", "comment", "output", "callback", "env", "agent-header"}
    lines = {name: line for name, (line, _) in searched.children.items()}
    assert any(b"bad_mcp" in line for line in lines.values())
    assert leaks(searched, lines, set(searched.canaries) - typed) == []
    others = {name: line for name, line in lines.items() if b"-m\0headgate\0" not in line or b"lua_child" in line}
    assert leaks(searched, others) == []


def test_a_child_has_only_the_secrets_that_it_is_given(searched: Searched) -> None:
    children = {
        name: environ for name, (line, environ) in searched.children.items() if b"bad_mcp" in line or b"lua" in line
    }
    assert len(children) > 1
    assert leaks(searched, children, set(searched.canaries) - {"server-env"}) == []


def test_what_is_kept_is_for_its_owner_alone(searched: Searched) -> None:
    folder = searched.folder
    private = [*(folder / ".headgate").rglob("*"), *folder.glob("*.zip")]
    private += [folder / name for name in ("backup.db", "archive.db", "export.jsonl")]
    others = stat.S_IRWXG | stat.S_IRWXO
    assert stat.S_IMODE((folder / ".headgate").stat().st_mode) == 0o700
    open_to_all = [
        path.name for path in private if path.is_file() and path.name != ".gitignore" and path.stat().st_mode & others
    ]
    assert open_to_all == []
