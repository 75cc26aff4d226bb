"""Messages and limits of quotas."""

import pytest

from gateway.subscriptions.quota import Quota, QuotaExceededError


@pytest.mark.parametrize(("limit", "text"), [(1, "1 connection"), (2, "2 connections")])
def test_message_has_the_number_of_the_limit(limit: int, text: str) -> None:
    quota = Quota("connection", limit)
    slots = [quota.acquire_slot(user) for user in range(limit)]
    for slot in slots:
        slot.__enter__()
    with pytest.raises(QuotaExceededError) as caught, quota.acquire_slot("another"):
        pass
    assert str(caught.value) == f"This server may have at most {text} at a time."
    for slot in slots:
        slot.__exit__(None, None, None)
    assert quota.count == 0


def test_limit_of_a_user_does_not_affect_others() -> None:
    quota = Quota("subscription", 3, max_per_user=1)
    with quota.acquire_slot("first"), quota.acquire_slot("second"):
        with pytest.raises(QuotaExceededError) as caught, quota.acquire_slot("first"):
            pass
        assert str(caught.value) == "A user may have at most 1 subscription at a time."
        assert quota.count == 2
