"""HTTP statuses of GraphQL responses, in the modes of the setting GATEWAY_HTTP_STATUS.

`compatible` is the GraphQL-over-HTTP specification as its audits of 2025 test it; `draft`
is its draft of August 2026, whose statuses are the same for all media types. docs/http.md
has a table of both.
"""

from enum import StrEnum

from gateway.error_table import ErrorKind, ErrorRule
from gateway.execution.executor import GraphQLResult
from gateway.http.content_negotiation import GRAPHQL_RESPONSE_MEDIA_TYPE

SUCCESS_STATUS = 200
PARTIAL_SUCCESS_STATUS = 294
"""Status of a response with `data` and `errors` in the mode `draft`."""
_RULES_BY_CODE = {kind.value.code: kind.value for kind in reversed(ErrorKind)}
"""The first row of the error table for each code: that of operations."""


class StatusMode(StrEnum):
    """Values of the setting GATEWAY_HTTP_STATUS."""

    COMPATIBLE = "compatible"
    DRAFT = "draft"


def get_error_status(rule: ErrorRule, mode: StatusMode) -> int:
    """Return the status of a response with an error instead of a GraphQL result."""
    if mode is StatusMode.DRAFT and rule.draft_status is not None:
        return rule.draft_status
    return rule.status


def get_result_status(result: GraphQLResult, media_type: str, mode: StatusMode) -> int:
    """Return the status of a response with a GraphQL result."""
    if result.is_rejected:
        if mode is StatusMode.COMPATIBLE and media_type != GRAPHQL_RESPONSE_MEDIA_TYPE:
            return SUCCESS_STATUS
        code = result.response["errors"][0]["extensions"]["code"]
        return get_error_status(_RULES_BY_CODE[code], mode)
    is_partial = mode is StatusMode.DRAFT and "errors" in result.response
    return PARTIAL_SUCCESS_STATUS if is_partial else SUCCESS_STATUS
