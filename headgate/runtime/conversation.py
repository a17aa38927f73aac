"""An agent at work: the rounds that were recorded, and what comes next."""

from __future__ import annotations

from typing import Final

from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple

AGENT: Final = "agent"
DEFAULT_ROUNDS: Final = 10
CALLBACK_EXPIRES_MS: Final = 86_400_000
"""How long an outside agent may take when its step does not say."""
BETWEEN: Final = "between"
"""The `when` of the question whether an agent may go on: it stands neither before the action nor after it."""


class Round(NamedTuple):
    """One answer of the model with the tool calls that it asked for.

    `calls` are `{id, name, tool, arguments, in_doubt}`, or with an `error` in place of the last two when nothing of
    that sort can be called. `results` grows by one entry a call, in their order: `{result}` or `{error}`. `failed` says
    that the answer did not fit: it is counted and not said to the model again. `cost` is USD, None without a price.
    """

    text: str
    calls: tuple[JsonObject, ...]
    results: list[JsonObject]
    failed: bool
    input_tokens: int
    output_tokens: int
    cost: float | None


class Conversation:
    """What the log says of an agent's work. One driver owns it; only `evolve` changes it.

    `going` says that its attempt goes on with the next piece of work as soon as the run lets it; `granted` are the
    rounds that people added to `max_rounds`; `cost` is USD so far. An `outside` agent has no rounds here.
    """

    __slots__ = ("cost", "going", "granted", "input_tokens", "output_tokens", "outside", "rounds")

    def __init__(self) -> None:
        self.outside = False
        self.rounds: list[Round] = []
        self.going = False
        self.granted = 0
        self.cost = 0.0
        self.input_tokens = 0
        self.output_tokens = 0

    def pending(self) -> JsonObject | None:
        """The tool call that is next, or out; None when the model is."""
        if not self.rounds:
            return None
        last = self.rounds[-1]
        return last.calls[len(last.results)] if len(last.results) < len(last.calls) else None

    def answered(self, data: JsonObject) -> None:
        """Takes up what the model answered: the data of `agent_answered`."""
        calls, text, usage, cost = data.get("calls"), data.get("text"), data.get("usage"), data.get("cost")
        counted = usage if isinstance(usage, dict) else {}
        answer = Round(
            text=text if isinstance(text, str) else "",
            calls=tuple(call for call in calls if isinstance(call, dict)) if isinstance(calls, list) else (),
            results=[],
            failed=data.get("error") is not None,
            input_tokens=_count(counted.get("input_tokens")),
            output_tokens=_count(counted.get("output_tokens")),
            cost=float(cost) if isinstance(cost, int | float) else None,
        )
        self.rounds.append(answer)
        self.input_tokens += answer.input_tokens
        self.output_tokens += answer.output_tokens
        self.cost += answer.cost or 0.0
        self._pass_over()

    def returned(self, result: JsonObject) -> None:
        """Takes up what the pending call came to: `{result}` or `{error}`."""
        assert self.pending() is not None, "a call returns once"
        self.rounds[-1].results.append(result)
        self._pass_over()

    def _pass_over(self) -> None:
        """Calls of what cannot be called are answered by their error."""
        last = self.rounds[-1]
        while (call := self.pending()) is not None and "error" in call:
            last.results.append({"error": call["error"]})


def usage_json(input_tokens: int, output_tokens: int) -> JsonObject:
    """Tokens as results carry them."""
    return {"input_tokens": input_tokens, "output_tokens": output_tokens, "total_tokens": input_tokens + output_tokens}


def rounds_allowed(config: JsonObject, granted: int) -> int:
    """How many rounds a step may take before it asks."""
    most = config.get("max_rounds")
    return (most if isinstance(most, int) else DEFAULT_ROUNDS) + granted


def is_spent(config: JsonObject, cost: float) -> bool:
    """Whether an agent has cost what its step lets it."""
    most = config.get("max_cost")
    return isinstance(most, int | float) and cost >= most


def _count(value: Json) -> int:
    return value if isinstance(value, int) else 0
