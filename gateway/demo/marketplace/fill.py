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
from gateway.demo.marketplace.growth import Beginning
from gateway.demo.marketplace.market import Market
from gateway.demo.marketplace.offers import OFFERS
from gateway.demo.marketplace.orders import Orders
from gateway.demo.marketplace.placement import Placement
from gateway.demo.marketplace.resources import Resources
from gateway.demo.marketplace.rows import Rows

_RECORDED = 200
"""So many of the first resources stand in the log, have a history and are on invoices."""


def make(
    connection: psycopg.Connection[Any], *, resources: int, seed: int, day: date | None = None
) -> None:
    """Make a demo marketplace in an empty database, or nothing; `fill` tells what is in it."""
    with connection.transaction():
        install.tables_only(connection)
        fill(connection, resources=resources, seed=seed, day=day)
        install.constraints_and_indexes(connection)
    connection.execute("analyze")


def fill(
    connection: psycopg.Connection[Any], *, resources: int, seed: int, day: date | None = None
) -> None:
    """Fill the tables, which have to be empty: the same rows for the same numbers and `day`.

    All dates are relative to `day`, which is today if it is not given.
    """
    rows = Rows(connection, seed=seed, day=day or datetime.now(UTC).date())
    began = _beginning(rows)
    records.settings(rows)
    with rows.apart("growth"):
        grown = growth.add(rows, began, resources)
    _resources(rows, began.market, grown, resources)
    rows.write()
    install.mark(connection, seed=seed, resources=resources)
    own_tables.ensure(connection)


def _beginning(rows: Rows) -> Beginning:
    kinds.add(rows)
    users = people.add(rows)
    grants = roles.add(rows)
    known = customers.add(rows, users, grants)
    works = projects.add(rows, users, known, grants, projects.NAMES)
    titles = offerings.categories(rows)
    offered = offerings.add(rows, OFFERS, known, works, titles)
    partitions.add(rows, offered, partitions.software(rows))
    accounts.add(rows, users, offered, works, accounts.USUAL)
    casting.add(users, grants, known, offered)
    casting.lapsed(rows, users, grants, works)
    return Beginning(Market(known, works, offered), users, grants, titles)


def _resources(rows: Rows, began: Market, grown: Market, count: int) -> None:
    orders = Orders(rows, grown.customers.owners)
    held: Counter[int] = Counter()
    recorded = []
    for resource in Resources(rows, Placement(rows, began, grown, count), count).made():
        periods.add(rows, resource, orders.add(resource))
        held[resource.place.project.key] += 1
        if resource.key <= _RECORDED:
            recorded.append(resource)
    for resource in recorded:
        accounts.robot(rows, resource)
        accounts.sub_project(rows, resource)
        log.add(rows, resource)
        history.add(rows, resource)
    invoices.add(rows, grown.customers, recorded)
    records.quotas(rows, "order_count", kinds.OFFERING, orders.placed)
    records.quotas(rows, "nc_resource_count", kinds.PROJECT, held)
