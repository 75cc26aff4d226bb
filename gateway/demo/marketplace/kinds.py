"""Content types: the ids that generic references use for tables."""

from collections.abc import Mapping

from gateway.db import tables
from gateway.demo.marketplace.rows import RowWriter

_IDS: Mapping[tuple[str, str], int] = {
    ("core", "user"): 14,
    ("structure", "customer"): 22,
    ("structure", "project"): 27,
    ("structure", "servicesettings"): 33,
    ("marketplace", "category"): 101,
    ("marketplace", "offering"): 105,
    ("marketplace", "plan"): 106,
    ("marketplace", "order"): 109,
    ("marketplace", "resource"): 112,
    ("marketplace", "resourceproject"): 115,
    ("marketplace", "serviceprovider"): 118,
    ("openstack", "tenant"): 141,
    ("openstack", "instance"): 143,
    ("openstack", "volume"): 146,
    ("waldur_slurm", "allocation"): 152,
}

CUSTOMER = _IDS["structure", "customer"]
PROJECT = _IDS["structure", "project"]
SETTINGS = _IDS["structure", "servicesettings"]
OFFERING = _IDS["marketplace", "offering"]
RESOURCE = _IDS["marketplace", "resource"]
SERVICE_PROVIDER = _IDS["marketplace", "serviceprovider"]
TENANT = _IDS["openstack", "tenant"]
INSTANCE = _IDS["openstack", "instance"]
VOLUME = _IDS["openstack", "volume"]
ALLOCATION = _IDS["waldur_slurm", "allocation"]


def add_content_types(writer: RowWriter) -> None:
    """Add the content types; their ids differ between installations."""
    for (app_label, model), key in _IDS.items():
        writer.add_row(tables.content_type, id=key, app_label=app_label, model=model)
