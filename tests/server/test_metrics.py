"""Metrics agree with the number of connections, subscriptions and events."""

from hashlib import sha256

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.support.time_limits import scale_seconds, wait_until
from tests.transports.streaming_server import (
    RESOURCE_CHANGED_SUBSCRIPTION,
    VIEWER_QUERY,
    ServedGateway,
    open_websocket,
    serve_gateway,
    wait_for_subscribers,
)


async def fetch_metrics(gateway: ServedGateway) -> dict[str, float]:
    """Return the value of each metric by its name and labels."""
    base_url = gateway.url.removesuffix("/graphql")
    async with httpx.AsyncClient(base_url=base_url, timeout=scale_seconds(5)) as http:
        return await read_metrics(http)


async def read_metrics(http: httpx.AsyncClient) -> dict[str, float]:
    """Return the value of each metric by its name and labels."""
    response = await http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    samples = [
        each for family in text_string_to_metric_families(response.text) for each in family.samples
    ]
    return {".".join([each.name, *each.labels.values()]): each.value for each in samples}


async def test_metrics_count_subscriptions_and_events(url: str) -> None:
    async with serve_gateway(url) as gateway:
        before = await fetch_metrics(gateway)
        assert before["gateway_sockets"] == before["gateway_subscriptions"] == 0
        async with (
            open_websocket(gateway) as first_websocket,
            open_websocket(gateway) as second_websocket,
        ):
            for websocket in (first_websocket, second_websocket):
                await websocket.init_connection(**gateway.create_auth_header())
                await websocket.start_operation(RESOURCE_CHANGED_SUBSCRIPTION)
            await wait_for_subscribers(gateway, 2)
            gateway.rename_resource("counted")
            for websocket in (first_websocket, second_websocket):
                assert (await websocket.receive_event())["resource"] == {"name": "counted"}
            await first_websocket.execute_query(VIEWER_QUERY, "q")
            metrics = await fetch_metrics(gateway)
        assert metrics["gateway_sockets"] == metrics["gateway_subscriptions"] == 2
        assert metrics["gateway_subscription_groups"] == 1
        assert metrics["gateway_events_total"] == 1
        assert metrics["gateway_events_attached"] == 1
        assert metrics["gateway_events_held_seconds"] == 0
        assert metrics["gateway_queued_messages"] == metrics["gateway_longest_queue"] == 0
        assert metrics["process_resident_memory_bytes"] > 0
        await wait_until(lambda: gateway.count_subscriptions() == 0)
        assert (await fetch_metrics(gateway))["gateway_sockets"] == 0


async def test_metrics_can_be_switched_off(url: str) -> None:
    async with (
        serve_gateway(url, metrics="off") as gateway,
        httpx.AsyncClient(timeout=scale_seconds(5)) as http,
    ):
        response = await http.get(gateway.url.replace("/graphql", "/metrics"))
        assert response.status_code == httpx.codes.NOT_FOUND


async def test_number_of_connections_is_limited(url: str) -> None:
    async with (
        serve_gateway(url, sockets="1") as gateway,
        open_websocket(gateway) as first_websocket,
    ):
        await first_websocket.init_connection(**gateway.create_auth_header())
        async with open_websocket(gateway) as second_websocket:
            code, reason = await second_websocket.wait_closed()
            assert code == 1013
            assert reason == "This server may have at most 1 connection at a time."
        assert "data" in await first_websocket.execute_query(VIEWER_QUERY, "q")


async def test_metrics_count_persisted_documents(url: str) -> None:
    async with (
        serve_gateway(url) as gateway,
        httpx.AsyncClient(timeout=scale_seconds(5)) as http,
    ):
        sha256_hash = sha256(VIEWER_QUERY.encode()).hexdigest()
        extensions = {"persistedQuery": {"version": 1, "sha256Hash": sha256_hash}}
        assert (await fetch_metrics(gateway))["gateway_persisted_query_bytes"] == 0
        for members in ({}, {"query": VIEWER_QUERY}, {}, {}, {"query": "{ other }"}):
            await http.post(gateway.url, json={"extensions": extensions, **members})
        await http.post(gateway.url, json={"documentId": "unknown"})
        metrics = await fetch_metrics(gateway)
        assert {
            name.rpartition(".")[2]: value
            for name, value in metrics.items()
            if name.startswith("gateway_persisted_documents_total")
        } == {"miss": 1, "registered": 1, "hit": 2, "refused": 2}
        assert metrics["gateway_persisted_query_bytes"] > len(VIEWER_QUERY)
