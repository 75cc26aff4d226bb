"""Fields that depend on the viewer, compared with the tables (domain.md §3.2, §3.7, §4.2)."""

from typing import Any

import psycopg
import pytest

from tests.support.marketplaces import Marketplace

VIEWER_FIELDS_QUERY = """query($after: String) { resources(first: 300, after: $after) {
    nodes { uuid username canTerminate userRequiresReconsent orderInProgress { uuid errorTraceback }
        creationOrder { uuid } }
    pageInfo { endCursor hasNextPage }
} }"""
EXPECTED_VALUES_SQL = """
with viewer as (select * from core_user where username = %(username)s), granted as (
    select t.model, u.object_id from permissions_userrole u
    join permissions_rolepermission g on g.role_id = u.role_id
    join django_content_type t on t.id = u.content_type_id
    where u.user_id = (select id from viewer) and u.is_active
        and g.permission = 'RESOURCE.TERMINATE'
), blocked as (
    select distinct resource_id from marketplace_order where state in (1, 2, 7)
)
select replace(r.uuid::text, '-', ''),
    (select username from marketplace_offeringuser a
        where a.offering_id = r.offering_id and a.user_id = (select id from viewer)),
    r.state in (2, 3) and not c.blocked and not c.archived
        and r.id not in (select resource_id from blocked)
        and ((select is_staff from viewer)
            or exists (select from granted where (model, object_id) in (
                ('project', p.id), ('customer', c.id), ('customer', o.customer_id)))),
    coalesce((o.plugin_options -> 'service_provider_can_create_offering_user') = 'true', false)
        and (select not is_staff and not is_support from viewer)
        and exists (select from marketplace_offeringtermsofservice t
            where t.offering_id = o.id and t.is_active
            and (t.terms_of_service <> '' or t.terms_of_service_link <> '')
            and not exists (select from marketplace_userofferingconsent k
                where k.offering_id = o.id and k.user_id = (select id from viewer)
                and k.revocation_date is null
                and (not t.requires_reconsent or k.version = t.version))),
    (select replace(d.uuid::text, '-', '') from marketplace_order d
        where d.resource_id = r.id and d.state in (1, 2, 7, 8, 9) order by d.created, d.id limit 1),
    (select replace(d.uuid::text, '-', '') from marketplace_order d
        where d.resource_id = r.id and d.type = 1 order by d.created, d.id limit 1)
from marketplace_resource r
join marketplace_offering o on o.id = r.offering_id
join structure_project p on p.id = r.project_id
join structure_customer c on c.id = p.customer_id
"""
VIEWERS = ("staff", "support", "owner", "admin", "manager", "member", "reader", "provider", "dual")
ORDER_FIELDS = ("orderInProgress", "creationOrder")
ViewerValues = dict[str, tuple[Any, ...]]


async def load_viewer_values(demo: Marketplace, viewer: str) -> ViewerValues:
    """Return the viewer-dependent values of all resources visible to a viewer."""
    values: ViewerValues = {}
    after = None
    while True:
        page = (await demo.fetch_data(VIEWER_FIELDS_QUERY, viewer, after=after))["resources"]
        for row in page["nodes"]:
            names = ("username", "canTerminate", "userRequiresReconsent")
            orders = [row[each] and row[each]["uuid"] for each in ORDER_FIELDS]
            values[row["uuid"]] = (*(row[each] for each in names), *orders)
        if not page["pageInfo"]["hasNextPage"]:
            return values
        after = page["pageInfo"]["endCursor"]


def query_expected_values(demo: Marketplace, viewer: str) -> ViewerValues:
    """Return the expected values of all resources for a user, from the tables."""
    with psycopg.connect(demo.url) as connection:
        rows = connection.execute(EXPECTED_VALUES_SQL, {"username": viewer}).fetchall()
    return {uuid: tuple(values) for uuid, *values in rows}


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_viewer_fields_match_the_tables(demo: Marketplace, viewer: str) -> None:
    values, expected = await load_viewer_values(demo, viewer), query_expected_values(demo, viewer)
    assert values
    assert values == {uuid: expected[uuid] for uuid in values}


async def test_expected_values_cover_all_cases(demo: Marketplace) -> None:
    expected_rows = [
        row for viewer in VIEWERS for row in query_expected_values(demo, viewer).values()
    ]
    for position in range(5):
        assert len({row[position] for row in expected_rows}) > 1


async def test_support_cannot_terminate_without_a_role(demo: Marketplace) -> None:
    assert not any(row[1] for row in (await load_viewer_values(demo, "support")).values())


async def test_tracebacks_of_orders_are_for_staff_and_support(demo: Marketplace) -> None:
    query = "{ orders(first: 300, filter: { state: [ERRED] }) { nodes { errorTraceback } } }"
    for viewer, is_visible in (("staff", True), ("support", True), ("owner", False)):
        rows = (await demo.fetch_data(query, viewer))["orders"]["nodes"]
        assert rows
        assert all((row["errorTraceback"] is not None) == is_visible for row in rows)
