"""Whole `.flow` files for properties: every construct of the language, in every layout that it allows.

`files()` draws texts that parse and need not mean anything; `plans()` draws ones that compile; `mutated(texts)` spoils
them a little. All shrink.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from hypothesis import strategies as st

RESERVED = ("workflow", "input", "let", "trigger", "step", "output", "case", "else", "gate", "after", "as")
RESERVED += ("true", "false", "null")
NAMES = ("a", "b", "c1", "order_id", "_x", "charge", "before", "list", "enum", "string", "stepper", "on_failure")
ANY_NAMES = (*NAMES, "failed", "denied", "finished")
COMMENTS = ("# why", "#", "## doc of it", "##", "### banner", "# headgate: ignore[HG503] because", '# a " { [ ``` {{ #')
TEXTS = (
    '""',
    '"a"',
    r'"a\n\t\r\"\\\u00e9\ud83d\ude00"',
    '"{ not } one"',
    '"# no comment"',
    '"é😀`"',
    '"{% x %} {# y #} {"',
)
TEMPLATES = (
    "{{ a }}",
    "{{a.b}}",
    "{{ {'k': {'v': [1, '}}']}} }}",
    '{{ x | default("you {{") }}',
    "{{ '\\'' }}",
    "{{}}",
)
LONG_TEMPLATES = ("{{ a\n  | default(1) }}", "{{\n}}")
LINES = (
    "plain",
    '"quoted"',
    "  deeper",
    "",
    "   ",
    "\\u0041\\n",
    "{{ x }}",
    "at {{ a | f('}}') }}.",
    "{",
    "}",
    "# x",
    "``` y",
)
NUMBERS = ("0", "3", "-2", "0.5", "1e3", "-1.5E-2", "9007199254740993")
DURATIONS = ("500ms", "30s", "5m", "1.5h", "7d", "0s")
DOTTED = ("stripe.get_charge", 'everything."get-sum"', "step.input.x", 'a."b c"."d"')


class Writer:
    """Writes one file from a source of randomness; the larger `size` is, the more it holds."""

    def __init__(self, random: Random, size: int = 3, newline: str = "\n") -> None:
        self.random = random
        self.size = size
        self.newline = newline
        self.depth = 0

    def one(self, *choices: str) -> str:
        return self.random.choice(choices)

    def some(self, make: Callable[[], str], most: int | None = None) -> list[str]:
        return [make() for _ in range(self.random.randint(0, self.size if most is None else most))]

    def maybe(self, make: Callable[[], str]) -> str:
        return make() if self.random.random() < 0.5 else ""

    def blank(self) -> str:
        return self.one(" ", " ", " ", "  ", "\t")

    def spaces(self) -> str:
        return self.one("", " ", " ", "  ", "\t")

    def line(self) -> str:
        """At least one line end, with comments and free lines."""
        ends = [self.newline]
        ends += [
            self.spaces() + self.maybe(lambda: self.one(*COMMENTS)) + self.newline
            for _ in range(self.random.choice((0, 0, 0, 1, 2)))
        ]
        return (
            self.maybe(lambda: " " + self.one(*COMMENTS)) * (self.random.random() < 0.3) + "".join(ends) + self.spaces()
        )

    def apart(self, *, lines: bool) -> str:
        """What separates two items in braces."""
        if lines or self.random.random() < 0.6:
            return self.line() + ("" if lines else self.one("", "", f",{self.spaces()}"))
        return self.one(",", ", ", " , ", ",,", ", ,")

    def free(self) -> str:
        """White space between brackets, where a newline is no more than that."""
        return self.line() if self.random.random() < 0.2 else self.spaces()

    def braces(self, items: list[str]) -> str:
        flat = self.random.random() < 0.4
        written = ["{", self.spaces() if flat else self.line()]
        for index, item in enumerate(items):
            written.append(item)
            if index < len(items) - 1:
                needs_line = ends_in_edges(item)
                written.append(self.one(", ", ",", " , ") if flat and not needs_line else self.apart(lines=needs_line))
        if not flat and not (items and ends_in_edges(items[-1])):
            written.append(self.one("", "", ","))
        written += self.spaces() if flat else self.line(), "}"
        return "".join(written)

    def deeper(self, make: Callable[[], str], otherwise: str) -> str:
        if self.depth >= 3:
            return otherwise
        self.depth += 1
        made = make()
        self.depth -= 1
        return made

    # Values.

    def block_text(self) -> str:
        lines = [self.one(*LINES) for _ in range(self.random.randint(0, 4))]
        margin = self.one("", "  ", "    ", "\t")
        body = "".join(f"{self.newline}{margin}{line}" for line in lines)
        end = self.newline + margin if body.endswith('"') else self.one("", self.newline + margin)
        return f'"""{body}{end}"""'

    def text(self) -> str:
        if self.random.random() < 0.2:
            return '"' + self.one("Hi ", "") + self.one(*TEMPLATES) + self.one("", "!") + self.one("", "{{ b }}") + '"'
        return self.one(*TEXTS)

    def fence(self) -> str:
        lines = [self.one(*LINES).replace("```", "~~~") for _ in range(self.random.randint(0, 4))]
        body = "".join(f"{self.one('', '  ', '    ')}{line}{self.newline}" for line in lines)
        return f"```{self.one('', 'lua', 'json')}{self.one('', ' ')}{self.newline}{body}{self.one('', '  ')}```"

    def list(self) -> str:
        items = self.some(self.value, 3)
        inside = f"{self.free()},{self.free()}".join(items) + (self.one("", ",") if items else "")
        return f"[{self.free()}{inside}{self.free()}]"

    def map(self) -> str:
        return self.braces(self.some(self.entry, 3))

    def entry(self) -> str:
        key = self.one(*ANY_NAMES, *RESERVED, '"b-c"', '"x y"')
        return f"{key}{self.spaces()}={self.spaces()}{self.value()}"

    def generic(self) -> str:
        if self.random.random() < 0.5:
            return f"list<{self.spaces()}{self.type()}{self.spaces()}>"
        members = f"{self.free()},{self.free()}".join(['"a"', *self.some(lambda: self.one('"b"', '"c d"'), 2)])
        return f"enum({self.free()}{members}{self.one('', ',')}{self.free()})"

    def type(self) -> str:
        name = self.one("string", "number", "object", "any", "failed")
        base = self.deeper(self.generic, name) if self.random.random() < 0.3 else name
        return base + self.one("", "", "?")

    def positional(self) -> str:
        make = self.random.choice(
            (
                self.text,
                lambda: self.one(*TEMPLATES),
                lambda: self.one(*DURATIONS),
                lambda: self.one(*DOTTED),
                lambda: self.one(*ANY_NAMES),
                lambda: self.one(*NUMBERS),
                lambda: self.deeper(self.list, "[]"),
            )
        )
        return make()

    def value(self) -> str:
        make = self.random.choice(
            (
                self.positional,
                self.positional,
                self.positional,
                self.block_text,
                lambda: self.one(*LONG_TEMPLATES).replace("\n", self.newline),
                lambda: self.one("true", "false", "null", "string?"),
                self.generic,
                self.fence,
                lambda: self.deeper(self.map, "{}"),
            )
        )
        return make()

    # Items.

    def attribute(self) -> str:
        return f"{self.one(*ANY_NAMES, *RESERVED)}{self.spaces()}={self.spaces()}{self.value()}"

    def edges(self) -> str:
        edge = lambda: self.one(  # noqa: E731
            self.one(*NAMES), f"failed {self.one('*', *NAMES)}", f"denied {self.one(*NAMES)}", "finished *"
        )
        first, *others = [edge(), *self.some(edge, 2)]
        return f"{self.blank()}after{self.blank()}{first}" + "".join(
            f"{self.spaces()},{self.line() if self.random.random() < 0.2 else self.spaces()}{other}" for other in others
        )

    def step(self) -> str:
        kind = self.one("set", "mcp", "http", "each")
        written = f"step{self.blank()}{self.one(*NAMES)}{self.spaces()}={self.spaces()}{kind}"
        written += "".join(f"{self.blank()}{value}" for value in self.some(self.positional, 2))
        written += self.maybe(lambda: f"{self.blank()}as{self.blank()}{self.one(*ANY_NAMES)}")
        written += self.maybe(self.edges)
        written += self.maybe(lambda: f"{self.blank()}{self.fence()}") if self.random.random() < 0.2 else ""
        if self.random.random() < 0.6:
            written += self.blank() + self.deeper(lambda: self.braces(self.some(self.step_item)), "{}")
        return written

    def case(self) -> str:
        if self.random.random() < 0.3:
            return f"else{self.spaces()}->{self.spaces()}{self.one(*NAMES)}"
        return f"case{self.blank()}{self.one(*TEMPLATES)}{self.spaces()}->{self.spaces()}{self.one(*NAMES)}"

    def gate(self) -> str:
        block = self.braces(self.some(self.attribute, 2))
        position = self.one("", " before", " after")
        return f"gate{self.blank()}{self.one('approval', 'review')}{position}{self.spaces()}{block}"

    def step_item(self) -> str:
        return self.random.choice((self.attribute, self.attribute, self.attribute, self.step, self.case, self.gate))()

    def block_of_attributes(self) -> str:
        return f"{self.spaces()}{self.braces(self.some(self.attribute, 2))}"

    def input(self) -> str:
        default = self.maybe(lambda: f"{self.spaces()}={self.spaces()}{self.value()}")
        head = f"input {self.one(*ANY_NAMES)}{self.spaces()}:{self.spaces()}{self.type()}"
        return head + default + self.maybe(self.block_of_attributes)

    def trigger(self) -> str:
        head = f"trigger {self.one(*ANY_NAMES)}{self.spaces()}={self.spaces()}{self.one('manual', 'webhook')}"
        return head + self.maybe(lambda: f" {self.positional()}") + self.maybe(self.block_of_attributes)

    def workflow_item(self) -> str:
        return self.random.choice(
            (
                lambda: f"{self.one(*ANY_NAMES)} = {self.value()}",
                self.input,
                lambda: f"let {self.one(*ANY_NAMES)}{self.spaces()}={self.spaces()}{self.value()}",
                self.trigger,
                self.step,
                self.step,
                lambda: f"output{self.spaces()}{self.map()}",
            )
        )()

    def workflow(self) -> str:
        title = self.maybe(lambda: f" {self.one(*TEXTS)}")
        block = self.braces(self.some(self.workflow_item))
        return f"workflow{self.blank()}{self.one(*ANY_NAMES)}{title}{self.spaces()}{block}"

    def file(self) -> str:
        workflows = self.some(self.workflow, 2)
        before = self.maybe(lambda: self.one(*COMMENTS) + self.newline) + self.maybe(self.line)
        return before + self.line().join(workflows) + self.maybe(self.line)


def ends_in_edges(item: str) -> bool:
    """Whether a comma behind an item would go on with its edges."""
    return item.startswith("step") and "after" in item and item[-1:] not in {"}", "`"}


def files(size: int = 3) -> st.SearchStrategy[str]:
    """Texts that parse."""
    return st.builds(
        lambda random, newline: Writer(random, size, newline).file(),
        st.randoms(use_true_random=False),
        st.sampled_from(("\n", "\n", "\n", "\r\n")),
    )


JUNK = (
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    '"',
    "'",
    "{{",
    "}}",
    "```",
    '"""',
    ",",
    "=",
    ":",
    "->",
    "#",
    "\\",
    "\n",
    "\r",
    " ",
    "-",
)
JUNK += (
    "step x = ",
    "after",
    "$",
    ";",
    "1h30m",
    "é",
    "\x00",
    "\u2028",
    "workflow w {",
    "}}}",
    "{{{",
    "<",
    ">",
    "?",
    "*",
    "007",
)


@st.composite
def mutated(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A text that was cut into, or had something put into it, in one to three places."""
    text = draw(texts)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        if draw(st.booleans()):
            text = text[:at] + draw(st.sampled_from(JUNK)) + text[at:]
        else:
            text = text[:at] + text[at + draw(st.integers(1, 6)) :]
    return text


@st.composite
def plans(draw: st.DrawFn) -> str:
    """A workflow of `set` and `switch` steps that compiles: references and edges lead back, one output names a step."""
    random = draw(st.randoms(use_true_random=False))
    writer = Writer(random)
    count = random.randint(1, 6)
    items: list[str] = []
    for index in range(count):
        before = [f"s{number}" for number in range(index)]
        edges = random.sample(before, min(len(before), random.randint(0, 2)))
        after = f" after {', '.join(writer.one('', 'finished ') + name for name in edges)}" if edges else ""
        values = [f"x = {writer.one('1', 'true', TEXTS[1], TEXTS[2], '5m', '[1, {{ 2 }}]')}"]
        if before:
            values.append(f"y = {{{{ steps.{random.choice(before)}.result.x | default(null) }}}}")
        items.append(f"step s{index} = set{after} {writer.braces(values)}")
    items.append(f"output {writer.braces(['z = {{ steps.s0.result.x }}'])}")
    random.shuffle(items)
    return f"workflow w {writer.braces(items)}{writer.line()}"
