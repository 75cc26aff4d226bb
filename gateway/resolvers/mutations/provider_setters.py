"""The mutations by which providers and their agents set values of a resource."""

import strawberry

from gateway.marketplace.operations import provider_setters as operations
from gateway.resolvers.mutations.mutation_field import ResourceInput, declare_mutation
from gateway.resolvers.mutations.resource_updated import ResourceUpdated
from gateway.schema.framework.publish import choice_type, input_type
from gateway.schema.framework.scalars import JSON


@choice_type
class ResourceIdentifierChange:
    """An identifier of a resource with its new value, of at most 255 characters; may be empty."""

    backend_id: str | None = strawberry.UNSET
    """Identifier in the provider's backend: `Resource.backendId`.

    Unless it is empty, it must meet the offering's rules of format and uniqueness, also if it is
    the current one.
    """
    effective_id: str | None = strawberry.UNSET
    """Identifier in the system that provides the resource: `Resource.effectiveId`."""


@input_type
class SetResourceBackendIdInput(ResourceInput):
    """Input of `setResourceBackendId`."""

    identifier: ResourceIdentifierChange
    """The identifier to set, with its new value."""


@input_type
class SetResourceBackendMetadataInput(ResourceInput):
    """Input of `setResourceBackendMetadata`."""

    backend_metadata: JSON
    """The new metadata, which replaces all of `Resource.backendMetadata`; usually an object."""


@input_type
class EndpointInput:
    """An access endpoint."""

    name: str
    """Display name, 1 to 150 characters."""
    url: str
    """URL of at most 200 characters, with a host.

    The schemes are http, https, ssh, ldap, ldaps and rdp.
    """


@input_type
class SetResourceEndpointsInput(ResourceInput):
    """Input of `setResourceEndpoints`."""

    endpoints: list[EndpointInput]
    """The new endpoints, at most 100, which replace all current ones; an empty list removes them.

    Replaced endpoints have new uuids.
    """


@input_type
class SetResourceLimitsInput(ResourceInput):
    """Input of `setResourceLimits`."""

    limits: JSON
    """All limits, as an object from `Component.type` to number.

    They replace the current ones. The minimum, maximum and total that components define are not
    checked, and `Resource.cost` stays.
    """


@input_type
class ResourceOkInput:
    """How a resource becomes `OK`."""

    keep_errors: bool = False
    """Whether to set only the state.

    Otherwise `errorMessage` and `errorTraceback` are cleared, too. The traceback of an `ERRED`
    resource is always cleared.
    """


@input_type
class ResourceErrorInput:
    """The error of a resource."""

    message: str = ""
    """Error message; an empty one keeps `Resource.errorMessage`."""
    traceback: str = ""
    """Traceback; an empty one keeps `Resource.errorTraceback`."""


@choice_type
class ResourceStateChange:
    """The new state of a resource."""

    ok: ResourceOkInput | None = strawberry.UNSET
    """The resource works: it becomes `OK`.

    It must be `ERRED`, `CREATING`, `UPDATING` or `TERMINATING`; or `OK`, which changes nothing,
    unless `keepErrors` is true.
    """
    erred: ResourceErrorInput | None = strawberry.UNSET
    """The resource has failed: it becomes `ERRED`, from any state."""


@input_type
class SetResourceStateInput(ResourceInput):
    """Input of `setResourceState`."""

    state: ResourceStateChange
    """The new state."""


@input_type
class ReportSectionInput:
    """A section of a report."""

    header: str
    """Title of the section; not empty."""
    body: str
    """Text of the section; not empty."""


@input_type
class SubmitResourceReportInput(ResourceInput):
    """Input of `submitResourceReport`."""

    report: list[ReportSectionInput]
    """The sections of the new report, 1 to 100, which replace the current ones."""


@input_type
class RefreshResourceLastSyncInput(ResourceInput):
    """Input of `refreshResourceLastSync`."""


set_resource_backend_id_field = declare_mutation(
    SetResourceBackendIdInput, ResourceUpdated, operations.set_identifier
)
set_resource_backend_metadata_field = declare_mutation(
    SetResourceBackendMetadataInput, ResourceUpdated, operations.set_backend_metadata
)
set_resource_endpoints_field = declare_mutation(
    SetResourceEndpointsInput, ResourceUpdated, operations.set_endpoints
)
set_resource_limits_field = declare_mutation(
    SetResourceLimitsInput, ResourceUpdated, operations.set_limits
)
set_resource_state_field = declare_mutation(
    SetResourceStateInput, ResourceUpdated, operations.set_state
)
submit_resource_report_field = declare_mutation(
    SubmitResourceReportInput, ResourceUpdated, operations.submit_report
)
refresh_resource_last_sync_field = declare_mutation(
    RefreshResourceLastSyncInput, ResourceUpdated, operations.refresh_last_sync
)
