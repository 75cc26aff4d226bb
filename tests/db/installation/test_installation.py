"""What a marketplace of another version lacks reads as null or empty, and costs nothing."""

import psycopg
import pytest

from gateway.db.installation.installation import NoMarketplaceError, found
from gateway.demo.marketplace.fill import make
from tests.support.marketplaces import Marketplace
from tests.support.schema_documents import contract

PAGE = "{ resources(first: 300) { nodes { %s } } }"
LACKING = {"unit_factor", "last_sync", "is_prepaid", "helpdesk_url", "grace_period_days"}


async def test_every_promised_path_can_be_read_from_an_older_marketplace(
    waldur: Marketplace,
) -> None:
    answer = await waldur.data(PAGE % contract())
    first = answer["resources"]["nodes"][0]
    assert first["lastSync"] is None
    assert first["endDateUpdatedAt"] is None
    assert first["offering"]["helpdeskUrl"] is None
    assert first["offering"]["partitions"] == []
    assert first["offering"]["provider"]["description"] is None


async def test_no_statement_names_what_an_older_marketplace_lacks(waldur: Marketplace) -> None:
    await waldur.data(PAGE % contract())
    asked = "\n".join(waldur.database.asked)
    assert len(waldur.database.asked) > 5
    assert "marketplace_offeringpartition" not in asked
    for name in LACKING:
        assert f".{name}" not in asked


async def test_no_statement_reads_a_secret(demo: Marketplace) -> None:
    await demo.data(PAGE % contract())
    asked = "\n".join(demo.database.asked)
    for name in ("secret_options", "password", "api_secret_code", "civil_number", "token"):
        assert name not in asked


def test_the_years_are_told_apart(demo: Marketplace, waldur: Marketplace) -> None:
    assert (demo.installation.rules.year, demo.installation.own) == (2026, True)
    assert (waldur.installation.rules.year, waldur.installation.own) == (2024, False)


def test_what_is_lacking_is_named(demo: Marketplace, waldur: Marketplace) -> None:
    assert demo.installation.missing() == []
    missing = waldur.installation.missing()
    assert "marketplace_resource.last_sync" in missing
    assert "marketplace_offeringpartition" in missing


def test_the_rules_can_be_stated(waldur2024_url: str) -> None:
    with psycopg.connect(waldur2024_url) as connection:
        assert found(connection, 2026).rules.year == 2026


def test_a_database_without_a_marketplace_is_refused(empty_database: str) -> None:
    with (
        psycopg.connect(empty_database) as connection,
        pytest.raises(NoMarketplaceError, match="core_user"),
    ):
        found(connection)


def test_an_unknown_content_type_is_one_that_no_row_has(demo: Marketplace) -> None:
    assert demo.installation.content_type("no", "such") == -1


def test_a_table_that_may_not_be_read_is_named(empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        make(connection, resources=3, seed=1)
        connection.execute("create role reader_of_some login")
        connection.execute("grant select on all tables in schema public to reader_of_some")
        connection.execute("set role reader_of_some")
        installation = found(connection)
        assert (installation.own, installation.writable) == (True, False)
        connection.execute("reset role")
        connection.execute("revoke select on marketplace_plan from reader_of_some")
        connection.execute("set role reader_of_some")
        with pytest.raises(NoMarketplaceError, match="may not read marketplace_plan"):
            found(connection)
        connection.rollback()
