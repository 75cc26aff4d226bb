"""Caches whose keys clients choose: bounded by bytes, because the sizes of entries differ."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from threading import Lock
from typing import Any, Generic, ParamSpec, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
R = TypeVar("R")
P = ParamSpec("P")


class BoundedCache(Generic[K, V]):
    """Cache of values with estimated sizes; the least recently used are evicted.

    A value that is larger than the whole cache is not kept.
    """

    def __init__(self, max_bytes: int) -> None:
        """Keep values of at most `max_bytes` bytes together."""
        self.max_bytes, self.total_bytes = max_bytes, 0
        self._values: OrderedDict[K, V] = OrderedDict()
        self._sizes: dict[K, int] = {}

    def __len__(self) -> int:
        return len(self._values)

    def find_value(self, key: K, default: Any = None) -> V | Any:
        """Return the value of a key, which is the most recently used one then, or `default`."""
        try:
            self._values.move_to_end(key)
        except KeyError:
            return default
        return self._values[key]

    def store_value(self, key: K, value: V, size: int) -> None:
        """Store a value of about `size` bytes; evict others if it makes the cache too large."""
        self._remove(key)
        self._values[key], self._sizes[key] = value, size
        self.total_bytes += size
        self._evict()

    def grow_value(self, key: K, size: int) -> None:
        """Note that a value, if it is still here, has become larger by `size` bytes."""
        if key in self._sizes:
            self._sizes[key] += size
            self.total_bytes += size
            self._evict()

    def clear_values(self) -> None:
        """Remove all values."""
        self._values.clear()
        self._sizes.clear()
        self.total_bytes = 0

    def _evict(self) -> None:
        while self.total_bytes > self.max_bytes:
            self._remove(next(iter(self._values)))

    def _remove(self, key: K) -> None:
        if key in self._values:
            del self._values[key]
            self.total_bytes -= self._sizes.pop(key)


def cache_by_bytes(
    max_bytes: int, measure_size: Callable[..., int]
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function like `functools.lru_cache`, but bounded by bytes.

    `measure_size` returns the size of an entry from the positional arguments, which are the
    key. The function may be called in several threads.
    """

    def decorate_function(function: Callable[P, R]) -> Callable[P, R]:
        lock, missing = Lock(), object()
        cache: BoundedCache[tuple[Any, ...], R] = BoundedCache(max_bytes)

        @wraps(function)
        def call_cached(*arguments: P.args, **_: P.kwargs) -> R:
            with lock:
                value = cache.find_value(arguments, missing)
            if value is missing:
                value = function(*arguments)  # type: ignore[call-arg]
                with lock:
                    cache.store_value(arguments, value, measure_size(*arguments))
            return value

        call_cached.cache = cache  # type: ignore[attr-defined]
        return call_cached

    return decorate_function
