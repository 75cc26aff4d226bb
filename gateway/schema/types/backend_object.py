"""Backend objects: what a plugin manages for a resource."""

import strawberry

from gateway.db.sql.row_types import Row
from gateway.db.views import registry
from gateway.schema.framework.declarations import computed
from gateway.schema.framework.node import encode_global_id
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import JSON, UUID

backend = registry.backend_object.c


def build_backend_id(backend_type: str, uuid: str | None) -> str | None:
    """Return the global id of a backend object, or None if its plugin is unknown."""
    return None if uuid is None else encode_global_id(backend_type, uuid)


@object_type
class BackendObject(Row, tables=(registry.backend_object,)):
    """The plugin's object behind a resource, such as an OpenStack tenant.

    Only allow-listed columns are published; credentials are not. Objects of a plugin that the
    gateway does not know have only the type `Marketplace.Resource`.
    """

    id: strawberry.ID | None = computed(build_backend_id, backend.type, backend.uuid)
    """Global id of the object, unique among backend objects; null if its plugin is unknown."""
    uuid: UUID | None
    """UUID of the object; null if its plugin is unknown."""
    type: str
    """Type of the object, such as `OpenStack.Tenant`.

    `Marketplace.Resource` if its plugin is unknown.
    """
    service_settings_uuid: UUID | None
    """UUID of the service settings that the object belongs to.

    Null if it has none or its plugin is unknown. The settings themselves are not published.
    """
    details: JSON | None
    """The object's published columns, under the names of the REST API.

    All types have `uuid`, `name`, `description`, `state`, `backend_id`, `runtime_state`, `created`,
    `modified` and `error_message`, as far as the plugin stores them. Null if the plugin is unknown.
    """
