"""Thirteen more workflows that are killed at every point in the long profile. BOOK stands for the ledger's file."""

from __future__ import annotations

NESTED = """
workflow nested {
  step outer = each {{ ["a", "b"] }} as x {
    concurrency = 1
    step inner = each {{ [1, 2] }} as y {
      concurrency = 2
      step write = ledger { book = "BOOK", line = {{ y }}, reversibility = recoverable }
    }
  }
  step end = ledger after outer { book = "BOOK", line = "end", reversibility = safe }
}
"""

PARALLEL = """
workflow parallel {
  step a = ledger { book = "BOOK", line = "a", reversibility = recoverable }
  step b = ledger { book = "BOOK", line = "b", reversibility = safe }
  step join = ledger after a, b { book = "BOOK", line = {{ steps.a.result.line }}, reversibility = recoverable }
}
"""

HANDLED = """
workflow handled {
  step a = ledger { book = "BOOK", line = "a", broken = true, retry = 0, reversibility = recoverable }
  step sorry = ledger after failed a { book = "BOOK", line = {{ failure.step }}, reversibility = recoverable }
  step clean = ledger after finished a { book = "BOOK", line = "clean", reversibility = safe }
}
"""

CONTINUES = """
workflow goes_on {
  on_failure = continue
  step a = ledger { book = "BOOK", line = "a", broken = true, retry = 0, reversibility = recoverable }
  step never = ledger after a { book = "BOOK", line = "never", reversibility = safe }
  step b = ledger { book = "BOOK", line = "b", reversibility = recoverable }
}
"""

DETACHED = """
workflow starts {
  step sub = call child { detach = true }
  step after_sub = ledger after sub { book = "BOOK", line = "s", reversibility = recoverable }
}

workflow child {
  step one = ledger { book = "BOOK", line = "one", reversibility = recoverable }
}
"""

CALLS_IN_A_LOOP = """
workflow many {
  step all = each {{ [1, 2] }} as n {
    concurrency = 1
    step sub = call child { inputs = { n = {{ n }} } }
  }
  step last = ledger after all { book = "BOOK", line = "last", reversibility = safe }
}

workflow child {
  input n: integer
  step one = ledger { book = "BOOK", line = {{ inputs.n }}, reversibility = recoverable }
}
"""

REVIEW = """
workflow reviewed {
  step act = ledger {
    book = "BOOK"
    line = "act"
    reversibility = recoverable
    gate review { ask = "Well done?", assignees = ["ann"] }
  }
  step b = ledger after act { book = "BOOK", line = "b", reversibility = safe }
}
"""

FINISH = """
workflow early {
  step a = ledger { book = "BOOK", line = "a", reversibility = recoverable }
  step which = switch after a {
    case {{ steps.a.result.line == "a" }} -> stop
    else -> b
  }
  step stop = finish { output = { early = true } }
  step b = ledger { book = "BOOK", line = "b", reversibility = safe }
}
"""

POLLING = """
workflow polling {
  step poll = repeat {
    while = {{ iteration < 2 }}
    max   = 3
    every = 20ms
    step look = ledger { book = "BOOK", line = {{ iteration }}, reversibility = safe }
  }
  step b = ledger after poll { book = "BOOK", line = "b", reversibility = recoverable }
}
"""

KEYED = """
workflow keyed {
  # headgate: ignore[HG601] the ledger is a file of the test
  step pay = ledger { book = "BOOK", line = "p", reversibility = irreversible, idempotency_key = "once" }
  step b = ledger after pay { book = "BOOK", line = "b", reversibility = recoverable }
}
"""

CHOICE = """
workflow choice {
  step a = ledger { book = "BOOK", line = "a", reversibility = recoverable }
  step no = ledger after a { when = {{ 1 == 2 }}, book = "BOOK", line = "no", reversibility = safe }
  step off = ledger after a { enabled = false, book = "BOOK", line = "off", reversibility = safe }
  step b = ledger after off { book = "BOOK", line = "b", reversibility = recoverable }
}
"""

MANY_TRIES = """
workflow tries {
  step a = ledger {
    book = "BOOK"
    line = "a"
    fail = 2
    retry = { max = 9, backoff = [5ms] }
    reversibility = recoverable
  }
  step b = ledger after a {
    book = "BOOK"
    line = "b"
    fail = 1
    retry = { max = 9, backoff = [5ms] }
    reversibility = safe
  }
}
"""

LONG_CHAIN = (
    "workflow chain {\n"
    + "".join(
        f"  step s{number} = ledger{f' after s{number - 1}' if number else ''} "
        f'{{ book = "BOOK", line = "{number}", reversibility = recoverable }}\n'
        for number in range(8)
    )
    + "}\n"
)

MORE = {
    "nested": (
        NESTED,
        "nested",
        {*(f"outer.{x}.inner.{y}.write" for x in (0, 1) for y in (0, 1)), "end"},
        0,
    ),
    "parallel": (PARALLEL, "parallel", {"a", "b", "join"}, 0),
    "handled": (HANDLED, "handled", {"a", "sorry", "clean"}, 0),
    "continues": (CONTINUES, "goes_on", {"a", "b"}, 0),
    "detached": (DETACHED, "starts", {"after_sub", "one"}, 0),
    "calls_in_a_loop": (CALLS_IN_A_LOOP, "many", {"one", "last"}, 1),
    "review": (REVIEW, "reviewed", {"act", "b"}, 0),
    "finish": (FINISH, "early", {"a"}, 0),
    "polling": (POLLING, "polling", {"poll.0.look", "poll.1.look", "b"}, 0),
    "keyed": (KEYED, "keyed", {"pay", "b"}, 0),
    "choice": (CHOICE, "choice", {"a", "b"}, 0),
    "many_tries": (MANY_TRIES, "tries", {"a", "b"}, 3),
    "long_chain": (LONG_CHAIN, "chain", {f"s{number}" for number in range(8)}, 0),
}
