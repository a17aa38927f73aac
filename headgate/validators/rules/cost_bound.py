"""HG508: models that may cost more in one run than the workspace allows for a whole period."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Label, Severity
from headgate.validators.costs import TOKENS, Cost, Costs, total
from headgate.validators.rule import Context, Finding, Rule

_MOST_SHOWN = 3


def check(context: Context) -> Iterator[Finding]:
    spend = context.workspace.limits.spend
    cap = spend.get("cap") if spend is not None else None
    if spend is None or not isinstance(cap, int | float) or context.graph.scope.rings:
        return
    period = spend.get("period")
    allowed = f"the cap is {_usd(float(cap))}" + (f" a {period}" if isinstance(period, str) else "")
    costs = Costs(context.workspace, context.graphs).of(context.graph)
    over = [one for one in costs if one.usd > cap]
    for one in over:
        yield RULE.finding(
            f"`{one.node.name}` may cost {_usd(one.usd)} in one run, and {allowed}: {_short(one)}",
            one.node.step.name.span,
            note=f"up to {_usd(one.usd)}",
            advice=_advice(one),
        )
    if not over and total(costs) > cap:
        dearest = sorted(costs, key=lambda one: -one.usd)[:_MOST_SHOWN]
        labels = tuple(Label(one.node.step.name.span, f"up to {_usd(one.usd)}: {one.arithmetic}") for one in dearest)
        name = context.workflow.name
        yield RULE.finding(
            f"`{name.text}` may cost {_usd(total(costs))} in one run, and {allowed}",
            name.span,
            note=" + ".join(_usd(one.usd) for one in dearest) + (" + ..." if len(costs) > len(dearest) else ""),
            labels=labels,
            advice="lower the loops' limits, `max_tokens` or `max_cost`, or raise the cap",
        )


def _usd(amount: float) -> str:
    """An amount in US dollars as people write it."""
    return f"{amount:,.2f} USD" if amount >= 0.01 else f"{amount:.6f} USD"


def _short(one: Cost) -> str:
    """The arithmetic, without the names of loops where it would be long."""
    return one.arithmetic if len(one.arithmetic) <= 100 else one.short


def _advice(one: Cost) -> str:
    guessed = any("taken" in factor.of for factor in one.factors)
    extra = f"; without `max_tokens` an answer is taken to have {TOKENS} tokens" if guessed else ""
    return f"lower the loops' limits, `retry`, `max_tokens` or `max_cost`, or raise the cap{extra}"


RULE = Rule(
    code="HG508",
    name="cost-bound",
    severity=Severity.WARNING,
    summary="loops times model calls times price exceed the workspace's cap",
    explanation="""\
`[limits] spend` in headgate.toml caps what the models may cost. This multiplies what bounds a model's step: the `limit`
or `max` of the loops around it, its attempts, its `max_tokens` (4096 where none is written) and the price of an answer;
of an agent its `max_cost`, or its `max_rounds`. What one run may cost should not exceed what the workspace allows for a
whole period. Prompts are not counted, nor models without a price.""",
    wrong="""\
workflow sums {
  input texts: list<string>
  step each_text = each {{ inputs.texts }} as text {
    limit = 10000
    step sum = llm large { prompt = "Sum up: {{ text }}", max_tokens = 2000 }
  }
}
""",
    right="""\
workflow sums {
  input texts: list<string>
  step each_text = each {{ inputs.texts }} as text {
    limit = 100
    step sum = llm large { prompt = "Sum up: {{ text }}", max_tokens = 500 }
  }
}
""",
    check=check,
    workspace="""\
[models.large]
base_url = "http://127.0.0.1:8080/v1"
model    = "large"
price    = { input = 3.0, output = 15.0 }

[limits]
spend = { cap = 200.0, period = "month" }
""",
)
