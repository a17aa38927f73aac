"""Random plans as a compiler might hand them down: every kind, loops in loops, gates, joins, handlers, policies."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from memory_runs import gate, human, plan, step

from headgate.kinds import kind_names
from headgate.plan import Json, Plan, PlanStep, Retry

DEPTH = 3
"""How deep loops stand in loops."""

LOOPS = ("each", "repeat")
ENDS = ("finish", "fail")
# What has no say of its own here runs as an effect: each kind appears as often as it stands in this list.
EFFECTS = ["mcp", "mcp", "mcp", "http", "lua", "agent"]
KINDS = [*EFFECTS, *LOOPS, *(name for name in kind_names() if name not in ENDS)]
WORDS = ["", "", "", "", "failed ", "denied ", "finished ", "*finished ", "*failed "]
POLICIES = ["pause", "pause", "continue", "continue", "fail", "drain"]
FIELDS: dict[str, Json] = {
    "type": "object",
    "properties": {"amount": {"type": "integer"}, "why": {"type": "string"}},
    "required": ["amount"],
}
EXPIRIES = ["deny", "proceed", "escalate"]


@st.composite
def bodies(draw: st.DrawFn, depth: int) -> list[PlanStep]:
    least, most = ((2, 6), (1, 3), (1, 2), (1, 1))[depth]
    names = [f"{'abcd'[depth]}{number}" for number in range(draw(st.integers(least, most)))]
    return [draw(steps(name, names[:at], depth)) for at, name in enumerate(names)]


@st.composite
def steps(draw: st.DrawFn, name: str, before: list[str], depth: int) -> PlanStep:
    kind = draw(st.sampled_from(KINDS))
    if kind in LOOPS and depth >= DEPTH:
        kind = "mcp"
    if not depth and len(before) > 1 and draw(st.integers(0, 7)) == 0:
        kind = draw(st.sampled_from(ENDS))
    given = draw(common(depth))
    words = []
    if before:
        words = [
            draw(st.sampled_from(WORDS)) + source
            for source in draw(st.lists(st.sampled_from(before), max_size=2, unique=True))
        ]
    if kind == "human":
        return _human(draw, name, words, given)
    if kind in LOOPS:
        given["body"] = draw(bodies(depth + 1))
    if kind == "switch" and before and draw(st.booleans()):
        given["config"] = {"cases": [], "else": None}
    elif kind == "set" and before and draw(st.booleans()):
        source = draw(st.sampled_from(before))
        given["config"] = {"x": "{{ steps." + source + ".result }}"}
        words += [f"read {source}"] if all(source not in word.split() for word in words) else []
    else:
        given["config"] = draw(config_of(kind))
    return step(name, kind, *words, **given)


def _human(draw: st.DrawFn, name: str, words: list[str], given: dict[str, Any]) -> PlanStep:
    asked: dict[str, Json] = {
        "on_expiry": draw(st.sampled_from(EXPIRIES)),
        "escalate_to": ["cfo"],
        "assignees": draw(st.sampled_from([[], ["ann"], ["team"]])),
        "expires": draw(st.sampled_from([60_000, 172_800_000])),
    }
    if draw(st.integers(0, 3)) == 0:
        asked |= {"kind": "form", "fields": FIELDS}
    kept = {key: given[key] for key in ("enabled", "when", "on_failure") if key in given}
    return human(name, *words, **asked)._replace(**kept)


@st.composite
def common(draw: st.DrawFn, depth: int) -> dict[str, Any]:
    """What every step may have."""
    given: dict[str, Any] = {}
    if draw(st.integers(0, 3)):
        given["retry"] = Retry(draw(st.integers(0, 2)), (1_000, 5_000))
        given["in_doubt"] = draw(st.sampled_from(["retry", "hold", "hold", "fail"]))
        given["reversibility"] = draw(st.sampled_from(["safe", "recoverable", "irreversible"]))
    if draw(st.integers(0, 5)) == 0:
        given["enabled"] = draw(st.sampled_from([True, True, False]))
        given["when"] = draw(st.sampled_from([None, "{{ 1 == 1 }}", "{{ 1 == 2 }}", "{{ nothing.here }}"]))
        given["join"] = draw(st.sampled_from(["any", "all"]))
    if draw(st.integers(0, 2)) == 0:
        given["gates"] = tuple(draw(st.lists(gates(), max_size=2)))
    if depth == 0 and draw(st.integers(0, 2)) == 0:
        given["on_failure"] = draw(st.sampled_from(POLICIES))
    if draw(st.integers(0, 5)) == 0:
        given["result"] = draw(st.sampled_from([{"type": "object"}, {"type": "string"}]))
    if draw(st.integers(0, 7)) == 0:
        given["idempotency_key"] = "{{ 'key' }}"
    return given


@st.composite
def gates(draw: st.DrawFn) -> Any:
    return gate(
        draw(st.sampled_from(["before", "after"])), on_expiry=draw(st.sampled_from(EXPIRIES)), escalate_to=["cfo"]
    )


@st.composite
def _each(draw: st.DrawFn) -> dict[str, Json]:
    return {
        "over": list(range(draw(st.integers(0, 4)))),
        "as": "x",
        "limit": 3,
        "concurrency": draw(st.integers(1, 3)),
        "on_item_failure": draw(st.sampled_from(["fail", "continue", "pause"])),
    }


@st.composite
def _repeat(draw: st.DrawFn) -> dict[str, Json]:
    config: dict[str, Json] = {
        "max": draw(st.integers(1, 3)),
        "on_max": draw(st.sampled_from(["fail", "continue"])),
    }
    condition = draw(st.sampled_from(["until", "while", "none"]))
    if condition != "none":
        config[condition] = draw(st.sampled_from(["{{ iteration == 1 }}", "{{ iteration < 1 }}", "{{ true }}"]))
    if draw(st.booleans()):
        config["every"] = 3_000
    return config


# kind -> its attributes; a kind that is not here is an effect with attributes that nobody looks at
CONFIGS: dict[str, st.SearchStrategy[dict[str, Json]]] = {
    "each": _each(),
    "repeat": _repeat(),
    "delay": st.sampled_from([{"for": 2_000}, {"for": 90_000}, {"until": 1_800_000_050_000}]),
    "call": st.builds(lambda detach: {"workflow": "w", "inputs": {}, "detach": detach}, st.booleans()),
    "switch": st.just({"cases": [], "else": None}),
    "fail": st.just({"message": "no"}),
    "finish": st.sampled_from([{}, {"output": {"x": 1}}]),
    "set": st.just({"v": 1}),
    "agent": st.builds(
        lambda most, cost: {"agent": "triage", "max_rounds": most, **cost},
        st.integers(1, 3),
        st.sampled_from([{}, {}, {"max_cost": 0.3}]),
    ),
    "wait": st.sampled_from(
        [
            {"event": "paid"},
            {"event": "paid", "expires": 4_000},
            {"event": "sent", "expires": 50_000, "on_expiry": "continue"},
        ]
    ),
}
_ANY = st.just({"p": 1})


def config_of(kind: str) -> st.SearchStrategy[dict[str, Json]]:
    return CONFIGS.get(kind, _ANY)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    return plan(
        *draw(bodies(0)),
        on_failure=draw(st.sampled_from(POLICIES)),
        deadline=draw(st.sampled_from([None, None, None, 200_000])),
        timeout=draw(st.sampled_from([86_400_000, 86_400_000, 30_000])),
        outputs=draw(st.sampled_from([{}, {"a": "{{ steps.a0.result }}"}])),
    )
