"""Somebody who looks at a marketplace, and what they see there by the oracle."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from tests.support.marketplaces import LOCAL, Marketplace
from tests.support.visibility.oracle_truth import Seen

MOST = 300


class Look(NamedTuple):
    """Who looks at which marketplace, from which address."""

    marketplace: str
    username: str | None
    address: str | None = LOCAL

    def __str__(self) -> str:
        return "-".join(map(str, self))


_DEMO = (
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
_WALDUR = (
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
CONCEALED = "freya.hollis"
"""Owns the organisation that shows its resources to 10.0.0.0/8 only."""
ADDRESSES = (LOCAL, "10.1.2.3", "::1", None)
SCENES = (
    *(Look("demo", username) for username in _DEMO),
    *(Look("waldur", username) for username in _WALDUR),
    *(Look("demo", CONCEALED, address) for address in ADDRESSES),
)


@dataclass(frozen=True)
class Scene:
    """A look at a marketplace."""

    look: Look
    marketplace: Marketplace
    seen: Seen

    async def data(self, query: str, **variables: Any) -> Any:
        """Give the data of the answer to the one who looks."""
        _, username, address = self.look
        return await self.marketplace.data(query, username, address=address, **variables)

    async def nodes(self, name: str, uuids: Sequence[str], selection: str) -> list[Any]:
        """Give the nodes of a type with those uuids, null for each that is not seen."""
        query = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {name} {{ {selection} }} }} }}"
        found: list[Any] = []
        for chunk in chunks(uuids, MOST):
            ids = [global_id(name, each) for each in chunk]
            found += (await self.data(query, ids=ids))["nodes"]
        return found

    async def pages(self, field: str, arguments: str = "") -> list[str]:
        """Give the uuids of a whole list, page by page."""
        query = f"""query($after: String) {{
            list: {field}(first: {MOST}, after: $after {arguments}) {{
                totalCount nodes {{ uuid }} pageInfo {{ hasNextPage endCursor }}
            }}
        }}"""
        found: list[str] = []
        after, more = None, True
        while more:
            page = (await self.data(query, after=after))["list"]
            found += [each["uuid"] for each in page["nodes"]]
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
            assert len(found) < page["totalCount"] if more else len(found) == page["totalCount"]
        return found


def global_id(name: str, uuid: str) -> str:
    """Give the id of a node, as Relay's server specification has clients not know it."""
    return urlsafe_b64encode(f"{name}:{uuid}".encode()).decode()


def chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Give the items, so many at a time."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
