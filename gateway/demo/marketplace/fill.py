"""The demo marketplace put into a database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from gateway.db import install
from gateway.demo.marketplace import (
    accounts,
    casting,
    customers,
    kinds,
    offerings,
    partitions,
    people,
    periods,
    projects,
    records,
    roles,
)
from gateway.demo.marketplace.customers import CONSUMERS, PROVIDERS, Customers
from gateway.demo.marketplace.offerings import Offering
from gateway.demo.marketplace.orders import Orders
from gateway.demo.marketplace.projects import Project
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
    stage = _stage(rows)
    records.settings(rows)
    _resources(rows, stage, resources)
    rows.write()
    install.mark(connection, seed=seed, resources=resources)


@dataclass(frozen=True)
class _Stage:
    """What is there before the first resource."""

    customers: Customers
    projects: Sequence[Project]
    offerings: Sequence[Offering]
    owners: Mapping[str, int]


def _stage(rows: Rows) -> _Stage:
    kinds.add(rows)
    users = people.add(rows)
    grants = roles.add(rows)
    known = customers.add(rows, users, grants)
    works = projects.add(rows, users, known, grants)
    offered = offerings.add(rows, known, works)
    partitions.add(rows, offered)
    accounts.add(rows, users, offered, works)
    casting.add(users, grants, known, offered)
    casting.lapsed(rows, users, grants, works)
    owners = {each.slug: users[each.owner] for each in (*PROVIDERS, *CONSUMERS)}
    return _Stage(known, works, offered, owners)


def _resources(rows: Rows, stage: _Stage, count: int) -> None:
    orders = Orders(rows, stage.owners)
    held: Counter[int] = Counter()
    recorded = []
    for resource in Resources(rows, stage.offerings, stage.projects, count).made():
        periods.add(rows, resource, orders.add(resource))
        held[resource.place.project.key] += 1
        if resource.key <= _RECORDED:
            recorded.append(resource)
    for resource in recorded:
        accounts.robot(rows, resource)
        accounts.sub_project(rows, resource)
        records.log(rows, resource)
        records.history(rows, resource)
    records.invoices(rows, stage.customers.keys, recorded)
    records.quotas(rows, "order_count", kinds.OFFERING, orders.placed)
    records.quotas(rows, "nc_resource_count", kinds.PROJECT, held)
