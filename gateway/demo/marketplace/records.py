"""What a marketplace keeps about itself: its settings and quotas."""

import json
from collections.abc import Mapping

from gateway.db import tables
from gateway.demo.marketplace.rows import Rows

SETTINGS = {
    "SITE_NAME": "Demo marketplace",
    "ENFORCE_USER_CONSENT_FOR_OFFERINGS": True,
    "ANONYMOUS_USER_CAN_VIEW_OFFERINGS": True,
    "ANONYMOUS_USER_CAN_VIEW_PLANS": True,
    "RESTRICTED_OFFERING_VISIBILITY_MODE": "show_all",
    "ENABLE_ORDER_START_DATE": True,
}


def settings(rows: Rows) -> None:
    """Add the marketplace's own settings, as the program that keeps them writes them."""
    for key, value in SETTINGS.items():
        stored = json.dumps({"__type__": "default", "__value__": value})
        rows.add(tables.constance, key=key, value=stored)


def quotas(rows: Rows, name: str, kind: int, counts: Mapping[int, int]) -> None:
    """Add counts by the keys of what they are of, in two steps, and that they have no limit."""
    for key, count in counts.items():
        scope = {"content_type_id": kind, "object_id": key}
        for delta in (count + 1, -1):
            rows.add(tables.quota_usage, name=name, delta=delta, **scope)
        rows.add(tables.quota_limit, name=name, value=-1, **scope)
