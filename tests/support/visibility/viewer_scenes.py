"""Viewer scenes: a viewer, a marketplace, and the rows that the oracle shows there."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from tests.support.marketplaces import LOCAL_ADDRESS, Marketplace
from tests.support.visibility.oracle_expectation import VisibleRows

MAX_PAGE_SIZE = 300


class Viewpoint(NamedTuple):
    """A marketplace, a username (None: anonymous) and a client address (None: unknown)."""

    marketplace: str
    username: str | None
    address: str | None = LOCAL_ADDRESS

    def __str__(self) -> str:
        return "-".join(map(str, self))


DEMO_USERNAMES = (
    "staff",
    "support",
    "owner",
    "manager",
    "admin",
    "member",
    "provider",
    "service_manager",
    "reader",
    "dual",
    "expired",
    "revoked",
    "nobody",
    "resource_user",
    "bela.dahlgren",
    None,
)
_WALDUR_USERNAMES = (
    "staff",
    "owner_c",
    "project_member_c0",
    "provider_a_owner",
    "offering_manager_b",
    "dual_owner",
    "many_projects",
    "removed_project_member",
    None,
)
CONCEALED_OWNER = "freya.hollis"
"""The owner of the customer that restricts its resources to 10.0.0.0/8."""
ADDRESSES = (LOCAL_ADDRESS, "10.1.2.3", "::1", None)
VIEWPOINTS = (
    *(Viewpoint("demo", username) for username in DEMO_USERNAMES),
    *(Viewpoint("waldur", username) for username in _WALDUR_USERNAMES),
    *(Viewpoint("demo", CONCEALED_OWNER, address) for address in ADDRESSES),
)


@dataclass(frozen=True)
class ViewerScene:
    """A viewer in a marketplace, with the rows that the oracle shows."""

    viewpoint: Viewpoint
    marketplace: Marketplace
    visible_rows: VisibleRows

    async def fetch_data(self, query: str, **variables: Any) -> Any:
        """Execute a query as the viewer and return its data."""
        _, username, address = self.viewpoint
        return await self.marketplace.fetch_data(query, username, address=address, **variables)

    async def fetch_nodes(self, type_name: str, uuids: Sequence[str], selection: str) -> list[Any]:
        """Return the nodes of a type with these uuids; None for each hidden one."""
        query = (
            f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {type_name} {{ {selection} }} }} }}"
        )
        nodes: list[Any] = []
        for chunk in split_chunks(uuids, MAX_PAGE_SIZE):
            ids = [encode_global_id(type_name, each) for each in chunk]
            nodes += (await self.fetch_data(query, ids=ids))["nodes"]
        return nodes

    async def fetch_all_pages(self, field: str, arguments: str = "") -> list[str]:
        """Return the uuids of all pages of a list."""
        query = f"""query($after: String) {{
            list: {field}(first: {MAX_PAGE_SIZE}, after: $after {arguments}) {{
                totalCount nodes {{ uuid }} pageInfo {{ hasNextPage endCursor }}
            }}
        }}"""
        uuids: list[str] = []
        after, has_next_page = None, True
        while has_next_page:
            page = (await self.fetch_data(query, after=after))["list"]
            uuids += [each["uuid"] for each in page["nodes"]]
            after, has_next_page = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
            assert (
                len(uuids) < page["totalCount"]
                if has_next_page
                else len(uuids) == page["totalCount"]
            )
        return uuids


def encode_global_id(type_name: str, uuid: str) -> str:
    """Return the global id of a node, which clients treat as opaque."""
    return urlsafe_b64encode(f"{type_name}:{uuid}".encode()).decode()


def split_chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield lists of at most `size` items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
