"""Rules of the marketplace for new resources (rules.md §3); previews agree with orders."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.creation_demo import CreationDemo, days_ahead, serve_creation_demo
from tests.support.mutable_demo import NEWEST_VERSION_SQL

GRANT_SQL = """
insert into permissions_userrole (uuid, created, user_id, role_id, content_type_id, object_id,
    is_active)
select gen_random_uuid(), now(), u.id, r.id, r.content_type_id, {{project}}, true
from core_user u, permissions_role r where u.username = '{}' and r.name = '{}'
"""
RESTRICT_SQL = """
insert into marketplace_offering_organization_groups (offering_id, organizationgroup_id)
select {offering}, g.id from structure_organizationgroup g where g.id not in (
    select x.organizationgroup_id from structure_customer_organization_groups x
    join structure_project p on p.customer_id = x.customer_id where p.id = {project}) limit 1
"""
CUSTOMER_SQL = """
update structure_customer set {} where id = (
    select customer_id from structure_project where id = {{project}})
"""
POLICY_SQL = """
insert into policy_projectestimatedcostpolicy (uuid, created, modified, has_fired, options,
    scope_id, limit_cost, period, actions, use_credit)
values (gen_random_uuid(), now(), now(), false, '{{}}', {project}, 4, 2,
    'block_creation_of_new_resources', true)
"""
TERMS_SQL = """
insert into marketplace_offeringtermsofservice (uuid, created, modified, offering_id,
    terms_of_service, terms_of_service_link, version, is_active, requires_reconsent,
    grace_period_days)
values (gen_random_uuid(), now() - interval '30 days', now(), {offering}, 'Be kind.', '', '2',
    true, true, 9)
"""
CONSENTS_SQL = """
select u.username, c.version, c.revocation_date from marketplace_userofferingconsent c
join core_user u on u.id = c.user_id where c.offering_id = {offering}
"""
REVOKE_SQL = (
    "update marketplace_userofferingconsent set revocation_date = now()"
    " where offering_id = {offering}"
)
ENABLED_START_DATES = "'ENABLE_ORDER_START_DATE'"


class Rule(NamedTuple):
    """A site whose offering can't be ordered, why, and SQL after which it can be."""

    reason: str
    mending_sql: str
    site: dict[str, Any]
    breaking_sql: str = "select"
    as_: str = "admin"


ACTIVATE_SQL = "update marketplace_offering set state = 2 where id = {offering}"
RULES = {
    "draft": Rule("OFFERING_CLOSED", ACTIVATE_SQL, {"state": 1}, as_="staff"),
    "paused": Rule("OFFERING_CLOSED", ACTIVATE_SQL, {"state": 3}),
    "archived": Rule("OFFERING_CLOSED", ACTIVATE_SQL, {"state": 4}, as_="staff"),
    "unavailable": Rule("OFFERING_CLOSED", ACTIVATE_SQL, {"state": 5}, as_="staff"),
    "unsupported type": Rule(
        "ORDERING_UNSUPPORTED",
        "update marketplace_offering set type = 'Marketplace.Basic' where id = {offering}",
        {"type": "OpenStack.Tenant"},
    ),
    "small team": Rule(
        "TEAM_TOO_SMALL",
        GRANT_SQL.format("member", "PROJECT.MEMBER"),
        {"plugin_options": {"minimal_team_count_for_provisioning": 2}},
        GRANT_SQL.format("admin", "PROJECT.MEMBER"),
    ),
    "missing role": Rule(
        "TEAM_ROLE_REQUIRED",
        GRANT_SQL.format("admin", "PROJECT.MANAGER"),
        {"plugin_options": {"required_team_role_for_provisioning": "PROJECT.MANAGER"}},
        GRANT_SQL.format("member", "PROJECT.MANAGER"),
    ),
    "too many resources": Rule(
        "RESOURCE_COUNT_REACHED",
        "update marketplace_offering set plugin_options ="
        """ '{{"maximal_resource_count_per_project": 1}}' where id = {offering}""",
        {"plugin_options": {"maximal_resource_count_per_project": 0}},
    ),
    "ended project": Rule(
        "PROJECT_ENDED",
        "update structure_project set grace_period_days = 40 where id = {project}",
        {"project": {"end_date": days_ahead(-30), "grace_period_days": 2}},
    ),
    "private offering of another organisation": Rule(
        "OFFERING_RESTRICTED",
        "update marketplace_offering set project_id = {project} where id = {offering}",
        {"shared": False},
        as_="staff",
    ),
    "restricted offering": Rule(
        "OFFERING_RESTRICTED",
        "delete from marketplace_offering_organization_groups where offering_id = {offering}",
        {},
        RESTRICT_SQL,
    ),
    "blocked organisation": Rule(
        "CUSTOMER_BLOCKED",
        CUSTOMER_SQL.format("blocked = false"),
        {},
        CUSTOMER_SQL.format("blocked = true"),
    ),
    "archived organisation": Rule(
        "CUSTOMER_ARCHIVED",
        CUSTOMER_SQL.format("archived = false"),
        {},
        CUSTOMER_SQL.format("archived = true"),
    ),
    "cost policy": Rule(
        "COST_POLICY",
        "update policy_projectestimatedcostpolicy set limit_cost = 5 where scope_id = {project}",
        {},
        POLICY_SQL,
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[CreationDemo]:
    """Yield a demo to which each test adds an offering and a project."""
    async with serve_creation_demo(new_database()) as creation_demo:
        yield creation_demo


@pytest.mark.parametrize("name", RULES)
async def test_rules_are_checked(demo: CreationDemo, name: str) -> None:
    rule = RULES[name]
    site = demo.add_site(**rule.site)
    demo.run_site_sql(site, rule.breaking_sql)
    problems = await demo.order_as_previewed(rule.as_, **site.build_input())
    demo.run_site_sql(site, rule.mending_sql)
    assert [each["reason"] for each in problems] == [rule.reason]
    assert (await demo.order_as_previewed(rule.as_, **site.build_input()))["order"]


@pytest.mark.parametrize(
    "type_",
    [
        "Marketplace.Basic",
        "Support.OfferingTemplate",
        "Marketplace.Script",
        "Marketplace.Slurm",
        "Waldur.RemoteOffering",
    ],
)
async def test_generic_types_are_supported(demo: CreationDemo, type_: str) -> None:
    site = demo.add_site(type=type_, components=({"type": "cpu"},))
    result = await demo.order_as_previewed("staff", **site.build_input(limits={"cpu": 2}))
    assert result["__typename"] == "OrderCreated"


async def test_hidden_objects_look_absent(demo: CreationDemo) -> None:
    site, other = demo.add_site(), demo.add_site()
    demo.run_site_sql(other, "delete from permissions_userrole where object_id = {project}")
    demo.run_site_sql(other, "update marketplace_offering set shared = false where id = {offering}")
    for name in ("offering", "project", "plan"):
        hidden, absent = [
            await demo.order_as_previewed(**site.build_input(**{name: uuid}))
            for uuid in (getattr(other, name), "0" * 32)
        ]
        assert hidden == absent
        assert [each["path"] for each in hidden[0]["fields"]] == [[name]]


async def test_values_of_an_attribute_are_unique(demo: CreationDemo) -> None:
    site = demo.add_site(plugin_options={"unique_resource_per_attribute": "login"})
    inputs = [site.build_input(attributes={"login": each}) for each in ("a", "b")]
    assert (await demo.order_as_previewed(**inputs[0]))["order"]
    problems = await demo.order_as_previewed(**inputs[0])
    assert [each["path"] for each in problems[0]["fields"]] == [["attributes", "login"]]
    assert (await demo.order_as_previewed(**inputs[1]))["order"]
    demo.run_site_sql(
        site, "update marketplace_resource set state = 6 where offering_id = {offering}"
    )
    assert (await demo.order_as_previewed(**inputs[0]))["order"]


async def test_live_resources_are_counted(demo: CreationDemo) -> None:
    site = demo.add_site(plugin_options={"maximal_resource_count_per_project": 1})
    assert (await demo.order_as_previewed(**site.build_input()))["order"]
    problems = await demo.order_as_previewed(**site.build_input())
    assert [each["reason"] for each in problems] == ["RESOURCE_COUNT_REACHED"]
    demo.run_site_sql(
        site, "update marketplace_resource set state = 6 where offering_id = {offering}"
    )
    assert (await demo.order_as_previewed(**site.build_input()))["order"]


async def test_start_dates_can_be_switched_off(demo: CreationDemo) -> None:
    site = demo.add_site()
    condition = f"key = {ENABLED_START_DATES}"
    ((value,),) = demo.run_sql(
        f"update constance_config set value = null where {condition} returning"
        f" (select value from constance_config where {condition})"
    )
    problems = await demo.order_as_previewed(**site.build_input(startDate=days_ahead(3)))
    demo.run_sql(f"update constance_config set value = %s where {condition}", value)
    assert "switched off" in problems[0]["message"]
    assert (await demo.order_as_previewed(**site.build_input(startDate=days_ahead(3))))["order"]


async def test_limits_of_a_parent_are_left_out(demo: CreationDemo) -> None:
    parent = demo.add_site(components=({"type": "storage"},))
    site = demo.add_site(components=({"type": "cpu"},), parent_id=parent.offering_id)
    values = site.build_input(limits={"storage": 4, "cpu": 1})
    assert (await demo.order_as_previewed(**values))["order"]
    rows = demo.run_site_sql(
        site, "select limits from marketplace_resource where offering_id = {offering}"
    )
    assert rows == [({"cpu": 1},)]


async def test_cost_policies_count_the_new_resource(demo: CreationDemo) -> None:
    site = demo.add_site(components=({"type": "cpu"},))
    demo.run_site_sql(site, POLICY_SQL.replace("{project}, 4, 2", "{project}, 25, 2"))
    assert (await demo.order_as_previewed(**site.build_input(limits={"cpu": 2})))["order"]
    problems = await demo.order_as_previewed(**site.build_input(limits={"cpu": 3}))
    assert [each["reason"] for each in problems] == ["COST_POLICY"]


async def test_terms_of_service_are_accepted(demo: CreationDemo) -> None:
    site = demo.add_site(plugin_options={"service_provider_can_create_offering_user": True})
    demo.run_site_sql(site, TERMS_SQL)
    for _ in range(2):
        problems = await demo.order_as_previewed(**site.build_input())
        assert [each["__typename"] for each in problems] == ["NotPermitted"]
        accepted_input = site.build_input(acceptTermsOfService=True)
        assert (await demo.order_as_previewed(**accepted_input))["order"]
        assert demo.run_site_sql(site, CONSENTS_SQL) == [("admin", "2", None)]
        assert (await demo.order_as_previewed(**site.build_input()))["order"]
        demo.run_site_sql(site, REVOKE_SQL)


async def test_nothing_is_accepted_without_terms(demo: CreationDemo) -> None:
    site = demo.add_site()
    assert (await demo.order_as_previewed(**site.build_input(acceptTermsOfService=True)))["order"]
    assert demo.run_site_sql(site, CONSENTS_SQL) == []


async def test_all_that_is_wrong_is_previewed(demo: CreationDemo) -> None:
    options = {"minimal_team_count_for_provisioning": 9, "maximal_resource_count_per_project": 0}
    site = demo.add_site(state=3, plugin_options=options)
    problems = await demo.order_as_previewed(**site.build_input(name=""))
    assert [each.get("reason") for each in problems] == [
        "OFFERING_CLOSED",
        "TEAM_TOO_SMALL",
        "RESOURCE_COUNT_REACHED",
        None,
    ]


async def test_options_of_a_wrong_type_are_no_rules(demo: CreationDemo) -> None:
    options = {
        "minimal_team_count_for_provisioning": "9",
        "maximal_resource_count_per_project": False,
        "required_team_role_for_provisioning": {},
        "unique_resource_per_attribute": ["name"],
        "latest_date_for_resource_termination": 2,
        "max_resource_termination_offset_in_days": "soon",
        "is_resource_termination_date_required": True,
        "default_resource_termination_offset_in_days": 10**20,
    }
    site = demo.add_site(plugin_options=options)
    values = site.build_input(attributes={"end_date": days_ahead(9)})
    assert (await demo.order_as_previewed(**values))["order"]
    assert (await demo.order_as_previewed(**site.build_input()))["order"]


@pytest.mark.parametrize("username", ["admin", "owner", "staff", "support", "member"])
async def test_all_who_see_the_project_may_order(demo: CreationDemo, username: str) -> None:
    """The user `member` has no role in the project and its organisation."""
    site = demo.add_site()
    problems = await demo.order_as_previewed(username, **site.build_input())
    is_refused = isinstance(problems, list)
    assert is_refused is (username == "member")
    if is_refused:
        assert [each["path"] for each in problems[0]["fields"]] == [["project"]]


async def test_anonymous_clients_order_nothing(demo: CreationDemo) -> None:
    site = demo.add_site()
    problem = await demo.create_order(None, **site.build_input())
    assert problem["__typename"] == "NotPermitted"
    assert (await demo.preview_order(None, **site.build_input()))["problems"] == [problem]


async def test_the_newest_waldur_requires_a_permission(new_database: DatabaseFactory) -> None:
    async with serve_creation_demo(
        new_database(), rules="auto", setup_sql=NEWEST_VERSION_SQL
    ) as demo:
        site = demo.add_site()
        demo.run_sql("delete from permissions_rolepermission where permission = 'ORDER.CREATE'")
        problems = await demo.order_as_previewed(**site.build_input())
        assert [each["__typename"] for each in problems] == ["NotPermitted"]
        assert "ORDER.CREATE" in problems[0]["message"]
        demo.run_sql(
            "insert into permissions_rolepermission (role_id, permission)"
            " select id, 'ORDER.CREATE' from permissions_role where name = 'PROJECT.ADMIN'"
        )
        assert (await demo.order_as_previewed(**site.build_input()))["order"]
