"""The list of rules: one line each, in the order of their codes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module

from headgate.validators.rule import Rule
from headgate.validators.table import TABLE

MODULES = (
    "syntax_error",  # HG001
    "unclosed_block",  # HG002
    "duplicate_name",  # HG003
    "reserved_or_shadowing_name",  # HG004
    "unknown_attribute",  # HG005
    "unknown_kind",  # HG006
    "wrong_value",  # HG007
    "unknown_type",  # HG008
    "dependency_cycle",  # HG101
    "missing_entry",  # HG102
    "unreachable_step",  # HG103
    "unknown_dependency",  # HG104
    "self_dependency",  # HG105
    "no_steps",  # HG106
    "switch_gap",  # HG107
    "dead_case",  # HG108
    "redundant_after",  # HG109
    "join_never_fires",  # HG110
    "accidental_root",  # HG111
    "case_target_has_other_edge",  # HG112
    "unknown_step_reference",  # HG201
    "unknown_path",  # HG202
    "reads_itself",  # HG203
    "may_not_have_run",  # HG204
    "loop_scope",  # HG206
    "template_braces",  # HG207
    "template_syntax",  # HG208
    "unknown_name",  # HG209
    "unknown_input",  # HG210
    "unused",  # HG211
    "unsafe_expression",  # HG212
    "unknown_argument",  # HG301
    "missing_argument",  # HG302
    "argument_type",  # HG303
    "null_argument",  # HG304
    "impossible_comparison",  # HG305
    "schema_drift",  # HG306
    "call_mismatch",  # HG307
    "unknown_instance",  # HG401
    "missing_tool",  # HG402
    "unknown_tool",  # HG403
    "unknown_connection",  # HG404
    "unbound_in_environment",  # HG405
    "unknown_model",  # HG406
    "unknown_workflow",  # HG407
    "secret_undefined",  # HG408
    "server_url_unmapped",  # HG409
    "unknown_agent",  # HG410
    "unknown_person",  # HG411
    "unbounded_loop",  # HG501
    "no_progress_loop",  # HG502
    "retry_not_idempotent",  # HG503
    "time_arithmetic",  # HG504
    "conflicting_writes",  # HG505
    "handler_reads_result",  # HG506
    "masked_failure",  # HG507
    "cost_bound",  # HG508
    "unknown_effect",  # HG509
    "ungated_irreversible",  # HG601
    "expiry_proceeds",  # HG602
    "stale_approval",  # HG603
    "blind_approval",  # HG604
    "denial_ignored",  # HG605
    "hard_coded_secret",  # HG701
    "secret_leak",  # HG702
    "untrusted_to_irreversible",  # HG703
    "template_in_code",  # HG704
    "untrusted_url",  # HG705
    "lethal_trifecta",  # HG706
    "cron_invalid",  # HG801
    "cron_never",  # HG802
    "cron_dst",  # HG803
    "poll_too_fast",  # HG804
    "self_trigger",  # HG805
    "input_without_source",  # HG806
    "lua_syntax",  # HG901
    "lua_globals",  # HG902
    "suppression",  # HG903
    "not_checked",  # HG904
)
"""Modules of `headgate.validators.rules`; each has one `RULE`."""


_WORDS = frozenset(word for row in TABLE.values() for word in row.words or ())


@cache
def rules() -> tuple[Rule, ...]:
    """All rules, by code."""
    return tuple(_load(module) for module in MODULES)


def codes() -> tuple[str, ...]:
    """The codes of all rules, without loading any."""
    return tuple(_by_module())


def concerned(text: str) -> Iterator[Rule]:
    """The rules that may have something to say about a text, by code; the others are not loaded.

    A rule has nothing to say where none of the words stands that its row in the table names.
    """
    stands = {word: word in text for word in _WORDS}
    for code, module in _by_module().items():
        words = TABLE[code].words
        if words is None or any(map(stands.__getitem__, words)):
            yield _load(module)


def find(code_or_name: str) -> Rule | None:
    """The rule of a code (`HG106`, in any case) or of a name (`no-steps`), else None."""
    wanted = code_or_name.casefold()
    modules = _by_module().items()
    found = (module for code, module in modules if wanted in (code.casefold(), TABLE[code].name))
    module = next(found, None)
    return None if module is None else _load(module)


@cache
def _by_module() -> dict[str, str]:
    """Module by code."""
    codes = {row.name.replace("-", "_"): code for code, row in TABLE.items()}
    return {codes[module]: module for module in MODULES}


@cache
def _load(module: str) -> Rule:
    rule = import_module(f"headgate.validators.rules.{module}").RULE
    assert isinstance(rule, Rule), f"headgate.validators.rules.{module}.RULE is not a Rule"
    return rule
