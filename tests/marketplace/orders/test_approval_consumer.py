"""Which new orders the consumer has to review, as a table (domain.md §6.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from gateway.db import tables
from gateway.db.installation.version_rules import RULES_2026, RULES_NEWEST
from gateway.db.sql.compiler import StatementCompiler
from gateway.db.tables.codes import OrderState, OrderType
from tests.support.order_scene import (
    APPROVE,
    APPROVE_PRIVATE,
    APPROVING_ROLE_SQL,
    OFFERING_SQL,
    OPTION_SQL,
    OrderScene,
)

PRIVATE = OFFERING_SQL.format("shared = false, billable = false")
BILLED_PRIVATELY = OFFERING_SQL.format("shared = false")
OWN_ORGANISATION = OFFERING_SQL.format("customer_id = :customer_id")
OWN_APPROVED = OPTION_SQL.format('{"auto_approve_in_service_provider_projects": true}')
DISABLED = OPTION_SQL.format('{"disable_autoapprove": true}')
PURCHASE_ORDER = OPTION_SQL.format('{"require_purchase_order_upload": true}')
MANAGERS_APPROVED = OPTION_SQL.format('{"auto_approve_for_roles": ["PROJECT.MANAGER"]}')
MALFORMED_ROLES = OPTION_SQL.format('{"auto_approve_for_roles": "PROJECT.MANAGER"}')
RULE_SQL = """
insert into marketplace_projectorderautoapproval
    (uuid, created, modified, project_id, monthly_cost_limit, enabled, created_by_id)
select gen_random_uuid(), now(), now(), :project_id, {}, {}, id from core_user where username = '{}'
"""
RULE = RULE_SQL.format("10000000", "true", "staff")
OTHER_PROJECT_SQL = """
update marketplace_projectorderautoapproval set project_id = (
    select min(id) from structure_project where id <> :project_id)
"""
USAGE_COMPONENT = """
update marketplace_offeringcomponent set billing_type = 'usage' where id = (
    select min(id) from marketplace_offeringcomponent where offering_id = :offering_id)
"""

WAITS_FOR_CONSUMER = OrderState.PENDING_CONSUMER
WAITS_FOR_PROVIDER = OrderState.PENDING_PROVIDER
PROVIDER_OWNER = "CUSTOMER.OWNER customer {provider}"


@dataclass(frozen=True, kw_only=True)
class ConsumerCase:
    """An order that is placed, and the state in which it waits."""

    state: OrderState
    setup: Sequence[str] = ()
    grants: Sequence[str] = ()
    is_staff: bool = False
    type: OrderType = OrderType.UPDATE
    attachment: str | None = None
    is_newest: bool = False


CONSUMER_CASES = {
    "no permission": ConsumerCase(state=WAITS_FOR_CONSUMER),
    "permission": ConsumerCase(grants=[APPROVE], state=WAITS_FOR_PROVIDER),
    "permission on the organisation": ConsumerCase(
        grants=["ORDER.APPROVE customer {customer}"], state=WAITS_FOR_PROVIDER
    ),
    "permission of the provider": ConsumerCase(
        grants=["ORDER.APPROVE customer {provider}"], state=WAITS_FOR_CONSUMER
    ),
    "staff": ConsumerCase(is_staff=True, state=WAITS_FOR_PROVIDER),
    "private": ConsumerCase(setup=[PRIVATE], grants=[APPROVE], state=WAITS_FOR_CONSUMER),
    "private with its permission": ConsumerCase(
        setup=[PRIVATE], grants=[APPROVE_PRIVATE], state=WAITS_FOR_PROVIDER
    ),
    "private for staff": ConsumerCase(setup=[PRIVATE], is_staff=True, state=WAITS_FOR_PROVIDER),
    "private with a role": ConsumerCase(
        setup=[PRIVATE, MANAGERS_APPROVED],
        grants=["PROJECT.MANAGER project {project}"],
        state=WAITS_FOR_CONSUMER,
    ),
    "private with a rule": ConsumerCase(setup=[PRIVATE, RULE], state=WAITS_FOR_CONSUMER),
    "billed privately": ConsumerCase(
        setup=[BILLED_PRIVATELY], grants=[APPROVE], state=WAITS_FOR_PROVIDER
    ),
    "private permission": ConsumerCase(grants=[APPROVE_PRIVATE], state=WAITS_FOR_CONSUMER),
    "own organisation": ConsumerCase(
        setup=[OWN_ORGANISATION, OWN_APPROVED], state=WAITS_FOR_PROVIDER
    ),
    "own organisation without the option": ConsumerCase(
        setup=[OWN_ORGANISATION], state=WAITS_FOR_CONSUMER
    ),
    "own organisation disabled": ConsumerCase(
        setup=[OWN_ORGANISATION, OWN_APPROVED, DISABLED], state=WAITS_FOR_CONSUMER
    ),
    "disabled": ConsumerCase(setup=[DISABLED], grants=[APPROVE], state=WAITS_FOR_PROVIDER),
    "disabled in the newest": ConsumerCase(
        setup=[DISABLED], grants=[APPROVE], is_newest=True, state=WAITS_FOR_CONSUMER
    ),
    "disabled with a rule in the newest": ConsumerCase(
        setup=[DISABLED, RULE], is_newest=True, state=WAITS_FOR_CONSUMER
    ),
    "disabled for staff in the newest": ConsumerCase(
        setup=[DISABLED], is_staff=True, is_newest=True, state=WAITS_FOR_PROVIDER
    ),
    "disabled for terminations in the newest": ConsumerCase(
        setup=[DISABLED],
        grants=[APPROVE],
        type=OrderType.TERMINATE,
        is_newest=True,
        state=WAITS_FOR_PROVIDER,
    ),
    "purchase order": ConsumerCase(setup=[PURCHASE_ORDER], is_staff=True, state=WAITS_FOR_CONSUMER),
    "purchase order attached": ConsumerCase(
        setup=[PURCHASE_ORDER], is_staff=True, attachment="a.pdf", state=WAITS_FOR_PROVIDER
    ),
    "purchase order with a rule": ConsumerCase(
        setup=[PURCHASE_ORDER, RULE], state=WAITS_FOR_CONSUMER
    ),
    "purchase order of a termination": ConsumerCase(
        setup=[PURCHASE_ORDER],
        is_staff=True,
        type=OrderType.TERMINATE,
        state=WAITS_FOR_CONSUMER,
    ),
    "purchase order of a termination in the newest": ConsumerCase(
        setup=[PURCHASE_ORDER],
        is_staff=True,
        type=OrderType.TERMINATE,
        is_newest=True,
        state=WAITS_FOR_PROVIDER,
    ),
    "termination": ConsumerCase(type=OrderType.TERMINATE, state=WAITS_FOR_CONSUMER),
    "termination by the provider's owner": ConsumerCase(
        grants=[PROVIDER_OWNER], type=OrderType.TERMINATE, state=WAITS_FOR_PROVIDER
    ),
    "termination by the provider's manager": ConsumerCase(
        grants=["CUSTOMER.MANAGER customer {provider}"],
        type=OrderType.TERMINATE,
        state=WAITS_FOR_CONSUMER,
    ),
    "update by the provider's owner": ConsumerCase(
        grants=[PROVIDER_OWNER], state=WAITS_FOR_CONSUMER
    ),
    "listed role": ConsumerCase(
        setup=[MANAGERS_APPROVED],
        grants=["PROJECT.MANAGER project {project}"],
        state=WAITS_FOR_PROVIDER,
    ),
    "other role": ConsumerCase(
        setup=[MANAGERS_APPROVED],
        grants=["PROJECT.ADMIN project {project}"],
        state=WAITS_FOR_CONSUMER,
    ),
    "role on another object": ConsumerCase(
        setup=[MANAGERS_APPROVED],
        grants=["PROJECT.MANAGER project {offering}0"],
        state=WAITS_FOR_CONSUMER,
    ),
    "malformed roles": ConsumerCase(
        setup=[MALFORMED_ROLES],
        grants=["PROJECT.MANAGER project {project}"],
        state=WAITS_FOR_CONSUMER,
    ),
    "rule": ConsumerCase(setup=[RULE], state=WAITS_FOR_PROVIDER),
    "disabled rule": ConsumerCase(
        setup=[RULE_SQL.format("10000000", "false", "staff")], state=WAITS_FOR_CONSUMER
    ),
    "rule below the cost": ConsumerCase(
        setup=[RULE_SQL.format("-1", "true", "staff")], state=WAITS_FOR_CONSUMER
    ),
    "rule without a number": ConsumerCase(
        setup=[RULE_SQL.format("'NaN'", "true", "staff")], state=WAITS_FOR_CONSUMER
    ),
    "rule of usage": ConsumerCase(setup=[RULE, USAGE_COMPONENT], state=WAITS_FOR_CONSUMER),
    "rule of a user without the permission": ConsumerCase(
        setup=[RULE_SQL.format("10000000", "true", "nobody")], state=WAITS_FOR_CONSUMER
    ),
    "rule of an inactive user": ConsumerCase(
        setup=[
            APPROVING_ROLE_SQL.format(":customer_id", "inactive", "CUSTOMER.OWNER"),
            RULE_SQL.format("10000000", "true", "inactive"),
        ],
        state=WAITS_FOR_CONSUMER,
    ),
    "rule of an owner": ConsumerCase(
        setup=[
            APPROVING_ROLE_SQL.format(":customer_id", "nobody", "CUSTOMER.OWNER"),
            RULE_SQL.format("10000000", "true", "nobody"),
        ],
        state=WAITS_FOR_PROVIDER,
    ),
    "rule of another project": ConsumerCase(
        setup=[RULE, OTHER_PROJECT_SQL], state=WAITS_FOR_CONSUMER
    ),
    "rule without a plan": ConsumerCase(
        setup=[RULE, "update marketplace_resource set plan_id = null where id = :resource_id"],
        state=WAITS_FOR_CONSUMER,
    ),
}


@pytest.mark.parametrize("name", CONSUMER_CASES)
async def test_the_consumer_reviews_orders_that_nothing_approves(
    scene: OrderScene, name: str
) -> None:
    case, place = CONSUMER_CASES[name], scene.place
    rules = RULES_NEWEST if case.is_newest else RULES_2026
    installation = replace(scene.compiler.installation, version_rules=rules)
    scene.compiler = StatementCompiler(installation)
    await scene.run_sql(*case.setup)
    viewer = place.build_viewer(*case.grants, is_staff=case.is_staff)
    order = await scene.place_order(viewer, type=case.type, attachment=case.attachment)
    assert order.state is case.state
    assert (order.consumer_reviewed_at is None) is (case.state is WAITS_FOR_CONSUMER)


async def test_the_creator_of_a_rule_is_the_reviewer(scene: OrderScene) -> None:
    await scene.run_sql(RULE)
    order = await scene.place_order(scene.place.build_viewer())
    assert order.created_by_id == scene.place.user
    assert order.consumer_reviewed_by_id == 1


async def test_rules_are_absent_without_their_table(scene: OrderScene) -> None:
    await scene.run_sql(RULE)
    missing_tables = frozenset({tables.project_order_auto_approval})
    installation = replace(scene.compiler.installation, missing_tables=missing_tables)
    scene.compiler = StatementCompiler(installation)
    order = await scene.place_order(scene.place.build_viewer())
    assert order.state is WAITS_FOR_CONSUMER
