"""A marketplace that a test changes as it likes."""

from collections.abc import Iterable
from copy import copy
from functools import cache

import psycopg

from gateway.db.access.viewer_loader import ViewerReader
from gateway.db.installation.installation import found
from tests.support.marketplaces import LOCAL, Marketplace
from tests.support.visibility import oracle_comparison
from tests.support.visibility.oracle_truth import YEARS, Truth, Year
from tests.support.visibility.schema_paths import Way, all_relations
from tests.support.visibility.viewer_scenes import Look, Scene

CATALOGUE = ("Category", "Component", "Offering", "Partition", "Plan")
PARTS = [each for each in all_relations(Way.PARTS) if each.owner in CATALOGUE]
Sights = dict[tuple[Year, str | None], dict[str, frozenset[str]]]
"""The uuids of the catalogue that each viewer sees under each year's rules, by type."""


def sights(truths: Iterable[Truth], viewers: Iterable[str | None]) -> Sights:
    """Give what people see of the catalogue by the oracle."""
    seen = {(truth.year, who): truth.seen_by(who, LOCAL) for truth in truths for who in viewers}
    return {look: {name: each.of(name) for name in CATALOGUE} for look, each in seen.items()}


CHANGED = (
    "constance_config",
    "marketplace_offering",
    "marketplace_plan",
    "marketplace_resourceproject",
    "permissions_userrole",
)
"""The tables that tests change."""


def keep(connection: psycopg.Connection) -> None:
    """Keep the rows as they are."""
    connection.execute("create schema kept")
    for each in CHANGED:
        connection.execute(f"create table kept.{each} as table {each}".encode())


def undo(connection: psycopg.Connection) -> None:
    """Make the rows again what they were."""
    with connection.transaction():
        for each in CHANGED:
            connection.execute(f"delete from {each}".encode())
            connection.execute(f"insert into {each} table kept.{each}".encode())


def ruled(marketplace: Marketplace, truth: Truth) -> Marketplace:
    """Give the marketplace under the rules of the truth's year, as GATEWAY_RULES states them."""
    other = copy(marketplace)
    other.installation = found(truth.connection, truth.year)
    other.reader = ViewerReader(other.installation, other.database)
    return other


class Altered:
    """A marketplace that is changed, looked at under the rules of one year or another."""

    def __init__(self, marketplace: Marketplace, connection: psycopg.Connection) -> None:
        self._marketplace, self._connection = marketplace, connection
        self._truth = cache(self._as_it_is)

    def run(self, *changes: str) -> None:
        """Change some rows."""
        self._truth.cache_clear()
        for each in changes:
            changed = self._connection.execute(each.encode())
            assert changed.rowcount, f"There is no row for this to change: {each}"

    def sights(self, viewers: Iterable[str | None]) -> Sights:
        """Give what people see of the catalogue by the oracle, under the rules of each year."""
        return sights(map(self._truth, YEARS), viewers)

    async def agree(
        self, year: Year, viewers: Iterable[str | None], names: Iterable[str] = CATALOGUE
    ) -> None:
        """See to it that people are shown of the catalogue what they see by the oracle."""
        for each in viewers:
            scene = self.scene(year, each)
            await oracle_comparison.root_lists(scene, names)
            await oracle_comparison.global_ids(scene, names)
            await oracle_comparison.parts(scene, PARTS)

    def scene(self, year: Year, username: str | None, address: str | None = LOCAL) -> Scene:
        """Give somebody's look at the marketplace as it is now."""
        truth = self._truth(year)
        seen = truth.seen_by(username, address)
        return Scene(Look("altered", username, address), ruled(self._marketplace, truth), seen)

    def _as_it_is(self, year: Year) -> Truth:
        return Truth(self._connection, year)
