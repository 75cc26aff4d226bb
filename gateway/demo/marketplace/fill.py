"""Creation of the demo marketplace in a database."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from gateway.db.admin import install, own_tables
from gateway.demo.marketplace import (
    accounts,
    casting,
    customers,
    growth,
    history,
    invoices,
    kinds,
    log,
    offerings,
    partitions,
    people,
    periods,
    policies,
    projects,
    records,
    roles,
)
from gateway.demo.marketplace.growth import InitialMarket
from gateway.demo.marketplace.market import DemoMarket
from gateway.demo.marketplace.offers import OFFERING_SPECS
from gateway.demo.marketplace.orders import OrderGenerator
from gateway.demo.marketplace.placement import PlacementPlanner
from gateway.demo.marketplace.resources import DemoResource, ResourceGenerator
from gateway.demo.marketplace.rows import RowWriter
from gateway.demo.progress import ProgressReporter, ignore_progress

_RECORDED_RESOURCE_COUNT = 200
"""Number of the first resources, which have log entries, versions and invoice items."""
_REPORTED_RESOURCE_COUNT = 50_000
"""Number of resources after which progress is reported, again and again."""


def create_marketplace(
    connection: psycopg.Connection[Any],
    *,
    resource_count: int,
    seed: int,
    day: date | None = None,
    report_progress: ProgressReporter = ignore_progress,
) -> None:
    """Create a demo marketplace in an empty database, in one transaction.

    Equal arguments create equal rows. All dates are relative to `day`, today if None.
    Each step is reported when it begins.
    """
    writer = RowWriter(connection, seed=seed, reference_day=day or datetime.now(UTC).date())
    with connection.transaction():
        report_progress("  tables")
        install.create_bare_tables(connection)
        _fill_tables(writer, resource_count, report_progress)
        install.insert_marker(connection, seed=seed, resources=resource_count)
        own_tables.ensure_own_tables(connection)
        report_progress("  constraints and indexes")
        install.add_constraints_and_indexes(connection)
    connection.execute("analyze")


def _fill_tables(writer: RowWriter, resource_count: int, report_progress: ProgressReporter) -> None:
    report_progress("  people, organisations, projects and offerings")
    initial = _add_initial_market(writer)
    records.add_site_settings(writer)
    with writer.use_random_stream("growth"):
        grown_market = growth.grow_market(writer, initial, resource_count)
    with writer.use_random_stream("auto-approval"):
        projects.add_auto_approval_rules(
            writer, grown_market.projects, grown_market.customers.owner_ids
        )
    report_progress("  resources and orders")
    planner = PlacementPlanner(writer, initial.market, grown_market, resource_count)
    orders = OrderGenerator(writer, grown_market.customers.owner_ids)
    resources = []
    counts_by_project: Counter[int] = Counter()
    for resource in ResourceGenerator(writer, planner, resource_count).generate_resources():
        periods.add_periods(writer, resource, orders.add_orders(resource))
        counts_by_project[resource.placement.project.key] += 1
        if resource.key <= _RECORDED_RESOURCE_COUNT:
            resources.append(resource)
        if resource.key % _REPORTED_RESOURCE_COUNT == 0:
            report_progress(f"  resources and orders: {resource.key} resources")
    report_progress("  history, events and invoices")
    _add_records(writer, grown_market, resources)
    records.add_quotas(writer, "order_count", kinds.OFFERING, orders.counts_by_offering)
    records.add_quotas(writer, "nc_resource_count", kinds.PROJECT, counts_by_project)
    writer.flush_rows()


def _add_initial_market(writer: RowWriter) -> InitialMarket:
    kinds.add_content_types(writer)
    users = people.add_people(writer)
    grants = roles.add_roles(writer)
    demo_customers = customers.add_customers(writer, users, grants)
    initial_projects = projects.add_projects(
        writer, users, demo_customers, grants, projects.PROJECT_NAMES
    )
    category_ids = offerings.add_categories(writer)
    initial_offerings = offerings.add_offerings(
        writer, OFFERING_SPECS, demo_customers, initial_projects, category_ids
    )
    partitions.add_partitions(writer, initial_offerings, partitions.add_software_catalogs(writer))
    accounts.add_accounts(
        writer, users, initial_offerings, initial_projects, accounts.COMMON_STATES
    )
    casting.grant_named_roles(users, grants, demo_customers, initial_offerings)
    casting.grant_lapsed_roles(writer, users, grants, initial_projects)
    return InitialMarket(
        DemoMarket(demo_customers, initial_projects, initial_offerings), users, grants, category_ids
    )


def _add_records(
    writer: RowWriter, grown_market: DemoMarket, resources: Sequence[DemoResource]
) -> None:
    """Add accounts, log entries, versions, invoice items and policies of the first resources."""
    for resource in resources:
        accounts.add_robot_account(writer, resource)
        accounts.add_resource_project(writer, resource)
        log.add_log_entries(writer, resource)
        history.add_versions(writer, resource)
    invoices.add_invoices(writer, grown_market.customers, resources)
    with writer.use_random_stream("policies"):
        policies.add_policies(writer, grown_market, resources)
