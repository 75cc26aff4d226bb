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

    Only allow-listed columns are published; credentials are not. If this API does not know the
    plugin, all fields but `type` are null.
    """

    id: strawberry.ID | None = computed(build_backend_id, backend.type, backend.uuid)
    """Global id of the object, unique among backend objects.

    It can't be used in `node`. Null if this API does not know the plugin.
    """
    uuid: UUID | None
    """UUID of the object; null if this API does not know the plugin."""
    type: str
    """Type of the object, such as `OpenStack.Tenant`.

    It is `Marketplace.Resource` if this API does not know the plugin.
    """
    service_settings_uuid: UUID | None
    """UUID of the service settings that the object belongs to.

    The settings themselves are not published. Null if the object has none, or if this API does not
    know the plugin.
    """
    details: JSON | None
    """The object's published columns, an object with the snake_case keys of the REST API.

    All types have `uuid`, `name`, `description`, `state`, `backend_id`, `runtime_state`, `created`,
    `modified` and `error_message`, as far as the plugin stores them. Null if this API does not know
    the plugin.
    """
