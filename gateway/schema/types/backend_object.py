"""What plugins have behind resources."""

import strawberry

from gateway.db.sql.row_types import Row
from gateway.db.views import registry
from gateway.schema.framework.declarations import computed
from gateway.schema.framework.node import encode_global_id
from gateway.schema.framework.publish import object_type
from gateway.schema.framework.scalars import JSON, UUID

backend = registry.backend_object.c


def build_backend_id(backend_type: str, uuid: str | None) -> str | None:
    """Give the id of an object behind a resource; null if nothing is known of it."""
    return None if uuid is None else encode_global_id(backend_type, uuid)


@object_type
class BackendObject(Row, tables=(registry.backend_object,)):
    """What a plugin has behind a resource, such as a tenant of a cloud; never a secret of it."""

    id: strawberry.ID | None = computed(build_backend_id, backend.type, backend.uuid)
    """Identifies it among all objects behind resources; null for what no known plugin made."""
    uuid: UUID | None
    """Identifies it for good; null for what no known plugin made."""
    type: str
    """What it is, such as OpenStack.Tenant; Marketplace.Resource if no known plugin made it."""
    service_settings_uuid: UUID | None
    """Identifies the backend's settings, which are not shown."""
    details: JSON | None
    """What REST shows of it, under REST's names; null for what no known plugin made."""
