"""Options whose answer may occur only once among the resources of an offering (`unique`)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.db import tables
from gateway.db.driver.statement import Statement
from gateway.db.queries.marketplace_checks import SELECT_ATTRIBUTE_EXISTS, SELECT_OPTION_EXISTS
from gateway.marketplace.option_answers import format_scalar
from gateway.marketplace.option_form import list_questions
from gateway.marketplace.problems import InvalidField, build_invalid_field
from gateway.marketplace.unit_of_work import UnitOfWork

_NEW_RESOURCE_ID = 0
"""A key that no resource has."""


@dataclass(frozen=True, kw_only=True)
class AnswerScope:
    """The resources whose answers are compared."""

    offering_id: int
    resource_id: int = _NEW_RESOURCE_ID
    """The resource that answers; without it a new one does."""
    path: tuple[str, ...]
    """Path of the answers in the client's input."""
    statement: Statement
    """The statement that looks for the same answer of another resource."""


def build_option_scope(offering_id: int, resource_id: int) -> AnswerScope:
    """Return the scope of answers to the options of a resource."""
    return AnswerScope(
        offering_id=offering_id,
        resource_id=resource_id,
        path=("options",),
        statement=SELECT_OPTION_EXISTS,
    )


def build_order_scope(offering_id: int) -> AnswerScope:
    """Return the scope of answers to the form of an order for a new resource."""
    return AnswerScope(
        offering_id=offering_id, path=("attributes",), statement=SELECT_ATTRIBUTE_EXISTS
    )


async def check_unique_answers(
    unit_of_work: UnitOfWork, form: object, answers: Mapping[str, Any], scope: AnswerScope
) -> list[InvalidField]:
    """Return the answers that another resource of the offering has, although they must be unique.

    The offering is locked until the end of the transaction if there is such an option, so that
    two resources can't have the same answer at the same time.
    """
    unique_answers = dict(_list_unique_answers(form, answers))
    if not unique_answers:
        return []
    await unit_of_work.writer.lock_rows(tables.offering, scope.offering_id)
    return [
        build_invalid_field(*scope.path, name, message="is used by another resource.")
        for name, value in unique_answers.items()
        if await _is_answer_used(unit_of_work, scope, name, value)
    ]


def _list_unique_answers(form: object, answers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield texts and numbers that answer options with `unique`."""
    for name, question in list_questions(form).items():
        text = format_scalar(answers.get(name))
        if question.get("unique") and text is not None:
            yield name, text.strip()


async def _is_answer_used(
    unit_of_work: UnitOfWork, scope: AnswerScope, name: str, value: str
) -> bool:
    parameters = {
        "offering_id": scope.offering_id,
        "resource_id": scope.resource_id,
        "name": name,
        "value": value,
    }
    ((is_used,),) = await unit_of_work.writer.execute_statement(scope.statement, parameters)
    return bool(is_used)
