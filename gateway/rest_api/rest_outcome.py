"""What comes of a request to Waldur's REST API."""

from dataclasses import dataclass

from gateway.marketplace.problems import Problem
from gateway.rest_api.rest_answer import RestAnswer


@dataclass(frozen=True, kw_only=True)
class RestOutcome:
    """What came of a request: the answer that accepts it, or a problem."""

    answer: RestAnswer | None = None
    """The answer; None if there was none that could be read."""
    problem: Problem | None = None
    """Why the request was refused or failed; None if it was accepted."""
    may_be_done: bool = False
    """Whether Waldur may have carried the request out although there is a problem."""
    is_route_missing: bool = False
    """Whether this version of Waldur lacks the route."""
