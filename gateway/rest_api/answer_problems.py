"""Problems that answers of Waldur's REST API stand for.

| status | media type | problem | may be done |
|---|---|---|---|
| 2xx | JSON, or no body | none | |
| 2xx | another, or not decodable | Unavailable | yes |
| 3xx | | Unavailable: not Waldur | |
| 400 | JSON | InvalidInput | |
| 401 | JSON | the error UNAUTHENTICATED | |
| 403 | JSON | NotPermitted | |
| 404 | JSON | NotFound | |
| 404, 405 | HTML; any | Unavailable: the route is missing | |
| 409 | JSON | Conflict | |
| 429; 503 with Retry-After | | Unavailable, retryable | |
| 408, 5xx | | Unavailable, retryable if the request is repeatable | yes |
| other 4xx, or not JSON | | Unavailable | |
"""

from collections.abc import Callable
from http import HTTPStatus

from gateway.marketplace.problems import Conflict, NotFound, NotPermitted, Problem, Unavailable
from gateway.rest_api.errors import TokenRejectedError
from gateway.rest_api.refusal_text import build_refused_input, clean_text, read_refusal_text
from gateway.rest_api.rest_answer import RestAnswer
from gateway.rest_api.rest_form import JSON_MEDIA_TYPE
from gateway.rest_api.rest_outcome import RestOutcome
from gateway.rest_api.rest_request import RestRequest

_FIRST_ERROR_STATUS = 300
_FIRST_SERVER_ERROR_STATUS = 500
_FOREIGN_ANSWER = (
    "does not come from Waldur's REST API: GATEWAY_WALDUR_URL is wrong, or a proxy intervenes."
)
_MAX_RETRY_AFTER_DIGITS = 6


def judge_answer(request: RestRequest, answer: RestAnswer) -> RestOutcome:
    """Return what an answer means for its request; raises TokenRejectedError for a status 401."""
    if answer.status < _FIRST_ERROR_STATUS:
        return _judge_success(request, answer)
    is_missing_page = answer.status == HTTPStatus.NOT_FOUND and answer.media_type == "text/html"
    if is_missing_page or answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
        problem = build_missing_route(request)
        return RestOutcome(answer=answer, problem=problem, is_route_missing=True)
    if _refuses_for_now(answer):
        return RestOutcome(answer=answer, problem=_build_delay(answer))
    if answer.status >= _FIRST_SERVER_ERROR_STATUS or answer.status == HTTPStatus.REQUEST_TIMEOUT:
        return build_uncertain_outcome(request, f"Waldur answered {answer.status}.", answer)
    if answer.media_type != JSON_MEDIA_TYPE or answer.status not in _REFUSALS:
        return RestOutcome(answer=answer, problem=_build_odd_refusal(request, answer))
    return RestOutcome(answer=answer, problem=_REFUSALS[answer.status](request, answer))


def build_missing_route(request: RestRequest) -> Unavailable:
    """Return the problem of a route that this version of Waldur lacks."""
    since = f" it exists since {request.since}." if request.since else ""
    message = (
        f"This Waldur's REST API lacks `{request.route}`{';' if since else '.'}{since}"
        " If it should have it, GATEWAY_WALDUR_URL is wrong."
    )
    return Unavailable(message=message, retryable=False)


def build_uncertain_outcome(
    request: RestRequest, cause: str, answer: RestAnswer | None = None
) -> RestOutcome:
    """Return the outcome of a request that was sent, and may have been carried out."""
    advice = (
        "It is safe to send it again."
        if request.is_repeatable
        else "Look at the resource and its orders before you send it again, or send it with the"
        " same `idempotencyKey` if it had one."
    )
    message = f"{cause} The operation may have been carried out nevertheless. {advice}"
    problem = Unavailable(message=message, retryable=request.is_repeatable)
    return RestOutcome(answer=answer, problem=problem, may_be_done=True)


def _judge_success(request: RestRequest, answer: RestAnswer) -> RestOutcome:
    if answer.is_readable:
        return RestOutcome(answer=answer)
    return build_uncertain_outcome(
        request,
        f"An answer {answer.status} with `{answer.media_type or 'no media type'}` can't be read;"
        f" perhaps it {_FOREIGN_ANSWER}",
        answer,
    )


def _refuses_for_now(answer: RestAnswer) -> bool:
    is_down = answer.status == HTTPStatus.SERVICE_UNAVAILABLE and answer.retry_after != ""
    return is_down or answer.status == HTTPStatus.TOO_MANY_REQUESTS


def _build_delay(answer: RestAnswer) -> Unavailable:
    seconds = answer.retry_after.strip()
    is_number = seconds.isascii() and seconds.isdigit() and len(seconds) <= _MAX_RETRY_AFTER_DIGITS
    delay = f"in {seconds} seconds" if is_number else "later"
    cause = (
        "Waldur received too many requests"
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS
        else "Waldur is down for the moment"
    )
    return Unavailable(message=f"{cause}: try again {delay}.", retryable=True)


def _build_odd_refusal(request: RestRequest, answer: RestAnswer) -> Unavailable:
    text = read_refusal_text(answer.body)
    is_json = answer.media_type == JSON_MEDIA_TYPE and answer.status >= HTTPStatus.BAD_REQUEST
    if is_json or answer.status in _SIZE_STATUSES:
        message = f"Waldur answered {answer.status} to `{request.route}`. {text}".strip()
    else:
        message = f"The answer {answer.status} to `{request.route}` {_FOREIGN_ANSWER}"
    return Unavailable(message=message, retryable=False)


def _refuse_values(request: RestRequest, answer: RestAnswer) -> Problem:
    return build_refused_input(request, answer.body, "Waldur refuses the operation.")


def _reject_token(_request: RestRequest, answer: RestAnswer) -> Problem:
    raise TokenRejectedError(read_refusal_text(answer.body))


def _refuse_permission(_request: RestRequest, answer: RestAnswer) -> Problem:
    text = read_refusal_text(answer.body)
    return NotPermitted(message=text or "Waldur does not permit the operation.")


def _miss_object(_request: RestRequest, answer: RestAnswer) -> Problem:
    text = clean_text(read_refusal_text(answer.body))
    return NotFound(message=text or "The object does not exist, or the viewer can't see it.")


def _refuse_state(_request: RestRequest, answer: RestAnswer) -> Problem:
    text = read_refusal_text(answer.body)
    return Conflict(message=text or "The object's state does not allow the operation.")


_REFUSALS: dict[int, Callable[[RestRequest, RestAnswer], Problem]] = {
    400: _refuse_values,
    401: _reject_token,
    403: _refuse_permission,
    404: _miss_object,
    409: _refuse_state,
}
_SIZE_STATUSES = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
