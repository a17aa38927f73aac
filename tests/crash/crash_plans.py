"""The workflows that are killed at every point. BOOK stands for the ledger's file."""

from __future__ import annotations

from more_plans import MORE

SEQUENCE = """
workflow sequence {
  step first = ledger { book = "BOOK", line = "a", reversibility = recoverable }
  step middle = set after first { value = {{ steps.first.result.line }} }
  step second = ledger after middle { book = "BOOK", line = {{ steps.middle.result.value }}, reversibility = safe }
  step third = ledger after second { book = "BOOK", line = "c", reversibility = recoverable }
  output { last = {{ steps.third.result.line }} }
}
"""

EACH = """
workflow fan {
  step list = set { items = ["w", "x", "y", "z"] }
  step notify = each {{ steps.list.result.items }} as item after list {
    concurrency = 2
    step send = ledger { book = "BOOK", line = {{ item }}, reversibility = recoverable }
    step check = set after send { sent = {{ steps.send.result.line }} }
  }
  step total = ledger after notify { book = "BOOK", line = {{ steps.notify.result.succeeded }}, reversibility = safe }
  output { done = {{ steps.notify.result.succeeded }} }
}
"""

RETRY_AND_TIMER = """
workflow patient {
  step flaky = ledger {
    book = "BOOK"
    line = "f"
    fail = 1
    retry = { max = 5, backoff = [10ms] }
    reversibility = recoverable
  }
  step nap = delay 20ms after flaky
  step after_nap = ledger after nap { book = "BOOK", line = "n", reversibility = recoverable }
}
"""

APPROVAL = """
workflow asks {
  step draft = ledger { book = "BOOK", line = "d", reversibility = recoverable }
  step ask = human approval after draft { title = "Go on?", assignees = ["ann"] }
  step act = ledger after ask { book = "BOOK", line = {{ steps.ask.result.decision }}, reversibility = recoverable }
  step gated = ledger after act {
    book = "BOOK"
    line = "g"
    reversibility = recoverable
    gate approval { ask = "Really?", assignees = ["ann"] }
  }
}
"""

ROUNDS = """
workflow rounds {
  step poll = repeat {
    until = {{ iteration >= 2 }}
    max   = 5
    step look = ledger { book = "BOOK", line = {{ iteration }}, reversibility = safe }
  }
  step which = switch after poll {
    case {{ steps.poll.result.iterations > 2 }} -> many
    else -> few
  }
  step many = ledger { book = "BOOK", line = "many", reversibility = recoverable }
  step few = ledger { book = "BOOK", line = "few", reversibility = recoverable }
}
"""

CALLS = """
workflow parent {
  step ahead = ledger { book = "BOOK", line = "p", reversibility = recoverable }
  step sub = call child after ahead { inputs = { word = {{ steps.ahead.result.line }} } }
  step behind = ledger after sub { book = "BOOK", line = {{ steps.sub.result.said }}, reversibility = recoverable }
}

workflow child {
  input word: string
  step one = ledger { book = "BOOK", line = {{ inputs.word }}, reversibility = recoverable }
  step two = ledger after one { book = "BOOK", line = "two", reversibility = recoverable }
  output { said = {{ steps.two.result.line }} }
}
"""

MONEY = """
workflow money {
  step quote = ledger { book = "BOOK", line = "q", reversibility = safe }
  # headgate: ignore[HG601] the ledger is a file of the test
  step pay = ledger after quote { book = "BOOK", line = "pay", reversibility = irreversible }
  step thank = ledger after pay { book = "BOOK", line = "t", reversibility = recoverable }
}
"""

# in every run of the tests; the others by `python -m tests.crash.long`
IN_CI = ("sequence", "each", "retry_and_timer", "approval", "call", "money")

# name -> (text, workflow, the steps whose effect must be found, how many attempts fail on purpose)
PLANS = {
    "sequence": (SEQUENCE, "sequence", {"first", "second", "third"}, 0),
    "each": (EACH, "fan", {"notify.0.send", "notify.1.send", "notify.2.send", "notify.3.send", "total"}, 0),
    "retry_and_timer": (RETRY_AND_TIMER, "patient", {"flaky", "after_nap"}, 1),
    "approval": (APPROVAL, "asks", {"draft", "act", "gated"}, 0),
    "repeat_and_switch": (ROUNDS, "rounds", {"poll.0.look", "poll.1.look", "poll.2.look", "many"}, 0),
    "call": (CALLS, "parent", {"ahead", "one", "two", "behind"}, 0),
    "money": (MONEY, "money", {"quote", "pay", "thank"}, 0),
    **MORE,
}
