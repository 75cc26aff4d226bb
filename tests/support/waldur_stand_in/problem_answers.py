"""Waldur's answers to requests that it refuses (domain.md §5.21, rules.md §2)."""

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response

from gateway.marketplace.problems import (
    InvalidInput,
    InvalidMonths,
    NotFound,
    NotPermitted,
    NotPossible,
    Problem,
    Reason,
    WrongState,
)

MISSING_ROUTE_PAGE = """
<!doctype html>
<html lang="en">
<head>
  <title>Not Found</title>
</head>
<body>
  <h1>Not Found</h1><p>The requested resource was not found on this server.</p>
</body>
</html>
"""
_REST_NAMES: Mapping[str, str] = {
    "message": "error_message",
    "traceback": "error_traceback",
    "comment": "provider_rejection_comment",
}
"""Names of fields in the API that are not the name in our inputs in snake case."""
_LISTED_REASONS = (Reason.COST_POLICY, Reason.NO_BACKEND_ID)
_CONFLICT_REASONS = (Reason.PULL_UNSUPPORTED, Reason.ORDERS_FIXED)


class RefusedRequestError(Exception):
    """A request is refused before it is carried out."""

    def __init__(self, answer: Response) -> None:
        """Store the answer."""
        super().__init__(answer.status_code)
        self.answer = answer


def answer_missing_route() -> Response:
    """Return the answer to a path that Waldur does not know: Django's page."""
    return HTMLResponse(MISSING_ROUTE_PAGE, 404)


def answer_missing_object(noun: str = "Resource") -> Response:
    """Return the answer to a uuid that does not exist or is hidden."""
    return JSONResponse({"detail": f"No {noun} matches the given query."}, 404)


def answer_forbidden() -> Response:
    """Return the answer to a user who lacks the permission."""
    return JSONResponse({"detail": "You do not have permission to perform this action."}, 403)


def answer_wrong_state(*allowed: str) -> Response:
    """Return the answer to an operation that the state does not allow."""
    return JSONResponse({"detail": f"Valid states for operation: {', '.join(allowed)}."}, 409)


def answer_problem(problem: Problem, noun: str) -> Response:
    """Return Waldur's answer to a request that our own operation refuses."""
    if isinstance(problem, NotFound):
        return answer_missing_object(noun)
    if isinstance(problem, NotPermitted):
        return answer_forbidden()
    if isinstance(problem, WrongState):
        return answer_wrong_state(*[each.capitalize() for each in problem.allowed])
    if isinstance(problem, NotPossible):
        return _answer_rule(problem)
    return JSONResponse(_build_field_errors(problem), 400)


def _answer_rule(problem: NotPossible) -> Response:
    if problem.reason is Reason.INVOICE_CLOSED:
        return JSONResponse({"error_message": problem.message}, 409)
    if problem.reason in _CONFLICT_REASONS:
        return JSONResponse({"detail": problem.message}, 409)
    if problem.reason in _LISTED_REASONS:
        return JSONResponse([problem.message], 400)
    return JSONResponse({"non_field_errors": [problem.message]}, 400)


def _build_field_errors(problem: Problem) -> dict[str, Any]:
    if isinstance(problem, InvalidMonths):
        return {"extension_months": [problem.message]}
    if not isinstance(problem, InvalidInput):
        return {"non_field_errors": [problem.message]}
    errors: dict[str, Any] = {}
    for field in problem.fields:
        *names, last = [_spell_name(each) for each in field.path]
        target = errors
        for name in names:
            target = target.setdefault(name, {})
        target[last] = [field.message]
    return errors


def _spell_name(name: str) -> str:
    snake_case = re.sub("([A-Z])", r"_\1", name).lower()
    return _REST_NAMES.get(snake_case, snake_case)
