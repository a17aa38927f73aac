"""`headgate explain`."""

from __future__ import annotations

import click

from headgate.cli.options import format_option


@click.command("explain")
@click.argument("code")
@format_option("text", "json")
def explain(*, code: str, output: str) -> None:
    """Explain a rule, a status or a failure code: what it means, why, an example, the fix.

    CODE is such as HG101 or dependency-cycle, waiting, MCP_TOOL_FAILED, NOT_PAUSED.
    """
    from headgate.api import explaining
    from headgate.cli.output import colour_wanted, print_json
    from headgate.render.explanations import explanation_object, explanation_text

    found = [{key: str(value) for key, value in each._asdict().items()} for each in explaining.explain(code)]
    if output == "json":
        first, *others = [explanation_object(parts) for parts in found]
        print_json({**first, "also": [*others]})
    else:
        print("\n".join(explanation_text(parts, colour=colour_wanted()) for parts in found), end="")
