"""The marketplace's tables: physical names and types of tables and columns, declared only here.

This is the only package whose `__init__` imports its modules: all tables must be declared
before foreign keys between them are resolved, and `tables.resource.c.name` is short.
"""

from gateway.db.tables.accounts import (
    offering_user,
    offering_user_group,
    offering_user_group_project,
    robot_account,
    robot_account_user,
)
from gateway.db.tables.catalogue import (
    category,
    component,
    offering,
    offering_organization_group,
    plan,
    plan_component,
    plan_organization_group,
    service_provider,
)
from gateway.db.tables.columns import metadata
from gateway.db.tables.identity import (
    content_type,
    role,
    role_permission,
    token,
    user,
    user_role,
)
from gateway.db.tables.offerings import (
    consent,
    offering_endpoint,
    offering_software_catalog,
    offering_user_role,
    partition,
    software_catalog,
    software_package,
    terms_of_service,
)
from gateway.db.tables.plugins import allocation, instance, tenant, volume
from gateway.db.tables.records import (
    constance,
    event,
    event_feed,
    invoice,
    invoice_item,
    quota_limit,
    quota_usage,
    revision,
    version,
)
from gateway.db.tables.resources import (
    component_quota,
    component_usage,
    order,
    plan_period,
    resource,
    resource_endpoint,
    resource_project,
)
from gateway.db.tables.structure import (
    access_subnet,
    customer,
    customer_organization_group,
    organization_group,
    project,
    service_settings,
)

__all__ = [
    "access_subnet",
    "allocation",
    "category",
    "component",
    "component_quota",
    "component_usage",
    "consent",
    "constance",
    "content_type",
    "customer",
    "customer_organization_group",
    "event",
    "event_feed",
    "instance",
    "invoice",
    "invoice_item",
    "metadata",
    "offering",
    "offering_endpoint",
    "offering_organization_group",
    "offering_software_catalog",
    "offering_user",
    "offering_user_group",
    "offering_user_group_project",
    "offering_user_role",
    "order",
    "organization_group",
    "partition",
    "plan",
    "plan_component",
    "plan_organization_group",
    "plan_period",
    "project",
    "quota_limit",
    "quota_usage",
    "resource",
    "resource_endpoint",
    "resource_project",
    "revision",
    "robot_account",
    "robot_account_user",
    "role",
    "role_permission",
    "service_provider",
    "service_settings",
    "software_catalog",
    "software_package",
    "tenant",
    "terms_of_service",
    "token",
    "user",
    "user_role",
    "version",
    "volume",
]
