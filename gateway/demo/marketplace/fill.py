"""The demo marketplace put into a database."""

from collections import Counter
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
    projects,
    records,
    roles,
)
from gateway.demo.marketplace.growth import InitialMarket
from gateway.demo.marketplace.market import DemoMarket
from gateway.demo.marketplace.offers import OFFERING_SPECS
from gateway.demo.marketplace.orders import OrderGenerator
from gateway.demo.marketplace.placement import PlacementPlanner
from gateway.demo.marketplace.resources import ResourceGenerator
from gateway.demo.marketplace.rows import RowWriter

_RECORDED_RESOURCE_COUNT = 200
"""So many of the first resources stand in the log, have a history and are on invoices."""


def create_marketplace(
    connection: psycopg.Connection[Any], *, resource_count: int, seed: int, day: date | None = None
) -> None:
    """Make a demo marketplace in an empty database, or nothing; `fill` tells what is in it."""
    with connection.transaction():
        install.create_bare_tables(connection)
        fill_tables(connection, resource_count=resource_count, seed=seed, day=day)
        install.add_constraints_and_indexes(connection)
    connection.execute("analyze")


def fill_tables(
    connection: psycopg.Connection[Any], *, resource_count: int, seed: int, day: date | None = None
) -> None:
    """Fill the tables, which have to be empty: the same rows for the same numbers and `day`.

    All dates are relative to `day`, which is today if it is not given.
    """
    writer = RowWriter(connection, seed=seed, reference_day=day or datetime.now(UTC).date())
    initial = _add_initial_market(writer)
    records.add_site_settings(writer)
    with writer.use_random_stream("growth"):
        grown_market = growth.grow_market(writer, initial, resource_count)
    _add_resources(writer, initial.market, grown_market, resource_count)
    writer.flush_rows()
    install.insert_marker(connection, seed=seed, resources=resource_count)
    own_tables.ensure_own_tables(connection)


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


def _add_resources(
    writer: RowWriter, initial: DemoMarket, grown_market: DemoMarket, count: int
) -> None:
    orders = OrderGenerator(writer, grown_market.customers.owner_ids)
    counts_by_project: Counter[int] = Counter()
    recorded_resources = []
    for resource in ResourceGenerator(
        writer, PlacementPlanner(writer, initial, grown_market, count), count
    ).generate_resources():
        periods.add_periods(writer, resource, orders.add_orders(resource))
        counts_by_project[resource.placement.project.key] += 1
        if resource.key <= _RECORDED_RESOURCE_COUNT:
            recorded_resources.append(resource)
    for resource in recorded_resources:
        accounts.add_robot_account(writer, resource)
        accounts.add_resource_project(writer, resource)
        log.add_log_entries(writer, resource)
        history.add_versions(writer, resource)
    invoices.add_invoices(writer, grown_market.customers, recorded_resources)
    records.add_quotas(writer, "order_count", kinds.OFFERING, orders.counts_by_offering)
    records.add_quotas(writer, "nc_resource_count", kinds.PROJECT, counts_by_project)
