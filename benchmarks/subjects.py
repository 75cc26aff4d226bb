"""The subjects of the queries: the same for all servers, and visible to the member."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import psycopg

from benchmarks.queries import PAGE_SIZE, Dialect

REQUEST_COUNT = 1000
_MEMBER_SQL = """
select u.username, array_agg(distinct p.id)
from permissions_userrole g
join permissions_role r on r.id = g.role_id and r.name like 'PROJECT.%%' and r.is_active
join core_user u on u.id = g.user_id and u.is_active and not u.is_staff and not u.is_support
join structure_project p on p.id = g.object_id and not p.is_removed
    and p.customer_id not in (select customer_id from structure_accesssubnet)
where g.is_active and (g.expiration_time is null or g.expiration_time > now())
and %s <= (select count(*) from marketplace_resource o where o.project_id = p.id and o.state = 2)
group by u.id order by count(distinct p.id) desc, u.id limit 1
"""
_PROJECTS_SQL = "select uuid, id from structure_project where id = any(%s) order by id"
_RESOURCES_SQL = """
select uuid from marketplace_resource where project_id = any(%s) and plan_id is not null
order by md5(uuid::text) limit %s
"""


@dataclass(frozen=True)
class BenchmarkSubjects:
    """A member, the projects in which they have a role, and resources of these projects."""

    member: str
    projects: list[tuple[str, int]]
    """Uuid and primary key of the projects with a full page of OK resources."""
    resources: list[str]
    """Uuids."""

    def iterate_variables(self, query: str, dialect: Dialect) -> Iterator[dict[str, Any]]:
        """Return an endless iterator over the variables of requests."""
        if query in ("q1", "q4"):
            return ({"uuid": uuid} for uuid in cycle(self.resources))
        if query in ("q2", "q2b"):
            return (
                {"project": key if dialect.uses_project_keys else uuid}
                for uuid, key in cycle(self.projects)
            )
        return cycle([{}])

    def build_requests(
        self, query: str, dialect: Dialect, count: int = REQUEST_COUNT
    ) -> list[dict[str, Any]]:
        """Return the bodies of `count` requests."""
        document = dialect.write_document(query)
        variable_sets = islice(self.iterate_variables(query, dialect), count)
        return [{"query": document, "variables": variables} for variables in variable_sets]


def choose_subjects(url: str, min_resources: int = PAGE_SIZE) -> BenchmarkSubjects:
    """Choose the member with the most projects of at least `min_resources` OK resources."""
    with psycopg.connect(url) as connection:
        member_row = connection.execute(_MEMBER_SQL, (min_resources,)).fetchone()
        if member_row is None:
            raise SystemExit(
                f"The demo is too small: no member has a project with {min_resources} OK resources."
            )
        member, project_keys = member_row
        projects = connection.execute(_PROJECTS_SQL, (project_keys,)).fetchall()
        resources = connection.execute(_RESOURCES_SQL, (project_keys, REQUEST_COUNT)).fetchall()
    return BenchmarkSubjects(
        member, [(str(uuid), key) for uuid, key in projects], [str(row[0]) for row in resources]
    )
