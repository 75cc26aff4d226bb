"""Waldur's tables as SQLAlchemy finds them, and their rows in batches."""

import os
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from aiodataloader import DataLoader
from sqlalchemy import MetaData, Select, create_engine, select
from sqlalchemy.ext.asyncio import create_async_engine

_URL = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
engine = create_async_engine(_URL, pool_size=int(os.environ["POOL_SIZE"]), max_overflow=0)
metadata = MetaData()
metadata.reflect(create_engine(_URL))
tables = metadata.tables


async def read(wanted: Select[Any]) -> Sequence[Any]:
    """Give the rows that a statement selects."""
    async with engine.connect() as connection:
        rows: Sequence[Any] = (await connection.execute(wanted)).all()
    return rows


class ByKey(DataLoader[int, Any]):
    """The row with each key."""

    def __init__(self, table: str) -> None:
        super().__init__()
        self.table = tables[table]

    async def batch_load_fn(self, keys: list[int]) -> list[Any]:
        """Give a row, or nothing, for each key."""
        rows = await read(select(self.table).where(self.table.c.id.in_(keys)))
        found = {row.id: row for row in rows}
        return [found.get(key) for key in keys]


class ByOwner(DataLoader[int, list[Any]]):
    """The rows that belong to each owner."""

    def __init__(self, table: str, reference: str, order: str = "id") -> None:
        super().__init__()
        self.table, self.reference, self.order = tables[table], reference, order

    async def batch_load_fn(self, keys: list[int]) -> list[list[Any]]:
        """Give the rows of each owner."""
        owner = self.table.c[self.reference]
        wanted = select(self.table).where(owner.in_(keys))
        found = defaultdict(list)
        for row in await read(wanted.order_by(self.table.c[self.order], self.table.c.id)):
            found[getattr(row, self.reference)].append(row)
        return [found[key] for key in keys]


class Loaders:
    """The loaders of one request."""

    def __init__(self) -> None:
        self.offering = ByKey("marketplace_offering")
        self.plan = ByKey("marketplace_plan")
        self.project = ByKey("structure_project")
        self.customer = ByKey("structure_customer")
        self.category = ByKey("marketplace_category")
        self.component = ByKey("marketplace_offeringcomponent")
        self.components = ByOwner("marketplace_offeringcomponent", "offering_id", "name")
        self.plans = ByOwner("marketplace_plan", "offering_id")
        self.prices = ByOwner("marketplace_plancomponent", "plan_id")
        self.endpoints = ByOwner("marketplace_resourceaccessendpoint", "resource_id")
