"""Steps that handle a failure: what of the failed step they can read."""

from __future__ import annotations

from headgate.compiler.graph import Node
from headgate.compiler.paths import never_completed
from headgate.compiler.references import holder_in
from headgate.validators.result_reads import RESULT, ResultRead
from headgate.validators.rule import Context


def reads_what_failed(context: Context, read: ResultRead) -> bool:
    """Whether a handler of a step's failure reads its result, which never exists by then."""
    holder = holder_in(read.reader, read.source.scope)
    if holder is None or read.part != RESULT or not _handles(holder, read.source):
        return False
    return never_completed(context.graph, read.source, read.reader)


def _handles(holder: Node, source: Node) -> bool:
    return any(edge.on == "failed" and not edge.star and edge.source == source.name for edge in holder.control)
