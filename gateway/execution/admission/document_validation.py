"""Validation of documents: bounded work, few errors, short messages, suggestions on request."""

from collections.abc import Sequence

from graphql import DocumentNode, GraphQLError, GraphQLSchema, validate

from gateway.execution.graphql_core_internals import (
    ValidationAbortedError,
    limit_validation_work,
    suggest_enum_values,
)
from gateway.schema.framework.errors import shorten_text

MAX_VALIDATION_ERRORS = 20
"""Errors of a document that are reported; validation ends there."""
SUGGESTION_START = " Did you mean "
"""The start of a suggestion; one rule has it in any case, for fields without a selection set."""
MAX_SUGGESTED_ERRORS = 3
"""Errors for which similar names are suggested: comparing names costs much time."""
MAX_OVERLAP_WORK, MAX_FRAGMENT_WORK = 20_000, 10_000
"""What graphql-core may compare of fields with the same name, and of fragments and variables."""
limit_validation_work(MAX_OVERLAP_WORK, MAX_FRAGMENT_WORK)


def validate_document(
    schema: GraphQLSchema, ast: DocumentNode, *, suggestions: bool
) -> tuple[GraphQLError, ...]:
    """Return the errors of a document, without references to its syntax tree.

    What is wrong at several places is one error with all their locations.

    With `suggestions` the messages of the first ones suggest similar names.
    """
    errors = validate(schema, ast, max_errors=MAX_VALIDATION_ERRORS, hide_suggestions=True)
    if errors and suggestions:
        with suggest_enum_values():
            first_errors = validate(schema, ast, max_errors=MAX_SUGGESTED_ERRORS)
        errors[:MAX_SUGGESTED_ERRORS] = first_errors[:MAX_SUGGESTED_ERRORS]
    explained_errors = _explain_abortion(errors)
    return _merge_errors(
        [_detach_error(each, suggestions=suggestions) for each in explained_errors]
    )


def _merge_errors(errors: Sequence[GraphQLError]) -> tuple[GraphQLError, ...]:
    """Return one error for those with the same message, with the locations of all."""
    merged_errors: dict[str, GraphQLError] = {}
    for error in errors:
        merged_error = merged_errors.setdefault(error.message, error)
        if merged_error is not error and merged_error.locations and error.locations:
            merged_error.locations = [*merged_error.locations, *error.locations]
    return tuple(merged_errors.values())


def _explain_abortion(errors: Sequence[GraphQLError]) -> Sequence[GraphQLError]:
    """Replace the message of the error for a validation that needs too much work."""
    if len(errors) > MAX_VALIDATION_ERRORS or not errors:
        return errors
    *first_errors, last_error = errors
    if not isinstance(last_error, ValidationAbortedError):
        return errors
    explanation = (
        "The document is too complex to be validated: it selects the same fields, fragments or"
        " variables too often."
    )
    return [*first_errors, GraphQLError(explanation)]


def _detach_error(error: GraphQLError, *, suggestions: bool) -> GraphQLError:
    """Return an error with the same locations and a short message, which needs little memory."""
    message = error.message if suggestions else error.message.partition(SUGGESTION_START)[0]
    detached_error = GraphQLError(shorten_text(message))
    detached_error.locations = error.locations
    return detached_error
