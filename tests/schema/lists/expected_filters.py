"""REST's filters by related rows and by JSON columns in plain SQL (domain.md §5.1)."""

from typing import Any

SqlFilterCase = tuple[str, dict[str, Any], str]

OFFERING_COMPONENTS_SQL = "marketplace_offeringcomponent k where k.offering_id = o.id"
RESOURCE_ORDERS_SQL = "marketplace_order k where k.resource_id = r.id"
METADATA_SQL = "r.backend_metadata ->>"
COMPONENT_EXISTS_SQL = f"exists (select from {OFFERING_COMPONENTS_SQL} and k.billing_type = '{{}}')"
LIMIT_COMPONENT_COUNT_SQL = (
    f"(select count(*) from {OFFERING_COMPONENTS_SQL} and k.billing_type = 'limit')"
)
ONLY_BILLING_TYPE_SQL = (
    "(select count(*) > 0 and count(*) = count(*) filter (where k.billing_type = '{}')"
)
WAITING_RESOURCE_SQL = (
    f"(r.state = 1 and exists (select from {RESOURCE_ORDERS_SQL} and k.state in (1, 8, 9)))"
)

VALUE_FILTER_CASES: list[SqlFilterCase] = [
    ("resources", {"runtimeState": "ACTIVE"}, f"{METADATA_SQL} 'runtime_state' = 'ACTIVE'"),
    ("resources", {"runtimeState": "active"}, f"{METADATA_SQL} 'runtime_state' = 'active'"),
    ("resources", {"isAttached": True}, f"{METADATA_SQL} 'instance_name' is not null"),
    ("resources", {"isAttached": False}, f"{METADATA_SQL} 'instance_name' is null"),
    ("resources", {"not": {"isAttached": True}}, f"{METADATA_SQL} 'instance_name' is null"),
    ("resources", {"flavorName": "LARGE_"}, f"strpos({METADATA_SQL} 'flavor_name', 'Large_') > 0"),
    ("resources", {"flavorName": "large%"}, "false"),
    ("resources", {"imageName": "50%"}, f"strpos({METADATA_SQL} 'image_name', '50%') > 0"),
    ("resources", {"lexisLinksSupported": True}, "o.plugin_options ? 'heappe_url'"),
    ("resources", {"lexisLinksSupported": False}, "not o.plugin_options ? 'heappe_url'"),
    *(
        (
            "resources",
            {f"{kind}Based": value},
            f"{negation} {COMPONENT_EXISTS_SQL.format(kind)}",
        )
        for kind in ("usage", "limit")
        for value, negation in ((True, ""), (False, "not"))
    ),
    *(
        (
            "resources",
            {f"only{kind.title()}Based": value},
            f"{negation} {ONLY_BILLING_TYPE_SQL.format(kind)} from {OFFERING_COMPONENTS_SQL})",
        )
        for kind in ("usage", "limit")
        for value, negation in ((True, ""), (False, "not"))
    ),
    *(
        (
            "resources",
            {"componentCount": count},
            f"(select count(*) from {OFFERING_COMPONENTS_SQL}) = {count}",
        )
        for count in (-1, 0, 1, 2, 3)
    ),
    *(
        (
            "resources",
            {"limitComponentCount": count},
            f"{LIMIT_COMPONENT_COUNT_SQL} = {count}",
        )
        for count in range(4)
    ),
    *(
        (
            "resources",
            {"orderState": names},
            f"exists (select from {RESOURCE_ORDERS_SQL} and k.state in {ids})",
        )
        for names, ids in (
            (["PENDING_CONSUMER"], "(1)"),
            (["EXECUTING"], "(2)"),
            (["DONE"], "(3)"),
            (["ERRED"], "(4)"),
            (["CANCELED"], "(5)"),
            (["REJECTED"], "(6)"),
            (["PENDING_PROVIDER"], "(7)"),
            (["PENDING_PROJECT"], "(8)"),
            (["PENDING_START_DATE"], "(9)"),
            (["DONE", "ERRED"], "(3, 4)"),
        )
    ),
    ("resources", {"orderState": []}, "false"),
    ("resources", {"visibleToProviders": True}, f"not {WAITING_RESOURCE_SQL}"),
    ("resources", {"visibleToProviders": False}, "true"),
    (
        "resources",
        {"or": [{"usageBased": True}, {"orderState": ["ERRED"]}], "visibleToProviders": True},
        f"""({COMPONENT_EXISTS_SQL.format("usage")}
            or exists (select from {RESOURCE_ORDERS_SQL} and k.state = 4))
            and not {WAITING_RESOURCE_SQL}""",
    ),
    ("resources", {"usageBased": True, "componentCount": 0}, "false"),
    ("resources", {"resourceAttributes": {}}, "true"),
    ("offerings", {"attributes": {}}, "true"),
    ("offerings", {"attributes": {"tier": "gold"}}, "o.attributes ->> 'tier' = 'gold'"),
    (
        "offerings",
        {"attributes": {"tags": ["a", "c"]}},
        "o.attributes -> 'tags' ?| array['a', 'c']",
    ),
    ("offerings", {"attributes": {"tags": []}}, "false"),
    (
        "offerings",
        {"keyword": "HALDEN"},
        "concat_ws('|', o.name, o.description, provider.name) ilike '%halden%'",
    ),
    (
        "offerings",
        {"canCreateOfferingUser": True},
        "o.plugin_options ->> 'service_provider_can_create_offering_user' = 'true'",
    ),
    (
        "offerings",
        {"canCreateOfferingUser": False},
        "(o.plugin_options ->> 'service_provider_can_create_offering_user' = 'true') is not true",
    ),
]
"""Lists, filters, and the equivalent conditions on `filter_queries.FROM_CLAUSES`."""

_MANAGED_OFFERING_SQL = """o.shared and exists (
    select from permissions_userrole s join core_user u on u.id = s.user_id
    join django_content_type t on t.id = s.content_type_id
    where s.is_active and s.object_id = o.id and u.uuid = %s
        and (t.app_label, t.model) = ('marketplace', 'offering'))"""
_ALLOWED_CUSTOMER_SQL = """exists (
    select from structure_customer x where x.uuid = %s and (x.id = o.customer_id or o.shared and (
        not exists (select from marketplace_offering_organization_groups g
            where g.offering_id = o.id)
        or exists (select from marketplace_offering_organization_groups g
            join {} using (organizationgroup_id)
            where g.offering_id = o.id and m.customer_id = x.id))))"""
CUSTOMER_GROUPS_SQL = "structure_customer_organization_groups m"
SINGLE_CUSTOMER_GROUP_SQL = (
    "(select id customer_id, organization_group_id organizationgroup_id from structure_customer) m"
)
"""Groups of customers, and the same for older marketplaces, where a customer has one at most."""
_USED_OFFERING_SQL = """exists (
    select from marketplace_resource u join structure_project q on q.id = u.project_id
    join structure_customer x on x.id = q.customer_id
    where u.offering_id = o.id and u.state <> 6 and {}.uuid = %s)"""
_SERVICE_SETTINGS_SQL = """exists (
    select from structure_servicesettings s join django_content_type t on t.id = o.content_type_id
    where s.id = o.object_id and t.model = 'servicesettings' and s.uuid = %s)"""

UUID_FILTER_CASES: list[tuple[str, str, str, str]] = [
    ("resources", "serviceManagerUuid", "core_user", _MANAGED_OFFERING_SQL),
    ("offerings", "serviceManagerUuid", "core_user", _MANAGED_OFFERING_SQL),
    ("offerings", "allowedCustomerUuid", "structure_customer", _ALLOWED_CUSTOMER_SQL),
    (
        "offerings",
        "organizationGroupUuid",
        "structure_organizationgroup",
        """exists (select from marketplace_offering_organization_groups g
            join structure_organizationgroup y on y.id = g.organizationgroup_id
            where g.offering_id = o.id and y.uuid = %s)""",
    ),
    ("offerings", "resourceCustomerUuid", "structure_customer", _USED_OFFERING_SQL.format("x")),
    ("offerings", "resourceProjectUuid", "structure_project", _USED_OFFERING_SQL.format("q")),
    ("offerings", "scopeUuid", "structure_servicesettings", _SERVICE_SETTINGS_SQL),
]
"""Lists, filters by a uuid of a table, and their conditions, with {} for the customers' groups."""

_TERMS_OF_SERVICE_SQL = (
    "exists (select from marketplace_offeringtermsofservice t where t.offering_id = o.id{})"
)
_USER_CONSENT_SQL = """exists (
    select from marketplace_userofferingconsent a join core_user u on u.id = a.user_id
    where a.offering_id = o.id and a.revocation_date is null and u.username = '{}')"""
_OFFERING_USER_SQL = """exists (
    select from marketplace_offeringuser a join core_user u on u.id = a.user_id
    where a.offering_id = o.id and u.username = '{}')"""

VIEWER_FILTER_CASES: list[tuple[str, str, str]] = [
    ("offerings", "hasTermsOfService", _TERMS_OF_SERVICE_SQL.format("")),
    ("offerings", "hasActiveTermsOfService", _TERMS_OF_SERVICE_SQL.format(" and t.is_active")),
    ("offerings", "userHasConsent", _USER_CONSENT_SQL),
    ("offerings", "userHasOfferingUser", _OFFERING_USER_SQL),
]
"""Lists, boolean filters about the viewer, and their conditions, with {} for the username."""
