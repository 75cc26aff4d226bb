"""What lists are searched by, and what clients read of it."""

from gateway.db import search
from gateway.schema.pages import Search

RESOURCES = Search(
    search.RESOURCES,
    "A uuid, also of what its plugin made, or a part of the name, slug or address, or a backend's"
    " id.",
)
OFFERINGS = Search(search.OFFERINGS, "A uuid, or a part of the name, slug or description.")
PROJECTS = Search(
    search.PROJECTS, "A uuid, or a part of the name or slug, or a resource's name or backend's id."
)
CUSTOMERS = Search(
    search.CUSTOMERS, "A uuid, or a part of the name, slug, native name or abbreviation."
)
