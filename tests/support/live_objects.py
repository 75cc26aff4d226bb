"""Objects that are alive while the garbage collector is off: reference cycles keep them."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def disable_collector(*classes: type) -> Iterator[Callable[[], bool]]:
    """Disable the collector; yield a function that returns whether objects since then are freed."""
    gc.collect()
    gc.disable()
    initial_count = _count_objects(classes)
    try:
        yield lambda: _count_objects(classes) <= initial_count
    finally:
        gc.enable()


def _count_objects(classes: tuple[type, ...]) -> int:
    return sum(type(each) in classes for each in gc.get_objects())
