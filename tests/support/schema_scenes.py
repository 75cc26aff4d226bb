"""Scenes in which tables, columns and privileges change under a gateway that serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg

SCENE_QUERY = (
    "{ resources(first: 3) { nodes { uuid name plan { name } offering { helpdeskUrl } } } }"
)


@dataclass(frozen=True)
class SchemaScene:
    """A change, by statements of the database's owner, and what the gateway says about it."""

    name: str
    break_sql: str
    mend_sql: str
    readiness: str
    """A part of the response of /readyz; "ready" if the gateway goes on without what is missing."""
    status: int = 200
    """The HTTP status of the query's response, with a viewer that is not cached."""
    username: str = "staff"
    """Who sends the query; the roles of staff are not expanded."""
    error_path: tuple[str | int, ...] | None = None
    """The path of the first error; None without errors, or if authentication fails."""

    @property
    def other_outcomes(self) -> tuple[str, ...]:
        """Results without errors that differ: a missing column is null."""
        return ("other",) if self.readiness == "ready" else ()


_PLAN_PATH = ("resources", "nodes", 0, "plan")
SCHEMA_SCENES = (
    SchemaScene(
        "revoked tokens",
        "revoke select on authtoken_token from {role}",
        "grant select on authtoken_token to {role}",
        "may not read authtoken_token: grant it SELECT",
        503,
    ),
    SchemaScene(
        "revoked roles",
        "revoke select on permissions_userrole from {role}",
        "grant select on permissions_userrole to {role}",
        "may not read permissions_userrole: grant it SELECT",
        503,
        "member",
    ),
    SchemaScene(
        "revoked plans",
        "revoke select on marketplace_plan from {role}",
        "grant select on marketplace_plan to {role}",
        "may not read marketplace_plan: grant it SELECT",
        error_path=_PLAN_PATH,
    ),
    SchemaScene(
        "renamed plans",
        "alter table marketplace_plan rename to plan_elsewhere",
        "alter table plan_elsewhere rename to marketplace_plan",
        "no longer has marketplace_plan,",
        error_path=_PLAN_PATH,
    ),
    SchemaScene(
        "renamed users",
        "alter table core_user rename to user_elsewhere",
        "alter table user_elsewhere rename to core_user",
        "it has no table core_user",
        503,
    ),
    SchemaScene(
        "renamed column of each version",
        "alter table marketplace_resource rename name to name_elsewhere",
        "alter table marketplace_resource rename name_elsewhere to name",
        "no longer has marketplace_resource.name,",
        error_path=("resources", "nodes"),
    ),
    SchemaScene(
        "dropped column of some versions",
        "alter table marketplace_offering rename helpdesk_url to url_elsewhere",
        "alter table marketplace_offering rename url_elsewhere to helpdesk_url",
        "ready",
    ),
    SchemaScene(
        "other column type",
        "alter table marketplace_resource alter name type text",
        "alter table marketplace_resource alter name type varchar(255)",
        "ready",
    ),
    SchemaScene(
        "incompatible column type",
        "alter table permissions_userrole alter is_active type text",
        "alter table permissions_userrole alter is_active type boolean using is_active::boolean",
        "can't read the marketplace",
        503,
        "member",
    ),
    SchemaScene(
        "restored without rights",
        "revoke all on all tables in schema public from {role}",
        "grant select on all tables in schema public to {role}",
        " and others: grant it SELECT",
        503,
    ),
    SchemaScene(
        "table restored without rights",
        "create table plan_copy (like marketplace_plan including all);"
        " insert into plan_copy overriding system value select * from marketplace_plan;"
        " alter table marketplace_plan rename to plan_elsewhere;"
        " alter table plan_copy rename to marketplace_plan",
        "drop table marketplace_plan; alter table plan_elsewhere rename to marketplace_plan",
        "may not read marketplace_plan: grant it SELECT",
        error_path=_PLAN_PATH,
    ),
    SchemaScene(
        "restore under way",
        "alter schema public rename to schema_elsewhere; create schema public",
        "drop schema public; alter schema schema_elsewhere rename to public",
        "it has no table core_user",
        503,
    ),
)


class ReaderRole:
    """A role that may read a marketplace, and a connection of the database's owner."""

    def __init__(self, url: str, role: str, owner: psycopg.Connection[Any]) -> None:
        self.url, self._role, self._owner = url, role, owner

    def run_sql(self, statements: str) -> None:
        """Run statements as the owner; `{role}` in them is the name of the role."""
        self._owner.execute(statements.format(role=self._role).encode())

    @contextmanager
    def lock_table(self, name: str) -> Iterator[None]:
        """Block all readers of a table until the context is left."""
        with self._owner.transaction():
            self.run_sql(f"lock table {name} in access exclusive mode")
            yield

    @contextmanager
    def run_scene(self, scene: SchemaScene) -> Iterator[None]:
        """Run the statements of a scene, and when the context is left those that mend it."""
        self.run_sql(scene.break_sql)
        try:
            yield
        finally:
            self.run_sql(scene.mend_sql)


@contextmanager
def create_reader_role(owner_url: str) -> Iterator[ReaderRole]:
    """Yield a role with SELECT on all tables; remove it when the context is left."""
    role = f"r{uuid4().hex}"
    with psycopg.connect(owner_url, autocommit=True) as owner:
        reader_role = ReaderRole(owner_url.replace("postgres@", f"{role}@"), role, owner)
        reader_role.run_sql("create role {role} login")
        reader_role.run_sql("grant select on all tables in schema public to {role}")
        try:
            yield reader_role
        finally:
            reader_role.run_sql("drop owned by {role} cascade; drop role {role}")
