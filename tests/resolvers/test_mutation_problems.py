"""Every failure that domain.md names is a problem that says what helps, and nothing changes."""
# ruff: noqa: E501 - a line for each case

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import NewDatabase
from tests.support.mutable_demo import Changing, changing

Given = dict[str, Any]
RESOURCE = "update marketplace_resource set {} where uuid = %s"
OFFERING = """
update marketplace_offering set {} where id = (
    select offering_id from marketplace_resource where uuid = %s)
"""
PROJECT = """
update structure_project set {} where id = (
    select project_id from marketplace_resource where uuid = %s)
"""
CUSTOMER = """
update structure_customer set {} where id = (select customer_id from structure_project where id = (
    select project_id from marketplace_resource where uuid = %s))
"""
COMPONENT = """
update marketplace_offeringcomponent set {} where offering_id = (
    select offering_id from marketplace_resource where uuid = %s)
"""
ORDER = """
insert into marketplace_order select (o).* from (
    select jsonb_populate_record(o, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('marketplace_order', 'id')), 'uuid', gen_random_uuid(),
        'state', {state}, 'type', {type}, 'attributes', '{attributes}'::jsonb)) o
    from marketplace_order o join marketplace_resource r on r.id = o.resource_id
    where r.uuid = %s limit 1)
"""
PENDING = ORDER.format(state=1, type=2, attributes="{}")
ENDING = ORDER.format(state=1, type=3, attributes="{}")
CHANGING = ORDER.format(state=7, type=2, attributes='{"new_options": {}}')
GROUPED = """
with a_group as (
    insert into structure_organizationgroup (uuid, name)
    values (gen_random_uuid(), 'Of others') returning id)
insert into marketplace_offering_organization_groups (offering_id, organizationgroup_id)
select r.offering_id, g.id from marketplace_resource r, a_group g where r.uuid = %s
"""
OTHERS = OFFERING.format(
    "shared = false, billable = false, project_id = null, customer_id = (select min(c.id)"
    " from structure_customer c where c.id not in (select customer_id from structure_project p"
    " join marketplace_resource r on r.project_id = p.id where r.offering_id = marketplace_offering.id))"
)
BY_ORDER = f"""
with ordering as ({
    OFFERING.format('''
    plugin_options = plugin_options || '{"create_orders_on_resource_option_change": true}'
''')
}) {ENDING}
"""
RENEW, PULL, END = "renewResource", "pullResource", "setResourceEndDate"
OPTIONS, MOVE = "updateResourceOptions", "moveResource"
OPERATION = {
    RENEW: "RENEW_RESOURCE",
    PULL: "PULL_RESOURCE",
    END: "SET_RESOURCE_END_DATE",
    OPTIONS: "UPDATE_RESOURCE_OPTIONS",
    MOVE: "MOVE_RESOURCE",
}
YEAR: Given = {"extensionMonths": 12}
SOME: Given = {"options": {"contact": "me"}}


class Case(NamedTuple):
    """What is tried of a resource on which it could be done, after some SQL about it."""

    field: str
    given: Given
    before: str | None
    problem: str
    told: str
    """A reason, or a part of the message."""
    as_: str = "staff"


CASES = {
    "blocked": Case(RENEW, YEAR, CUSTOMER.format("blocked = true"), "NotPossible", "CUSTOMER_BLOCKED"),
    "archived": Case(RENEW, YEAR, CUSTOMER.format("archived = true"), "NotPossible", "CUSTOMER_ARCHIVED"),
    "project ended": Case(RENEW, YEAR, PROJECT.format("end_date = current_date, grace_period_days = 0"), "NotPossible", "PROJECT_ENDED"),
    "grace is over": Case(
        RENEW, YEAR, PROJECT.format("end_date = current_date - 9, grace_period_days = 9"), "NotPossible", "PROJECT_ENDED"
    ),
    "draft": Case(RENEW, YEAR, OFFERING.format("state = 1"), "NotPossible", "OFFERING_CLOSED"),
    "archived offering": Case(RENEW, YEAR, OFFERING.format("state = 4"), "NotPossible", "OFFERING_CLOSED"),
    "renewal unavailable": Case(RENEW, YEAR, OFFERING.format("state = 5"), "NotPossible", "OFFERING_UNAVAILABLE"),
    "end unavailable": Case(END, {"endDate": "2099-01-01"}, OFFERING.format("state = 5"), "NotPossible", "OFFERING_UNAVAILABLE"),
    "options unavailable": Case(OPTIONS, SOME, OFFERING.format("state = 5"), "NotPossible", "OFFERING_UNAVAILABLE"),
    "move unavailable": Case(MOVE, {"project": "0" * 32}, OFFERING.format("state = 5"), "NotPossible", "OFFERING_UNAVAILABLE"),
    "grouped": Case(RENEW, YEAR, GROUPED, "NotPossible", "OFFERING_RESTRICTED", "owner"),
    "of others": Case(RENEW, YEAR, OTHERS, "NotPossible", "OFFERING_RESTRICTED"),
    "ending": Case(RENEW, YEAR, ENDING, "NotPossible", "ORDER_PENDING"),
    "options while ending": Case(OPTIONS, SOME, BY_ORDER, "NotPossible", "ORDER_PENDING"),
    "unavailable": Case(PULL, {}, OFFERING.format("state = 5"), "NotPossible", "OFFERING_UNAVAILABLE"),
    "pending order": Case(RENEW, YEAR, PENDING, "NotPossible", "ORDER_PENDING"),
    "not prepaid": Case(RENEW, YEAR, COMPONENT.format("is_prepaid = false"), "NotPossible", "NOT_PREPAID"),
    "fixed limits": Case(RENEW, YEAR, OFFERING.format("type = 'Marketplace.Booking'"), "NotPossible", "LIMITS_FIXED"),
    "no backend id": Case(PULL, {}, RESOURCE.format("backend_id = ''"), "NotPossible", "NO_BACKEND_ID"),
    "no pull": Case(PULL, {}, OFFERING.format("type = 'Marketplace.Basic'"), "NotPossible", "PULL_UNSUPPORTED"),
    "months": Case(RENEW, {"extensionMonths": 599}, COMPONENT.format("max_renewal_duration = 24"), "InvalidMonths", "24"),
    "too few months": Case(RENEW, {"extensionMonths": 0}, None, "InvalidInput", "extensionMonths"),
    "too many months": Case(RENEW, {"extensionMonths": 601}, None, "InvalidInput", "extensionMonths"),
    "unknown limit": Case(RENEW, {**YEAR, "limits": {"x": 1}}, None, "InvalidInput", "limits.x"),
    "negative limit": Case(RENEW, {**YEAR, "limits": {"slots": -1}}, None, "InvalidInput", "limits"),
    "no number": Case(RENEW, {**YEAR, "limits": {"slots": "many"}}, None, "InvalidInput", "limits"),
    "over the highest": Case(RENEW, YEAR, COMPONENT.format("max_value = 1"), "InvalidInput", "at most 1"),
    "below the lowest": Case(RENEW, YEAR, COMPONENT.format("min_value = 100000"), "InvalidInput", "at least 100000"),
    "over the amount": Case(RENEW, YEAR, COMPONENT.format("limit_amount = 1"), "InvalidInput", "can have 1;"),
    "over what is there": Case(RENEW, YEAR, COMPONENT.format("max_available_limit = 2"), "InvalidInput", "can have 1;"),
    "long comment": Case(RENEW, {**YEAR, "requestComment": "x" * 256}, None, "InvalidInput", "requestComment"),
    "no key": Case(RENEW, {**YEAR, "idempotencyKey": ""}, None, "InvalidInput", "idempotencyKey"),
    "NUL": Case(RENEW, {**YEAR, "requestComment": "\0"}, None, "InvalidInput", "requestComment"),
    "prepaid": Case(END, {"endDate": "2099-01-01"}, COMPONENT.format("is_prepaid = true"), "NotPossible", "PREPAID", "owner"),
    "no options": Case(OPTIONS, SOME, OFFERING.format("resource_options = '{}'"), "NotPossible", "NO_OPTIONS"),
    "options pending": Case(OPTIONS, SOME, CHANGING, "NotPossible", "ORDER_PENDING"),
    "options are a text": Case(OPTIONS, {"options": "x"}, None, "InvalidInput", "Give an object"),
    "not the provider": Case(OPTIONS, {**SOME, "direct": True}, None, "NotPermitted", "UPDATE_OPTIONS", "owner"),
    "no such project": Case(MOVE, {"project": "0" * 32}, None, "InvalidInput", "project"),
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: NewDatabase) -> AsyncIterator[Changing]:
    """Give a demo that may change."""
    async with changing(new_database()) as made:
        yield made


async def subject(demo: Changing, case: Case) -> str:
    """Give a resource on which it could be done, of an offering that others provide."""
    other = "o.customer_id <> (select customer_id from structure_project where id = r.project_id)"
    condition = other if case.told == "UPDATE_OPTIONS" else "r.state = 2"
    return (await demo.able(OPERATION[case.field], case.as_, condition))[0]


@pytest.fixture
def undone(demo: Changing) -> Any:
    """Have the resources, offerings, projects and organisations be as before, afterwards."""
    names = [
        "marketplace_resource",
        "marketplace_offering",
        "marketplace_offeringcomponent",
        "structure_project",
        "structure_customer",
        "structure_organizationgroup",
        "marketplace_offering_organization_groups",
        "marketplace_order",
    ]
    for name in names:
        demo.sql(f"create temp table kept_{name} as table {name}")
    yield
    demo.sql("set session_replication_role = replica")
    for name in reversed(names):
        demo.sql(f"delete from {name}")
    for name in names:
        demo.sql(f"insert into {name} select * from kept_{name}")
        demo.sql(f"drop table kept_{name}")
    demo.sql("set session_replication_role = origin")


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize("name", CASES)
async def test_a_failure_is_told_and_changes_nothing(demo: Changing, name: str) -> None:
    case = CASES[name]
    uuid = await subject(demo, case)
    if case.before is not None:
        demo.sql(case.before, *[uuid] * case.before.count("%s"))
    before = demo.digest()
    came = await demo.change(case.field, case.as_, uuid=uuid, **case.given)
    assert came["__typename"] == case.problem
    assert came["message"]
    told = [*(".".join(each["path"]) for each in came.get("fields", ())), str(came)]
    assert any(case.told in each for each in told)
    assert demo.digest() == before


async def test_what_was_changed_meanwhile_is_left_alone(demo: Changing) -> None:
    uuid = (await demo.able("SET_RESOURCE_END_DATE"))[0]
    ((modified,),) = demo.sql("select modified from marketplace_resource where uuid = %s", uuid)
    before, given = demo.digest(), {"uuid": uuid, "endDate": "2099-01-01"}
    earlier = (modified - timedelta(microseconds=1)).isoformat()
    came = await demo.change(END, ifModified=earlier, **given)
    assert came["__typename"] == "Conflict"
    assert demo.digest() == before
    there = modified.astimezone(UTC).isoformat()
    assert (await demo.change(END, ifModified=there, **given))["__typename"] == "ResourceEndDateSet"
    later = datetime(2100, 1, 1, tzinfo=UTC).isoformat()
    assert (await demo.change(END, ifModified=later, **given))["__typename"] == "ResourceEndDateSet"


TERMS = """
insert into marketplace_offeringtermsofservice (uuid, created, modified, offering_id,
    terms_of_service, terms_of_service_link, version, is_active, requires_reconsent, grace_period_days)
select gen_random_uuid(), now() - interval '30 days', now(), r.offering_id, 'Be kind.', '', '2', true, true, %s
from marketplace_resource r where r.uuid = %s
"""
CONSENT = """
insert into marketplace_userofferingconsent (uuid, created, modified, user_id, offering_id, agreement_date, version)
select gen_random_uuid(), now(), now(), u.id, r.offering_id, now(), %s
from marketplace_resource r, core_user u where r.uuid = %s and u.username = 'owner'
on conflict (user_id, offering_id) do update set version = excluded.version, revocation_date = null
"""


async def test_terms_have_to_be_agreed_to(demo: Changing) -> None:
    """Domain.md §4.12: none, an old version within and after its days of grace, the right one."""
    uuid = (await demo.able("UPDATE_RESOURCE_OPTIONS", "owner"))[0]
    demo.sql(
        "update marketplace_offering set plugin_options = plugin_options ||"
        ' \'{"service_provider_can_create_offering_user": true, "create_orders_on_resource_option_change": false}\' where id ='
        " (select offering_id from marketplace_resource where uuid = %s)",
        uuid,
    )
    demo.sql("delete from marketplace_userofferingconsent")
    steps: tuple[tuple[Callable[[], Any], str], ...] = (
        (lambda: demo.sql(TERMS, 60, uuid), "NotPermitted"),
        (lambda: demo.sql(CONSENT, "1", uuid), "ResourceOptionsUpdated"),
        (
            lambda: demo.sql("update marketplace_offeringtermsofservice set grace_period_days = 9"),
            "NotPermitted",
        ),
        (lambda: demo.sql(CONSENT, "2", uuid), "ResourceOptionsUpdated"),
        (
            lambda: demo.sql("update marketplace_userofferingconsent set revocation_date = now()"),
            "NotPermitted",
        ),
    )
    for step, wanted in steps:
        step()
        came = await demo.change(OPTIONS, "owner", uuid=uuid, options={})
        assert came["__typename"] == wanted
    assert (await demo.change(OPTIONS, uuid=uuid, options={}))["__typename"] != "NotPermitted"


async def test_who_may_not_is_not_told_of_a_conflict(demo: Changing) -> None:
    uuid = (await demo.able("SET_RESOURCE_END_DATE"))[0]
    given = {"uuid": uuid, "endDate": "2099-12-31", "ifModified": "2001-01-01T00:00:00Z"}
    came = await demo.change(END, "support", **given)
    assert came["__typename"] == "NotPermitted"
    assert (await demo.change(END, **given))["__typename"] == "Conflict"


async def test_a_wish_is_the_same_in_whatever_order_it_is_written(demo: Changing) -> None:
    two = "(select count(*) from jsonb_object_keys(r.limits)) > 1"
    uuid = (await demo.able("RENEW_RESOURCE", condition=two))[0]
    ((limits,),) = demo.sql("select limits from marketplace_resource where uuid = %s", uuid)
    given: Given = {**YEAR, "uuid": uuid, "idempotencyKey": "in whatever order"}
    first = await demo.change(RENEW, limits=limits, **given)
    turned = await demo.change(RENEW, limits=dict(reversed(limits.items())), **given)
    assert first["__typename"] == "ResourceRenewed"
    assert turned == first
