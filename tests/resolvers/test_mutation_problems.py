"""Every failure named in domain.md is returned as a problem, and changes nothing."""
# ruff: noqa: E501 - a line for each case

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

Arguments = dict[str, Any]
UPDATE_RESOURCE_SQL = "update marketplace_resource set {} where uuid = %s"
UPDATE_OFFERING_SQL = """
update marketplace_offering set {} where id = (
    select offering_id from marketplace_resource where uuid = %s)
"""
UPDATE_PROJECT_SQL = """
update structure_project set {} where id = (
    select project_id from marketplace_resource where uuid = %s)
"""
UPDATE_CUSTOMER_SQL = """
update structure_customer set {} where id = (select customer_id from structure_project where id = (
    select project_id from marketplace_resource where uuid = %s))
"""
UPDATE_COMPONENT_SQL = """
update marketplace_offeringcomponent set {} where offering_id = (
    select offering_id from marketplace_resource where uuid = %s)
"""
INSERT_ORDER_SQL = """
insert into marketplace_order select (o).* from (
    select jsonb_populate_record(o, jsonb_build_object(
        'id', nextval(pg_get_serial_sequence('marketplace_order', 'id')), 'uuid', gen_random_uuid(),
        'state', {state}, 'type', {type}, 'attributes', '{attributes}'::jsonb)) o
    from marketplace_order o join marketplace_resource r on r.id = o.resource_id
    where r.uuid = %s limit 1)
"""
PENDING_ORDER_SQL = INSERT_ORDER_SQL.format(state=1, type=2, attributes="{}")
PENDING_TERMINATION_SQL = INSERT_ORDER_SQL.format(state=1, type=3, attributes="{}")
PENDING_OPTIONS_SQL = INSERT_ORDER_SQL.format(state=7, type=2, attributes='{"new_options": {}}')
RESTRICT_OFFERING_SQL = """
with a_group as (
    insert into structure_organizationgroup (uuid, name)
    values (gen_random_uuid(), 'Of others') returning id)
insert into marketplace_offering_organization_groups (offering_id, organizationgroup_id)
select r.offering_id, g.id from marketplace_resource r, a_group g where r.uuid = %s
"""
FOREIGN_OFFERING_SQL = UPDATE_OFFERING_SQL.format(
    "shared = false, billable = false, project_id = null, customer_id = (select min(c.id)"
    " from structure_customer c where c.id not in (select customer_id from structure_project p"
    " join marketplace_resource r on r.project_id = p.id where r.offering_id = marketplace_offering.id))"
)
OPTIONS_BY_ORDER_SQL = f"""
with ordering as ({
    UPDATE_OFFERING_SQL.format('''
    plugin_options = plugin_options || '{"create_orders_on_resource_option_change": true}'
''')
}) {PENDING_TERMINATION_SQL}
"""
RENEW_FIELD, PULL_FIELD, END_DATE_FIELD = "renewResource", "pullResource", "setResourceEndDate"
OPTIONS_FIELD, MOVE_FIELD = "updateResourceOptions", "moveResource"
OPERATION_NAMES = {
    RENEW_FIELD: "RENEW_RESOURCE",
    PULL_FIELD: "PULL_RESOURCE",
    END_DATE_FIELD: "SET_RESOURCE_END_DATE",
    OPTIONS_FIELD: "UPDATE_RESOURCE_OPTIONS",
    MOVE_FIELD: "MOVE_RESOURCE",
}
TWELVE_MONTHS: Arguments = {"extensionMonths": 12}
CONTACT_OPTIONS: Arguments = {"options": {"contact": "me"}}


class ProblemCase(NamedTuple):
    """A mutation of a resource that would succeed without the setup statement."""

    field: str
    arguments: Arguments
    setup_sql: str | None
    problem_type: str
    expected_text: str
    """The expected reason, or a part of the message or of a path."""
    username: str = "staff"


PROBLEM_CASES = {
    "blocked customer": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, UPDATE_CUSTOMER_SQL.format("blocked = true"), "NotPossible", "CUSTOMER_BLOCKED"),
    "archived customer": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, UPDATE_CUSTOMER_SQL.format("archived = true"), "NotPossible", "CUSTOMER_ARCHIVED"),
    "project ended": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, UPDATE_PROJECT_SQL.format("end_date = current_date, grace_period_days = 0"), "NotPossible", "PROJECT_ENDED"),
    "grace period over": ProblemCase(
        RENEW_FIELD, TWELVE_MONTHS, UPDATE_PROJECT_SQL.format("end_date = current_date - 9, grace_period_days = 9"), "NotPossible", "PROJECT_ENDED"
    ),
    "draft offering": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, UPDATE_OFFERING_SQL.format("state = 1"), "NotPossible", "OFFERING_CLOSED"),
    "archived offering": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, UPDATE_OFFERING_SQL.format("state = 4"), "NotPossible", "OFFERING_CLOSED"),
    "renewal unavailable": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, UPDATE_OFFERING_SQL.format("state = 5"), "NotPossible", "OFFERING_UNAVAILABLE"),
    "end unavailable": ProblemCase(END_DATE_FIELD, {"endDate": "2099-01-01"}, UPDATE_OFFERING_SQL.format("state = 5"), "NotPossible", "OFFERING_UNAVAILABLE"),
    "options unavailable": ProblemCase(OPTIONS_FIELD, CONTACT_OPTIONS, UPDATE_OFFERING_SQL.format("state = 5"), "NotPossible", "OFFERING_UNAVAILABLE"),
    "move unavailable": ProblemCase(MOVE_FIELD, {"project": "0" * 32}, UPDATE_OFFERING_SQL.format("state = 5"), "NotPossible", "OFFERING_UNAVAILABLE"),
    "organisation group": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, RESTRICT_OFFERING_SQL, "NotPossible", "OFFERING_RESTRICTED", "owner"),
    "private to others": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, FOREIGN_OFFERING_SQL, "NotPossible", "OFFERING_RESTRICTED"),
    "pending termination": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, PENDING_TERMINATION_SQL, "NotPossible", "ORDER_PENDING"),
    "options while termination is pending": ProblemCase(OPTIONS_FIELD, CONTACT_OPTIONS, OPTIONS_BY_ORDER_SQL, "NotPossible", "ORDER_PENDING"),
    "pull unavailable": ProblemCase(PULL_FIELD, {}, UPDATE_OFFERING_SQL.format("state = 5"), "NotPossible", "OFFERING_UNAVAILABLE"),
    "pending order": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, PENDING_ORDER_SQL, "NotPossible", "ORDER_PENDING"),
    "not prepaid": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, UPDATE_COMPONENT_SQL.format("is_prepaid = false"), "NotPossible", "NOT_PREPAID"),
    "fixed limits": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, UPDATE_OFFERING_SQL.format("type = 'Marketplace.Booking'"), "NotPossible", "LIMITS_FIXED"),
    "no backend id": ProblemCase(PULL_FIELD, {}, UPDATE_RESOURCE_SQL.format("backend_id = ''"), "NotPossible", "NO_BACKEND_ID"),
    "no pull": ProblemCase(PULL_FIELD, {}, UPDATE_OFFERING_SQL.format("type = 'Marketplace.Basic'"), "NotPossible", "PULL_UNSUPPORTED"),
    "more months than the rule": ProblemCase(RENEW_FIELD, {"extensionMonths": 599}, UPDATE_COMPONENT_SQL.format("max_renewal_duration = 24"), "InvalidMonths", "24"),
    "too few months": ProblemCase(RENEW_FIELD, {"extensionMonths": 0}, None, "InvalidInput", "extensionMonths"),
    "too many months": ProblemCase(RENEW_FIELD, {"extensionMonths": 601}, None, "InvalidInput", "extensionMonths"),
    "unknown limit": ProblemCase(RENEW_FIELD, {**TWELVE_MONTHS, "limits": {"x": 1}}, None, "InvalidInput", "limits.x"),
    "negative limit": ProblemCase(RENEW_FIELD, {**TWELVE_MONTHS, "limits": {"slots": -1}}, None, "InvalidInput", "limits"),
    "text as limit": ProblemCase(RENEW_FIELD, {**TWELVE_MONTHS, "limits": {"slots": "many"}}, None, "InvalidInput", "limits"),
    "above max_value": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, UPDATE_COMPONENT_SQL.format("max_value = 1"), "InvalidInput", "at most 1"),
    "below min_value": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, UPDATE_COMPONENT_SQL.format("min_value = 100000"), "InvalidInput", "at least 100000"),
    "above limit_amount": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, UPDATE_COMPONENT_SQL.format("limit_amount = 1"), "InvalidInput", "share a total of 1."),
    "above max_available_limit": ProblemCase(RENEW_FIELD, TWELVE_MONTHS, UPDATE_COMPONENT_SQL.format("max_available_limit = 2"), "InvalidInput", "share a total of 1."),
    "long comment": ProblemCase(RENEW_FIELD, {**TWELVE_MONTHS, "requestComment": "x" * 256}, None, "InvalidInput", "requestComment"),
    "empty key": ProblemCase(RENEW_FIELD, {**TWELVE_MONTHS, "idempotencyKey": ""}, None, "InvalidInput", "idempotencyKey"),
    "NUL": ProblemCase(RENEW_FIELD, {**TWELVE_MONTHS, "requestComment": "\0"}, None, "InvalidInput", "requestComment"),
    "end of prepaid": ProblemCase(END_DATE_FIELD, {"endDate": "2099-01-01"}, UPDATE_COMPONENT_SQL.format("is_prepaid = true"), "NotPossible", "PREPAID", "owner"),
    "no options": ProblemCase(OPTIONS_FIELD, CONTACT_OPTIONS, UPDATE_OFFERING_SQL.format("resource_options = '{}'"), "NotPossible", "NO_OPTIONS"),
    "options pending": ProblemCase(OPTIONS_FIELD, CONTACT_OPTIONS, PENDING_OPTIONS_SQL, "NotPossible", "ORDER_PENDING"),
    "options are a text": ProblemCase(OPTIONS_FIELD, {"options": "x"}, None, "InvalidInput", "must be an object"),
    "not the provider": ProblemCase(OPTIONS_FIELD, {**CONTACT_OPTIONS, "direct": True}, None, "NotPermitted", "UPDATE_OPTIONS", "owner"),
    "no such project": ProblemCase(MOVE_FIELD, {"project": "0" * 32}, None, "InvalidInput", "project"),
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


async def find_resource(demo: MutableDemo, case: ProblemCase) -> str:
    """Return a resource on which the operation of a case is allowed."""
    other_provider_condition = (
        "o.customer_id <> (select customer_id from structure_project where id = r.project_id)"
    )
    condition = (
        other_provider_condition if case.expected_text == "UPDATE_OPTIONS" else "r.state = 2"
    )
    return (
        await demo.find_operable_resources(OPERATION_NAMES[case.field], case.username, condition)
    )[0]


@pytest.fixture
def restored_tables(demo: MutableDemo) -> Any:
    """Restore the changed tables after the test."""
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
        demo.run_sql(f"create temp table backup_{name} as table {name}")
    yield
    demo.run_sql("set session_replication_role = replica")
    for name in reversed(names):
        demo.run_sql(f"delete from {name}")
    for name in names:
        demo.run_sql(f"insert into {name} select * from backup_{name}")
        demo.run_sql(f"drop table backup_{name}")
    demo.run_sql("set session_replication_role = origin")


@pytest.mark.usefixtures("restored_tables")
@pytest.mark.parametrize("name", PROBLEM_CASES)
async def test_failures_are_returned_and_change_nothing(demo: MutableDemo, name: str) -> None:
    case = PROBLEM_CASES[name]
    uuid = await find_resource(demo, case)
    if case.setup_sql is not None:
        demo.run_sql(case.setup_sql, *[uuid] * case.setup_sql.count("%s"))
    digest_before = demo.digest_tables()
    result = await demo.run_mutation(case.field, case.username, uuid=uuid, **case.arguments)
    assert result["__typename"] == case.problem_type
    assert result["message"]
    texts = [*(".".join(each["path"]) for each in result.get("fields", ())), str(result)]
    assert any(case.expected_text in each for each in texts)
    assert demo.digest_tables() == digest_before


async def test_a_stale_if_modified_is_a_conflict(demo: MutableDemo) -> None:
    uuid = (await demo.find_operable_resources("SET_RESOURCE_END_DATE"))[0]
    ((modified,),) = demo.run_sql("select modified from marketplace_resource where uuid = %s", uuid)
    digest_before, arguments = demo.digest_tables(), {"uuid": uuid, "endDate": "2099-01-01"}
    earlier = (modified - timedelta(microseconds=1)).isoformat()
    result = await demo.run_mutation(END_DATE_FIELD, ifModified=earlier, **arguments)
    assert result["__typename"] == "Conflict"
    assert demo.digest_tables() == digest_before
    unchanged = modified.astimezone(UTC).isoformat()
    assert (await demo.run_mutation(END_DATE_FIELD, ifModified=unchanged, **arguments))[
        "__typename"
    ] == "ResourceEndDateSet"
    later = datetime(2100, 1, 1, tzinfo=UTC).isoformat()
    assert (await demo.run_mutation(END_DATE_FIELD, ifModified=later, **arguments))[
        "__typename"
    ] == "ResourceEndDateSet"


INSERT_TERMS_SQL = """
insert into marketplace_offeringtermsofservice (uuid, created, modified, offering_id,
    terms_of_service, terms_of_service_link, version, is_active, requires_reconsent, grace_period_days)
select gen_random_uuid(), now() - interval '30 days', now(), r.offering_id, 'Be kind.', '', '2', true, true, %s
from marketplace_resource r where r.uuid = %s
"""
UPSERT_CONSENT_SQL = """
insert into marketplace_userofferingconsent (uuid, created, modified, user_id, offering_id, agreement_date, version)
select gen_random_uuid(), now(), now(), u.id, r.offering_id, now(), %s
from marketplace_resource r, core_user u where r.uuid = %s and u.username = 'owner'
on conflict (user_id, offering_id) do update set version = excluded.version, revocation_date = null
"""


async def test_terms_of_service_require_consent(demo: MutableDemo) -> None:
    """No consent, an outdated one within and after the grace period, a current one (§4.12)."""
    uuid = (await demo.find_operable_resources("UPDATE_RESOURCE_OPTIONS", "owner"))[0]
    demo.run_sql(
        "update marketplace_offering set plugin_options = plugin_options ||"
        ' \'{"service_provider_can_create_offering_user": true, "create_orders_on_resource_option_change": false}\' where id ='
        " (select offering_id from marketplace_resource where uuid = %s)",
        uuid,
    )
    demo.run_sql("delete from marketplace_userofferingconsent")
    steps: tuple[tuple[Callable[[], Any], str], ...] = (
        (lambda: demo.run_sql(INSERT_TERMS_SQL, 60, uuid), "NotPermitted"),
        (lambda: demo.run_sql(UPSERT_CONSENT_SQL, "1", uuid), "ResourceOptionsUpdated"),
        (
            lambda: demo.run_sql(
                "update marketplace_offeringtermsofservice set grace_period_days = 9"
            ),
            "NotPermitted",
        ),
        (lambda: demo.run_sql(UPSERT_CONSENT_SQL, "2", uuid), "ResourceOptionsUpdated"),
        (
            lambda: demo.run_sql(
                "update marketplace_userofferingconsent set revocation_date = now()"
            ),
            "NotPermitted",
        ),
    )
    for step, expected in steps:
        step()
        result = await demo.run_mutation(OPTIONS_FIELD, "owner", uuid=uuid, options={})
        assert result["__typename"] == expected
    assert (await demo.run_mutation(OPTIONS_FIELD, uuid=uuid, options={}))[
        "__typename"
    ] != "NotPermitted"


async def test_permissions_are_checked_before_if_modified(demo: MutableDemo) -> None:
    uuid = (await demo.find_operable_resources("SET_RESOURCE_END_DATE"))[0]
    arguments = {"uuid": uuid, "endDate": "2099-12-31", "ifModified": "2001-01-01T00:00:00Z"}
    result = await demo.run_mutation(END_DATE_FIELD, "support", **arguments)
    assert result["__typename"] == "NotPermitted"
    assert (await demo.run_mutation(END_DATE_FIELD, **arguments))["__typename"] == "Conflict"


async def test_idempotency_ignores_the_order_of_keys(demo: MutableDemo) -> None:
    several_limits = "(select count(*) from jsonb_object_keys(r.limits)) > 1"
    uuid = (await demo.find_operable_resources("RENEW_RESOURCE", condition=several_limits))[0]
    ((limits,),) = demo.run_sql("select limits from marketplace_resource where uuid = %s", uuid)
    arguments: Arguments = {
        **TWELVE_MONTHS,
        "uuid": uuid,
        "idempotencyKey": "same limits, other order",
    }
    first_result = await demo.run_mutation(RENEW_FIELD, limits=limits, **arguments)
    second_result = await demo.run_mutation(
        RENEW_FIELD, limits=dict(reversed(limits.items())), **arguments
    )
    assert first_result["__typename"] == "ResourceRenewed"
    assert second_result == first_result
