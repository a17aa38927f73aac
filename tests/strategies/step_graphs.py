"""JSON step graphs for properties: every type, nested, with templates, odd ids and odd values.

`graphs()` draws ones that are as they should be; `odd_graphs()` ones in which anything may stand anywhere.
"""

from __future__ import annotations

import json
from random import Random

from hypothesis import strategies as st

IDS = (
    "get-charge",
    "ask",
    "a",
    "b-2",
    "input",
    "step",
    "Größe",
    "2nd",
    "_x",
    "item",
    "a_b",
    "a-b",
    "a b",
    "while",
    "日本",
    "-",
    "_",
)
TEXTS = (
    "plain",
    "",
    "two\nlines, of which the second is long enough to be worth a block of its own",
    '  "quoted" \\ and \ttab\r\n',
    "{ json: { a: 1 } } }} {{",
    "é 😀 \u2028 \x00",
    "{% x %} {# y #} ${a.b} {c.d}",
    '"""',
    "ends in a brace {",
)
FIELDS = ("f", "amount", "a-b", "_private", "0", "in")
OPERATORS = (" > 3", " == 'x'", " | length > 0", " && true", " is defined")
REFUSED = ("{{ }}", "{{ a b }}", "{{ f(x) }}", "{{ it's }}", "{{ {{ input.x }} }}", "{{ a | nothing }}", "{{{ a }}}")
LOOPS = ("for_each", "while")
POLICIES = ("fail_fast", "continue", "pause")
SCRIPTS = (
    "return { a = 1 }",
    'return { a = steps["get-charge"].result.f, b = input.x, c = input["order-id"] }\n',
    "  -- indented\n  local t = {}\n\n  return t",
    "return [[\n```\n]]",
)


class Graph:
    """Writes one graph from a source of randomness; `odd` lets values of any shape stand anywhere."""

    def __init__(self, random: Random, *, odd: bool = False) -> None:
        self.random = random
        self.odd = odd
        self.known: list[str] = []

    def one(self, *choices):
        return self.random.choice(choices)

    def maybe(self, chance: float = 0.5) -> bool:
        return self.random.random() < chance

    # Templates and values.

    def path(self, inside: tuple[str, ...]) -> str:
        roots = [f"input.{self.one('x', 'order-id', 'emails')}"]
        roots += [f"steps.{one}.result.{self.one(*FIELDS)}" for one in self.known[:3]]
        if "each" in inside:
            roots += ["item", "item.name", "foreach.index"]
        if "while" in inside and self.known:
            roots += [f"body.{self.known[-1]}.f", f"while.prev.{self.known[-1]}.f"]
        return self.one(*roots)

    def template(self, inside: tuple[str, ...]) -> str:
        written = self.path(inside)
        for _ in range(self.random.choice((0, 0, 1, 2))):
            written += f" | {self.one(self.path(inside), chr(34) + 'x' + chr(34), '0', 'null')}"
        if self.maybe(0.1):
            written += " | omit"
        return f"{{{{{self.one('', ' ')}{written}{self.one('', ' ')}}}}}"

    def text(self, inside: tuple[str, ...]) -> str:
        parts = [self.one(*TEXTS) for _ in range(self.random.randint(0, 2))]
        if self.maybe():
            parts.insert(self.random.randint(0, len(parts)), self.template(inside))
        if self.odd and self.maybe(0.2):
            parts.append(self.one(*REFUSED))
        return "".join(parts)

    def value(self, inside: tuple[str, ...], depth: int = 0):
        kind = self.random.randint(0, 8 if depth < 3 else 6)
        if kind == 7:
            return [self.value(inside, depth + 1) for _ in range(self.random.randint(0, 3))]
        if kind == 8:
            keys = ("a", "b-c", "step", "x y", 'q"', "{{k}}", "")
            return {self.one(*keys): self.value(inside, depth + 1) for _ in range(self.random.randint(0, 3))}
        if kind in (5, 6):
            return self.template(inside)
        return self.one(self.text(inside), 1, -2.5, 1e22, 2**60, True, None)

    def condition(self, inside: tuple[str, ...]):
        path = self.path(inside)
        operator = self.one(*OPERATORS)
        return self.one(f"{{{{ {path}{operator} }}}}", f"{{{{{path}}}}} == 'x'", f"{path}{operator}", True, False)

    # Steps.

    def steps(self, inside: tuple[str, ...] = (), depth: int = 0) -> list:
        ids = [self.one(*IDS) + self.one("", "", "-x", str(depth)) for _ in range(self.random.randint(1, 4))]
        own: list[str] = []
        made = []
        for identifier in dict.fromkeys(ids):
            step = {"id": identifier, **self.of_type(inside, depth)}
            if own and self.maybe():
                step["depends_on"] = self.random.sample(own, self.random.randint(1, len(own)))
            self.common(step, inside)
            if identifier not in self.known:
                self.known.append(identifier)
                own.append(identifier)
                made.append(step)
        return [self.spoilt(step) for step in made] if self.odd else made

    def common(self, step: dict, inside: tuple[str, ...]) -> None:
        if self.maybe(0.2):
            step["condition"] = self.condition(inside)
        if self.maybe(0.2):
            step["enabled"] = self.one(True, False)
        if self.maybe(0.3):
            step["retry_count"] = self.random.randint(0, 5)
        if self.maybe(0.3):
            step["timeout_s"] = self.one(1, 30, 0.5, 3600, 90)
        if self.maybe(0.2):
            step["description"] = self.one(*TEXTS)
        if self.maybe(0.2):
            step["name"] = self.text(inside)

    def of_type(self, inside: tuple[str, ...], depth: int) -> dict:
        kinds = ["mcp_call", "llm_call", "agent_call", "human_task", "lua_script", "workflow_call"]
        kind = self.one(*kinds, *(LOOPS if depth < 2 else ()))
        make = getattr(self, kind)
        return {"type": kind, **(make(inside, depth) if kind in LOOPS else make(inside))}

    def mcp_call(self, inside):
        server = self.one({"server_url": "https://mcp.example.com"}, {"instance_id": self.one("crm", "my-crm")})
        return {**server, "tool_name": self.one("get", "get-it", "a.b"), "tool_args": {"a": self.value(inside)}}

    def llm_call(self, inside):
        params = {"temperature": 0.5, **({"top_p": 1} if self.maybe(0.2) else {})}
        model = {self.one("model", "model_ref"): self.one("fast", "gpt-4o")}
        return {**model, "prompt": self.text(inside), "llm_params": params}

    def agent_call(self, inside):
        return {"agent_id": "triage", "prompt": self.text(inside), "tools": ["crm.get", "x"]}

    def human_task(self, inside):
        payload = {"title": self.text(inside), "assignees": self.one(["ann"], "ann"), "extra": self.value(inside)}
        choice = {"name": "n", "type": self.one("select", "int"), "options": ["a", "b"]}
        payload["fields"] = [{"name": "why-not", "type": "string"}, choice]
        return {"task_type": self.one("approval", "form", "review", "input"), "task_payload": payload}

    def lua_script(self, inside):
        del inside
        return {"script": self.one(*SCRIPTS)}

    def workflow_call(self, inside):
        return {"workflow_id": self.one("other", "other-flow"), "inputs": {"x": self.value(inside)}}

    def for_each(self, inside, depth):
        return {
            "for_each_items": self.one("{{input.emails}}", ["a", 1], "input.emails"),
            "for_each_max_parallel": 3,
            "for_each_error_policy": self.one(*POLICIES),
            "for_each_body_steps": self.steps((*inside, "each"), depth + 1),
        }

    def while_(self, inside, depth):
        body = self.steps((*inside, "while"), depth + 1)
        mode = self.one("while", "until", "do-while")
        test = {"while_mode": mode, "while_condition": self.condition((*inside, "while"))}
        script = {"while_mode": "script", "while_eval_script": self.one(*SCRIPTS)}
        return {**self.one(test, test, script), "while_max_iterations": 5, "while_body_steps": body}

    def spoilt(self, step: dict) -> object:
        """The step with one member of another shape, or without it."""
        if self.maybe(0.1):
            return self.value(())
        name = self.one(*step)
        if self.maybe(0.3):
            del step[name]
        elif self.maybe(0.3):
            step[name] = self.value(())
        elif self.maybe(0.2):
            step["position"] = {"x": 1}
        return step

    def graph(self) -> dict:
        steps = self.steps()
        emails = {"type": "array", "items": {"type": "string"}, "default": []}
        inputs = {"order-id": {"type": "string"}, "emails": emails}
        made = {"name": self.one("Refund an order", "flow", "42", "日本", ""), "steps": steps}
        if self.maybe():
            made["inputs"] = {"type": "object", "properties": inputs, "required": ["order-id"]}
        if self.maybe():
            made["outputs"] = {"out": self.value(())}
        return made


setattr(Graph, "while", Graph.while_)


def graphs() -> st.SearchStrategy[str]:
    """Graphs as they should be, as JSON text."""
    return st.builds(lambda random: json.dumps(Graph(random).graph()), st.randoms(use_true_random=False))


def odd_graphs() -> st.SearchStrategy[str]:
    """Graphs in which anything may stand anywhere, as JSON text."""
    randoms = st.randoms(use_true_random=False)
    return st.builds(lambda random: json.dumps(Graph(random, odd=True).graph(), indent=1), randoms)
