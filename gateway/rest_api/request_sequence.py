"""The requests of one operation: that of its route, and what has to follow it."""

from dataclasses import replace

from gateway.marketplace.problems import InvalidInput, Problem, Unavailable
from gateway.marketplace.requester import Requester
from gateway.marketplace.unit_of_work import UnitOfWork
from gateway.rest_api.errors import TokenRejectedError
from gateway.rest_api.rest_client import RestClient
from gateway.rest_api.rest_outcome import RestOutcome
from gateway.rest_api.rest_request import RestRequest


async def send_request_sequence(
    rest_client: RestClient, requester: Requester, unit_of_work: UnitOfWork, request: RestRequest
) -> RestOutcome:
    """Send a request and its follow-up; return what came of the first, or the second's problem.

    Raises TokenRejectedError if Waldur rejects the token of the first.
    """
    outcome = await _send_request(rest_client, requester, request)
    if outcome.answer is None or outcome.problem is not None or request.follow_up is None:
        return outcome
    follow_up = await request.follow_up(unit_of_work, outcome.answer)
    if isinstance(follow_up, RestRequest):
        problem = await _send_follow_up(rest_client, requester, follow_up)
    else:
        problem = follow_up
    return outcome if problem is None else replace(outcome, problem=problem, may_be_done=True)


async def _send_follow_up(
    rest_client: RestClient, requester: Requester, request: RestRequest
) -> Problem | None:
    """Send a request that follows another; its problem does not say that both may be repeated."""
    try:
        problem = (await _send_request(rest_client, requester, request)).problem
    except TokenRejectedError:
        message = f"{request.problem_context} Waldur rejects the token by now."
        return Unavailable(message=message, retryable=False)
    return replace(problem, retryable=False) if isinstance(problem, Unavailable) else problem


async def _send_request(
    rest_client: RestClient, requester: Requester, request: RestRequest
) -> RestOutcome:
    outcome = await rest_client.send_request(requester, request)
    problem = outcome.problem
    if problem is None:
        return outcome
    note = request.refusal_note if isinstance(problem, InvalidInput) else ""
    sentences = (request.problem_context, problem.message, note)
    return replace(outcome, problem=replace(problem, message=" ".join(filter(None, sentences))))
