"""Team members: users with a role in the project of a resource."""

from gateway.db.sql.filters import equals_value, filter_column
from gateway.db.sql.row_types import Row
from gateway.db.views import registry
from gateway.schema.enums import OfferingUserState
from gateway.schema.framework.declarations import computed, one
from gateway.schema.framework.filtered_lists import FilterArgument
from gateway.schema.framework.filters import FilterCondition
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import DateTime
from gateway.schema.types.user import User

member = registry.team_member.c
CONSENT_ARGUMENTS = {
    "has_consent": FilterArgument(
        "hasConsent",
        bool,
        "Whether the users have an active consent to the offering's terms of service; null for all"
        " users.",
        FilterCondition(filter_column(equals_value, member.has_consent)),
    )
}
"""Argument that restricts a team by consent to the terms of service."""


def parse_account_state(state: int | None) -> OfferingUserState | None:
    """Return the state of an account; None without an account or for an unknown state."""
    return _ACCOUNT_STATES.get(state or 0)


_ACCOUNT_STATES: dict[int, OfferingUserState] = {each.value: each for each in OfferingUserState}


@object_type
class TeamMember(Row, tables=(registry.team_member,)):
    """A user's role in the project of a resource."""

    user: User | None = one(member.user_id, "id uuid username full_name email")
    """The user; null only if the account was deleted meanwhile."""
    role: str
    """Name of the role, such as `PROJECT.MANAGER`."""
    expiration_time: DateTime | None
    """Time at which the role expires; null if it does not expire."""
    offering_user_username: str | None
    """The user's username in the resource's offering; may be empty.

    Null without an account (offering user).
    """
    offering_user_state: OfferingUserState | None = computed(parse_account_state, member.state)
    """State of the user's account in the resource's offering.

    Null without an account, in older versions of Waldur, and if this version of the API does not
    know the value.
    """
