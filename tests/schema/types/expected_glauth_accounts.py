"""GLauth accounts of resources: the expected ones from the tables, and the published ones."""

import tomllib
from typing import Any

import psycopg

from tests.support.marketplaces import Marketplace

ACCOUNTS_QUERY = """query($after: String) { resources(first: 300, after: $after) {
    nodes { uuid glauthUsersConfig glauthTree } pageInfo { endCursor hasNextPage }
} }"""
ACCOUNTS_ENABLED_SQL = "(o.plugin_options -> 'service_provider_can_create_offering_user') = 'true'"
PEOPLE_SQL = f"""
with member as (
    select distinct g.user_id, g.object_id as project_id from permissions_userrole g
    join django_content_type t on t.id = g.content_type_id and t.model = 'project'
    where g.is_active
)
select replace(r.uuid::text, '-', ''), u.username, u.email, a.username,
    (a.backend_metadata ->> 'uidnumber')::integer,
    array(select distinct (g.backend_metadata ->> 'gid')::integer
        from marketplace_offeringusergroup g
        join marketplace_offeringusergroup_projects p on p.offeringusergroup_id = g.id
        where g.offering_id = o.id
            and p.project_id in (select project_id from member where user_id = u.id) order by 1),
    not exists (select from marketplace_resource x where x.offering_id = o.id and x.state <> 6
        and x.project_id in (select project_id from member where user_id = u.id))
from marketplace_resource r
join marketplace_offering o on o.id = r.offering_id
join marketplace_offeringuser a on a.offering_id = o.id
join core_user u on u.id = a.user_id
where {ACCOUNTS_ENABLED_SQL} and coalesce(a.username, '') <> ''
    and exists (select from member where user_id = u.id and project_id = r.project_id)
order by u.username
"""
GROUPS_SQL = f"""
select replace(r.uuid::text, '-', ''), (g.backend_metadata ->> 'gid')::integer,
    exists (select from marketplace_offeringusergroup_projects p
        where p.offeringusergroup_id = g.id and p.project_id = r.project_id)
from marketplace_resource r join marketplace_offering o on o.id = r.offering_id
join marketplace_offeringusergroup g on g.offering_id = o.id where {ACCOUNTS_ENABLED_SQL} order by 2
"""
ROBOTS_SQL = f"""
select replace(r.uuid::text, '-', ''), a.username from marketplace_resource r
join marketplace_offering o on o.id = r.offering_id
join marketplace_robotaccount a on a.resource_id = r.id where {ACCOUNTS_ENABLED_SQL}
    and a.state in (3, 4)
"""
OFFERINGS_SQL = f"""
select replace(r.uuid::text, '-', ''), o.name, p.name from marketplace_resource r
join marketplace_offering o on o.id = r.offering_id
join structure_project p on p.id = r.project_id where {ACCOUNTS_ENABLED_SQL}
"""
RowsByResource = dict[str, list[tuple[Any, ...]]]


def query_expected_rows(demo: Marketplace, query: str) -> RowsByResource:
    """Return the rows of a query by the resource uuid in their first column."""
    rows_by_resource: RowsByResource = {}
    with psycopg.connect(demo.url) as connection:
        for uuid, *values in connection.execute(query.encode()):
            rows_by_resource.setdefault(uuid, []).append(tuple(values))
    assert rows_by_resource
    return rows_by_resource


async def load_accounts(marketplace: Marketplace, viewer: str | None = "staff") -> dict[str, Any]:
    """Return the parsed configuration and account tree of each resource visible to a viewer."""
    accounts: dict[str, Any] = {}
    after, has_next_page = None, True
    while has_next_page:
        page = (await marketplace.fetch_data(ACCOUNTS_QUERY, viewer, after=after))["resources"]
        for row in page["nodes"]:
            config = row["glauthUsersConfig"]
            parsed_config = None if config is None else tomllib.loads(config)
            accounts[row["uuid"]] = parsed_config, row["glauthTree"]
        after, has_next_page = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    return accounts
