"""Settings of rate limits: bounds, `off`, the URL of a Redis and its password."""

import pytest

from gateway.config.settings import InvalidSettingError, load_settings


def test_limits_can_be_switched_off() -> None:
    settings = load_settings(
        {
            "GATEWAY_RATE_COST": "off",
            "GATEWAY_RATE_ANONYMOUS_COST": "250000",
            "GATEWAY_FAILED_TOKENS": "off",
        }
    )
    assert (settings.rate_cost, settings.rate_anonymous_cost) == (None, 250_000)
    assert settings.failed_tokens is None


@pytest.mark.parametrize("value", ["0", "249999", "-1", "on", "1e6"])
def test_budgets_below_the_price_of_a_document_are_refused(value: str) -> None:
    with pytest.raises(InvalidSettingError, match="between 250000 and 1000000000000, or off, got"):
        load_settings({"GATEWAY_RATE_COST": value})


@pytest.mark.parametrize(
    ("url", "masked_url"),
    [
        ("memory", "memory"),
        ("redis://redis.example.org", "redis://redis.example.org"),
        ("redis://:secret@redis:6379/1", "redis://:***@redis:6379/1"),
        (
            "rediss://gateway:secret@[2001:db8::1]:6379/1",
            "rediss://gateway:***@[2001:db8::1]:6379/1",
        ),
        ("redis://redis/0?password=secret", "redis://redis/0?password=***"),
    ],
)
def test_password_of_redis_is_masked(url: str, masked_url: str) -> None:
    settings = load_settings({"GATEWAY_RATE_STORAGE": url})
    assert settings.rate_storage == url
    assert f"GATEWAY_RATE_STORAGE={masked_url}" in settings.format_lines()


@pytest.mark.parametrize(
    "url",
    [
        "secret",
        "memcached://secret:11211",
        "redis://",
        "redis:///0",
        "redis://127.0.0.1:secret/0",
        "redis://:se/cret@redis",
        "redis://:secret@redis:99999",
        "http://:secret@redis",
    ],
)
def test_invalid_storage_is_not_repeated(url: str) -> None:
    with pytest.raises(InvalidSettingError, match="must be memory, or a URL like redis:") as raised:
        load_settings({"GATEWAY_RATE_STORAGE": url})
    assert "secret" not in str(raised.value)
    assert "cret@" not in str(raised.value)
