"""What lists are searched by, and what clients read of it."""

from gateway.db.sql import text_search
from gateway.schema.framework.connection_field import Search

RESOURCES = Search(
    text_search.RESOURCES,
    "A uuid, also of what its plugin made, or a part of the name, slug or address, or a backend's"
    " id.",
)
OFFERINGS = Search(text_search.OFFERINGS, "A uuid, or a part of the name, slug or description.")
PROJECTS = Search(
    text_search.PROJECTS,
    "A uuid, or a part of the name or slug, or a resource's name or backend's id.",
)
CUSTOMERS = Search(
    text_search.CUSTOMERS, "A uuid, or a part of the name, slug, native name or abbreviation."
)
