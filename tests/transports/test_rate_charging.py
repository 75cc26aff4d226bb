"""Rate limits of WebSockets and streams: errors of operations, quotas of anonymous clients."""

import httpx
import pytest

from gateway.error_table import CloseCode
from tests.support.time_limits import scale_seconds
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    VIEWER_QUERY,
    open_authenticated_websocket,
    open_websocket,
    serve_gateway,
    wait_for_subscribers,
)

EXPENSIVE_QUERY = "{ __typename }".ljust(50_000)
EXPENSIVE_SUBSCRIPTION = RESOURCE_CHANGED_SUBSCRIPTION.ljust(80_000)


@pytest.mark.parametrize("document", [EXPENSIVE_QUERY + "#", EXPENSIVE_SUBSCRIPTION])
async def test_operation_over_the_budget_gets_an_error(url: str, document: str) -> None:
    async with (
        serve_gateway(url, rate_cost="250000") as gateway,
        open_authenticated_websocket(gateway) as websocket,
    ):
        await websocket.execute_query(EXPENSIVE_QUERY, "1")
        await websocket.execute_query(EXPENSIVE_QUERY + " ", "2")
        await websocket.start_operation(document, "3")
        message = await websocket.receive_message()
        assert (message["type"], message["id"]) == ("error", "3")
        (error,) = message["payload"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert 0 < error["extensions"]["retryAfter"] <= 120
        assert gateway.count_subscriptions() == 0
        assert (await websocket.execute_query(VIEWER_QUERY, "3"))["data"]


async def test_failed_tokens_close_with_a_code_that_is_retried(url: str) -> None:
    async with serve_gateway(url, failed_tokens="1") as gateway:
        for expected_code in (CloseCode.FORBIDDEN, CloseCode.UNAVAILABLE):
            async with open_websocket(gateway) as websocket:
                payload = {"Authorization": f"Token {expected_code:040d}"}
                await websocket.send_message("connection_init", payload=payload)
                assert (await websocket.wait_closed())[0] == expected_code


async def test_addresses_of_an_ipv6_network_share_the_quota_of_subscriptions(url: str) -> None:
    async with serve_gateway(url, user_subscriptions="1", trusted_proxies="127.0.0.1") as gateway:
        headers = {"x-forwarded-for": "2001:db8::1"}
        async with open_websocket(gateway, additional_headers=headers) as websocket:
            await websocket.init_connection()
            await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
            await wait_for_subscribers(gateway, 1)
            headers = {"x-forwarded-for": "[2001:db8::2]:443", "accept": "text/event-stream"}
            async with httpx.AsyncClient(timeout=scale_seconds(5)) as http:
                response = await http.post(
                    gateway.url, json={"query": RESOURCE_CHANGED_SUBSCRIPTION}, headers=headers
                )
            assert response.status_code == 429
            assert "A user may have at most 1 subscription" in response.text


async def test_documents_are_parsed_outside_of_the_event_loop(url: str) -> None:
    async with (
        serve_gateway(url) as gateway,
        open_authenticated_websocket(gateway) as websocket,
        httpx.AsyncClient(timeout=scale_seconds(5)) as http,
    ):
        build_worker = gateway.services.executor.build_worker
        await http.post(gateway.url, json={"query": "{ unknown }"})
        assert build_worker.job_count == 1
        await websocket.start_operation("{ neither }", "1")
        assert (await websocket.receive_message())["type"] == "error"
        assert build_worker.job_count == 2
        await http.post(gateway.url, json={"query": "{ neither }"})
        assert build_worker.job_count == 2
