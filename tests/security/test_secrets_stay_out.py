"""A secret is sent where the author sends it, and is nowhere else: not in answers, not on the disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from servers.chat_server import chat_server
from servers.http_server import http_server

BAD = Path(__file__).parent.parent / "servers" / "bad_mcp.py"
VALUE = "s3cr3t/val+ue"

FLOW = """
workflow leaky {
  let auth = "Bearer {{ secrets.TOKEN }}"

  step send = http POST "SERVER/echo" {
    headers = { Authorization = {{ vars.auth }} }
    query   = { t = {{ secrets.TOKEN }} }
    body    = { t = {{ secrets.TOKEN }}, said = "it is {{ secrets.TOKEN }}!" }
  }

  step tool = mcp echo.echo {
    args = { t = {{ secrets.TOKEN }} }
  }

  step ask = llm parrot {
    prompt = "say {{ steps.send.result.body.headers.authorization }}"
  }

  step refused = http POST "SERVER/status/400?message=no+s3cr3t%2Fval%2Bue" after send, tool, ask {
    headers = { Authorization = {{ vars.auth }} }
  }
}
"""


def test_no_secret_is_printed_or_stored(tmp_path: Path) -> None:
    with http_server() as server, chat_server() as chat:
        (tmp_path / "leaky.flow").write_text(FLOW.replace("SERVER", server.url))
        (tmp_path / "headgate.toml").write_text(
            f"[instances.echo]\ncommand = {json.dumps([sys.executable, str(BAD), 'good'])}\n"
            f'[models.parrot]\nbase_url = "{chat.url}"\nmodel = "echo"\napi_key = {{ env = "TOKEN" }}\n'
            '[secrets]\nTOKEN = { env = "TOKEN" }\n'
        )
        printed = b""
        for verb in (["run", "leaky.flow", "--format", "json"], ["runs", "--format", "json"]):
            done = subprocess.run(
                [sys.executable, "-m", "headgate", *verb],
                cwd=tmp_path,
                env={**os.environ, "TOKEN": VALUE},
                capture_output=True,
                check=False,
            )
            printed += done.stdout + done.stderr
        sent = server.seen[0]
    (run,) = json.loads(printed[printed.rindex(b"\n[") :]) if printed.rstrip().endswith(b"]") else [None]
    assert run is not None, printed
    assert sent.headers["authorization"] == f"Bearer {VALUE}"
    assert json.loads(sent.body) == {"t": VALUE, "said": f"it is {VALUE}!"}
    assert chat.keys == [f"Bearer {VALUE}"]
    assert b"answered 400 Bad Request: no ***" in printed
    assert b'"text": "{\\"t\\": \\"***\\"}"' in printed
    places = {"the screen": printed} | {
        path.name: path.read_bytes() for path in (tmp_path / ".headgate").rglob("*") if path.is_file()
    }
    spellings = (VALUE, "s3cr3t%2Fval%2Bue", "s3cr3t/val%2Bue", "czNjcjN0L3ZhbCt1ZQ==")
    leaks = [(name, one) for name, content in places.items() for one in spellings if one.encode() in content]
    # The author wrote one spelling into the URL of the flow itself: the plan and the input repeat what he wrote.
    assert [leak for leak in leaks if leak[1] != "s3cr3t%2Fval%2Bue"] == []
