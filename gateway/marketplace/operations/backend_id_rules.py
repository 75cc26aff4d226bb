"""Rules of offerings for the backend ids of their resources (rules.md §1)."""

from collections.abc import Mapping
from typing import Any

from gateway.db.queries.marketplace_checks import SELECT_BACKEND_ID_USED
from gateway.marketplace.operations.setter import ResourceChange
from gateway.marketplace.problems import build_invalid_input, raise_problem
from gateway.marketplace.rows import BackendIdRulesRow
from gateway.marketplace.text_pattern import (
    PatternSteps,
    PatternStepsExceededError,
    compile_pattern,
)


async def check_backend_id_rules(change: ResourceChange, backend_id: str, *path: str) -> None:
    """Raise ChangeRefusedError if a backend id breaks the rules of the resource's offering."""
    offering = await change.unit_of_work.load_row(BackendIdRulesRow, change.facts.offering_id)
    rules = offering.backend_id_rules
    _check_format(_get_rule(rules, "format"), backend_id, *path)
    await _check_uniqueness(change, _get_rule(rules, "uniqueness"), backend_id, *path)


def _get_rule(rules: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the members of a rule; empty without the rule."""
    rule = rules.get(name)
    return rule if isinstance(rule, dict) else {}


def _check_format(rule: Mapping[str, Any], backend_id: str, *path: str) -> None:
    """Check that the whole backend id matches; a pattern that can't be evaluated is skipped."""
    pattern = rule.get("regex")
    if isinstance(pattern, str) and not _matches_pattern(pattern, backend_id):
        description = rule.get("description") or f"It must match {pattern}"
        message = f"has an invalid format. {description}"
        raise_problem(build_invalid_input(*path, message=message))


def _matches_pattern(pattern: str, text: str) -> bool:
    """Return whether a whole text matches a pattern, or the pattern can't be evaluated."""
    text_pattern = compile_pattern(pattern)
    try:
        return text_pattern is None or text_pattern.matches_text(text, PatternSteps())
    except PatternStepsExceededError:
        return True


async def _check_uniqueness(
    change: ResourceChange, rule: Mapping[str, Any], backend_id: str, *path: str
) -> None:
    """Check that no other resource in the rule's scope has the backend id.

    The backend id is locked until the end of the transaction, so that only one of several
    concurrent changes can take it.
    """
    statement = SELECT_BACKEND_ID_USED.get(str(rule.get("scope")))
    if statement is None:
        return
    writer = change.unit_of_work.writer
    await writer.lock_text(f"backend_id {backend_id}")
    parameters = {
        "offering_id": change.facts.offering_id,
        "resource_id": change.facts.id,
        "backend_id": backend_id,
        "include_terminated": rule.get("include_terminated") is not False,
    }
    ((is_used,),) = await writer.execute_statement(statement, parameters)
    if is_used:
        message = "is already used by another resource: choose another."
        raise_problem(build_invalid_input(*path, message=message))
