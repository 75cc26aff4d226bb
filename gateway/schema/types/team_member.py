"""Who works with resources."""

from enum import Enum

from gateway.db.sql.filters import equal, where
from gateway.db.sql.row_types import Row
from gateway.db.views import registry
from gateway.schema.framework.declarations import computed, one
from gateway.schema.framework.filtered_lists import Narrower
from gateway.schema.framework.filters import Filter
from gateway.schema.framework.publish import named, published
from gateway.schema.framework.scalars import DateTime
from gateway.schema.types.resource_values import same
from gateway.schema.types.user import User

member = registry.team_member.c


CONSENT = {
    "has_consent": Narrower(
        "hasConsent",
        bool,
        "Only people who have agreed to the terms of the offering, or only others.",
        Filter(where(equal, member.has_consent)),
    )
}
"""How a team is narrowed."""


@named
class OfferingUserState(Enum):
    """How far somebody's account in an offering is."""

    REQUESTED = 1
    """It was asked for."""
    CREATING = 2
    """It is being made."""
    PENDING_ACCOUNT_LINKING = 3
    """It waits for the person to link another account."""
    PENDING_ADDITIONAL_VALIDATION = 4
    """It waits for the provider to look at it."""
    OK = 5
    """It can be used."""
    REQUESTED_DELETION = 6
    """Its end was asked for."""
    DELETING = 7
    """It is being removed."""
    DELETED = 8
    """It is gone."""
    ERROR_CREATING = 9
    """It could not be made."""
    ERROR_DELETING = 10
    """It could not be removed."""


def account_state(state: int | None) -> OfferingUserState | None:
    """Give the state of an account; null without one, or for a state that is not known."""
    known = {each.value for each in OfferingUserState}
    return OfferingUserState(state) if state in known else None


@published
class TeamMember(Row, tables=(registry.team_member,)):
    """Somebody with a role in the project of a resource."""

    user: User = one(member.user_id, "id uuid username full_name email")
    """Who it is."""
    role: str
    """The role, such as PROJECT.MANAGER."""
    expiration_time: DateTime | None
    """When the role ends; null if it does not."""
    offering_user_username: str | None = computed(same, member.username)
    """What they are called in the resource's offering; null without an account there."""
    offering_user_state: OfferingUserState | None = computed(account_state, member.state)
    """How far that account is; null without one, and in older marketplaces."""
