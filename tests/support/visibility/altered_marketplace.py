"""A marketplace whose tables a test changes and that is restored afterwards."""

from collections.abc import Iterable
from copy import copy
from functools import cache

import psycopg

from gateway.db.access.viewer_loader import ViewerLoader
from gateway.db.installation.installation import inspect_installation
from tests.support.marketplaces import LOCAL_ADDRESS, Marketplace
from tests.support.visibility import oracle_comparison
from tests.support.visibility.oracle_expectation import YEARS, OracleExpectation, Year
from tests.support.visibility.schema_paths import RelationKind, relations_of_kind
from tests.support.visibility.viewer_scenes import ViewerScene, Viewpoint

CATALOGUE_TYPES = ("Category", "Component", "Offering", "Partition", "Plan")
CATALOGUE_LISTS = [
    each for each in relations_of_kind(RelationKind.PARTS) if each.owner in CATALOGUE_TYPES
]
CatalogueViews = dict[tuple[Year, str | None], dict[str, frozenset[str]]]
"""The visible uuids of the catalogue by type, for each year's rules and each username."""


def load_catalogue_views(
    expectations: Iterable[OracleExpectation], viewers: Iterable[str | None]
) -> CatalogueViews:
    """Return what viewers see of the catalogue by the oracle."""
    rows_by_view = {
        (expectation.year, username): expectation.visible_rows_for(username, LOCAL_ADDRESS)
        for expectation in expectations
        for username in viewers
    }
    return {
        view: {name: visible_rows.visible_uuids(name) for name in CATALOGUE_TYPES}
        for view, visible_rows in rows_by_view.items()
    }


CHANGED_TABLES = (
    "constance_config",
    "marketplace_offering",
    "marketplace_plan",
    "marketplace_resourceproject",
    "permissions_userrole",
)
"""The tables that tests change, which are saved and restored."""


def save_tables(connection: psycopg.Connection) -> None:
    """Copy the rows of the changed tables."""
    connection.execute("create schema saved")
    for table in CHANGED_TABLES:
        connection.execute(f"create table saved.{table} as table {table}".encode())


def restore_tables(connection: psycopg.Connection) -> None:
    """Restore the rows of the changed tables."""
    with connection.transaction():
        for table in CHANGED_TABLES:
            connection.execute(f"delete from {table}".encode())
            connection.execute(f"insert into {table} table saved.{table}".encode())


def apply_version_rules(marketplace: Marketplace, expectation: OracleExpectation) -> Marketplace:
    """Return a copy of the marketplace with the version rules of the expectation's year."""
    copied = copy(marketplace)
    copied.installation = inspect_installation(expectation.connection, expectation.year)
    copied.viewer_loader = ViewerLoader(copied.installation, copied.database)
    return copied


class AlteredMarketplace:
    """A changed marketplace, with scenes under the version rules of each year."""

    def __init__(self, marketplace: Marketplace, connection: psycopg.Connection) -> None:
        self._marketplace, self._connection = marketplace, connection
        self._cached_expectation = cache(self._create_expectation)

    def apply_changes(self, *changes: str) -> None:
        """Execute statements, each of which must change at least one row."""
        self._cached_expectation.cache_clear()
        for change in changes:
            cursor = self._connection.execute(change.encode())
            assert cursor.rowcount, f"The statement changed no row: {change}"

    def load_catalogue_views(self, viewers: Iterable[str | None]) -> CatalogueViews:
        """Return what viewers see of the catalogue by the oracle, under each year's rules."""
        return load_catalogue_views(map(self._cached_expectation, YEARS), viewers)

    async def assert_catalogue_matches(
        self, year: Year, viewers: Iterable[str | None], types: Iterable[str] = CATALOGUE_TYPES
    ) -> None:
        """Compare the catalogue that viewers are shown with the oracle."""
        for username in viewers:
            scene = self.create_scene(year, username)
            await oracle_comparison.compare_root_lists(scene, types)
            await oracle_comparison.compare_global_ids(scene, types)
            await oracle_comparison.compare_parts(scene, CATALOGUE_LISTS)

    def create_scene(
        self, year: Year, username: str | None, address: str | None = LOCAL_ADDRESS
    ) -> ViewerScene:
        """Return a viewer's scene of the marketplace as it is now."""
        expectation = self._cached_expectation(year)
        visible_rows = expectation.visible_rows_for(username, address)
        return ViewerScene(
            Viewpoint("altered", username, address),
            apply_version_rules(self._marketplace, expectation),
            visible_rows,
        )

    def _create_expectation(self, year: Year) -> OracleExpectation:
        return OracleExpectation(self._connection, year)
