"""Inspection of installations; missing columns are null, missing tables empty lists."""

import psycopg
import pytest

from gateway.db.installation.installation import NoMarketplaceError, inspect_installation
from gateway.db.installation.version_rules import RULES_2026, RULES_NEWEST
from gateway.demo.marketplace.fill import create_marketplace
from tests.conftest import DatabaseFactory
from tests.support.marketplaces import Marketplace
from tests.support.schema_documents import select_mapped_fields

PAGE = "{ resources(first: 300) { nodes { %s } } }"
MISSING_COLUMNS = {"unit_factor", "last_sync", "is_prepaid", "helpdesk_url", "grace_period_days"}


async def test_all_mapped_fields_can_be_read_from_an_older_marketplace(
    waldur: Marketplace,
) -> None:
    data = await waldur.fetch_data(PAGE % select_mapped_fields())
    first_resource = data["resources"]["nodes"][0]
    assert first_resource["lastSync"] is None
    assert first_resource["endDateUpdatedAt"] is None
    assert first_resource["offering"]["helpdeskUrl"] is None
    assert first_resource["offering"]["partitions"] == []
    assert first_resource["offering"]["provider"]["description"] is None


async def test_no_statement_names_a_missing_column(waldur: Marketplace) -> None:
    await waldur.fetch_data(PAGE % select_mapped_fields())
    sql = "\n".join(waldur.database.recorded_sql)
    assert len(waldur.database.recorded_sql) > 5
    assert "marketplace_offeringpartition" not in sql
    for name in MISSING_COLUMNS:
        assert f".{name}" not in sql


async def test_no_statement_reads_a_secret(demo: Marketplace) -> None:
    await demo.fetch_data(PAGE % select_mapped_fields())
    sql = "\n".join(demo.database.recorded_sql)
    for name in ("secret_options", "password", "api_secret_code", "civil_number", "token"):
        assert name not in sql


def test_the_version_is_detected(demo: Marketplace, waldur: Marketplace) -> None:
    assert (demo.installation.version_rules.year, demo.installation.is_own) == (2026, True)
    assert (waldur.installation.version_rules.year, waldur.installation.is_own) == (2024, False)


def test_the_newest_version_is_detected(new_database: DatabaseFactory) -> None:
    with psycopg.connect(new_database()) as connection:
        create_marketplace(connection, resource_count=5, seed=1)
        assert inspect_installation(connection).version_rules is RULES_2026
        connection.execute(
            "alter table marketplace_offeringcomponent add limit_decimal_places smallint"
        )
        assert inspect_installation(connection).version_rules is RULES_NEWEST
        assert inspect_installation(connection, 2026).version_rules is RULES_2026


def test_missing_tables_and_columns_are_listed(demo: Marketplace, waldur: Marketplace) -> None:
    assert demo.installation.list_missing() == []
    missing = waldur.installation.list_missing()
    assert "marketplace_resource.last_sync" in missing
    assert "marketplace_offeringpartition" in missing


def test_the_version_rules_can_be_configured(waldur2024_url: str) -> None:
    with psycopg.connect(waldur2024_url) as connection:
        assert inspect_installation(connection, 2026).version_rules.year == 2026


def test_a_database_without_a_marketplace_is_refused(empty_database: str) -> None:
    with (
        psycopg.connect(empty_database) as connection,
        pytest.raises(NoMarketplaceError, match="core_user"),
    ):
        inspect_installation(connection)


def test_an_unknown_content_type_has_an_id_without_rows(demo: Marketplace) -> None:
    assert demo.installation.content_type_id("no", "such") == -1


def test_an_unreadable_table_is_named(empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        create_marketplace(connection, resource_count=3, seed=1)
        connection.execute("create role reader_of_some login")
        connection.execute("grant select on all tables in schema public to reader_of_some")
        connection.execute("set role reader_of_some")
        installation = inspect_installation(connection)
        assert (installation.is_own, installation.is_writable) == (True, False)
        connection.execute("reset role")
        connection.execute("revoke select on marketplace_plan from reader_of_some")
        connection.execute("set role reader_of_some")
        with pytest.raises(NoMarketplaceError, match="may not read marketplace_plan"):
            inspect_installation(connection)
        connection.rollback()
