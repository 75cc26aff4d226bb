"""Every failure named in domain.md is returned as a problem, and changes nothing."""

from collections.abc import AsyncIterator, Callable
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
UNAVAILABLE_OFFERING_SQL = UPDATE_OFFERING_SQL.format("state = 5")
FOREIGN_OFFERING_SQL = UPDATE_OFFERING_SQL.format(
    "shared = false, billable = false, project_id = null, customer_id = (select min(c.id)"
    " from structure_customer c where c.id not in (select customer_id from structure_project p"
    " join marketplace_resource r on r.project_id = p.id"
    " where r.offering_id = marketplace_offering.id))"
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
LIMITS_FIELD, PLAN_FIELD = "updateResourceLimits", "switchResourcePlan"
TERMINATE_FIELD, RESTORE_FIELD = "terminateResource", "restoreResource"
OPERATION_NAMES = {
    RENEW_FIELD: "RENEW_RESOURCE",
    PULL_FIELD: "PULL_RESOURCE",
    END_DATE_FIELD: "SET_RESOURCE_END_DATE",
    OPTIONS_FIELD: "UPDATE_RESOURCE_OPTIONS",
    MOVE_FIELD: "MOVE_RESOURCE",
    LIMITS_FIELD: "UPDATE_RESOURCE_LIMITS",
    PLAN_FIELD: "SWITCH_RESOURCE_PLAN",
    TERMINATE_FIELD: "TERMINATE_RESOURCE",
    RESTORE_FIELD: "TERMINATE_RESOURCE",
}
TWELVE_MONTHS: Arguments = {"extensionMonths": 12}
CONTACT_OPTIONS: Arguments = {"options": {"contact": "me"}}
VALID_ARGUMENTS: dict[str, Arguments] = {
    RENEW_FIELD: TWELVE_MONTHS,
    PULL_FIELD: {},
    END_DATE_FIELD: {"endDate": "2099-01-01"},
    OPTIONS_FIELD: CONTACT_OPTIONS,
    MOVE_FIELD: {"project": "0" * 32},
    LIMITS_FIELD: {"limits": {}},
    PLAN_FIELD: {"plan": "0" * 32},
    TERMINATE_FIELD: {},
    RESTORE_FIELD: {},
}


class ProblemCase(NamedTuple):
    """A mutation of a resource that would succeed without the setup and the changed arguments."""

    problem_type: str
    expected_text: str
    """The expected reason, or a part of the message or of a path."""
    setup_sql: str | None = None
    field: str = RENEW_FIELD
    arguments: Arguments = {}  # noqa: RUF012 - a tuple's default, never changed
    """Arguments that differ from `VALID_ARGUMENTS`."""
    username: str = "staff"


PROBLEM_CASES = {
    "blocked customer": ProblemCase(
        "NotPossible", "CUSTOMER_BLOCKED", setup_sql=UPDATE_CUSTOMER_SQL.format("blocked = true")
    ),
    "archived customer": ProblemCase(
        "NotPossible", "CUSTOMER_ARCHIVED", setup_sql=UPDATE_CUSTOMER_SQL.format("archived = true")
    ),
    "project ended": ProblemCase(
        "NotPossible",
        "PROJECT_ENDED",
        setup_sql=UPDATE_PROJECT_SQL.format("end_date = current_date, grace_period_days = 0"),
    ),
    "grace period over": ProblemCase(
        "NotPossible",
        "PROJECT_ENDED",
        setup_sql=UPDATE_PROJECT_SQL.format("end_date = current_date - 9, grace_period_days = 9"),
    ),
    "draft offering": ProblemCase(
        "NotPossible", "OFFERING_CLOSED", setup_sql=UPDATE_OFFERING_SQL.format("state = 1")
    ),
    "archived offering": ProblemCase(
        "NotPossible", "OFFERING_CLOSED", setup_sql=UPDATE_OFFERING_SQL.format("state = 4")
    ),
    "renewal unavailable": ProblemCase(
        "NotPossible", "OFFERING_UNAVAILABLE", setup_sql=UNAVAILABLE_OFFERING_SQL
    ),
    "end unavailable": ProblemCase(
        "NotPossible",
        "OFFERING_UNAVAILABLE",
        setup_sql=UNAVAILABLE_OFFERING_SQL,
        field=END_DATE_FIELD,
    ),
    "options unavailable": ProblemCase(
        "NotPossible",
        "OFFERING_UNAVAILABLE",
        setup_sql=UNAVAILABLE_OFFERING_SQL,
        field=OPTIONS_FIELD,
    ),
    "move unavailable": ProblemCase(
        "NotPossible",
        "OFFERING_UNAVAILABLE",
        setup_sql=UNAVAILABLE_OFFERING_SQL,
        field=MOVE_FIELD,
    ),
    "organisation group": ProblemCase(
        "NotPossible", "OFFERING_RESTRICTED", setup_sql=RESTRICT_OFFERING_SQL, username="owner"
    ),
    "private to others": ProblemCase(
        "NotPossible", "OFFERING_RESTRICTED", setup_sql=FOREIGN_OFFERING_SQL
    ),
    "not shared with others": ProblemCase(
        "NotPossible",
        "OFFERING_RESTRICTED",
        setup_sql=FOREIGN_OFFERING_SQL.replace("billable = false", "billable = true"),
    ),
    "pending termination": ProblemCase(
        "NotPossible", "ORDER_PENDING", setup_sql=PENDING_TERMINATION_SQL
    ),
    "options while termination is pending": ProblemCase(
        "NotPossible", "ORDER_PENDING", setup_sql=OPTIONS_BY_ORDER_SQL, field=OPTIONS_FIELD
    ),
    "pull unavailable": ProblemCase(
        "NotPossible",
        "OFFERING_UNAVAILABLE",
        setup_sql=UNAVAILABLE_OFFERING_SQL,
        field=PULL_FIELD,
    ),
    "pending order": ProblemCase("NotPossible", "ORDER_PENDING", setup_sql=PENDING_ORDER_SQL),
    "not prepaid": ProblemCase(
        "NotPossible", "NOT_PREPAID", setup_sql=UPDATE_COMPONENT_SQL.format("is_prepaid = false")
    ),
    "fixed limits": ProblemCase(
        "NotPossible",
        "LIMITS_FIXED",
        setup_sql=UPDATE_OFFERING_SQL.format("type = 'Marketplace.Booking'"),
    ),
    "no backend id": ProblemCase(
        "NotPossible",
        "NO_BACKEND_ID",
        setup_sql=UPDATE_RESOURCE_SQL.format("backend_id = ''"),
        field=PULL_FIELD,
    ),
    "no pull": ProblemCase(
        "NotPossible",
        "PULL_UNSUPPORTED",
        setup_sql=UPDATE_OFFERING_SQL.format("type = 'Marketplace.Basic'"),
        field=PULL_FIELD,
    ),
    "more months than the rule": ProblemCase(
        "InvalidMonths",
        "24",
        setup_sql=UPDATE_COMPONENT_SQL.format("max_renewal_duration = 24"),
        arguments={"extensionMonths": 599},
    ),
    "too few months": ProblemCase(
        "InvalidInput", "extensionMonths", arguments={"extensionMonths": 0}
    ),
    "too many months": ProblemCase(
        "InvalidInput", "extensionMonths", arguments={"extensionMonths": 601}
    ),
    "unknown limit": ProblemCase("InvalidInput", "limits.x", arguments={"limits": {"x": 1}}),
    "negative limit": ProblemCase("InvalidInput", "limits", arguments={"limits": {"slots": -1}}),
    "text as limit": ProblemCase("InvalidInput", "limits", arguments={"limits": {"slots": "many"}}),
    "above max_value": ProblemCase(
        "InvalidInput", "at most 1", setup_sql=UPDATE_COMPONENT_SQL.format("max_value = 1")
    ),
    "below min_value": ProblemCase(
        "InvalidInput",
        "at least 100000",
        setup_sql=UPDATE_COMPONENT_SQL.format("min_value = 100000"),
    ),
    "above limit_amount": ProblemCase(
        "InvalidInput",
        "share a total of 1.",
        setup_sql=UPDATE_COMPONENT_SQL.format("limit_amount = 1, limit_period = 'total'"),
    ),
    "above max_available_limit": ProblemCase(
        "InvalidInput",
        "share a total of less than 2.",
        setup_sql=UPDATE_COMPONENT_SQL.format("max_available_limit = 2"),
    ),
    "long comment": ProblemCase(
        "InvalidInput", "requestComment", arguments={"requestComment": "x" * 256}
    ),
    "empty key": ProblemCase("InvalidInput", "idempotencyKey", arguments={"idempotencyKey": ""}),
    "NUL": ProblemCase("InvalidInput", "requestComment", arguments={"requestComment": "\0"}),
    "end of prepaid": ProblemCase(
        "NotPossible",
        "PREPAID",
        setup_sql=UPDATE_COMPONENT_SQL.format("is_prepaid = true"),
        field=END_DATE_FIELD,
        username="owner",
    ),
    "no options": ProblemCase(
        "NotPossible",
        "NO_OPTIONS",
        setup_sql=UPDATE_OFFERING_SQL.format("resource_options = '{}'"),
        field=OPTIONS_FIELD,
    ),
    "options pending": ProblemCase(
        "NotPossible", "ORDER_PENDING", setup_sql=PENDING_OPTIONS_SQL, field=OPTIONS_FIELD
    ),
    "options are a text": ProblemCase(
        "InvalidInput", "must be an object", field=OPTIONS_FIELD, arguments={"options": "x"}
    ),
    "not the provider": ProblemCase(
        "NotPermitted",
        "UPDATE_OPTIONS",
        field=OPTIONS_FIELD,
        arguments={"direct": True},
        username="owner",
    ),
    "no such project": ProblemCase("InvalidInput", "project", field=MOVE_FIELD),
}


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


async def assert_problem(demo: MutableDemo, case: ProblemCase) -> None:
    """Run the mutation of a case; it must return the problem and change nothing."""
    uuid = await find_resource(demo, case)
    if case.setup_sql is not None:
        demo.run_sql(case.setup_sql, *[uuid] * case.setup_sql.count("%s"))
    digest_before = demo.digest_tables()
    arguments = VALID_ARGUMENTS[case.field] | case.arguments
    result = await demo.run_mutation(case.field, case.username, uuid=uuid, **arguments)
    assert result["__typename"] == case.problem_type
    assert result["message"]
    texts = [*(".".join(each["path"]) for each in result.get("fields", ())), str(result)]
    assert any(case.expected_text in each for each in texts)
    assert demo.digest_tables() == digest_before


@pytest.mark.usefixtures("restored_tables")
@pytest.mark.parametrize("name", PROBLEM_CASES)
async def test_failures_are_returned_and_change_nothing(demo: MutableDemo, name: str) -> None:
    await assert_problem(demo, PROBLEM_CASES[name])


INSERT_TERMS_SQL = """
insert into marketplace_offeringtermsofservice (uuid, created, modified, offering_id,
    terms_of_service, terms_of_service_link, version, is_active, requires_reconsent,
    grace_period_days)
select gen_random_uuid(), now() - interval '30 days', now(), r.offering_id,
    'Be kind.', '', '2', true, true, %s
from marketplace_resource r where r.uuid = %s
"""
UPSERT_CONSENT_SQL = """
insert into marketplace_userofferingconsent (
    uuid, created, modified, user_id, offering_id, agreement_date, version)
select gen_random_uuid(), now(), now(), u.id, r.offering_id, now(), %s
from marketplace_resource r, core_user u where r.uuid = %s and u.username = 'owner'
on conflict (user_id, offering_id) do update set version = excluded.version, revocation_date = null
"""


async def test_terms_of_service_require_consent(demo: MutableDemo) -> None:
    """No consent, an outdated one within and after the grace period, a current one (§4.12)."""
    uuid = (await demo.find_operable_resources("UPDATE_RESOURCE_OPTIONS", "owner"))[0]
    options_json = (
        '{"service_provider_can_create_offering_user": true,'
        ' "create_orders_on_resource_option_change": false}'
    )
    demo.run_sql(
        UPDATE_OFFERING_SQL.format(f"plugin_options = plugin_options || '{options_json}'"), uuid
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
