"""Updating a resource's options, at once and by an order (domain.md §5.9, rules.md §0)."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.demo_with_provider import DemoWithProvider, serve_demo_with_provider
from tests.support.mutable_demo import FINISH_ORDERS_SQL

FIELD = "updateResourceOptions"
FORM = {
    "order": ["size", "backup", "keep_days", "host", "mails"],
    "options": {
        "size": {"type": "integer", "min": 1, "required": True, "default": 3},
        "backup": {"type": "boolean"},
        "keep_days": {"type": "integer", "visible_if": {"field": "backup", "values": [True]}},
        "host": {"type": "string", "unique": True, "pattern": "[a-z][a-z0-9-]*"},
        "mails": {"type": "select_multiple_emails"},
    },
}
OLD_OPTIONS = {"size": 5, "backup": True, "keep_days": 30, "free": "x"}
RESOURCES_SQL = """
select r.id, r.uuid, r.offering_id, r.plan_id from marketplace_resource r
where r.uuid = any(%s::uuid[]) and r.plan_id is not null and (
    select count(*) from marketplace_resource o
    where o.offering_id = r.offering_id and o.uuid = any(%s::uuid[])) > 1
order by r.offering_id, r.id limit 2
"""
PLAN_COST_SQL = """
select p.unit_price + coalesce((select sum(pc.price) from marketplace_plancomponent pc
    join marketplace_offeringcomponent c on c.id = pc.component_id
    where pc.plan_id = p.id and c.billing_type = 'few'), 0)
from marketplace_plan p where p.id = %s
"""


class OptionScene(NamedTuple):
    """Two resources of one offering with the form `FORM` and the options `OLD_OPTIONS`."""

    demo: DemoWithProvider
    uuid: str
    id: int
    other_uuid: str
    offering_id: int
    plan_id: int

    async def update(self, options: Any, **arguments: Any) -> Any:
        """Update the options of the first resource, as staff."""
        return await self.demo.run_mutation(FIELD, uuid=self.uuid, options=options, **arguments)

    async def find_errors(self, options: Any, **arguments: Any) -> dict[str, str]:
        """Return messages by path of an update that must be refused, and must change nothing."""
        digest = self.demo.digest_tables()
        result = await self.update(options, **arguments)
        assert result["__typename"] == "InvalidInput", result
        assert self.demo.digest_tables() == digest
        return {".".join(each["path"]): each["message"] for each in result["fields"]}

    async def complete_order(self, order: Any) -> None:
        """Approve an order on both sides and let the provider carry it out."""
        while order["state"].startswith("PENDING"):
            order = (await self.demo.run_mutation("approveOrder", uuid=order["uuid"]))["order"]
        await self.demo.process_due_work()

    def load_options(self) -> Any:
        """Return the stored options of the first resource."""
        return self.demo.load_resource_row(self.uuid)["options"]

    def load_order(self, uuid: str) -> Any:
        """Return attributes, limits and cost of an order."""
        ((*columns,),) = self.demo.run_sql(
            "select attributes, limits, cost from marketplace_order where uuid = %s", uuid
        )
        return columns

    def require_order(self, *, is_required: bool = True) -> None:
        """Configure whether changes of options need an order."""
        options = {"create_orders_on_resource_option_change": is_required}
        self.demo.run_sql(
            "update marketplace_offering set plugin_options = plugin_options || %s::jsonb"
            " where id = %s",
            json.dumps(options),
            self.offering_id,
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[DemoWithProvider]:
    """Yield a demo that the tests change, and its provider."""
    async with serve_demo_with_provider(new_database()) as demo_with_provider:
        yield demo_with_provider


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def resources(demo: DemoWithProvider) -> Any:
    """Return two resources of one offering whose options staff can update."""
    uuids = await demo.find_operable_resources("UPDATE_RESOURCE_OPTIONS", condition="r.state = 2")
    return demo.run_sql(RESOURCES_SQL, uuids, uuids)


@pytest.fixture
def scene(demo: DemoWithProvider, resources: Any) -> OptionScene:
    """Return two resources with options, which need no order."""
    (first, second) = resources
    scene = OptionScene(demo, first[1].hex, first[0], second[1].hex, first[2], first[3])
    demo.run_sql(
        "update marketplace_offering set resource_options = %s::jsonb where id = %s",
        json.dumps(FORM),
        scene.offering_id,
    )
    for resource_id, *_ in resources:
        demo.run_sql(FINISH_ORDERS_SQL, resource_id)
    demo.run_sql(
        "update marketplace_resource set state = 2, plan_id = %s where id = %s",
        scene.plan_id,
        scene.id,
    )
    demo.run_sql(
        "update marketplace_resource set options = %s::jsonb where offering_id = %s",
        json.dumps(OLD_OPTIONS),
        scene.offering_id,
    )
    scene.require_order(is_required=False)
    return scene


@pytest.mark.parametrize("direct", [True, False])
async def test_new_values_replace_old_ones_as_they_were_sent(
    scene: OptionScene, direct: bool
) -> None:
    versions_before = scene.demo.run_sql("select count(*) from reversion_version")
    result = await scene.update({"size": "7", "mails": ["me@example.org"]}, direct=direct)
    assert (result["__typename"], result["order"]) == ("ResourceOptionsUpdated", None)
    assert scene.load_options() == {**OLD_OPTIONS, "size": "7", "mails": ["me@example.org"]}
    assert scene.demo.run_sql("select count(*) from reversion_version") == versions_before


async def test_an_order_has_all_options_and_no_limits(scene: OptionScene) -> None:
    scene.require_order()
    result = await scene.update({"size": 7})
    attributes, limits, cost = scene.load_order(result["order"]["uuid"])
    assert attributes == {
        "old_options": OLD_OPTIONS,
        "new_options": {**OLD_OPTIONS, "size": 7},
    }
    assert limits == {}
    ((plan_cost,),) = scene.demo.run_sql(PLAN_COST_SQL, scene.plan_id)
    assert cost == plan_cost
    limits_before = scene.demo.load_resource_row(scene.uuid)["limits"]
    await scene.complete_order(result["order"])
    after = scene.demo.load_resource_row(scene.uuid)
    assert (after["options"], after["limits"]) == ({**OLD_OPTIONS, "size": 7}, limits_before)


async def test_an_order_costs_each_switch_of_the_plan(scene: OptionScene) -> None:
    scene.require_order()
    scene.demo.run_sql(
        "with few as (insert into marketplace_offeringcomponent (uuid, name, description, type,"
        " measured_unit, article_code, backend_id, billing_type, is_boolean, unit_factor,"
        " is_prepaid, offering_id) values (gen_random_uuid(), 'Switch', '', 'switch', '', '', '',"
        " 'few', false, 1, false, %s) returning id)"
        " insert into marketplace_plancomponent (plan_id, component_id, amount, price)"
        " select %s, id, 1, 12.5 from few",
        scene.offering_id,
        scene.plan_id,
    )
    result = await scene.update({"size": 7})
    ((plan_cost,),) = scene.demo.run_sql(PLAN_COST_SQL, scene.plan_id)
    assert plan_cost >= Decimal("12.5")
    assert scene.load_order(result["order"]["uuid"])[2] == plan_cost


async def test_an_order_without_a_plan_has_no_cost(scene: OptionScene) -> None:
    scene.require_order()
    scene.demo.run_sql("update marketplace_resource set plan_id = null where id = %s", scene.id)
    result = await scene.update({"size": 7})
    assert scene.load_order(result["order"]["uuid"])[2] is None


async def test_unknown_options_are_stored_unless_the_update_is_direct(scene: OptionScene) -> None:
    errors = await scene.find_errors({"size": 7, "other": 1, "free": "y"}, direct=True)
    assert errors == {
        "options.other": "`options.other` is not an option of the offering.",
        "options.free": "`options.free` is not an option of the offering.",
    }
    await scene.update({"other": [1], "free": None})
    assert scene.load_options() == {**OLD_OPTIONS, "other": [1], "free": None}
    await scene.update({"size": 6}, direct=True)
    assert scene.load_options() == {**OLD_OPTIONS, "other": [1], "free": None, "size": 6}


@pytest.mark.parametrize("needs_order", [True, False])
async def test_the_size_of_all_options_is_bounded(scene: OptionScene, needs_order: bool) -> None:
    await scene.update({"large": "x" * 60_000})
    scene.require_order(is_required=needs_order)
    errors = await scene.find_errors({"larger": "x" * 60_000})
    assert "must have at most 102400 bytes as JSON" in errors["options"]
    assert (await scene.update({"large": "x"}))["__typename"] == "ResourceOptionsUpdated"


@pytest.mark.parametrize("needs_order", [True, False])
async def test_options_that_become_hidden_are_dropped(
    scene: OptionScene, needs_order: bool
) -> None:
    scene.require_order(is_required=needs_order)
    result = await scene.update({"backup": False, "keep_days": "x"})
    expected = {"size": 5, "backup": False, "free": "x"}
    if needs_order:
        assert scene.load_order(result["order"]["uuid"])[0]["new_options"] == expected
        await scene.complete_order(result["order"])
    assert scene.load_options() == expected


async def test_invalid_values_are_explained(scene: OptionScene) -> None:
    assert await scene.find_errors({"size": 0, "host": "No", "mails": ["me"], "backup": None}) == {
        "options.size": "`options.size` must be at least 1, got 0.",
        "options.host": "`options.host` must match the pattern [a-z][a-z0-9-]*.",
        "options.mails": "`options.mails` must be a list of e-mail addresses,"
        " such as me@example.org.",
        "options.backup": "`options.backup` must not be null: a chosen option can't be removed.",
    }


@pytest.mark.parametrize("stored", ["null", "[]", '"x"', "7"])
async def test_odd_options_of_the_resource_are_replaced(scene: OptionScene, stored: str) -> None:
    scene.demo.run_sql(
        "update marketplace_resource set options = %s::jsonb where id = %s", stored, scene.id
    )
    await scene.update({"size": 7})
    assert scene.load_options() == {"size": 7}


async def test_a_unique_value_is_of_one_resource(scene: OptionScene) -> None:
    await scene.update({"host": "db"})
    assert (await scene.update({"host": " db "}))["__typename"] == "ResourceOptionsUpdated"
    other = scene._replace(uuid=scene.other_uuid)
    assert await other.find_errors({"host": "db"}) == {
        "options.host": "`options.host` is used by another resource."
    }
    assert (await other.find_errors({"host": "db"}, direct=True)).keys() == {"options.host"}
    scene.demo.run_sql("update marketplace_resource set state = 6 where id = %s", scene.id)
    assert (await other.update({"host": "db"}))["__typename"] == "ResourceOptionsUpdated"


async def test_a_unique_value_has_one_winner(scene: OptionScene) -> None:
    for number in range(5):
        results = await asyncio.gather(
            *[
                scene.demo.run_mutation(FIELD, uuid=uuid, options={"host": f"h{number}"})
                for uuid in (scene.uuid, scene.other_uuid)
            ]
        )
        names = sorted(each["__typename"] for each in results)
        assert names == ["InvalidInput", "ResourceOptionsUpdated"]
