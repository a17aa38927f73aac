"""`headgate.toml` and `headgate.lock`: what they say, and one sentence for each thing wrong with them."""

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from headgate import workspace as workspaces
from headgate.workspace import EMPTY, Lock, LockDamaged, SecretSource, load, load_lock, parse, parse_lock, tool_facts

SCHEMA = json.loads((Path(workspaces.__file__).parent.parent / "schemas" / "workspace.json").read_text())
SHOP = """\
[project]
name = "shop"

[instances.stripe]                 # an MCP server
server_url = "https://mcp.stripe.com"
connection = "stripe_live"
profile    = "active"

[instances.files]
command = ["npx", "-y", "@modelcontextprotocol/server-filesystem", "./data"]
env = { DEBUG = "1", TOKEN = { env = "FILES_TOKEN" } }

[instances.old]
server_url = "https://old.example.com"
profile = "inactive"

[instances.stripe.tools.get_charge]
reversibility = "safe"

[connections.stripe_live]
app  = "Stripe"
auth = { kind = "oauth2", token_url = "https://x", client_id = { env = "STRIPE_ID" }, client_secret = { env = "S" } }

[models.fast]
base_url = "http://127.0.0.1:8080/v1"
model    = "small"
api_key  = { env = "LLM_KEY" }
price    = { input = 0.15, output = 0.60 }

[agents.triage]
model = "fast"
tools = ["crm.get_order"]

[people]
finance = ["ann", "bob"]
admins  = ["ann"]

[secrets]
TOKEN = { env = "SHOP_TOKEN" }
KEY = { file = "key.txt" }

[environments.prod.instances]
stripe = { connection = "stripe_prod" }
files = { server_url = "https://files.example.com" }

[environments.prod.models]
fast = { base_url = "https://models.example.com/v1" }

[environments.prod.secrets]
TOKEN = { keyring = "shop" }

[limits]
throughput = { max = 60, per = "1m" }
spend      = { cap = 200.0, soft = 0.8, period = "month" }
poll       = "1.5s"

[check]
ignore = ["HG503"]
strict = true
"""


def test_the_whole_file_is_read():
    shop, faults = parse(SHOP, Path("/shop"))
    assert faults == []
    assert (shop.name, shop.root, shop.environments) == ("shop", Path("/shop"), ("prod",))
    stripe, files = shop.instances["stripe"], shop.instances["files"]
    assert (stripe.server_url, stripe.connection, stripe.active) == ("https://mcp.stripe.com", "stripe_live", True)
    assert files.command[0] == "npx"
    assert files.env == {"DEBUG": "1", "TOKEN": SecretSource("env", "FILES_TOKEN")}
    assert not shop.instances["old"].active
    assert shop.models["fast"].api_key == SecretSource("env", "LLM_KEY")
    assert shop.models["fast"].price == {"input": 0.15, "output": 0.60}
    assert shop.people == {"finance": ("ann", "bob"), "admins": ("ann",)}
    assert shop.secrets == {"TOKEN": SecretSource("env", "SHOP_TOKEN"), "KEY": SecretSource("file", "key.txt")}
    assert shop.limits.throughput == {"max": 60, "per": 60_000}
    assert shop.limits.poll_ms == 1_500
    assert shop.check.ignore == ("HG503",)
    assert shop.check.strict


def test_an_environment_lays_its_entries_over_the_files():
    shop, _ = parse(SHOP)
    prod = workspaces.for_environment(shop, "prod")
    assert prod.environment == "prod"
    assert prod.instances["stripe"].connection == "stripe_prod"
    assert prod.instances["stripe"].server_url == "https://mcp.stripe.com"
    assert (prod.instances["files"].server_url, prod.instances["files"].command) == ("https://files.example.com", ())
    assert prod.models["fast"].base_url == "https://models.example.com/v1"
    assert prod.models["fast"].model == "small"
    assert prod.secrets["TOKEN"] == SecretSource("keyring", "shop")
    assert workspaces.without_environment(prod) == shop
    with pytest.raises(KeyError):
        workspaces.for_environment(shop, "staging")


FAULTY = [
    ("[instances.a]\nservr_url = 'x'", 2, "`servr_url` is not a key of `instances.a`; did you mean `server_url`?"),
    (
        "x = 1\n[instanses.a]\nserver_url = 'x'",
        2,
        "`instanses` is not a key of `headgate.toml`; did you mean `instances`?",
    ),
    ("[models.m]\nbase_url = 'x'", 1, "`models.m` lacks `model`"),
    ("[models.m]\nbase_url = 'x'\nmodel = 3", 3, "`models.m.model` expects text, not `3`"),
    ("[secrets]\n\nA = { enw = 'X' }", 3, "`enw` is not a key of `secrets.A`; did you mean `env`?"),
    ("[secrets]\nA = 'sk-live'", 2, '`secrets.A` expects a map, not `"sk-live"`'),
    ("[secrets]\nA = { env = 'X', file = 'y' }", 2, "`secrets.A` expects at most 1 of `env`, `file`, `keyring`"),
    ("[instances.a]\nprofile = 'active'", 1, "`instances.a` needs a `server_url` or a `command`"),
    ("[instances.a]\ncommand = ['x']\nserver_url = 'y'", 1, "`instances.a` has both `server_url` and `command`"),
    ("[limits]\npoll = '10 s'", 2, "`limits.poll` expects text that matches"),
    (
        "[instances.a.tools.t]\nreversibility = 'harmless'",
        2,
        "`instances.a.tools.t.reversibility` expects one of `safe`",
    ),
    (
        "[instances.a]\ncommand = ['x']\n[environments.p.instances]\nb = { connection = 'c' }",
        4,
        "`environments.p.instances.b` overrides what [instances] does not have; expected `a`",
    ),
    ("a = [1,\n2\n", 2, "`headgate.toml` is not TOML: "),
    ("a = 1\na = 2", 2, "`headgate.toml` is not TOML: cannot overwrite a value"),
    (
        'x = """\n[instances]\n"""\n[check]\nstrikt = true',
        5,
        "`strikt` is not a key of `check`; did you mean `strict`?",
    ),
    ("[people]\nfinance = 'ann'", 2, "`people.finance` expects a list of text"),
]


@pytest.mark.parametrize(("text", "line", "message"), FAULTY)
def test_a_fault_names_the_key_its_line_and_what_was_expected(text, line, message):
    found, faults = parse(text, Path("/x"))
    said = [(fault.line, fault.message) for fault in faults if fault.message.startswith(message)]
    assert [at for at, _ in said] == [line], faults
    assert found.instances == {}
    assert found.root == Path("/x")


def test_an_unknown_key_of_the_file_is_named_also_when_it_stands_first():
    _, faults = parse("x = 1")
    assert [fault.line for fault in faults] == [1]


@pytest.mark.parametrize("text", [SHOP, *(text for text, _, _ in FAULTY)])
def test_the_published_schema_says_what_the_reader_says(text):
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    _, faults = parse(text)
    beyond = ("needs a `server_url`", "has both", "overrides what")
    schema_faults = [fault for fault in faults if not any(said in fault.message for said in beyond)]
    assert bool(schema_faults) == (not jsonschema.Draft202012Validator(SCHEMA).is_valid(read))


def test_the_workspace_is_found_in_the_folder_or_above(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert workspaces.find(inner) in (None, *(parent / "headgate.toml" for parent in tmp_path.parents))
    (tmp_path / "headgate.toml").write_text("[project]\nname = 'x'\n")
    assert workspaces.find(inner) == (tmp_path / "headgate.toml").resolve()
    (inner / "headgate.toml").write_text("")
    assert workspaces.find(inner) == (inner / "headgate.toml").resolve()


@pytest.mark.parametrize(
    ("content", "message", "line"),
    [
        (b"\xff\xfe", "`headgate.toml` is not UTF-8", 1),
        (b"a = 1\n\xc3(", "`headgate.toml` is not UTF-8", 2),
        (b"x" * (4 * 1024 * 1024 + 1), "`headgate.toml` is over 4 MiB; expected a small file", None),
    ],
)
def test_bytes_that_are_no_workspace_get_one_sentence(tmp_path, content, message, line):
    path = tmp_path / "headgate.toml"
    path.write_bytes(content)
    found, faults = load(path)
    assert found == EMPTY._replace(root=tmp_path)
    assert [(fault.message, fault.line) for fault in faults] == [(message, line)]


def test_a_workspace_that_cannot_be_read_says_why(tmp_path):
    _, faults = load(tmp_path)
    assert faults[0].message.startswith("`headgate.toml` cannot be read: ")


def test_a_byte_order_mark_and_an_empty_file_are_fine(tmp_path):
    path = tmp_path / "headgate.toml"
    path.write_bytes(b"\xef\xbb\xbf[project]\nname = 'x'\n")
    assert load(path)[0].name == "x"
    path.write_bytes(b"")
    assert load(path) == (EMPTY._replace(root=tmp_path), [])


LOCK = {
    "version": 1,
    "instances": {
        "stripe": {
            "server_url": "https://mcp.stripe.com",
            "tools": {
                "get_charge": {
                    "inputSchema": {"type": "object"},
                    "outputSchema": {"type": "object"},
                    "annotations": {"readOnlyHint": True},
                },
                "create_refund": {"inputSchema": {}, "annotations": {"destructiveHint": True, "idempotentHint": True}},
                "note": {"inputSchema": {}, "annotations": {"destructiveHint": False}},
                "plain": {"inputSchema": {}},
            },
        }
    },
    "workflows": {"child": {"inputs": {"type": "object"}, "outputs": {}}},
}


def lock() -> Lock:
    return parse_lock(json.dumps(LOCK).encode())


def test_the_lock_gives_schemas_and_annotations():
    tool = lock().instances["stripe"]["get_charge"]
    assert (tool.input_schema, tool.output_schema) == ({"type": "object"}, {"type": "object"})
    assert tool.annotations == {"readOnlyHint": True}
    assert lock().instances["stripe"]["plain"].output_schema is None
    assert lock().workflows["child"].inputs == {"type": "object"}


def test_no_lock_is_no_fault(tmp_path):
    assert load_lock(tmp_path / "headgate.lock") is None


DAMAGE = [
    (b"", "is damaged: it is not JSON (line 1)"),
    (b"{\n", "is damaged: it is not JSON (line 2)"),
    (b"\xff", "is damaged: it is not JSON (not UTF-8)"),
    (b"[" * 200_000, "is damaged: it is not JSON"),
    (b"[]", "is damaged: expected an object"),
    (b"{}", "has version `None`; expected 1"),
    (b'{"version": 2}', "has version `2`; expected 1; use the release of headgate that wrote it"),
    (b'{"version": 1, "instances": []}', "is damaged: `instances` of the lock is no object"),
    (b'{"version": 1, "instances": {"a": 1}}', "is damaged: the instance `a` is no object"),
    (b'{"version": 1, "instances": {"a": {"tools": {"t": 1}}}}', "is damaged: the tool `a.t` is no object"),
    (
        b'{"version": 1, "instances": {"a": {"tools": {"t": {"inputSchema": 1}}}}}',
        "is damaged: `inputSchema` of the tool `a.t` is no object",
    ),
]


@pytest.mark.parametrize(("content", "message"), DAMAGE)
def test_a_damaged_lock_gets_one_clear_sentence(tmp_path, content, message):
    path = tmp_path / "headgate.lock"
    path.write_bytes(content)
    with pytest.raises(LockDamaged) as raised:
        load_lock(path)
    assert str(raised.value).startswith(f"`headgate.lock` {message}")
    assert "\n" not in str(raised.value)


FACTS = [
    ("get_charge", "", ("safe", False, "headgate.lock")),
    ("create_refund", "", ("irreversible", True, "headgate.lock")),
    ("note", "", ("recoverable", False, "headgate.lock")),
    ("plain", "", ("unknown", False, "")),
    ("missing", "", ("unknown", False, "")),
    ("plain", 'reversibility = "recoverable"', ("recoverable", False, "headgate.toml")),
    ("create_refund", "idempotent = false", ("irreversible", False, "headgate.toml")),
    ("get_charge", 'reversibility = "irreversible"\nidempotent = true', ("irreversible", True, "headgate.toml")),
]


@pytest.mark.parametrize(("tool", "override", "expected"), FACTS)
def test_a_tools_facts_are_its_annotations_unless_the_workspace_says_otherwise(tool, override, expected):
    table = f"[instances.stripe.tools.{tool}]\n{override}\n" if override else ""
    shop, faults = parse(f"[instances.stripe]\nserver_url = 'x'\n{table}")
    assert faults == []
    assert tool_facts(shop, lock(), "stripe", tool) == expected


def test_an_agent_is_as_harmful_as_the_worst_of_its_tools():
    shop, _ = parse(
        "[models.m]\nbase_url = 'x'\nmodel = 'y'\n"
        "[agents.a]\nmodel = 'm'\ntools = ['stripe.get_charge', 'stripe.create_refund']\n[agents.out]\nurl = 'x'"
    )
    assert workspaces.agent_facts(shop, lock(), "a", None).reversibility == "irreversible"
    assert workspaces.agent_facts(shop, lock(), "a", ("stripe.get_charge",)).reversibility == "safe"
    assert workspaces.agent_facts(shop, lock(), "out", None).reversibility == "unknown"
    assert workspaces.agent_facts(shop, lock(), "nobody", None).reversibility == "unknown"
