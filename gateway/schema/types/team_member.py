"""Who works with resources."""

from enum import Enum

from gateway.db.sql.filters import equals_value, filter_column
from gateway.db.sql.row_types import Row
from gateway.db.views import registry
from gateway.schema.framework.declarations import computed, one
from gateway.schema.framework.filtered_lists import FilterArgument
from gateway.schema.framework.filters import FilterCondition
from gateway.schema.framework.publish import enum, object_type
from gateway.schema.framework.scalars import DateTime
from gateway.schema.types.resource_values import pass_through
from gateway.schema.types.user import User

member = registry.team_member.c


CONSENT_ARGUMENTS = {
    "has_consent": FilterArgument(
        "hasConsent",
        bool,
        "Only people who have agreed to the terms of the offering, or only others.",
        FilterCondition(filter_column(equals_value, member.has_consent)),
    )
}
"""How a team is narrowed."""


@enum
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


def parse_account_state(state: int | None) -> OfferingUserState | None:
    """Give the state of an account; null without one, or for a state that is not known."""
    known_values = {each.value for each in OfferingUserState}
    return OfferingUserState(state) if state in known_values else None


@object_type
class TeamMember(Row, tables=(registry.team_member,)):
    """Somebody with a role in the project of a resource."""

    user: User = one(member.user_id, "id uuid username full_name email")
    """Who it is."""
    role: str
    """The role, such as PROJECT.MANAGER."""
    expiration_time: DateTime | None
    """When the role ends; null if it does not."""
    offering_user_username: str | None = computed(pass_through, member.username)
    """What they are called in the resource's offering; null without an account there."""
    offering_user_state: OfferingUserState | None = computed(parse_account_state, member.state)
    """How far that account is; null without one, and in older marketplaces."""
