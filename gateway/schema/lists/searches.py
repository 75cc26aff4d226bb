"""Free-text searches of lists: the argument `query` of connections."""

from gateway.db.sql import text_search
from gateway.schema.framework.connection_field import SearchDefinition

RESOURCE_SEARCH = SearchDefinition(
    text_search.RESOURCE_SEARCH,
    "Search text: the UUID of a resource or of its backend object, a part of the name, slug or a"
    " network address, or the whole identifier in the backend; case-insensitive.",
)
OFFERING_SEARCH = SearchDefinition(
    text_search.OFFERING_SEARCH,
    "Search text: a UUID, or a part of the name, slug or description; case-insensitive.",
)
PROJECT_SEARCH = SearchDefinition(
    text_search.PROJECT_SEARCH,
    "Search text: a UUID, a part of the name or slug (case-insensitive), or the whole name or"
    " identifier in the backend of a visible resource in the project.",
)
CUSTOMER_SEARCH = SearchDefinition(
    text_search.CUSTOMER_SEARCH,
    "Search text: a UUID, or a part of the name, slug, native name or abbreviation;"
    " case-insensitive.",
)
