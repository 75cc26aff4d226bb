"""Impersonation: requests that a member of staff sends as another user (rules.md §2).

Waldur ignores the header in a request of anyone but staff, and of an unknown user: the request is
then carried out on behalf of its sender. Here it is refused instead, before anything is read.
"""

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway.auth.errors import ForbiddenSenderError
from gateway.db.access.credentials import Credentials, TokenKind
from gateway.db.access.viewer import Viewer
from gateway.db.access.viewer_loader import ViewerLoader

log = logging.getLogger(__name__)
LOG_INTERVAL_SECONDS, MAX_LOGGED_PAIRS = 600, 10_000
"""Seconds in which the same two users are logged once; maximum number of pairs remembered."""
_UUID_PATTERN = re.compile(
    r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE
)


def parse_impersonated_uuid(values: Sequence[str], *, is_enabled: bool) -> str | None:
    """Return the uuid in the header of impersonation, in 32 digits; None without the header.

    Raises ForbiddenSenderError if it is malformed or repeated, or impersonation disabled.
    """
    if not values:
        return None
    if not is_enabled:
        raise ForbiddenSenderError("Impersonation is switched off (GATEWAY_IMPERSONATION).")
    if len(values) > 1:
        raise ForbiddenSenderError("The request names more than one user to impersonate.")
    uuid = values[0].strip()
    if _UUID_PATTERN.fullmatch(uuid) is None:
        raise ForbiddenSenderError("The user to impersonate must be a single UUID.")
    return uuid.replace("-", "").lower()


def check_token_kind(credentials: Credentials) -> None:
    """Raise ForbiddenSenderError if the credentials have no token of a user's login."""
    if credentials.key is None or credentials.token_kind is not TokenKind.LOGIN:
        raise ForbiddenSenderError(
            "Impersonation needs `Authorization: Token <key>` of a member of staff."
        )


async def load_impersonated_viewer(viewer_loader: ViewerLoader, credentials: Credentials) -> Viewer:
    """Load the viewer whom the owner of a token, who is staff, impersonates.

    Raises ForbiddenSenderError if the user does not exist or has no token.
    """
    assert credentials.key is not None
    assert credentials.impersonated_uuid is not None
    impersonation = await viewer_loader.load_impersonation(
        credentials.key, credentials.impersonated_uuid
    )
    if impersonation is None:
        raise ForbiddenSenderError("The user to impersonate does not exist.")
    if not impersonation.has_token:
        raise ForbiddenSenderError("The user to impersonate has no token.")
    viewer = await viewer_loader.load_viewer(impersonation.holder, credentials.address)
    return replace(viewer, impersonator=impersonation.impersonator)


class ImpersonationLog:
    """Log of who acted as whom, and of refused attempts, at most once in an interval for a pair."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Log nothing again before LOG_INTERVAL_SECONDS of `clock` have passed."""
        self._clock = clock
        self._logged_at: OrderedDict[tuple[int | None, str | None], float] = OrderedDict()

    def record_use(self, viewer: Viewer, credentials: Credentials) -> None:
        """Log that a viewer is impersonated; do nothing for all others."""
        impersonator = viewer.impersonator
        if impersonator is not None and self._is_due(
            impersonator.user_id, credentials.impersonated_uuid
        ):
            log.info(
                "The staff user %s impersonates the user %s, from %s.",
                impersonator.uuid,
                credentials.impersonated_uuid,
                credentials.address,
            )

    def check_impersonator(self, token_owner: Viewer, credentials: Credentials) -> None:
        """Raise ForbiddenSenderError and log it if the token's owner is not staff."""
        if token_owner.acts_as_staff(None):
            return
        if self._is_due(token_owner.user_id, None):
            log.warning(
                "The user with the id %s is not staff and tried to impersonate %s, from %s.",
                token_owner.user_id,
                credentials.impersonated_uuid,
                credentials.address,
            )
        raise ForbiddenSenderError("Only staff may impersonate another user.")

    def _is_due(self, sender_id: int | None, uuid: str | None) -> bool:
        pair, now = (sender_id, uuid), self._clock()
        if self._logged_at.get(pair, float("-inf")) + LOG_INTERVAL_SECONDS > now:
            return False
        self._logged_at[pair] = now
        self._logged_at.move_to_end(pair)
        if len(self._logged_at) > MAX_LOGGED_PAIRS:
            self._logged_at.popitem(last=False)
        return True
