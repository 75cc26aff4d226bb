"""Errors repeat at most 200 characters of the client's text, and are few."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.execution.errors import format_exception
from tests.support.gateway_server import GatewayClient, serve_in_process

LONG = "x" * 50_000
NAME = "x" * 128
FILTER_QUERY = "query ($a: ResourceFilter) { resources(filter: $a) { totalCount } }"
AFTER_QUERY = "query ($a: String) { resources(after: $a) { totalCount } }"
FIRST_QUERY = "query ($a: Int) { resources(first: $a) { totalCount } }"
ORDER_QUERY = "query ($a: ResourceOrder) { resources(orderBy: $a) { totalCount } }"
ATTRIBUTES_QUERY = """query ($a: JSON) {
    resources(filter: {resourceAttributes: $a}) { totalCount }
}"""
REQUESTS_WITH_LONG_TEXTS: list[dict[str, Any]] = [
    {"query": f'{{ a(b: "{LONG}" }}'},
    {"query": f"{{ {LONG}( }}"},
    {"query": f"{{ {NAME} }}"},
    {"query": f"{{ ...{NAME} }}"},
    {"query": f"query (${NAME}: {NAME}) {{ {NAME}: resources({NAME}: ${NAME}) }}"},
    {"query": f"{{ {NAME}: resource(uuid: 1) {{ name }} {NAME}: resources {{ totalCount }} }}"},
    {"query": f'{{ resource(uuid: "{LONG}") {{ name }} }}'},
    {"query": f'{{ resources(first: "{LONG}") {{ totalCount }} }}'},
    {"query": f"{{ resources(first: {'9' * 50_000}) {{ totalCount }} }}"},
    {"query": f"{{ resources(orderBy: {NAME}) {{ totalCount }} }}"},
    {"query": f'{{ resources(filter: {{{NAME}: "{LONG}"}}) {{ totalCount }} }}'},
    {"query": f'{{ resources(after: "{LONG}") {{ totalCount }} }}'},
    {"query": f'subscription {{ resourceChanged(after: "{LONG}") {{ __typename }} }}'},
    {"query": "{ viewer { __typename } }", "operationName": NAME},
    {"query": AFTER_QUERY, "variables": {"a": LONG}},
    {"query": AFTER_QUERY, "variables": {"a": [LONG]}},
    {"query": AFTER_QUERY, "variables": {"a": {"x" * 1000: LONG}}},
    {"query": FIRST_QUERY, "variables": {"a": LONG}},
    {"query": FIRST_QUERY, "variables": {"a": int("9" * 4000)}},
    {"query": ORDER_QUERY, "variables": {"a": LONG}},
    {"query": FILTER_QUERY, "variables": {"a": LONG}},
    {"query": FILTER_QUERY, "variables": {"a": {"x" * 1000: LONG}}},
    {"query": FILTER_QUERY, "variables": {"a": {"created": LONG}}},
    {"query": FILTER_QUERY, "variables": {"a": {"uuid": [LONG] * 9}}},
    {"query": FILTER_QUERY, "variables": {"a": {"state": [LONG] * 9}}},
    {"query": FILTER_QUERY, "variables": {"a": {"name": LONG}}},
    {"query": ATTRIBUTES_QUERY, "variables": {"a": {"x" * 1000: "\0"}}},
    {"query": ATTRIBUTES_QUERY, "variables": {"a": {"x" * 1000: {"x" * 999: {"x": "\0"}}}}},
    {"query": ATTRIBUTES_QUERY, "variables": {"a": LONG}},
    {"query": "{ __typename }", "variables": {"x" * 100_000: 1}},
    {"query": "{ __typename }", "variables": {"x" * 900: {"x" * 901: "y" * 100_001}}},
]
"""Invalid requests with long texts of the client in each place where an error may repeat them."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(demo_url: str) -> AsyncIterator[GatewayClient]:
    """Yield a client of the demo."""
    async with serve_in_process(demo_url, keep_tokens="off") as client:
        yield client


def count_cited_characters(text: str) -> int:
    """Return the number of the client's characters in a text: x and 9 in sequence."""
    return sum(map(len, re.findall(r"[x9]{2,}", text)))


@pytest.mark.parametrize("request_body", REQUESTS_WITH_LONG_TEXTS, ids=lambda each: str(each)[:70])
async def test_messages_repeat_little_of_the_request(
    client: GatewayClient, request_body: dict[str, Any]
) -> None:
    response = await client.post(json.dumps(request_body).encode())
    errors = response.json()["errors"]
    assert response.status_code in (200, 400, 406)
    assert len(errors) <= 6
    for error in errors:
        assert count_cited_characters(error["message"]) <= 200, error
        assert count_cited_characters(json.dumps(error["extensions"])) <= 200, error


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (FILTER_QUERY, {"a": {"uuid": ["x"] * 1000}}),
        (FILTER_QUERY, {"a": {"state": ["OKAY"] * 1000}}),
        (FILTER_QUERY, {"a": {"and": [{"unknown": 1}] * 90}}),
        (FILTER_QUERY, {"a": {f"unknown{i}": 1 for i in range(190)}}),
        ("query ($a: [ID!]!) { nodes(ids: $a) { id } }", {"a": [None] * 1000}),
    ],
)
async def test_errors_of_variables_are_few(
    client: GatewayClient, query: str, variables: dict[str, Any]
) -> None:
    response = await client.post_query(query, **variables)
    errors = response.json()["errors"]
    assert len(errors) == 6
    assert errors[-1]["message"].startswith("Too many errors processing variables")
    assert len(response.content) < 3000


async def test_short_messages_are_complete(client: GatewayClient) -> None:
    error = await client.fetch_error(FILTER_QUERY, a={"created": "yesterday"})
    assert error["message"] == (
        "Variable '$a' has invalid value at .created: Expected value of type 'DateTime', but"
        " encountered error 'A DateTime must be an RFC 3339 time such as 2026-01-31T12:00:00Z.';"
        " found: 'yesterday'."
    )


def test_causes_in_a_circle_are_released() -> None:
    error, cause = ValueError("error"), ValueError("cause")
    error.__cause__, cause.__cause__ = cause, error
    try:
        raise error
    except ValueError:
        assert format_exception(error, "id")["extensions"]["id"] == "id"
    assert error.__traceback__ is None
