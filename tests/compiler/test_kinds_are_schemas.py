"""The kinds' files and the small checker that reads them, beside jsonschema."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate import kinds
from headgate.kinds.checker import compile_schema
from headgate.kinds.values import Duration, Fenced, Mixed, Template, TypeName, Word

FILES = sorted(Path(kinds.__file__).parent.rglob("*.json"))
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, -2.5, "", "a", "ab", "3"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "null", "array", "object"])


def schemas() -> st.SearchStrategy[dict[str, object]]:
    """Schemas of the subset that the checker compiles."""

    def around(inner: st.SearchStrategy[dict[str, object]]) -> st.SearchStrategy[dict[str, object]]:
        properties = st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        return st.fixed_dictionaries(
            {},
            optional={
                "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
                "enum": st.lists(VALUES, min_size=1, max_size=4),
                "const": VALUES,
                "minimum": st.integers(-2, 2),
                "maximum": st.integers(-2, 2),
                "exclusiveMinimum": st.integers(-2, 2),
                "minLength": st.integers(0, 3),
                "pattern": st.sampled_from(["a", "^a$", "[0-9]"]),
                "items": inner,
                "minItems": st.integers(0, 3),
                "maxItems": st.integers(0, 3),
                "properties": properties,
                "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
                "additionalProperties": st.booleans() | inner,
                "minProperties": st.integers(0, 2),
                "maxProperties": st.integers(0, 2),
                "anyOf": st.lists(inner, min_size=1, max_size=3),
            },
        )

    return st.recursive(st.just({}), around, max_leaves=6)


@given(schemas(), VALUES)
@settings(max_examples=200, deadline=None)
def test_the_small_checker_accepts_what_jsonschema_accepts(schema, value):
    found = []
    compile_schema(schema)(value, (), found)
    assert (not found) == jsonschema.Draft202012Validator(schema).is_valid(value), found


@given(st.sampled_from(FILES), st.data())
@settings(max_examples=150, deadline=None)
def test_plain_attributes_of_every_kind_are_judged_as_jsonschema_judges_them(path, data):
    schema = json.loads(path.read_text())
    plain = {name: one for name, one in schema["properties"].items() if "format" not in json.dumps(one)}
    if not plain:
        return
    name = data.draw(st.sampled_from(sorted(plain)))
    value = data.draw(VALUES)
    kind = kinds.read_kind("any", schema)
    assert (not kind.attributes[name].faults(value)) == jsonschema.Draft202012Validator(plain[name]).is_valid(value)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_kind_file_is_a_json_schema_with_a_line_for_each_attribute(path):
    schema = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == path.stem
    assert schema["description"]
    for name, one in schema["properties"].items():
        assert one.get("description"), name


def test_every_default_fits_its_own_schema():
    for path in FILES:
        for name, attribute in kinds.read_kind("any", json.loads(path.read_text())).attributes.items():
            default = attribute.default
            if default is None:
                continue
            if attribute.format == "duration":
                default = Duration(default, "1h")
            elif attribute.format == "word":
                default = Word((default,))
            assert attribute.faults(default) == [], (path.stem, name)


STEP = kinds.common("step").attributes
MCP = kinds.kind("mcp").attributes
HTTP = kinds.kind("http").attributes
FITS = [
    (STEP["timeout"], Duration(30_000, "30s")),
    (STEP["when"], Template("a")),
    (STEP["join"], Word(("any",))),
    (STEP["retry"], 3),
    (STEP["retry"], {"max": 2, "backoff": [Duration(1, "1ms")]}),
    (STEP["result"], Word(("string",))),
    (STEP["result"], TypeName({"type": "array"}, ("list", "string"))),
    (STEP["result"], Fenced("json", '{"type": "object"}')),
    (STEP["result"], {"type": "object"}),
    (STEP["idempotency_key"], Mixed("k-{{ a }}")),
    (MCP["args"], {"a": [Template("x"), Duration(5, "5ms"), Fenced(None, "raw")]}),
    (MCP["args"], Template("inputs.args")),
    (HTTP["expect"], [200, 404]),
    (HTTP["url"], Mixed("https://e.com/{{ id }}")),
    (kinds.kind("llm").attributes["model"], "gpt-4o-mini"),
    (kinds.kind("human").attributes["fields"], {"sum": Word(("number",)), "why": {"type": Word(("string",))}}),
    (kinds.kind("set").rest, {"x": Mixed("a {{ b }}")}),
]


@pytest.mark.parametrize(("attribute", "value"), FITS)
def test_the_languages_own_values_stand_where_they_belong(attribute, value):
    assert attribute.faults(value) == []


FAULTS = [
    (STEP["timeout"], 30, "unit", (), "30s", "expects a duration such as `30s`: `30` has no unit"),
    (STEP["timeout"], "30s", "quote", (), "30s", "expects a duration such as `30s` without quotes"),
    (STEP["timeout"], Template("a"), "template", (), None, "takes no template: it expects a duration such as `30s`"),
    (STEP["timeout"], Duration(-5, "-5ms"), "range", (), None, "expects more than `0ms`, not `-5ms`"),
    (STEP["join"], "any", "quote", (), "any", "expects one of `all`, `any` without quotes"),
    (STEP["join"], Word(("ani",)), "enum", (), None, "expects one of `all`, `any`, not `ani`"),
    (STEP["enabled"], Word(("no",)), "type", (), None, "expects `true` or `false`, not `no`"),
    (STEP["when"], True, "type", (), None, "expects a condition in `{{ }}`, not `true`"),
    (STEP["title"], Word(("hello",)), "quote", (), '"hello"', 'expects text in quotes: `"hello"`'),
    (STEP["retry"], {"max": 1, "bakoff": []}, "unknown", ("bakoff",), None, "`bakoff` is not known here"),
    (STEP["retry"], {"first": Duration(1, "1ms")}, "missing", (), None, "lacks `max`"),
    (STEP["retry"], "3", "type", (), "3", "expects a whole number or a map"),
    (STEP["result"], Word(("strng",)), "unknown-type", (), None, "expects a type; `strng` is none"),
    (STEP["result"], Fenced("json", "{"), "json", (), None, "expects JSON Schema; this is not JSON"),
    (STEP["result"], Fenced("json", "[" * 100_000), "json", (), None, "expects JSON Schema"),
    (MCP["args"], {"a": [Word(("deny",))]}, "quote", ("a", 0), '"deny"', 'expects text in quotes: `"deny"`'),
    (MCP["args"], {"a": TypeName({}, ("list",))}, "type", ("a",), None, "expects a value, not a type"),
    (HTTP["method"], Word(("FETCH",)), "enum", (), None, "expects one of `GET`"),
    (HTTP["expect"], [200, 42], "range", (1,), None, "expects `100` or more, not `42`"),
]


@pytest.mark.parametrize(("attribute", "value", "rule", "path", "replacement", "message"), FAULTS)
def test_a_fault_says_where_it_is_what_was_expected_and_what_to_write(
    attribute, value, rule, path, replacement, message
):
    (fault,) = attribute.faults(value)
    assert (fault.rule, fault.path, fault.replacement) == (rule, path, replacement)
    assert fault.message.startswith(message)


def test_the_kinds_are_those_of_the_language():
    language = [
        "mcp",
        "llm",
        "agent",
        "http",
        "lua",
        "set",
        "switch",
        "each",
        "repeat",
        "human",
        "delay",
        "wait",
        "call",
        "memory",
        "fail",
        "finish",
    ]
    assert set(kinds.kind_names()) >= set(language)
    assert kinds.trigger_names() == ("event", "form", "manual", "poll", "schedule", "webhook")
    assert kinds.kind("nonsense") is None
    assert kinds.kind("common/step") is None
    assert kinds.kind("../kinds/set") is None


def test_positionals_name_the_attributes_they_fill():
    assert kinds.kind("mcp").positionals == (kinds.Positional("", ("instance", "tool")),)
    assert kinds.trigger_kind("poll").positionals == (kinds.Positional("url", ("instance", "tool")),)
    assert [one.text for one in kinds.kind("http").positionals] == ["method", "url"]
    assert kinds.kind("lua").fence == "script"
    assert kinds.kind("each").takes_as
    assert kinds.kind("switch").blocks == {"case"}


def test_facts_are_those_of_the_language():
    safe = {name for name in kinds.kind_names() if kinds.kind(name).reversibility == "safe"}
    assert {"set", "switch", "lua", "delay", "llm"} <= safe
    assert kinds.kind("llm").timeout_ms == 180_000
    for name in ("human", "wait", "call", "delay", "each", "repeat"):
        assert kinds.kind(name).timeout_ms is None
        assert not kinds.kind(name).retry


@pytest.fixture
def installed(tmp_path):
    """A function that runs code where a package offers kinds by entry points, and gives what it prints."""
    info = tmp_path / "extra-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[headgate.kinds]\nnoop = extra_kinds:NOOP\nlater = extra_kinds:later\n"
        "broken = extra_kinds:gone\nodd = extra_kinds:ODD\nwrong = extra_kinds:WRONG\n"
    )
    (tmp_path / "extra_kinds.py").write_text(
        textwrap.dedent("""
        NOOP = {"properties": {"x": {"type": "string", "maxLength": 2}}, "headgate": {"effect": True}}
        ODD = [1]
        WRONG = {"properties": {}, "headgate": {"reversibility": "harmless"}}
        def later():
            return {"properties": {}, "additionalProperties": True}
        """)
    )

    def run(code):
        done = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{textwrap.dedent(code)}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def test_an_installed_package_adds_kinds(installed):
    assert (
        installed("""
        from headgate import kinds
        print(kinds.kind("noop").effect, kinds.kind("later").rest is not None, "noop" in kinds.kind_names())
    """)
        == "True True True"
    )


def test_an_installed_kind_may_use_all_of_json_schema(installed):
    said = installed("""
        from headgate import kinds
        attribute = kinds.kind("noop").attributes["x"]
        print(attribute.faults("ok"), attribute.faults("long")[0].message)
    """)
    assert said == "[] does not fit its schema: expected at most 2 characters, got 4"


def test_an_installed_kind_that_does_not_load_is_named(installed):
    said = installed("""
        from headgate import kinds
        for name in ("broken", "odd", "wrong"):
            try:
                kinds.kind(name)
            except kinds.KindDamaged as damage:
                print(damage)
    """)
    assert "the kind `broken` is installed, but does not load" in said
    assert "the kind `odd` is installed, but offers no schema" in said
    assert "the kind `wrong` has a schema that cannot be read: `reversibility` is `harmless`" in said


def test_a_file_that_uses_a_damaged_kind_is_not_checked(installed):
    said = installed("""
        from headgate.api.checking import check_text
        report = check_text("workflow w {\\n  step x = odd {}\\n}\\n", "w.flow")
        print(report.exit_code(), report.unreadable[0].message)
    """)
    assert said == "3 `w.flow` cannot be checked: the kind `odd` is installed, but offers no schema"


def test_known_kinds_need_neither_entry_points_nor_jsonschema():
    code = """
        import sys
        from headgate import kinds
        for name in ("mcp", "set", "human"):
            for attribute in kinds.kind(name).attributes.values():
                attribute.faults("x")
        print(sorted(set(sys.modules) & {"jsonschema", "importlib.metadata", "networkx", "jinja2"}))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
