"""The marketplace's tables: physical names and types of tables and columns, declared only here.

This is the only package whose `__init__` imports its modules: all tables must be declared
before foreign keys between them are resolved, and `tables.resource.c.name` is short.
"""

from gateway.db.tables.accounts import (
    offering_user as offering_user,
    offering_user_group as offering_user_group,
    offering_user_group_project as offering_user_group_project,
    robot_account as robot_account,
    robot_account_user as robot_account_user,
)
from gateway.db.tables.catalogue import (
    category as category,
    component as component,
    offering as offering,
    offering_organization_group as offering_organization_group,
    plan as plan,
    plan_component as plan_component,
    plan_organization_group as plan_organization_group,
    service_provider as service_provider,
)
from gateway.db.tables.columns import (
    metadata as metadata,
)
from gateway.db.tables.identity import (
    content_type as content_type,
    personal_access_token as personal_access_token,
    role as role,
    role_permission as role_permission,
    token as token,
    user as user,
    user_role as user_role,
)
from gateway.db.tables.offerings import (
    consent as consent,
    offering_endpoint as offering_endpoint,
    offering_software_catalog as offering_software_catalog,
    offering_user_role as offering_user_role,
    partition as partition,
    software_catalog as software_catalog,
    software_package as software_package,
    terms_of_service as terms_of_service,
)
from gateway.db.tables.plugins import (
    allocation as allocation,
    instance as instance,
    tenant as tenant,
    volume as volume,
)
from gateway.db.tables.policies import (
    customer_cost_policy as customer_cost_policy,
    offering_cost_policy as offering_cost_policy,
    offering_cost_policy_group as offering_cost_policy_group,
    project_cost_policy as project_cost_policy,
    slurm_usage_policy as slurm_usage_policy,
)
from gateway.db.tables.records import (
    constance as constance,
    event as event,
    event_feed as event_feed,
    invoice as invoice,
    invoice_item as invoice_item,
    quota_limit as quota_limit,
    quota_usage as quota_usage,
    revision as revision,
    version as version,
)
from gateway.db.tables.resources import (
    component_quota as component_quota,
    component_usage as component_usage,
    order as order,
    plan_period as plan_period,
    project_order_auto_approval as project_order_auto_approval,
    resource as resource,
    resource_endpoint as resource_endpoint,
    resource_project as resource_project,
)
from gateway.db.tables.structure import (
    access_subnet as access_subnet,
    customer as customer,
    customer_organization_group as customer_organization_group,
    organization_group as organization_group,
    project as project,
    service_settings as service_settings,
)
