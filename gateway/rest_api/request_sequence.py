"""The requests of one operation: that of its route, and what has to follow it."""

from dataclasses import replace

import httpx

from gateway.marketplace.problems import InvalidInput, Problem, Unavailable
from gateway.marketplace.requester import Requester
from gateway.marketplace.unit_of_work import UnitOfWork
from gateway.rest_api.answer_problems import find_answer_problem
from gateway.rest_api.rest_client import RestClient
from gateway.rest_api.rest_outcome import RestOutcome
from gateway.rest_api.rest_request import RestRequest

_NOT_SENT_ERRORS = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_FIRST_FAILURE_STATUS = 500


async def send_request_sequence(
    rest_client: RestClient, requester: Requester, unit_of_work: UnitOfWork, request: RestRequest
) -> RestOutcome:
    """Send a request and its follow-up; return what came of the first, or the problem of one.

    Raises ChangeRefusedError if the follow-up can't be built.
    """
    outcome = await _send_request(rest_client, requester, request)
    if outcome.answer is None or outcome.problem is not None or request.follow_up is None:
        return outcome
    next_request = await request.follow_up(unit_of_work, outcome.answer)
    if next_request is None:
        return outcome
    next_outcome = await _send_request(rest_client, requester, next_request)
    if next_outcome.problem is None:
        return outcome
    return RestOutcome(problem=_forbid_repetition(next_outcome.problem), may_be_done=True)


async def _send_request(
    rest_client: RestClient, requester: Requester, request: RestRequest
) -> RestOutcome:
    outcome = await _judge_answer(rest_client, requester, request)
    if outcome.problem is None:
        return outcome
    note = request.refusal_note if isinstance(outcome.problem, InvalidInput) else ""
    sentences = (request.problem_context, outcome.problem.message, note)
    message = " ".join(filter(None, sentences))
    return replace(outcome, problem=replace(outcome.problem, message=message))


async def _judge_answer(
    rest_client: RestClient, requester: Requester, request: RestRequest
) -> RestOutcome:
    try:
        answer = await rest_client.send_request(requester, request)
    except httpx.HTTPError as error:
        was_sent = not isinstance(error, _NOT_SENT_ERRORS)
        message = f"Waldur did not answer {request.route}."
        problem = Unavailable(message=message, retryable=not was_sent)
        return RestOutcome(problem=problem, may_be_done=was_sent)
    return RestOutcome(
        answer=answer,
        problem=find_answer_problem(request, answer),
        may_be_done=answer.status >= _FIRST_FAILURE_STATUS,
    )


def _forbid_repetition(problem: Problem) -> Problem:
    """Return the problem of a follow-up: the operation must not be repeated because of it."""
    return replace(problem, retryable=False) if isinstance(problem, Unavailable) else problem
