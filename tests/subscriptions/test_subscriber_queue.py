"""The queue of one subscriber: never longer than it may be, and never silent about it."""

from gateway.db.events.feed import Position
from gateway.subscriptions.subscriber_queue import Message, Subscriber

MOST = 10


def resync(position: Position) -> Message:
    return Message(b"resync", str(position))


def test_who_does_not_read_costs_no_more_however_long_it_does_not() -> None:
    woken: list[int] = []
    slow = Subscriber((0, 0), MOST, resync, lambda: woken.append(1))
    for number in range(1, 1000):
        slow.take((number, 0), Message(b"event", str(number)))
        assert len(slow) <= MOST
    assert len(woken) == 1, "each call of `wake` is kept until there is something to send"
    told = slow.drain(MOST + 1)
    last = told[0].cursor
    assert [each.payload for each in told] == [b"resync"] + [b"event"] * (len(told) - 1)
    assert [each.cursor for each in told[1:]] == [
        str(each) for each in range(int(last[1:].partition(",")[0]) + 1, 1000)
    ]


def test_who_reads_again_is_woken_again() -> None:
    woken: list[int] = []
    reader = Subscriber((0, 0), MOST, resync, lambda: woken.append(1))
    for number in range(1, 4):
        reader.take((number, 0), Message(b"event", str(number)))
        reader.take((number, 0), Message(b"twice", str(number)))
        assert [each.payload for each in reader.drain(MOST)] == [b"event"]
    assert len(woken) == 3
