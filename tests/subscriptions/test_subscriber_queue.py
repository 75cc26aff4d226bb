"""Subscriber queue: bounded, with a resync message on overflow, and one wake-up at a time."""

from gateway.db.events.feed import EventPosition
from gateway.subscriptions.subscriber_queue import SubscriberMessage, SubscriberQueue

MAX_MESSAGES = 10


def create_resync_message(position: EventPosition) -> SubscriberMessage:
    return SubscriberMessage(b"resync", str(position))


def test_unread_queue_stays_bounded() -> None:
    wake_calls: list[int] = []
    queue = SubscriberQueue(
        (0, 0), MAX_MESSAGES, create_resync_message, lambda: wake_calls.append(1)
    )
    for number in range(1, 1000):
        queue.advance_to((number, 0), SubscriberMessage(b"event", str(number)))
        assert len(queue) <= MAX_MESSAGES
    assert len(wake_calls) == 1, "the consumer is woken again only after it has emptied the queue"
    messages = queue.take_messages(MAX_MESSAGES + 1)
    resync_cursor = messages[0].cursor
    assert [each.payload for each in messages] == [b"resync"] + [b"event"] * (len(messages) - 1)
    assert [each.cursor for each in messages[1:]] == [
        str(each) for each in range(int(resync_cursor[1:].partition(",")[0]) + 1, 1000)
    ]


def test_drained_queue_wakes_again() -> None:
    wake_calls: list[int] = []
    queue = SubscriberQueue(
        (0, 0), MAX_MESSAGES, create_resync_message, lambda: wake_calls.append(1)
    )
    for number in range(1, 4):
        queue.advance_to((number, 0), SubscriberMessage(b"event", str(number)))
        queue.advance_to((number, 0), SubscriberMessage(b"twice", str(number)))
        assert [each.payload for each in queue.take_messages(MAX_MESSAGES)] == [b"event"]
    assert len(wake_calls) == 3
