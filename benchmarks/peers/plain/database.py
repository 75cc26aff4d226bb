"""Waldur's tables, reflected by SQLAlchemy, and loaders of their rows."""

import os
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from aiodataloader import DataLoader
from sqlalchemy import MetaData, Select, create_engine, select
from sqlalchemy.ext.asyncio import create_async_engine

_DATABASE_URL = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
engine = create_async_engine(_DATABASE_URL, pool_size=int(os.environ["POOL_SIZE"]), max_overflow=0)
metadata = MetaData()
metadata.reflect(create_engine(_DATABASE_URL))
tables = metadata.tables


async def fetch_rows(query: Select[Any]) -> Sequence[Any]:
    """Return the rows of a statement."""
    async with engine.connect() as connection:
        rows: Sequence[Any] = (await connection.execute(query)).all()
    return rows


class RowByKeyLoader(DataLoader[int, Any]):
    """Loader of rows by primary key."""

    def __init__(self, table: str) -> None:
        super().__init__()
        self.table = tables[table]

    async def batch_load_fn(self, keys: list[int]) -> list[Any]:
        """Return the row, or None, for each key."""
        rows = await fetch_rows(select(self.table).where(self.table.c.id.in_(keys)))
        rows_by_key = {row.id: row for row in rows}
        return [rows_by_key.get(key) for key in keys]


class RowsByOwnerLoader(DataLoader[int, list[Any]]):
    """Loader of the rows that refer to an owner."""

    def __init__(self, table: str, reference: str, order: str = "id") -> None:
        super().__init__()
        self.table, self.reference, self.order = tables[table], reference, order

    async def batch_load_fn(self, keys: list[int]) -> list[list[Any]]:
        """Return the rows of each owner."""
        owner = self.table.c[self.reference]
        query = select(self.table).where(owner.in_(keys))
        rows_by_owner = defaultdict(list)
        for row in await fetch_rows(query.order_by(self.table.c[self.order], self.table.c.id)):
            rows_by_owner[getattr(row, self.reference)].append(row)
        return [rows_by_owner[key] for key in keys]


class RequestLoaders:
    """The loaders of one request."""

    def __init__(self) -> None:
        self.offering = RowByKeyLoader("marketplace_offering")
        self.plan = RowByKeyLoader("marketplace_plan")
        self.project = RowByKeyLoader("structure_project")
        self.customer = RowByKeyLoader("structure_customer")
        self.category = RowByKeyLoader("marketplace_category")
        self.component = RowByKeyLoader("marketplace_offeringcomponent")
        self.components = RowsByOwnerLoader("marketplace_offeringcomponent", "offering_id", "name")
        self.plans = RowsByOwnerLoader("marketplace_plan", "offering_id")
        self.prices = RowsByOwnerLoader("marketplace_plancomponent", "plan_id")
        self.endpoints = RowsByOwnerLoader("marketplace_resourceaccessendpoint", "resource_id")
