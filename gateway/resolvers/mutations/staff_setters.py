"""The mutations `setResourceSlug` and `setResourceFlags`, which only staff may use."""

import strawberry

from gateway.marketplace.operations.staff_setters import set_flag, set_slug
from gateway.resolvers.mutations.mutation_field import ResourceInput, declare_mutation
from gateway.resolvers.mutations.resource_updated import ResourceUpdated
from gateway.schema.framework.publish import choice_type, input_type


@input_type
class SetResourceSlugInput(ResourceInput):
    """Input of `setResourceSlug`."""

    slug: str
    """The new slug: 1 to 50 letters from a to z, digits, hyphens and underscores.

    It need not be unique.
    """


@choice_type
class ResourceFlagChange:
    """A flag of a resource with its new value."""

    paused: bool | None = strawberry.UNSET
    """Whether the resource is to be paused: `Resource.paused`."""
    downscaled: bool | None = strawberry.UNSET
    """Whether the resource is to be reduced in capacity: `Resource.downscaled`."""
    restrict_member_access: bool | None = strawberry.UNSET
    """Whether access by project members is to be blocked: `Resource.restrictMemberAccess`."""


@input_type
class SetResourceFlagsInput(ResourceInput):
    """Input of `setResourceFlags`."""

    flag: ResourceFlagChange
    """The flag to set, with its new value."""


set_resource_slug_field = declare_mutation(SetResourceSlugInput, ResourceUpdated, set_slug)
set_resource_flags_field = declare_mutation(SetResourceFlagsInput, ResourceUpdated, set_flag)
