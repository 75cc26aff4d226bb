"""What is asked for: one list for all servers, of what the measured member sees too."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import psycopg

from benchmarks.queries import PAGE, Dialect

COUNT = 1000
_MEMBER = """
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
_PROJECTS = "select uuid, id from structure_project where id = any(%s) order by id"
_RESOURCES = """
select uuid from marketplace_resource where project_id = any(%s) and plan_id is not null
order by md5(uuid::text) limit %s
"""


@dataclass(frozen=True)
class Subjects:
    """A member, the projects in which they have a role, and resources of those projects."""

    member: str
    projects: list[tuple[str, int]]
    """The projects with a full page of usable resources, each by uuid and by key."""
    resources: list[str]

    def variables(self, query: str, dialect: Dialect) -> Iterator[dict[str, Any]]:
        """Give the variables of one request after another, without end."""
        if query in ("q1", "q4"):
            return ({"uuid": each} for each in cycle(self.resources))
        if query in ("q2", "q2b"):
            return ({"project": each[dialect.by_key]} for each in cycle(self.projects))
        return cycle([{}])

    def requests(self, query: str, dialect: Dialect, count: int = COUNT) -> list[dict[str, Any]]:
        """Give the bodies of so many requests."""
        document = dialect.document(query)
        wanted = islice(self.variables(query, dialect), count)
        return [{"query": document, "variables": each} for each in wanted]


def chosen(url: str, least: int = PAGE) -> Subjects:
    """Choose the member with the most projects that have so many usable resources at least."""
    with psycopg.connect(url) as connection:
        found = connection.execute(_MEMBER, (least,)).fetchone()
        if found is None:
            raise SystemExit(f"The demo is too small: nobody has a project with {least} resources.")
        member, keys = found
        projects = connection.execute(_PROJECTS, (keys,)).fetchall()
        resources = connection.execute(_RESOURCES, (keys, COUNT)).fetchall()
    return Subjects(
        member, [(str(uuid), key) for uuid, key in projects], [str(row[0]) for row in resources]
    )
