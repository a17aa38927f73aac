"""The arithmetic of limits: billing periods, what a model's call costs, a meter of money, credits in their order.

Money is whole micro-USD, times are UTC in ms. Nothing here reads a clock or a store.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Final

from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple

MICRO: Final = 1_000_000
"""Micro-USD in a USD; and tokens in the million that a price is for, so a price is micro-USD per token."""

ANSWER_TOKENS: Final = 4_096
"""How long an answer is taken to be that no `max_tokens` bounds."""

_BYTES_PER_TOKEN: Final = 3
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Period(StrEnum):
    """How long a cap lasts, by the calendar in UTC; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Window(NamedTuple):
    """One period: its days from `first`, up to `after`, the first day of the next; both ISO dates.

    `start` and `end` are when it begins, and when it is over, UTC in ms.
    """

    first: str
    after: str
    start: int
    end: int


def window(period: Period, at: int) -> Window:
    """The period that `at` lies in."""
    day = _date(at)
    match period:
        case Period.DAY:
            first, after = day, day + _DAY
        case Period.WEEK:
            first = day - timedelta(days=day.weekday())
            after = first + 7 * _DAY
        case Period.MONTH:
            first = day.replace(day=1)
            after = (first + 31 * _DAY).replace(day=1)
    return Window(first.isoformat(), after.isoformat(), _ms(first), _ms(after))


def day_of(at: int) -> str:
    """The ISO date in UTC."""
    return _date(at).isoformat()


def _date(at: int) -> date:
    return (_EPOCH + timedelta(milliseconds=at)).date()


def _ms(day: date) -> int:
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


# Money


def micro_of(usd: float) -> int:
    """An amount in micro-USD, as it is written in decimals."""
    return int((Decimal(str(usd)) * MICRO).to_integral_value())


def usd(micro: int) -> str:
    """An amount as people read it: `12.50 USD`, with more decimals below a cent."""
    if micro and abs(micro) < MICRO // 100:
        return f"{micro / MICRO:.6f} USD"
    return f"{micro / MICRO:,.2f} USD"


def cost(price: Mapping[str, float] | None, input_tokens: int, output_tokens: int) -> int:
    """What a call cost, in micro-USD, rounded up; 0 for a model without a price."""
    if price is None:
        return 0
    exact = Decimal(str(price.get("input", 0))) * max(input_tokens, 0)
    exact += Decimal(str(price.get("output", 0))) * max(output_tokens, 0)
    return int(exact.to_integral_value(ROUND_CEILING))


_TOLD: Final = ("system", "prompt", "schema", "instructions", "input")


def estimate(price: Mapping[str, float] | None, asked: JsonObject, before: int = 0) -> int:
    """What a call may cost that is asked `asked`, the input of an `llm` or `agent` step, in micro-USD.

    `before` is how many tokens the conversation has before it.
    """
    if price is None:
        return 0
    told = sum(_size(asked.get(name)) for name in _TOLD)
    most = asked.get("max_tokens")
    answer = most if isinstance(most, int) and not isinstance(most, bool) and most > 0 else ANSWER_TOKENS
    return cost(price, before - (-told // _BYTES_PER_TOKEN), answer)


def usage_cost(price: Mapping[str, float] | None, result: Json) -> int:
    """What the call cost whose result has `usage` with `input_tokens` and `output_tokens`, in micro-USD."""
    usage = result.get("usage") if isinstance(result, dict) else None
    if not isinstance(usage, dict):
        return 0
    tokens = [usage.get(name) for name in ("input_tokens", "output_tokens")]
    counted = [value if isinstance(value, int) and not isinstance(value, bool) else 0 for value in tokens]
    return cost(price, counted[0], counted[1])


def _size(value: Json) -> int:
    match value:
        case None:
            return 0
        case str():
            return len(value.encode("utf-8", "surrogatepass"))
        case dict():
            return sum(len(key) + _size(item) for key, item in value.items())
        case list():
            return sum(_size(item) for item in value)
        case _:
            return len(str(value))


# A meter: what the store's tables hold, as a value


class Meter(NamedTuple):
    """`spent` is micro-USD by day; `open` what is reserved by the calls that are out."""

    spent: Mapping[str, int] = {}
    open: Mapping[str, int] = {}

    def reserve(self, call: str, micro: int) -> Meter:
        """`call` is about to be made. Reserving twice is once."""
        return self if call in self.open else self._replace(open={**self.open, call: max(micro, 0)})

    def settle(self, call: str, micro: int, at: int) -> Meter:
        """`call` has ended and cost `micro`, 0 when it failed or was lost. Settling twice is once."""
        if call not in self.open:
            return self
        day = day_of(at)
        spent = {**self.spent, day: self.spent.get(day, 0) + max(micro, 0)}
        return Meter(spent, {name: held for name, held in self.open.items() if name != call})

    def used(self, span: Window) -> int:
        """What was spent in a period."""
        return sum(micro for day, micro in self.spent.items() if span.first <= day < span.after)

    @property
    def reserved(self) -> int:
        return sum(self.open.values())


# Credits


class Bucket(StrEnum):
    """Where a credit comes from, in the order in which they are spent."""

    TRIAL = "trial"
    INCLUDED = "included"
    PAYG = "payg"


class Purse(NamedTuple):
    """What is left in each bucket. `trial` is given once, `included` anew each month, `bought` is what was added.

    `payg`: when nothing else is left, runs still start, and are counted to be paid.
    """

    trial: int
    included: int
    bought: int
    payg: bool

    def next(self) -> Bucket | None:
        """The bucket that the next credit comes from; None when there is none left."""
        if self.trial > 0:
            return Bucket.TRIAL
        if self.included > 0:
            return Bucket.INCLUDED
        return Bucket.PAYG if self.bought > 0 or self.payg else None

    def spend(self) -> Purse:
        """The purse with one credit less; there must be one."""
        match self.next():
            case Bucket.TRIAL:
                return self._replace(trial=self.trial - 1)
            case Bucket.INCLUDED:
                return self._replace(included=self.included - 1)
            case Bucket.PAYG:
                return self._replace(bought=self.bought - 1 if self.bought else 0)
            case None:
                raise AssertionError("a credit is spent that is not there")
