"""What renewals would cost, compared with what the tables say (domain.md §4.11, §5.7, §5.14)."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.support.marketplaces import Marketplace

PAGE = """query($months: Int!, $limits: JSON, $after: String) {
    resources(first: 300, after: $after) {
        nodes { uuid offering { uuid } renewalEstimate(extensionMonths: $months, limits: $limits) {
            __typename
            ... on Problem { message }
            ... on InvalidInput { fields { path message } }
            ... on InvalidMonths { rules { component min max step } }
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
PERMITTED = """
with asker as (select * from core_user where username = %s), may as (
    select t.model, u.object_id from permissions_userrole u
    join permissions_rolepermission g on g.role_id = u.role_id
    join django_content_type t on t.id = u.content_type_id
    where u.user_id = (select id from asker) and u.is_active
        and g.permission = 'RESOURCE.SET_LIMITS'
)
select replace(r.uuid::text, '-', '') from marketplace_resource r
join structure_project p on p.id = r.project_id
where (select is_staff from asker) or exists (select from may
    where (model, object_id) in (('project', p.id), ('customer', p.customer_id)))
"""
TRUTH = """
with today as (select (now() at time zone 'utc')::date as day)
select replace(r.uuid::text, '-', ''),
    coalesce(sum(c.price * (r.limits ->> k.type)::numeric * %(months)s)
        filter (where k.is_prepaid), 0),
    greatest(r.end_date - day, 0),
    (greatest(r.end_date, day) + make_interval(months => %(months)s))::date::text
from today cross join marketplace_resource r
left join marketplace_offeringcomponent k on k.offering_id = r.offering_id
left join marketplace_plancomponent c on c.component_id = k.id and c.plan_id = r.plan_id
group by r.id, day
"""
OFFERING = """
select replace(o.uuid::text, '-', '') from marketplace_offering o where o.name = %s"""
VIEWERS = ("staff", "support", "owner", "admin", "manager", "member", "reader", "provider", "dual")


async def told(demo: Marketplace, viewer: str, months: int, **given: Any) -> dict[str, Any]:
    """Give what a viewer is told of all resources that they see."""
    found: dict[str, Any] = {}
    after, more = None, True
    while more:
        page = (await demo.data(PAGE, viewer, months=months, after=after, **given))["resources"]
        found |= {each["uuid"]: each["renewalEstimate"] for each in page["nodes"]}
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    return found


async def of_offering(demo: Marketplace, name: str, **given: Any) -> list[Any]:
    """Give what staff are told of the resources of an offering."""
    query = PAGE.replace("after: $after", "filter: { offeringUuid: [$offering] }")
    query = query.replace("$after: String", "$offering: UUID!")
    ((uuid,),) = rows(demo, OFFERING, name)
    found = await demo.data(query, offering=uuid, **given)
    estimates = [each["renewalEstimate"] for each in found["resources"]["nodes"]]
    assert estimates
    return estimates


def rows(demo: Marketplace, sql: str, *given: Any, **named: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(demo.url) as connection:
        return connection.execute(sql.encode(), given or named).fetchall()


@pytest.mark.parametrize("viewer", VIEWERS)
async def test_only_who_may_set_limits_is_told(demo: Marketplace, viewer: str) -> None:
    found = await told(demo, viewer, 12)
    may = {uuid for (uuid,) in rows(demo, PERMITTED, viewer)}
    refused = {uuid for uuid, each in found.items() if each["__typename"] == "NotPermitted"}
    assert found
    assert refused == found.keys() - may
    assert all(found[uuid]["message"].startswith("You may not") for uuid in refused)
    assert (viewer in {"support", "member", "reader"}) == (found.keys() == refused)


async def test_who_may_not_learns_nothing_by_wrong_input(demo: Marketplace) -> None:
    for given in ({"months": 0}, {"months": 12, "limits": {"nonsense": -1}}):
        found = await told(demo, "member", **given)
        assert {each["__typename"] for each in found.values()} == {"NotPermitted"}


@pytest.mark.parametrize("months", [1, 6, 12, 600])
async def test_costs_and_days_are_what_the_tables_say(demo: Marketplace, months: int) -> None:
    found = await told(demo, "staff", months)
    kinds = {each["__typename"] for each in found.values()}
    assert kinds - {"InvalidMonths"} == {"RenewalEstimate"}
    for uuid, cost, days, end in rows(demo, TRUTH, months=months):
        estimate = found[uuid]
        if estimate["__typename"] == "RenewalEstimate":
            assert Decimal(estimate["subscriptionTotal"]) == cost
            assert estimate["total"] == estimate["subscriptionTotal"]
            assert estimate["limitChangeTotal"] == "0.0000000000"
            assert (estimate["remainingDays"], estimate["newEndDate"]) == (days or 0, end)


async def test_the_months_that_a_component_has_rules_for(demo: Marketplace) -> None:
    rules = rows(
        demo,
        """select replace(r.uuid::text, '-', ''), k.type, k.min_renewal_duration,
            k.max_renewal_duration, k.renewal_duration_step
        from marketplace_resource r join marketplace_offeringcomponent k
            on k.offering_id = r.offering_id where k.is_prepaid
            and (7 < k.min_renewal_duration or 7 > k.max_renewal_duration
                or mod(7 - coalesce(k.min_renewal_duration, 0), k.renewal_duration_step) <> 0)""",
    )
    found = await told(demo, "staff", 7)
    broken = {
        (uuid, *(rule[name] for name in ("component", "min", "max", "step")))
        for uuid, each in found.items()
        if each["__typename"] == "InvalidMonths"
        for rule in each["rules"]
    }
    assert broken == {*rules}
    assert {rule[2:] for rule in broken} == {(3, 24, 3), (12, 36, 12)}
    problem = (await of_offering(demo, "Tape vault", months=7))[0]
    assert problem["message"] == "`slots` can be renewed by 3 to 24 months, in steps of 3."


async def test_what_is_paid_in_advance_with_other_limits(demo: Marketplace) -> None:
    for estimate in await of_offering(demo, "Archive vault", months=5, limits={"cold": 2.5}):
        cold, copies = estimate["components"]
        price = Decimal(cold["unitPrice"])
        assert (cold["component"], cold["newLimit"], cold["isPrepaid"]) == ("cold", "2.5", True)
        assert cold["total"] == f"{price * 5 * Decimal('2.5'):.10f}"
        assert (cold["measuredUnit"], cold["description"]) == ("TB", "5 months")
        assert (cold["billingType"], cold["billingPeriod"]) == ("LIMIT", None)
        assert (copies["newLimit"], copies["total"]) == ("0", "0.0000000000")
        assert estimate["subscriptionTotal"] == cold["total"]


async def test_limits_that_grow_are_paid_for_the_days_left(demo: Marketplace) -> None:
    limits = {"node_hours": 100000, "gpu_hours": 0, "scratch": 400}
    met = set()
    for each in await of_offering(demo, "Aurora Supercomputer", months=1, limits=limits):
        (cost,), days = each["components"], each["remainingDays"]
        more = Decimal(cost["newLimit"]) - Decimal(cost["currentLimit"])
        exact = Decimal(cost["unitPrice"]) * more * days / 30
        assert (cost["component"], cost["billingPeriod"]) == ("node_hours", "MONTH")
        assert abs(Decimal(cost["total"]) - exact) < Decimal("1e-10")
        assert cost["description"] == f"{days}d / 30d (mo)"
        assert each["total"] == each["limitChangeTotal"] == cost["total"]
        met.add(days > 0)
    assert met == {True, False}


@pytest.mark.parametrize("limits", [None, {}])
async def test_without_limits_they_stay(demo: Marketplace, limits: Any) -> None:
    for estimate in await of_offering(demo, "Tape vault", months=3, limits=limits):
        (slots,) = estimate["components"]
        assert slots["newLimit"] == slots["currentLimit"] != "0"


TAPES = "The offering has no component `{}` with a limit."


@pytest.mark.parametrize(
    ("months", "limits", "fields"),
    [
        (0, None, [("extensionMonths", "Give a number of months from 1 to 600.")]),
        (601, {}, [("extensionMonths", "Give a number of months from 1 to 600.")]),
        (-(2**31), {}, [("extensionMonths", "Give a number of months from 1 to 600.")]),
        (3, [1], [("limits", "Give an object: for the types of components a number each.")]),
        (3, "slots", [("limits", "Give an object: for the types of components a number each.")]),
        (3, {"slots": -1}, [("limits.slots", "Give 0 or more.")]),
        (3, {"slots": "5"}, [("limits.slots", "Give a number.")]),
        (3, {"slots": True}, [("limits.slots", "Give a number.")]),
        (3, {"slots": None}, [("limits.slots", "Give a number.")]),
        (3, {"slots": 0.125}, [("limits.slots", "Give a number with at most two places.")]),
        (3, {"slots": 1e18}, [("limits.slots", "The number is too large.")]),
        (3, {"cores": 5}, [("limits.cores", TAPES.format("cores"))]),
        (3, {"extra": 5}, [("limits.extra", TAPES.format("extra"))]),
        (3, {"": 5}, [("limits.", TAPES.format(""))]),
        (
            7000,
            {"slots": {}, "x": 1},
            [
                ("extensionMonths", "Give a number of months from 1 to 600."),
                ("limits.slots", "Give a number."),
                ("limits.x", TAPES.format("x")),
            ],
        ),
    ],
)
async def test_what_can_t_be_taken_is_named(
    demo: Marketplace, months: int, limits: Any, fields: list[tuple[str, str]]
) -> None:
    problem = (await of_offering(demo, "Tape vault", months=months, limits=limits))[0]
    assert problem["__typename"] == "InvalidInput"
    assert [(".".join(each["path"]), each["message"]) for each in problem["fields"]] == fields
    one = fields[0][1] if len(fields) == 1 else "Some values can't be taken."
    assert problem["message"] == one


@pytest.mark.parametrize(
    "limits", [{"a\0": 1}, {"x" * 51: 1}, {"x" * 1001: 1}, {f"x{i}": 1 for i in range(1001)}]
)
async def test_what_can_be_no_component_is_refused(demo: Marketplace, limits: Any) -> None:
    error = await demo.refused(PAGE, months=3, limits=limits)
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["limits"]}


@pytest.mark.parametrize("months", [None, "3", 3.5, True, 2**31])
async def test_months_are_a_whole_number(demo: Marketplace, months: Any) -> None:
    error = await demo.refused(PAGE, months=months)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_hidden_resource_tells_no_cost(waldur: Marketplace) -> None:
    query = """query($uuid: UUID!) { resource(uuid: $uuid) {
        renewalEstimate(extensionMonths: 1) { __typename }
        parent { state renewalEstimate(extensionMonths: 1) { __typename } }
    } }"""
    children = "{ resources(first: 300, visibleAs: PROVIDER) { nodes { uuid parent { state } } } }"
    found = (await waldur.data(children, "owner_c"))["resources"]["nodes"]
    (uuid, *_) = [each["uuid"] for each in found if each["parent"] and not each["parent"]["state"]]
    child = (await waldur.data(query, "owner_c", uuid=uuid))["resource"]
    assert child["parent"] == {"state": None, "renewalEstimate": None}
    assert (await waldur.data(query, "nobody", uuid=uuid))["resource"] is None
    assert (await waldur.data(query, None, uuid=uuid))["resource"] is None


async def test_an_older_marketplace_has_nothing_that_is_paid_in_advance(
    waldur: Marketplace,
) -> None:
    found = await told(waldur, "staff", 7)
    assert len(found) == 600
    assert {each["__typename"] for each in found.values()} == {"RenewalEstimate"}
    assert {(each["total"], len(each["components"])) for each in found.values()} == {
        ("0.0000000000", 0)
    }


async def test_a_page_of_estimates_takes_few_statements(demo: Marketplace) -> None:
    counts = set()
    for first in (2, 300):
        await demo.data(PAGE.replace("300", str(first)), months=12)
        counts.add(len(demo.database.asked))
    (count,) = counts
    assert count <= 5
