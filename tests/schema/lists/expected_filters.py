"""What REST's filters about other rows and about JSON mean, in plain SQL (domain.md §5.1)."""

from typing import Any

Stated = tuple[str, dict[str, Any], str]

COMPONENTS = "marketplace_offeringcomponent k where k.offering_id = o.id"
ORDERS = "marketplace_order k where k.resource_id = r.id"
META = "r.backend_metadata ->>"
ONLY = "(select count(*) > 0 and count(*) = count(*) filter (where k.billing_type = '{}')"
WAITING = f"(r.state = 1 and exists (select from {ORDERS} and k.state in (1, 8, 9)))"

TOLD: list[Stated] = [
    ("resources", {"runtimeState": "ACTIVE"}, f"{META} 'runtime_state' = 'ACTIVE'"),
    ("resources", {"runtimeState": "active"}, f"{META} 'runtime_state' = 'active'"),
    ("resources", {"isAttached": True}, f"{META} 'instance_name' is not null"),
    ("resources", {"isAttached": False}, f"{META} 'instance_name' is null"),
    ("resources", {"not": {"isAttached": True}}, f"{META} 'instance_name' is null"),
    ("resources", {"flavorName": "LARGE_"}, f"strpos({META} 'flavor_name', 'Large_') > 0"),
    ("resources", {"flavorName": "large%"}, "false"),
    ("resources", {"imageName": "50%"}, f"strpos({META} 'image_name', '50%') > 0"),
    ("resources", {"lexisLinksSupported": True}, "o.plugin_options ? 'heappe_url'"),
    ("resources", {"lexisLinksSupported": False}, "not o.plugin_options ? 'heappe_url'"),
    *(
        ("resources", {f"{kind}Based": said}, f"{no} exists (select from {COMPONENTS}{of})")
        for kind in ("usage", "limit")
        for of in (f" and k.billing_type = '{kind}'",)
        for said, no in ((True, ""), (False, "not"))
    ),
    *(
        ("resources", {f"only{kind.title()}Based": said}, f"{no} {ONLY.format(kind)} {found}")
        for kind in ("usage", "limit")
        for found in (f"from {COMPONENTS})",)
        for said, no in ((True, ""), (False, "not"))
    ),
    *(
        ("resources", {"componentCount": n}, f"(select count(*) from {COMPONENTS}) = {n}")
        for n in (-1, 0, 1, 2, 3)
    ),
    *(
        (
            "resources",
            {"limitComponentCount": n},
            f"(select count(*) from {COMPONENTS} and k.billing_type = 'limit') = {n}",
        )
        for n in range(4)
    ),
    *(
        ("resources", {"orderState": names}, f"exists (select from {ORDERS} and k.state in {ids})")
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
    ("resources", {"visibleToProviders": True}, f"not {WAITING}"),
    ("resources", {"visibleToProviders": False}, "true"),
    (
        "resources",
        {"or": [{"usageBased": True}, {"orderState": ["ERRED"]}], "visibleToProviders": True},
        f"""(exists (select from {COMPONENTS} and k.billing_type = 'usage')
            or exists (select from {ORDERS} and k.state = 4)) and not {WAITING}""",
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
"""Filters, and conditions on the rows of `filtering`."""

_MANAGED = """o.shared and exists (
    select from permissions_userrole s join core_user u on u.id = s.user_id
    join django_content_type t on t.id = s.content_type_id
    where s.is_active and s.object_id = o.id and u.uuid = %s
        and (t.app_label, t.model) = ('marketplace', 'offering'))"""
_ALLOWED = """exists (
    select from structure_customer x where x.uuid = %s and (x.id = o.customer_id or o.shared and (
        not exists (select from marketplace_offering_organization_groups g
            where g.offering_id = o.id)
        or exists (select from marketplace_offering_organization_groups g
            join {} using (organizationgroup_id)
            where g.offering_id = o.id and m.customer_id = x.id))))"""
GROUPS = "structure_customer_organization_groups m"
ONE_GROUP = (
    "(select id customer_id, organization_group_id organizationgroup_id from structure_customer) m"
)
"""Which groups customers are in, and how older marketplaces keep their only one."""
_USED = """exists (
    select from marketplace_resource u join structure_project q on q.id = u.project_id
    join structure_customer x on x.id = q.customer_id
    where u.offering_id = o.id and u.state <> 6 and {}.uuid = %s)"""
_SETTINGS = """exists (
    select from structure_servicesettings s join django_content_type t on t.id = o.content_type_id
    where s.id = o.object_id and t.model = 'servicesettings' and s.uuid = %s)"""

KNOWN: list[tuple[str, str, str, str]] = [
    ("resources", "serviceManagerUuid", "core_user", _MANAGED),
    ("offerings", "serviceManagerUuid", "core_user", _MANAGED),
    ("offerings", "allowedCustomerUuid", "structure_customer", _ALLOWED),
    (
        "offerings",
        "organizationGroupUuid",
        "structure_organizationgroup",
        """exists (select from marketplace_offering_organization_groups g
            join structure_organizationgroup y on y.id = g.organizationgroup_id
            where g.offering_id = o.id and y.uuid = %s)""",
    ),
    ("offerings", "resourceCustomerUuid", "structure_customer", _USED.format("x")),
    ("offerings", "resourceProjectUuid", "structure_project", _USED.format("q")),
    ("offerings", "scopeUuid", "structure_servicesettings", _SETTINGS),
]
"""Filters by the uuid of a row of a table, and what they mean; the groups stand in braces."""

_TERMS = "exists (select from marketplace_offeringtermsofservice t where t.offering_id = o.id{})"
_AGREED = """exists (
    select from marketplace_userofferingconsent a join core_user u on u.id = a.user_id
    where a.offering_id = o.id and a.revocation_date is null and u.username = '{}')"""
_ACCOUNT = """exists (
    select from marketplace_offeringuser a join core_user u on u.id = a.user_id
    where a.offering_id = o.id and u.username = '{}')"""

VIEWED: list[tuple[str, str, str]] = [
    ("offerings", "hasTermsOfService", _TERMS.format("")),
    ("offerings", "hasActiveTermsOfService", _TERMS.format(" and t.is_active")),
    ("offerings", "userHasConsent", _AGREED),
    ("offerings", "userHasOfferingUser", _ACCOUNT),
]
"""Filters that say yes or no, some of them of the viewer, whose name stands in braces."""
