"""A client's queries for events leave slots to those of others."""

from typing import Any

from gateway.fairness.current_client import set_current_client
from gateway.subscriptions.message_builder import (
    MAX_CLIENT_QUERIES,
    MAX_CONCURRENT_QUERIES,
    MessageBuilder,
)

UNUSED: Any = None


async def test_client_leaves_slots_to_others() -> None:
    message_builder = MessageBuilder(UNUSED, UNUSED, str)
    assert MAX_CLIENT_QUERIES < MAX_CONCURRENT_QUERIES
    set_current_client("busy")
    busy_slots = message_builder._get_client_slots()
    for _ in range(MAX_CLIENT_QUERIES):
        await busy_slots.acquire()
    assert message_builder._get_client_slots().locked()
    set_current_client("other")
    assert not message_builder._get_client_slots().locked()
    del busy_slots
    set_current_client("busy")
    assert not message_builder._get_client_slots().locked()
    assert len(message_builder._client_slots) == 0
