"""What Prometheus is told is what there is."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.transports.streaming_server import CHANGES, WHO, Served, attached, raw, served, until


async def figures(gateway: Served) -> dict[str, float]:
    """Give each figure by its name, and its labels."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(gateway.url.replace("/graphql", "/metrics"))
    assert answer.headers["content-type"].startswith("text/plain")
    samples = [each for f in text_string_to_metric_families(answer.text) for each in f.samples]
    return {".".join([each.name, *each.labels.values()]): each.value for each in samples}


async def test_what_there_is_is_counted(url: str) -> None:
    async with served(url) as gateway:
        before = await figures(gateway)
        assert before["gateway_sockets"] == before["gateway_subscriptions"] == 0
        async with raw(gateway) as one, raw(gateway) as other:
            for talking in (one, other):
                await talking.begin(**gateway.header())
                await talking.ask(CHANGES)
            await attached(gateway, 2)
            gateway.rename("counted")
            for talking in (one, other):
                assert (await talking.told())["resource"] == {"name": "counted"}
            await one.answer(WHO, "q")
            found = await figures(gateway)
        assert found["gateway_sockets"] == found["gateway_subscriptions"] == 2
        assert found["gateway_subscription_groups"] == 1
        assert found["gateway_events_total"] == 1
        assert found["gateway_events_attached"] == 1
        assert found["gateway_events_held_seconds"] == 0
        assert found["gateway_queued_messages"] == found["gateway_longest_queue"] == 0
        assert found["process_resident_memory_bytes"] > 0
        await until(lambda: gateway.subscribed() == 0)
        assert (await figures(gateway))["gateway_sockets"] == 0


async def test_it_can_be_switched_off(url: str) -> None:
    async with served(url, metrics="off") as gateway, httpx.AsyncClient() as http:
        answer = await http.get(gateway.url.replace("/graphql", "/metrics"))
        assert answer.status_code == httpx.codes.NOT_FOUND


async def test_there_may_be_so_many_connections(url: str) -> None:
    async with served(url, sockets="1") as gateway, raw(gateway) as one:
        await one.begin(**gateway.header())
        async with raw(gateway) as other:
            code, reason = await other.closed()
            assert (code, reason) == (1013, "This server has no room for more connections.")
        assert "data" in await one.answer(WHO, "q")
