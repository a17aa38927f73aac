"""Every rule the gate has, by code: one line each, in order. Codes never change their meaning."""

from __future__ import annotations

from headgate.diagnostics import Severity
from headgate.records import NamedTuple


class Row(NamedTuple):
    """What a rule is called and how much it weighs.

    It has nothing to say of a text that holds none of `words`; with None, no word tells. So a check loads and runs only
    the rules that a text may concern.
    """

    name: str
    severity: Severity
    words: tuple[str, ...] | None = None


NEVER: tuple[str, ...] = ()
"""The words of what the parser and the gate find themselves."""


TABLE: dict[str, Row] = {
    "HG001": Row("syntax-error", Severity.ERROR, NEVER),
    "HG002": Row("unclosed-block", Severity.ERROR, NEVER),
    "HG003": Row("duplicate-name", Severity.ERROR),
    "HG004": Row("reserved-or-shadowing-name", Severity.WARNING),
    "HG005": Row("unknown-attribute", Severity.ERROR),
    "HG006": Row("unknown-kind", Severity.ERROR),
    "HG007": Row("wrong-value", Severity.ERROR),
    "HG008": Row("unknown-type", Severity.ERROR, ("input", "result", "schema", "<", "?")),
    "HG101": Row("dependency-cycle", Severity.ERROR),
    "HG102": Row("missing-entry", Severity.ERROR),
    "HG103": Row("unreachable-step", Severity.ERROR),
    "HG104": Row("unknown-dependency", Severity.ERROR, ("after", "->")),
    "HG105": Row("self-dependency", Severity.ERROR, ("after", "->")),
    "HG106": Row("no-steps", Severity.ERROR),
    "HG107": Row("switch-gap", Severity.WARNING, ("switch",)),
    "HG108": Row("dead-case", Severity.WARNING, ("switch",)),
    "HG109": Row("redundant-after", Severity.NOTE, ("after",)),
    "HG110": Row("join-never-fires", Severity.ERROR, ("denied", "after", "->")),
    "HG111": Row("accidental-root", Severity.WARNING),
    "HG112": Row("case-target-has-other-edge", Severity.ERROR, ("->",)),
    "HG201": Row("unknown-step-reference", Severity.ERROR, ("steps", "previous")),
    "HG202": Row("unknown-path", Severity.ERROR),
    "HG203": Row("reads-itself", Severity.ERROR, ("steps", "vars")),
    "HG204": Row("may-not-have-run", Severity.ERROR, ("steps", "previous")),
    "HG206": Row("loop-scope", Severity.ERROR),
    "HG207": Row("template-braces", Severity.ERROR),
    "HG208": Row("template-syntax", Severity.ERROR, ("{",)),
    "HG209": Row("unknown-name", Severity.ERROR, ("{{", "lua")),
    "HG210": Row("unknown-input", Severity.ERROR, ("inputs",)),
    "HG211": Row("unused", Severity.NOTE),
    "HG212": Row("unsafe-expression", Severity.ERROR, ("{{",)),
    "HG301": Row("unknown-argument", Severity.ERROR, ("mcp", "poll")),
    "HG302": Row("missing-argument", Severity.ERROR, ("mcp", "poll")),
    "HG303": Row("argument-type", Severity.ERROR, ("mcp", "poll")),
    "HG304": Row("null-argument", Severity.ERROR, ("mcp", "poll")),
    "HG305": Row("impossible-comparison", Severity.WARNING, ("{{",)),
    "HG306": Row("schema-drift", Severity.WARNING, ("mcp", "poll", "agent")),
    "HG307": Row("call-mismatch", Severity.ERROR, ("call",)),
    "HG401": Row("unknown-instance", Severity.ERROR, ("mcp", "poll", "agent")),
    "HG402": Row("missing-tool", Severity.ERROR, ("mcp",)),
    "HG403": Row("unknown-tool", Severity.ERROR, ("mcp", "poll", "agent")),
    "HG404": Row("unknown-connection", Severity.ERROR, ("mcp", "poll", "connection")),
    "HG405": Row("unbound-in-environment", Severity.ERROR),
    "HG406": Row("unknown-model", Severity.ERROR, ("llm", "agent")),
    "HG407": Row("unknown-workflow", Severity.ERROR, ("call",)),
    "HG408": Row("secret-undefined", Severity.ERROR, ("secrets", "mcp", "poll", "llm", "agent", "http")),
    "HG409": Row("server-url-unmapped", Severity.ERROR, ("server_url",)),
    "HG410": Row("unknown-agent", Severity.ERROR, ("agent",)),
    "HG411": Row("unknown-person", Severity.WARNING, ("assignees", "owner", "escalate_to")),
    "HG501": Row("unbounded-loop", Severity.ERROR, ("each", "repeat")),
    "HG502": Row("no-progress-loop", Severity.WARNING, ("repeat",)),
    "HG503": Row("retry-not-idempotent", Severity.WARNING, ("retry",)),
    "HG504": Row("time-arithmetic", Severity.WARNING),
    "HG505": Row("conflicting-writes", Severity.WARNING),
    "HG506": Row("handler-reads-result", Severity.ERROR, ("failed",)),
    "HG507": Row("masked-failure", Severity.WARNING, ("continue",)),
    "HG508": Row("cost-bound", Severity.WARNING, ("llm", "agent")),
    "HG509": Row("unknown-effect", Severity.NOTE),
    "HG601": Row("ungated-irreversible", Severity.ERROR),
    "HG602": Row("expiry-proceeds", Severity.ERROR, ("proceed",)),
    "HG603": Row("stale-approval", Severity.ERROR, ("approval", "review")),
    "HG604": Row("blind-approval", Severity.WARNING, ("approval", "review")),
    "HG605": Row("denial-ignored", Severity.ERROR, ("approval", "review")),
    "HG701": Row("hard-coded-secret", Severity.ERROR),
    "HG702": Row("secret-leak", Severity.ERROR, ("secret",)),
    "HG703": Row("untrusted-to-irreversible", Severity.ERROR),
    "HG704": Row("template-in-code", Severity.ERROR, ("{{",)),
    "HG705": Row("untrusted-url", Severity.WARNING, ("trigger", "wait")),
    "HG706": Row("lethal-trifecta", Severity.WARNING, ("agent",)),
    "HG801": Row("cron-invalid", Severity.ERROR, ("schedule",)),
    "HG802": Row("cron-never", Severity.ERROR, ("schedule",)),
    "HG803": Row("cron-dst", Severity.WARNING, ("schedule",)),
    "HG804": Row("poll-too-fast", Severity.ERROR, ("poll",)),
    "HG805": Row("self-trigger", Severity.ERROR, ("trigger",)),
    "HG806": Row("input-without-source", Severity.ERROR, ("trigger",)),
    "HG901": Row("lua-syntax", Severity.ERROR, ("lua",)),
    "HG902": Row("lua-globals", Severity.WARNING, ("lua",)),
    "HG903": Row("suppression", Severity.WARNING, NEVER),
    "HG904": Row("not-checked", Severity.NOTE, NEVER),
}
