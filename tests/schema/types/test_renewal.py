"""Renewal estimates compared with the tables (domain.md §4.11, §5.7, §5.14)."""

from copy import copy
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from gateway.db.installation.version_rules import RULES_NEWEST
from gateway.db.sql.compiler import StatementCompiler
from tests.support.marketplaces import Marketplace

ESTIMATES_QUERY = """query($months: Int!, $limits: JSON, $after: String) {
    resources(first: 300, after: $after) {
        nodes { uuid offering { uuid } renewalEstimate(extensionMonths: $months, limits: $limits) {
            __typename
            ... on Problem { message }
            ... on InvalidInput { fields { path message } }
            ... on InvalidMonths { rules { component min max step } }
            ... on WrongState { state allowed }
            ... on RenewalEstimate {
                components {
                    component name measuredUnit billingType billingPeriod isPrepaid
                    currentLimit newLimit unitPrice description total
                }
                subscriptionTotal limitChangeTotal total remainingDays newEndDate
            }
        } }
        pageInfo { endCursor hasNextPage }
    }
}"""
PERMITTED_SQL = """
with viewer as (select * from core_user where username = %s), granted as (
    select t.model, u.object_id from permissions_userrole u
    join permissions_rolepermission g on g.role_id = u.role_id
    join django_content_type t on t.id = u.content_type_id
    where u.user_id = (select id from viewer) and u.is_active
        and g.permission = 'RESOURCE.SET_LIMITS'
)
select replace(r.uuid::text, '-', '') from marketplace_resource r
join structure_project p on p.id = r.project_id
where (select is_staff from viewer) or exists (select from granted
    where (model, object_id) in (('project', p.id), ('customer', p.customer_id)))
"""
EXPECTED_COSTS_SQL = """
with today as (select (now() at time zone 'utc')::date as day)
select replace(r.uuid::text, '-', ''),
    coalesce(sum(c.price * (r.limits ->> k.type)::numeric * %(months)s)
        filter (where k.is_prepaid), 0),
    (greatest(r.end_date, day) + make_interval(months => %(months)s))::date - day,
    (greatest(r.end_date, day) + make_interval(months => %(months)s))::date::text
from today cross join marketplace_resource r
left join marketplace_offeringcomponent k on k.offering_id = r.offering_id
left join marketplace_plancomponent c on c.component_id = k.id and c.plan_id = r.plan_id
group by r.id, day
"""
OFFERING_SQL = """
select replace(o.uuid::text, '-', '') from marketplace_offering o where o.name = %s"""
VIEWERS = ("staff", "support", "owner", "admin", "manager", "member", "reader", "provider", "dual")


async def load_estimates(
    demo: Marketplace, viewer: str, months: int, **variables: Any
) -> dict[str, Any]:
    """Return the estimates for all resources visible to a viewer, by resource uuid."""
    estimates: dict[str, Any] = {}
    after, has_next_page = None, True
    while has_next_page:
        page = (
            await demo.fetch_data(ESTIMATES_QUERY, viewer, months=months, after=after, **variables)
        )["resources"]
        estimates |= {each["uuid"]: each["renewalEstimate"] for each in page["nodes"]}
        after, has_next_page = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    return estimates


async def load_offering_estimates(demo: Marketplace, name: str, **variables: Any) -> list[Any]:
    """Return the estimates that staff get for the resources of an offering."""
    query = ESTIMATES_QUERY.replace("after: $after", "filter: { offeringUuid: [$offering] }")
    query = query.replace("$after: String", "$offering: UUID!")
    ((uuid,),) = fetch_rows(demo, OFFERING_SQL, name)
    data = await demo.fetch_data(query, offering=uuid, **variables)
    estimates = [
        each["renewalEstimate"]
        for each in data["resources"]["nodes"]
        if each["renewalEstimate"]["__typename"] != "WrongState"
    ]
    assert estimates
    return estimates


def fetch_rows(
    demo: Marketplace, sql: str, *positional: Any, **parameters: Any
) -> list[tuple[Any, ...]]:
    with psycopg.connect(demo.url) as connection:
        return connection.execute(sql.encode(), positional or parameters).fetchall()


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_estimates_require_the_set_limits_permission(demo: Marketplace, viewer: str) -> None:
    estimates = await load_estimates(demo, viewer, 12)
    permitted = {uuid for (uuid,) in fetch_rows(demo, PERMITTED_SQL, viewer)}
    refused_uuids = {
        uuid for uuid, each in estimates.items() if each["__typename"] == "NotPermitted"
    }
    assert estimates
    assert refused_uuids == estimates.keys() - permitted
    assert all(
        estimates[uuid]["message"].endswith("RESOURCE.SET_LIMITS on the project or customer.")
        for uuid in refused_uuids
    )
    assert (viewer in {"support", "member", "reader"}) == (estimates.keys() == refused_uuids)


async def test_permissions_are_checked_before_the_input(demo: Marketplace) -> None:
    for variables in ({"months": 0}, {"months": 12, "limits": {"nonsense": -1}}):
        estimates = await load_estimates(demo, "member", **variables)
        assert {each["__typename"] for each in estimates.values()} == {"NotPermitted"}


@pytest.mark.parametrize("months", [1, 6, 12, 600])
async def test_costs_and_days_match_the_tables(demo: Marketplace, months: int) -> None:
    estimates = await load_estimates(demo, "staff", months)
    kinds = {each["__typename"] for each in estimates.values()}
    assert kinds == {"RenewalEstimate", "WrongState"}
    for uuid, cost, days, end in fetch_rows(demo, EXPECTED_COSTS_SQL, months=months):
        estimate = estimates[uuid]
        if estimate["__typename"] == "RenewalEstimate":
            assert Decimal(estimate["subscriptionTotal"]) == cost
            assert estimate["total"] == estimate["subscriptionTotal"]
            assert estimate["limitChangeTotal"] == "0.0000000000"
            assert (estimate["remainingDays"], estimate["newEndDate"]) == (days, end)


async def test_broken_duration_rules_are_listed_by_the_newest_version(demo: Marketplace) -> None:
    """rules.md §0 on §5.7: spring 2026 tests them only when the order is placed."""
    rules = fetch_rows(
        demo,
        """select replace(r.uuid::text, '-', ''), k.type, k.min_renewal_duration,
            k.max_renewal_duration, k.renewal_duration_step
        from marketplace_resource r join marketplace_offeringcomponent k
            on k.offering_id = r.offering_id where k.is_prepaid and r.state in (2, 3)
            and (7 < k.min_renewal_duration or 7 > k.max_renewal_duration
                or mod(7 - coalesce(k.min_renewal_duration, 0), k.renewal_duration_step) <> 0)""",
    )
    estimates = await load_estimates(demo, "staff", 7)
    assert {each["__typename"] for each in estimates.values()} == {"RenewalEstimate", "WrongState"}
    newest = copy(demo)
    newest.statement_compiler = StatementCompiler(
        replace(demo.installation, version_rules=RULES_NEWEST)
    )
    estimates = await load_estimates(newest, "staff", 7)
    broken = {
        (uuid, *(rule[name] for name in ("component", "min", "max", "step")))
        for uuid, each in estimates.items()
        if each["__typename"] == "InvalidMonths"
        for rule in each["rules"]
    }
    assert broken == {*rules}
    assert {rule[2:] for rule in broken} == {(3, 24, 3), (12, 36, 12)}
    problem = (await load_offering_estimates(newest, "Tape vault", months=7))[0]
    assert problem["message"] == "`slots` can be renewed by 3 to 24 months, in steps of 3."


async def test_estimates_require_a_usable_resource(demo: Marketplace) -> None:
    estimates = await load_estimates(demo, "staff", 12)
    states = dict(
        fetch_rows(demo, "select replace(uuid::text, '-', ''), state from marketplace_resource")
    )
    refused = {uuid for uuid, each in estimates.items() if each["__typename"] == "WrongState"}
    assert refused == {uuid for uuid in estimates if states[uuid] not in (2, 3)}
    assert {states[uuid] for uuid in refused} == {1, 4, 5, 6}
    assert all(estimates[uuid]["allowed"] == ["OK", "ERRED"] for uuid in refused)


async def test_prepaid_components_are_priced_by_the_new_limits(demo: Marketplace) -> None:
    for estimate in await load_offering_estimates(
        demo, "Archive vault", months=5, limits={"cold": 2.5}
    ):
        cold, copies = estimate["components"]
        price = Decimal(cold["unitPrice"])
        assert (cold["component"], cold["newLimit"], cold["isPrepaid"]) == ("cold", "2.5", True)
        assert cold["total"] == f"{price * 5 * Decimal('2.5'):.10f}"
        assert (cold["measuredUnit"], cold["description"]) == ("TB", "5 months")
        assert (cold["billingType"], cold["billingPeriod"]) == ("LIMIT", None)
        assert (copies["newLimit"], copies["total"]) == ("0", "0.0000000000")
        assert estimate["subscriptionTotal"] == cold["total"]


async def test_increased_limits_are_priced_for_the_remaining_days(demo: Marketplace) -> None:
    limits = {"node_hours": 100000, "gpu_hours": 0, "scratch": 400}
    for estimate in await load_offering_estimates(
        demo, "Aurora Supercomputer", months=1, limits=limits
    ):
        (cost,), days = estimate["components"], estimate["remainingDays"]
        increase = Decimal(cost["newLimit"]) - Decimal(cost["currentLimit"])
        exact = Decimal(cost["unitPrice"]) * increase * days / 30
        assert (cost["component"], cost["billingPeriod"]) == ("node_hours", "MONTH")
        assert abs(Decimal(cost["total"]) - exact) < Decimal("1e-10")
        assert cost["description"] == f"{days}d / 30d (mo)"
        assert estimate["total"] == estimate["limitChangeTotal"] == cost["total"]
        assert days >= 28


@pytest.mark.parametrize("limits", [None, {}])
async def test_current_limits_are_the_default(demo: Marketplace, limits: Any) -> None:
    for estimate in await load_offering_estimates(demo, "Tape vault", months=3, limits=limits):
        (slots,) = estimate["components"]
        assert slots["newLimit"] == slots["currentLimit"] != "0"


UNKNOWN_COMPONENT = "is not a component of the offering that can have a limit."


@pytest.mark.parametrize(
    ("months", "limits", "requirements"),
    [
        (0, None, {"extensionMonths": "must be between 1 and 600, got 0."}),
        (601, {}, {"extensionMonths": "must be between 1 and 600, got 601."}),
        (-(2**31), {}, {"extensionMonths": "must be between 1 and 600, got -2147483648."}),
        (3, [1], {"limits": "must be an object of numbers by component type, got a list."}),
        (3, "slots", {"limits": "must be an object of numbers by component type, got a string."}),
        (3, {"slots": -1}, {"limits.slots": "must be at least 0, got -1."}),
        (3, {"slots": "5"}, {"limits.slots": "must be a number, got a string."}),
        (3, {"slots": True}, {"limits.slots": "must be a number, got a boolean."}),
        (3, {"slots": None}, {"limits.slots": "must be a number, got null."}),
        (3, {"slots": 0.125}, {"limits.slots": "must have at most 2 decimal places, got 0.125."}),
        (
            3,
            {"slots": 1e18},
            {"limits.slots": f"must be less than {10**18}, got a number out of range."},
        ),
        (3, {"cores": 5}, {"limits.cores": UNKNOWN_COMPONENT}),
        (3, {"extra": 5}, {"limits.extra": UNKNOWN_COMPONENT}),
        (3, {"": 5}, {"limits.": UNKNOWN_COMPONENT}),
        (
            7000,
            {"slots": {}, "x": 1},
            {
                "extensionMonths": "must be between 1 and 600, got 7000.",
                "limits.slots": "must be a number, got an object.",
                "limits.x": UNKNOWN_COMPONENT,
            },
        ),
    ],
)
async def test_invalid_inputs_are_named(
    demo: Marketplace, months: int, limits: Any, requirements: dict[str, str]
) -> None:
    problem = (await load_offering_estimates(demo, "Tape vault", months=months, limits=limits))[0]
    assert problem["__typename"] == "InvalidInput"
    messages = {".".join(each["path"]): each["message"] for each in problem["fields"]}
    expected = {path: f"`{path}` {requirement}" for path, requirement in requirements.items()}
    assert messages == expected
    first_message, *other_messages = expected.values()
    assert problem["message"] == ("3 values are invalid." if other_messages else first_message)


@pytest.mark.parametrize(
    "limits",
    [{"a\0": 1}, {"x" * 51: 1}, {"x" * 1000: 1}, {f"x{i}": 1 for i in range(1000)} | {"x" * 51: 1}],
)
async def test_invalid_component_types_are_refused(demo: Marketplace, limits: Any) -> None:
    error = await demo.fetch_error(ESTIMATES_QUERY, months=3, limits=limits)
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["limits"]}


@pytest.mark.parametrize("months", [None, "3", 3.5, True, 2**31])
async def test_months_must_be_an_integer(demo: Marketplace, months: Any) -> None:
    error = await demo.fetch_error(ESTIMATES_QUERY, months=months)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_hidden_resources_have_no_estimate(waldur: Marketplace) -> None:
    query = """query($uuid: UUID!) { resource(uuid: $uuid) {
        renewalEstimate(extensionMonths: 1) { __typename }
        parent { state renewalEstimate(extensionMonths: 1) { __typename } }
    } }"""
    children = "{ resources(first: 300, visibleAs: PROVIDER) { nodes { uuid parent { state } } } }"
    nodes = (await waldur.fetch_data(children, "owner_c"))["resources"]["nodes"]
    (uuid, *_) = [each["uuid"] for each in nodes if each["parent"] and not each["parent"]["state"]]
    child = (await waldur.fetch_data(query, "owner_c", uuid=uuid))["resource"]
    assert child["parent"] == {"state": None, "renewalEstimate": None}
    assert (await waldur.fetch_data(query, "nobody", uuid=uuid))["resource"] is None
    assert (await waldur.fetch_data(query, None, uuid=uuid))["resource"] is None


async def test_waldur_2024_has_no_prepaid_components(
    waldur: Marketplace,
) -> None:
    estimates = await load_estimates(waldur, "staff", 7)
    assert len(estimates) == 600
    assert {each["__typename"] for each in estimates.values()} == {"RenewalEstimate", "WrongState"}
    assert {
        (each["total"], len(each["components"]))
        for each in estimates.values()
        if each["__typename"] == "RenewalEstimate"
    } == {("0.0000000000", 0)}


async def test_a_page_of_estimates_takes_few_statements(demo: Marketplace) -> None:
    counts = set()
    for first in (2, 300):
        await demo.fetch_data(ESTIMATES_QUERY.replace("300", str(first)), months=12)
        counts.add(len(demo.database.recorded_sql))
    (count,) = counts
    assert count <= 5
