"""Rate limits over HTTP: prices, status 429, headers, budgets of users and addresses."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.marketplace.attachments import ATTACHMENT_PATH_PREFIX
from tests.conftest import DatabaseFactory
from tests.server.test_metrics import read_metrics
from tests.support.gateway_server import GatewayClient, create_small_demo, serve_in_process

BUDGET = {"rate_cost": "250000", "rate_anonymous_cost": "250000", "failed_tokens": "3"}
PROXY = {"trusted_proxies": "127.0.0.1"}


@pytest.fixture(scope="module")
def url(new_database: DatabaseFactory) -> str:
    """Return the URL of a demo that is not changed."""
    return create_small_demo(new_database())


@pytest_asyncio.fixture
async def gateway(url: str) -> AsyncIterator[GatewayClient]:
    """Yield a gateway with small budgets, behind a proxy."""
    async with serve_in_process(url, **BUDGET, **PROXY) as client:
        yield client


def make_document(number: int) -> str:
    """Return a document whose parsing has the price 100,000."""
    return "{ __typename }" + f"# {number}".ljust(50_000 - 14)


async def send_document(
    gateway: GatewayClient, number: int, username: str | None = None, **headers: str
) -> httpx.Response:
    """Send a document as a user, or anonymously."""
    if username is not None:
        headers["authorization"] = f"Token {gateway.tokens[username]}"
    return await send_text(gateway, make_document(number), **headers)


async def send_text(gateway: GatewayClient, document: str, **headers: str) -> httpx.Response:
    """Send a document with these headers."""
    request_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return await gateway.http.post("/graphql", json={"query": document}, headers=request_headers)


async def test_request_over_the_budget_gets_429(gateway: GatewayClient) -> None:
    responses = [await send_document(gateway, number, "member") for number in range(3)]
    assert [each.status_code for each in responses] == [200, 200, 429]
    response = responses[-1]
    (error,) = response.json()["errors"]
    retry_after = error["extensions"]["retryAfter"]
    assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfter": retry_after}
    assert error["message"].startswith("The operations of a user may cost at most 250000 a minute")
    assert 0 < retry_after <= 120
    assert response.headers["retry-after"] == str(retry_after)
    assert response.headers["ratelimit-policy"] == '"user";q=250000;w=60;qu="cost"'
    assert response.headers["ratelimit"] == f'"user";r=0;t={retry_after}'
    assert response.headers["cache-control"] == "no-store"
    assert (await send_document(gateway, 3, "staff")).status_code == 200
    assert (await send_document(gateway, 4)).status_code == 200


async def test_refused_document_is_not_parsed(gateway: GatewayClient) -> None:
    for number in range(5):
        response = await gateway.http.post(
            "/graphql", json={"query": "{ unknown }" + f"# {number}".ljust(50_000)}
        )
        code = response.json()["errors"][0]["extensions"]["code"]
        expected_code = "GRAPHQL_VALIDATION_FAILED" if number < 2 else "RATE_LIMITED"
        assert code == expected_code, number


async def test_addresses_have_budgets_of_their_own(gateway: GatewayClient) -> None:
    addresses = ("192.0.2.1:5000", "192.0.2.1:6000", "[2001:db8::1]:443", "2001:db8::2")
    for number, address in enumerate(addresses):
        assert (await send_document(gateway, number, x_forwarded_for=address)).status_code == 200
    for number, address in enumerate(("192.0.2.1:7000", "2001:db8::ffff"), 10):
        response = await send_document(gateway, number, x_forwarded_for=address)
        assert response.status_code == 429
        assert "all anonymous clients of an address" in response.json()["errors"][0]["message"]
    assert (await send_document(gateway, 0, x_forwarded_for="192.0.2.2")).status_code == 200
    assert (await send_document(gateway, 0, x_forwarded_for="2001:db8:0:1::1")).status_code == 200


async def test_user_can_not_vary_the_address(gateway: GatewayClient) -> None:
    statuses = [
        (await send_document(gateway, n, "member", x_forwarded_for=f"192.0.2.{n}")).status_code
        for n in range(3)
    ]
    assert statuses == [200, 200, 429]


async def test_plans_and_statements_are_charged_to_the_next_operation(url: str) -> None:
    names = [f"b{number}" for number in range(30)]
    definitions = " ".join(f"${name}: Boolean!" for name in names)
    lists = [
        f"{name}: resources(first: 0) @include(if: ${name}) {{ nodes {{ uuid }} }}"
        for name in names
    ]
    document = f"query ({definitions}) {{ __typename {' '.join(lists)} }}"

    async with serve_in_process(url, execution="compiled", **BUDGET) as gateway:

        async def send_variant(included_count: int) -> int:
            variables = {name: number < included_count for number, name in enumerate(names)}
            body = {"query": document, "variables": variables}
            return (await gateway.http.post("/graphql", json=body)).status_code

        for number in range(2):
            await send_document(gateway, number)
        assert {await send_variant(1) for _ in range(50)} == {200}
        statuses = [await send_variant(count) for count in range(2, 30)]
        assert statuses[0] == 200
        assert statuses[-1] == 429


async def test_persisted_documents_are_paid_for_once(url: str) -> None:
    document = make_document(0)
    extension = {"version": 1, "sha256Hash": sha256(document.encode()).hexdigest()}
    payload: dict[str, Any] = {"extensions": {"persistedQuery": extension}}
    async with serve_in_process(url, **BUDGET) as gateway:
        statuses = []
        for query in (document, None, None):
            body = payload | ({"query": query} if query else {})
            statuses.append((await gateway.http.post("/graphql", json=body)).status_code)
        assert statuses == [200, 200, 200]


async def test_unknown_hash_costs_no_document(gateway: GatewayClient) -> None:
    for _ in range(300):
        extension = {"version": 1, "sha256Hash": "0" * 64}
        response = await gateway.http.post(
            "/graphql", json={"extensions": {"persistedQuery": extension}}
        )
        (error,) = response.json()["errors"]
        assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    assert (await send_document(gateway, 0)).status_code == 200


async def test_streams_are_charged(gateway: GatewayClient) -> None:
    await send_document(gateway, 0)
    await send_document(gateway, 1)
    subscription = "subscription { resourceChanged { __typename } }".ljust(30_000)
    response = await gateway.http.post(
        "/graphql", json={"query": subscription}, headers={"accept": "text/event-stream"}
    )
    assert response.status_code == 429
    assert response.headers["content-type"].startswith("application/json")


async def test_attachments_are_charged(gateway: GatewayClient) -> None:
    response = await gateway.http.get(f"{ATTACHMENT_PATH_PREFIX}{'0' * 32}.pdf")
    assert response.status_code == 404
    assert (await read_metrics(gateway.http))["gateway_rate_charged_total.anonymous"] == 1


async def test_failed_tokens_get_429_without_lookup(gateway: GatewayClient) -> None:
    async def send_token(key: str, **headers: str) -> httpx.Response:
        headers["authorization"] = f"Token {key}"
        return await gateway.http.post(
            "/graphql", json={"query": "{ __typename }"}, headers=headers
        )

    assert (await send_token(gateway.tokens["member"])).status_code == 200
    responses = [await send_token(f"{number:040x}") for number in range(5)]
    assert [each.status_code for each in responses] == [401, 401, 401, 429, 429]
    (error,) = responses[-1].json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert responses[-1].headers["retry-after"] == str(error["extensions"]["retryAfter"])
    assert "ratelimit" not in responses[-1].headers
    assert (await send_token(gateway.tokens["member"])).status_code == 200
    assert (await send_token("0" * 40, **{"x-forwarded-for": "192.0.2.9"})).status_code == 401
    metrics = await read_metrics(gateway.http)
    assert metrics["gateway_failed_tokens_total"] == 4
    assert metrics["gateway_failed_tokens_refused_total"] == 2


async def test_metrics_count_charges_and_refusals(gateway: GatewayClient) -> None:
    for number in range(4):
        await send_document(gateway, number, "member")
    metrics = await read_metrics(gateway.http)
    assert metrics["gateway_rate_charged_total.user"] == 4  # two documents, two operations
    assert metrics["gateway_rate_refused_total.user"] == 2
    assert metrics["gateway_rate_charged_total.anonymous"] == 0
    assert metrics["gateway_rate_storage_failures_total.user"] == 0


async def test_limits_can_be_switched_off(url: str) -> None:
    settings = {"rate_cost": "off", "rate_anonymous_cost": "off"}
    async with serve_in_process(url, **settings) as gateway:
        for username in ("member", None):
            for number in range(4):
                assert (await send_document(gateway, number, username)).status_code == 200
        assert not any("gateway_rate_charged" in name for name in await read_metrics(gateway.http))


async def test_repeated_requests_of_a_busy_user_are_within_the_default(url: str) -> None:
    """A portal that shows pages of 50 resources sends some dozens of requests a minute."""
    document = "query ($after: String) { resources(first: 50, after: $after) { nodes { name } } }"
    async with serve_in_process(url) as gateway:
        for _ in range(200):
            response = await gateway.post_query(document, "member")
            assert response.status_code == 200
