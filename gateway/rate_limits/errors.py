"""The error of a client that has used up a rate limit."""

from collections.abc import Mapping

from gateway.error_table import ErrorKind


class RateLimitedError(Exception):
    """A rate limit is used up; the message names it."""

    error_kind = ErrorKind.RATE_LIMITED

    def __init__(
        self, message: str, retry_seconds: int, policy: tuple[str, int] | None = None
    ) -> None:
        """Set the seconds after which the client may try again; `policy` is a name and a quota."""
        super().__init__(f"{message} Try again in {retry_seconds} seconds.")
        self.public_extensions = {"retryAfter": retry_seconds}
        """Members of the GraphQL error's `extensions`, in addition to its code."""
        self.headers = {"Retry-After": str(retry_seconds), **_format_policy(policy, retry_seconds)}
        """Headers of the HTTP response, in addition to those of the error table."""


def _format_policy(policy: tuple[str, int] | None, retry_seconds: int) -> Mapping[str, str]:
    """Return the headers of draft-ietf-httpapi-ratelimit-headers-10."""
    if policy is None:
        return {}
    name, quota = policy
    return {
        "RateLimit-Policy": f'"{name}";q={quota};w=60;qu="cost"',
        "RateLimit": f'"{name}";r=0;t={retry_seconds}',
    }
