"""What lists are searched by, and what clients read of it."""

from gateway.db.sql import text_search
from gateway.schema.framework.connection_field import SearchDefinition

RESOURCE_SEARCH = SearchDefinition(
    text_search.RESOURCE_SEARCH,
    "A uuid, also of what its plugin made, or a part of the name, slug or address, or a backend's"
    " id.",
)
OFFERING_SEARCH = SearchDefinition(
    text_search.OFFERING_SEARCH, "A uuid, or a part of the name, slug or description."
)
PROJECT_SEARCH = SearchDefinition(
    text_search.PROJECT_SEARCH,
    "A uuid, or a part of the name or slug, or a resource's name or backend's id.",
)
CUSTOMER_SEARCH = SearchDefinition(
    text_search.CUSTOMER_SEARCH, "A uuid, or a part of the name, slug, native name or abbreviation."
)
