"""Stored numbers are returned with all their digits, by fields that read the JSON, too."""

from collections.abc import AsyncIterator

import psycopg
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.gateway_server import GatewayClient, create_small_demo, serve_in_process

DIGITS = "9" * 5000
NUMBERS = f'{{"a": 1.10, "b": [-0.50, 12345678901234567890.123456789], "c": {DIGITS}.0}}'
STORE_NUMBERS_SQL = f"""
update marketplace_resource set attributes = '{NUMBERS}', limits = '{NUMBERS}',
    options = '{NUMBERS}', current_usages = '{NUMBERS}', backend_metadata = '{NUMBERS}';
update marketplace_order set limits = '{NUMBERS}',
    attributes = '{NUMBERS}'::jsonb || '{{"user_password": "x", "old_limits": {NUMBERS}}}';
update marketplace_offering set plugin_options = plugin_options || '{NUMBERS}',
    type = 'OpenStack.Tenant';
update reversion_version set serialized_data = '[{{"fields": {{"limits": {NUMBERS}}}}}]';
"""
QUERY = """{
  resources(first: 9) { nodes { uuid name attributes limits options currentUsages limitUsage
    backendMetadata canTerminate allowedOperations
    history(first: 2) { nodes { data } }
    renewalEstimate(extensionMonths: 12) { __typename }
    creationOrder { subtype attributes limits } offering { pluginOptions } } }
  orders(first: 9) { nodes { subtype attributes limits } }
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(new_database: DatabaseFactory) -> AsyncIterator[GatewayClient]:
    """Yield a client of a marketplace with unusual numbers in its JSON."""
    url = create_small_demo(new_database())
    with psycopg.connect(url) as connection:
        connection.execute(STORE_NUMBERS_SQL.encode())
    async with serve_in_process(url) as client:
        yield client


async def test_numbers_keep_their_digits(client: GatewayClient) -> None:
    content = (await client.post_query(QUERY)).content.decode().replace(": ", ":")
    assert '"errors"' not in content, content[-2000:]
    assert '"user_password"' not in content
    members = NUMBERS.replace(": ", ":").replace(", ", ",")[1:-1]
    compact = content.replace(", ", ",")
    for name in ("attributes", "limits", "options", "currentUsages", "backendMetadata"):
        assert f'"{name}":{{{members}' in compact
    assert f'"data":{{"limits":{{{members}}}' in compact
    assert f'"old_limits":{{{members}}}' in compact
