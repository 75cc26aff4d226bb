"""The circuit breaker opens after failures in a row, and closes after a success."""

import logging

import pytest

from gateway.rest_api.circuit_breaker import FAILURE_THRESHOLD, RETRY_SECONDS, CircuitBreaker

USER, OTHER_USER = 1, 2


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def make_open_breaker(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker("Waldur", clock)
    for _ in range(FAILURE_THRESHOLD):
        assert breaker.request_attempt(USER) is None
        breaker.note_failure("refused", None)
    return breaker


def test_open_breaker_refuses_until_the_interval_has_passed() -> None:
    clock = Clock()
    breaker = make_open_breaker(clock)
    assert breaker.request_attempt(USER) == RETRY_SECONDS
    clock.now += RETRY_SECONDS - 0.5
    assert breaker.request_attempt(USER) == 1


def test_open_breaker_lets_one_request_through_in_each_interval() -> None:
    clock = Clock()
    breaker = make_open_breaker(clock)
    for _ in range(3):
        clock.now += RETRY_SECONDS
        attempts = [breaker.request_attempt(USER) for _ in range(4)]
        assert attempts == [None, *[RETRY_SECONDS] * 3]


def test_failures_in_between_successes_do_not_open_it() -> None:
    breaker = CircuitBreaker("Waldur", Clock())
    for _ in range(FAILURE_THRESHOLD):
        breaker.note_failure("refused", None)
        breaker.note_success()
    assert not breaker.is_open


def test_success_closes_it_and_both_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    with caplog.at_level(logging.WARNING):
        breaker = make_open_breaker(clock)
        breaker.note_failure("refused", None)
        clock.now += RETRY_SECONDS
        assert breaker.request_attempt(USER) is None
        breaker.note_success()
    assert breaker.request_attempt(USER) is None
    opened, closed = [record.getMessage() for record in caplog.records]
    assert opened.startswith(f"Waldur has failed {FAILURE_THRESHOLD} times in a row (refused)")
    assert closed == "Waldur answers again."


def test_failures_of_one_user_refuse_only_the_requests_of_this_user() -> None:
    breaker = CircuitBreaker("Waldur", Clock())
    for _ in range(FAILURE_THRESHOLD):
        assert breaker.request_attempt(USER) is None
        breaker.note_failure("time-out", USER)
    assert breaker.request_attempt(USER) == RETRY_SECONDS
    assert breaker.request_attempt(OTHER_USER) is None
    breaker.note_failure("time-out", OTHER_USER)
    assert breaker.request_attempt(OTHER_USER + 1) == RETRY_SECONDS
    breaker.note_success()
    assert breaker.request_attempt(USER) is None
