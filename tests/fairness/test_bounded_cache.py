"""Test caches that are bounded by bytes."""

from gateway.fairness.bounded_cache import BoundedCache, cache_by_bytes


def test_least_recently_used_values_are_evicted() -> None:
    cache: BoundedCache[str, int] = BoundedCache(30)
    for number, key in enumerate("abc"):
        cache.store_value(key, number, 10)
    assert cache.find_value("a") == 0
    cache.store_value("d", 3, 10)
    assert [cache.find_value(key) for key in "abcd"] == [0, None, 2, 3]
    cache.store_value("e", 4, 21)
    assert [cache.find_value(key) for key in "acde"] == [None, None, None, 4]
    assert cache.total_bytes == 21


def test_values_that_grow_are_evicted() -> None:
    cache: BoundedCache[str, int] = BoundedCache(30)
    cache.store_value("a", 1, 10)
    cache.store_value("b", 2, 10)
    cache.grow_value("a", 5)
    cache.grow_value("a", -15)
    cache.grow_value("unknown", 500)
    assert (len(cache), cache.total_bytes) == (2, 10)
    cache.grow_value("b", 25)
    assert (len(cache), cache.total_bytes) == (0, 0)


def test_value_larger_than_the_cache_is_not_kept() -> None:
    cache: BoundedCache[str, int] = BoundedCache(30)
    cache.store_value("a", 1, 10)
    cache.store_value("a", 2, 31)
    assert (cache.find_value("a"), len(cache), cache.total_bytes) == (None, 0, 0)


def test_decorated_functions_are_called_again_after_eviction() -> None:
    calls: list[str] = []

    @cache_by_bytes(100, len)
    def repeat_text(text: str) -> str:
        calls.append(text)
        return text * 2

    texts = ["x" * 40, "y" * 40, "x" * 40, "z" * 40, "y" * 40, "x" * 40]
    assert [repeat_text(text) for text in texts] == [text * 2 for text in texts]
    assert calls == ["x" * 40, "y" * 40, "z" * 40, "y" * 40, "x" * 40]
