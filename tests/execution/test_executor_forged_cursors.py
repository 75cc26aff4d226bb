"""Test cursors that the API did not issue: rejected, or used if their values are valid."""

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
from tests.execution.test_executor_bad_input import get_client_errors
from tests.support.gateway_server import GatewayClient, serve_in_process

ORDERS_BY_LIST: dict[str, type[Enum]] = {
    "resources": ResourceOrder,
    "offerings": OfferingOrder,
    "orders": OrderOrder,
    "projects": ProjectOrder,
    "customers": CustomerOrder,
}
FORGED_KEYS: list[Any] = [
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
INVALID_DATES_AND_NUMBERS = [
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
async def client(demo_url: str) -> AsyncIterator[GatewayClient]:
    """Yield a client of the demo."""
    async with serve_in_process(demo_url, keep_tokens="off") as client:
        yield client


def encode_cursor(*parts: Any) -> str:
    """Return a cursor, encoded as the API does."""
    return urlsafe_b64encode(json.dumps(parts).encode()).decode()


def generate_forged_cursors(values: list[Any]) -> Iterator[tuple[str, str, str]]:
    """Yield list, order and forged cursor for all orders of all lists."""
    for name, orders in ORDERS_BY_LIST.items():
        for order in orders:
            for value in values:
                for key in (1, None, "1", 2**31, True):
                    yield (
                        name,
                        order.name,
                        encode_cursor(str(order), *[value] * len(order.value.columns), key),
                    )


async def check_cursors_rejected(client: GatewayClient, values: list[Any]) -> None:
    """Check that forged cursors are rejected, except for some whose values are valid."""
    accepted_count = 0
    for name, order, cursor in generate_forged_cursors(values):
        query = (
            f"query ($a: String) {{ {name}(after: $a, orderBy: {order}) {{ nodes {{ uuid }} }} }}"
        )
        errors = get_client_errors(await client.post_query(query, a=cursor))
        accepted_count += not errors
        for error in errors:
            assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["after"]}
            assert error["path"] == [name]
    assert accepted_count


async def test_forged_cursors_are_rejected(client: GatewayClient) -> None:
    await check_cursors_rejected(client, FORGED_KEYS)


async def test_forged_dates_times_and_numbers_are_rejected(client: GatewayClient) -> None:
    await check_cursors_rejected(client, INVALID_DATES_AND_NUMBERS)
