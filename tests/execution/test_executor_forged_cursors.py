"""Cursors that no list gave: they are refused, or read as what they may mean."""

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from enum import Enum
from typing import Any

import pytest_asyncio

from gateway.schema.lists.offerings import OfferingOrder
from gateway.schema.lists.orders import OrderOrder
from gateway.schema.lists.projects_and_customers import CustomerOrder, ProjectOrder
from gateway.schema.lists.resources import ResourceOrder
from tests.execution.test_executor_bad_input import checked
from tests.support.gateway_server import Client, service

ORDERS: dict[str, type[Enum]] = {
    "resources": ResourceOrder,
    "offerings": OfferingOrder,
    "orders": OrderOrder,
    "projects": ProjectOrder,
    "customers": CustomerOrder,
}
FORGED: list[Any] = [
    None,
    2**31,
    2**63,
    2**200,
    1.5,
    True,
    [],
    {},
    "",
    "x",
    "\0",
    "x" * 10_000,
    "infinity",
]
UNFIT = [
    "2026-W01-1",
    "20260101",
    "0001-01-01T00:00:00+23:59",
    "2026-01-01T00:00:00+16:00",
    "NaN",
    "-Infinity",
    "1e400",
    "1" * 3000,
    "0x10",
    "1,5",
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(demo_url: str) -> AsyncIterator[Client]:
    """Give a client of the demo."""
    async with service(demo_url, keep_tokens="off") as client:
        yield client


def cursor(*places: Any) -> str:
    """Write a cursor as the API does."""
    return urlsafe_b64encode(json.dumps(places).encode()).decode()


def forged(places: list[Any]) -> Iterator[tuple[str, str, str]]:
    """Give each order of a list with cursors that hold what they should not."""
    for name, orders in ORDERS.items():
        for order in orders:
            for value in places:
                for key in (1, None, "1", 2**31, True):
                    yield name, order.name, cursor(str(order), *[value] * len(order.value.by), key)


async def refuses(client: Client, places: list[Any]) -> None:
    """See that forged cursors are refused, or read as what they may mean, as some are."""
    read = 0
    for name, order, each in forged(places):
        query = (
            f"query ($a: String) {{ {name}(after: $a, orderBy: {order}) {{ nodes {{ uuid }} }} }}"
        )
        errors = checked(await client.post_query(query, a=each))
        read += not errors
        for error in errors:
            assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["after"]}
            assert error["path"] == [name]
    assert read


async def test_forged_cursors_are_refused(client: Client) -> None:
    await refuses(client, FORGED)


async def test_forged_days_moments_and_numbers_are_refused(client: Client) -> None:
    await refuses(client, UNFIT)
