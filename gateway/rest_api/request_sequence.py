"""The requests of one operation: that of its route, and what has to follow it."""

from dataclasses import replace

from gateway.marketplace.problems import InvalidInput, Problem, Unavailable
from gateway.marketplace.requester import Requester
from gateway.marketplace.unit_of_work import UnitOfWork
from gateway.rest_api.answer_problems import find_answer_problem
from gateway.rest_api.rest_answer import RestAnswer
from gateway.rest_api.rest_client import RestClient
from gateway.rest_api.rest_request import RestRequest


async def send_request_sequence(
    rest_client: RestClient, requester: Requester, unit_of_work: UnitOfWork, request: RestRequest
) -> RestAnswer | Problem:
    """Send a request and its follow-up; return the answer to the first, or the problem of one.

    Raises ChangeRefusedError if the follow-up can't be built.
    """
    answer = await _send_request(rest_client, requester, request)
    if isinstance(answer, Problem) or request.follow_up is None:
        return answer
    next_request = await request.follow_up(unit_of_work, answer)
    if next_request is None:
        return answer
    next_answer = await _send_request(rest_client, requester, next_request)
    return _forbid_repetition(next_answer) if isinstance(next_answer, Problem) else answer


async def _send_request(
    rest_client: RestClient, requester: Requester, request: RestRequest
) -> RestAnswer | Problem:
    answer = await rest_client.send_request(requester, request)
    problem = find_answer_problem(request, answer)
    if problem is None:
        return answer
    note = request.refusal_note if isinstance(problem, InvalidInput) else ""
    sentences = (request.problem_context, problem.message, note)
    return replace(problem, message=" ".join(filter(None, sentences)))


def _forbid_repetition(problem: Problem) -> Problem:
    """Return the problem of a follow-up: the operation must not be repeated because of it."""
    return replace(problem, retryable=False) if isinstance(problem, Unavailable) else problem
