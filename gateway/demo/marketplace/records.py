"""Site settings and quotas of the marketplace."""

import json
from collections.abc import Mapping

from gateway.db import tables
from gateway.demo.marketplace.rows import RowWriter

SITE_SETTINGS = {
    "SITE_NAME": "Demo marketplace",
    "ENFORCE_USER_CONSENT_FOR_OFFERINGS": True,
    "ANONYMOUS_USER_CAN_VIEW_OFFERINGS": True,
    "ANONYMOUS_USER_CAN_VIEW_PLANS": True,
    "RESTRICTED_OFFERING_VISIBILITY_MODE": "show_all",
    "ENABLE_ORDER_START_DATE": True,
}


def add_site_settings(writer: RowWriter) -> None:
    """Add the site settings, in the format of django-constance."""
    for key, value in SITE_SETTINGS.items():
        stored = json.dumps({"__type__": "default", "__value__": value})
        writer.add_row(tables.constance, key=key, value=stored)


def add_quotas(
    writer: RowWriter, name: str, content_type_id: int, counts: Mapping[int, int]
) -> None:
    """Add unlimited quotas with their usage; `counts` has the usage by key of the scope.

    A usage is the sum of its deltas; each is written as two.
    """
    for key, count in counts.items():
        scope = {"content_type_id": content_type_id, "object_id": key}
        for delta in (count + 1, -1):
            writer.add_row(tables.quota_usage, name=name, delta=delta, **scope)
        writer.add_row(tables.quota_limit, name=name, value=-1, **scope)
