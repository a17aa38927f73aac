"""What `headgate --help` lists: a plain table, so that asking for help imports no verb."""

from __future__ import annotations

from headgate.records import NamedTuple

VERSION_OPTIONS = ("-V", "--version")
HELP_OPTIONS = ("-h", "--help")


class Verb(NamedTuple):
    """`module` of this package holds the command, under the verb's name."""

    module: str
    summary: str


SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Start", ("init", "demo")),
    ("Write", ("check", "fmt", "compile", "diff", "graph", "simulate", "explain", "lock", "validate", "schema")),
    ("Exchange", ("import", "export")),
    (
        "Publish",
        ("publish", "activate", "deactivate", "workflows", "disable", "enable", "archive", "resume-workflow"),
    ),
    ("Run", ("run", "drive", "runs", "show", "events", "timeline", "logs", "why", "audit", "report")),
    ("Decide", ("approvals", "approve", "deny", "answer", "extend", "signal", "callback")),
    (
        "Operate",
        ("pause", "resume", "cancel", "stop", "retry", "skip", "confirm", "force-advance", "redrive", "replay", "fork"),
    ),
    ("Limit", ("limits", "credits")),
    ("Connect", ("connections", "reconnect", "refresh", "instances")),
    ("Look after", ("doctor", "store", "bundle")),
)

VERBS: dict[str, Verb] = {
    "init": Verb("init", "Make a workspace: headgate.toml, a first workflow, a pre-commit entry, CI jobs."),
    "demo": Verb("demo", "See a workflow go from text to a finished run, with no set-up."),
    "check": Verb("check", "The gate: say what is wrong with workflows, and prove it."),
    "fmt": Verb("fmt", "Lay files out."),
    "compile": Verb("compile", "Compile a workflow to its plan."),
    "diff": Verb("diff", "Compare two plans by what they mean, and say whom the change breaks."),
    "graph": Verb("graph", "Draw a workflow as SVG, Mermaid, DOT or text."),
    "simulate": Verb("simulate", "Run a plan on a virtual clock: which paths, how long, what it would cost."),
    "explain": Verb("explain", "Explain a rule, a status or a failure code."),
    "lock": Verb("lock", "Write headgate.lock from what the live instances say."),
    "validate": Verb("validate", "Check with the servers asked, and whether every binding can be used."),
    "schema": Verb("schema", "Print the JSON Schema of plan, events, workspace or findings."),
    "import": Verb("importing", "Make a workflow of a JSON step graph."),
    "export": Verb("importing", "Make a JSON step graph of a workflow."),
    "publish": Verb("publishing", "Publish a workflow through the gate, and make it the active version."),
    "activate": Verb("publishing", "Make a version of a workflow the active one; an older one to roll back."),
    "deactivate": Verb("publishing", "Leave a workflow without an active version."),
    "workflows": Verb("publishing", "List the workflows that were published, with status and open runs."),
    "disable": Verb("publishing", "Switch a workflow off: nothing starts it."),
    "enable": Verb("publishing", "Switch a workflow on again."),
    "archive": Verb("publishing", "Put a workflow away, with all its versions."),
    "resume-workflow": Verb("limits", "Let a workflow dispatch again after a breaker tripped."),
    "run": Verb("run", "Start a run here and follow it."),
    "drive": Verb("drive", "Drive every open run of the store until each rests."),
    "runs": Verb("history", "List runs."),
    "show": Verb("history", "Show one run with its steps."),
    "events": Verb("history", "Print the event log of a run."),
    "timeline": Verb("history", "Draw a run as a Gantt chart."),
    "logs": Verb("reports", "Print what happened to a run in words, and what its steps printed."),
    "why": Verb("history", "Say what holds a run or a workflow, and the command that clears it."),
    "approvals": Verb("approvals", "List the approvals that wait for somebody."),
    "approve": Verb("approvals", "Approve, and drive the run on."),
    "deny": Verb("approvals", "Deny, and drive the run on."),
    "answer": Verb("approvals", "Fill in a form, and drive the run on."),
    "extend": Verb("approvals", "Give people more time before an approval expires."),
    "signal": Verb("signals", "Send an event to the runs that wait for it."),
    "callback": Verb("signals", "Answer the step that gave a token out."),
    "audit": Verb("reporting", "Say who did what to which run, and when."),
    "report": Verb("reporting", "Count the runs of each workflow by period, and by what they came to."),
    "pause": Verb("operate", "Hold a run: what is out finishes, nothing new starts."),
    "resume": Verb("operate", "Release an operator's hold, and drive the run on."),
    "cancel": Verb("operate", "Cancel a run; completed steps keep their outputs, nothing is undone."),
    "stop": Verb("stopping", "Stop a run: let what is out finish, or not."),
    "retry": Verb("operate", "Try a failed step again, also with changed attributes."),
    "skip": Verb("operate", "Skip a step that failed or waits, also with an output in its place."),
    "confirm": Verb("operate", "Say whether an attempt in doubt happened."),
    "force-advance": Verb("operate", "Force a run past a step, as an admin; at an approval, approve it."),
    "redrive": Verb("again", "Go on with a failed or cancelled run, keeping what completed."),
    "replay": Verb("again", "Start a new run with the payload of an ended one."),
    "fork": Verb("again", "Start a new run that goes on from another one, with changes."),
    "connections": Verb("connections", "List connections; remove or revoke one."),
    "reconnect": Verb("connections", "Authorize a connection again; runs held for it may go on."),
    "refresh": Verb("connections", "Get a connection a new token now."),
    "instances": Verb("instances", "List instances as they are bound; --validate asks them."),
    "store": Verb("store", "Look after the database: check, backup, vacuum, export, prune."),
    "bundle": Verb("reports", "Put all that a helper needs of a run into one file, secrets masked."),
    "limits": Verb("limits", "Show what is used of each limit, and set caps."),
    "credits": Verb("limits", "Show what is left of the credits, and add some."),
    "doctor": Verb("doctor", "Say what is wrong with workspace, lock and store, and the fix."),
}


def help_text(width: int) -> str:
    """What `headgate --help` prints, `width` columns wide."""
    from textwrap import wrap

    room = max(map(len, VERBS)) + 4
    lines = [
        "Usage: headgate VERB [OPTIONS] [ARGUMENTS]",
        "",
        "  Workflows as text, proved before they run, run durably.",
    ]
    for title, names in SECTIONS:
        lines += ["", f"{title}:"]
        for name in names:
            first, *rest = wrap(VERBS[name].summary, max(width - room, 24))
            lines += [f"  {name.ljust(room - 2)}{first}", *(" " * room + line for line in rest)]
    lines += ["", "Options:"]
    lines += [f"  {', '.join(HELP_OPTIONS).ljust(room + 2)}Show this, or the help of a verb."]
    lines += [f"  {', '.join(VERSION_OPTIONS).ljust(room + 2)}Show the version."]
    lines += ["", "`headgate VERB --help` tells the rest. New here? Try `headgate demo`."]
    return "\n".join(lines)
