"""Problems that answers of Waldur's REST API stand for."""

from gateway.marketplace.problems import Problem, Unavailable
from gateway.rest_api.rest_answer import RestAnswer
from gateway.rest_api.rest_request import RestRequest

_FIRST_ERROR_STATUS = 300


def find_answer_problem(request: RestRequest, answer: RestAnswer) -> Problem | None:
    """Return the problem that an answer stands for; None if the request was accepted."""
    if answer.status < _FIRST_ERROR_STATUS:
        return None
    message = f"Waldur answered {answer.status} to {request.route}."
    return Unavailable(message=message, retryable=False)
