"""Colours of a drawing: what groups the kinds of steps form, and the style sheet of both themes."""

from __future__ import annotations

from headgate.render.picture import ANY_STEP, TRIGGER

KIND_GROUPS: dict[str, str] = {
    TRIGGER: "trigger",
    ANY_STEP: "anystep",
    "mcp": "call",
    "http": "call",
    "memory": "call",
    "llm": "model",
    "agent": "model",
    "human": "person",
    "switch": "flow",
    "each": "flow",
    "repeat": "flow",
    "call": "flow",
    "fail": "flow",
    "finish": "flow",
    "delay": "time",
    "wait": "time",
    "set": "value",
    "lua": "value",
}

GROUP_TEXTS: dict[str, str] = {
    "call": "calls a service",
    "model": "asks a model",
    "person": "asks a person",
    "flow": "steers",
    "time": "waits",
    "value": "computes",
    "other": "another kind",
}

LIGHT = {
    "paper": "#ffffff", "ink": "#1f2328", "quiet": "#59636e", "frame": "#ffffff", "edge": "#d1d9e0", "loop": "#f6f8fa",
    "line": "#6e7781", "read": "#9aa4ae", "failed": "#cf222e", "denied": "#9a6700", "finished": "#57606a",
    "case": "#0969da", "call": "#0969da", "model": "#8250df", "person": "#bf8700", "flow": "#57606a", "time": "#1b7c83",
    "value": "#1a7f37", "other": "#57606a", "gate-ink": "#7d4e00", "gate": "#fff8c5", "gate-edge": "#d4a72c",
    "danger-ink": "#a40e26", "danger": "#ffebe9", "danger-edge": "#ff8182",
    "green": "#1a7f37", "red": "#cf222e", "blue": "#0969da", "yellow": "#bf8700", "grey": "#8c959f", "cyan": "#1b7c83",
    "magenta": "#8250df",
}  # fmt: skip

DARK = {
    "paper": "#0d1117", "ink": "#e6edf3", "quiet": "#9198a1", "frame": "#161b22", "edge": "#3d444d", "loop": "#0f141a",
    "line": "#7d8590", "read": "#545d68", "failed": "#f85149", "denied": "#d29922", "finished": "#848d97",
    "case": "#4493f8", "call": "#4493f8", "model": "#ab7df8", "person": "#d29922", "flow": "#848d97", "time": "#39c5cf",
    "value": "#3fb950", "other": "#848d97", "gate-ink": "#e3b341", "gate": "#2d2405", "gate-edge": "#9e6a03",
    "danger-ink": "#ff7b72", "danger": "#3c1618", "danger-edge": "#b62324",
    "green": "#3fb950", "red": "#f85149", "blue": "#4493f8", "yellow": "#d29922", "grey": "#6e7681", "cyan": "#39c5cf",
    "magenta": "#ab7df8",
}  # fmt: skip

STATUS_COLOURS: dict[str, str] = {
    "pending": "grey",
    "ready": "cyan",
    "running": "cyan",
    "retrying": "magenta",
    "waiting": "blue",
    "held": "yellow",
    "interrupted": "magenta",
    "completed": "green",
    "failed": "red",
    "skipped": "grey",
    "blocked": "grey",
    "cancelled": "grey",
}


def _theme(c: dict[str, str]) -> str:
    rules = [
        f".paper{{fill:{c['paper']}}}",
        f".heading,.name{{fill:{c['ink']}}}",
        f".detail,.caption,.legend,.small{{fill:{c['quiet']}}}",
        f".frame{{fill:{c['frame']};stroke:{c['edge']}}}",
        f".frame.loop{{fill:{c['loop']}}}",
        f".entry{{fill:{c['ink']}}}",
        f".tag rect{{fill:{c['paper']};stroke:{c['edge']}}}",
        f".tag text{{fill:{c['quiet']}}}",
        f".badge.gate rect{{fill:{c['gate']};stroke:{c['gate-edge']}}}",
        f".badge.gate text{{fill:{c['gate-ink']}}}",
        f".badge.irreversible rect{{fill:{c['danger']};stroke:{c['danger-edge']}}}",
        f".badge.irreversible text{{fill:{c['danger-ink']}}}",
    ]
    for name, colour in (
        ("completed", "line"),
        ("start", "line"),
        *((n, n) for n in ("read", "failed", "denied", "finished", "case")),
    ):
        rules += [f".line.{name}{{stroke:{c[colour]}}}", f".tip.{name}{{fill:{c[colour]}}}"]
    rules += [f".tag.{name} text{{fill:{c[name]}}}" for name in ("failed", "denied", "case")]
    rules += [f".{group}>.stripe{{fill:{c[group]}}}" for group in GROUP_TEXTS]
    for status, colour in STATUS_COLOURS.items():
        rules += [f".status-{status}>.frame{{stroke:{c[colour]}}}", f".status-{status}>.lamp{{fill:{c[colour]}}}"]
    return "".join(rules)


STYLE = (
    "text{font-family:ui-sans-serif,system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}"
    ".heading{font-size:16px;font-weight:600}.name{font-size:14px;font-weight:600}"
    ".detail{font-size:11.5px;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}"
    ".caption,.small{font-size:12px}.small,.tag text,.badge text{text-anchor:middle}"
    ".legend,.tag text{font-size:11.5px}.badge text{font-size:10.5px;font-weight:600}"
    ".frame{stroke-width:1.2}.frame.loop{stroke-dasharray:6 4}.node[class*='status-']>.frame{stroke-width:2}"
    ".line{fill:none;stroke-width:1.6}.line.read{stroke-dasharray:2 4}.line.finished{stroke-dasharray:7 4}"
    + _theme(LIGHT)
    + f"@media (prefers-color-scheme: dark){{{_theme(DARK)}}}"
)
