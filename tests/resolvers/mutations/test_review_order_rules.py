"""Rules of the marketplace that prevent reviews of orders, by version (domain.md §6.3)."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import NEWEST_VERSION_SQL, MutableDemo, serve_mutable_demo

ORDER_SQL = """
select o.uuid, o.id from marketplace_order o
join marketplace_offering f on f.id = o.offering_id and f.type = 'Marketplace.Basic'
join structure_project p on p.id = o.project_id and p.end_date is null and not p.is_removed
join structure_customer c on c.id = p.customer_id and not c.blocked and not c.archived
where o.type = 2 order by o.id limit 1
"""
PENDING_STATES = {"consumer": 1, "provider": 7}
CUSTOMER_SQL = """
update structure_customer set {} where id = (select p.customer_id from structure_project p
    join marketplace_order o on o.project_id = p.id where o.id = %s)
"""
BLOCKED, ARCHIVED = CUSTOMER_SQL.format("blocked = true"), CUSTOMER_SQL.format("archived = true")
PROJECT_ENDED = """
update structure_project set end_date = current_date, grace_period_days = 0
where id = (select project_id from marketplace_order where id = %s)
"""
PURCHASE_ORDER = """
update marketplace_offering
set plugin_options = plugin_options || '{"require_purchase_order_upload": true}'
where id = (select offering_id from marketplace_order where id = %s)
"""
ATTACHMENT = "update marketplace_order set attachment = 'a.pdf' where id = %s"
TERMINATION = "update marketplace_order set type = 3 where id = %s"
RESTORED_TABLES = (
    "marketplace_resource",
    "marketplace_offering",
    "structure_project",
    "structure_customer",
    "marketplace_order",
)
PAYLOAD_TYPES = {
    "approveOrder": "OrderApproved",
    "rejectOrder": "OrderRejected",
    "cancelOrder": "OrderCanceled",
}
VERSIONS = ("2024", "2026", "newest")


class RuleCase(NamedTuple):
    """A review that a rule prevents in some versions, and that succeeds in the others."""

    field: str
    side: str
    setup: Sequence[str]
    reason: str = ""
    versions: Sequence[str] = ()
    """The versions in which the rule exists."""


RULE_CASES = {
    "approval without obstacles": RuleCase("approveOrder", "consumer", ()),
    "consumer's approval, blocked": RuleCase(
        "approveOrder", "consumer", (BLOCKED,), "CUSTOMER_BLOCKED", VERSIONS
    ),
    "consumer's approval, archived": RuleCase(
        "approveOrder", "consumer", (ARCHIVED,), "CUSTOMER_ARCHIVED", VERSIONS
    ),
    "consumer's approval, project ended": RuleCase(
        "approveOrder", "consumer", (PROJECT_ENDED,), "PROJECT_ENDED", VERSIONS
    ),
    "consumer's approval, purchase order": RuleCase(
        "approveOrder", "consumer", (PURCHASE_ORDER,), "PURCHASE_ORDER_REQUIRED", VERSIONS
    ),
    "consumer's approval, purchase order attached": RuleCase(
        "approveOrder", "consumer", (PURCHASE_ORDER, ATTACHMENT)
    ),
    "consumer's approval, purchase order of a termination": RuleCase(
        "approveOrder",
        "consumer",
        (PURCHASE_ORDER, TERMINATION),
        "PURCHASE_ORDER_REQUIRED",
        ("2024", "2026"),
    ),
    "provider's approval, blocked": RuleCase(
        "approveOrder", "provider", (BLOCKED,), "CUSTOMER_BLOCKED", VERSIONS
    ),
    "provider's approval, archived": RuleCase(
        "approveOrder", "provider", (ARCHIVED,), "CUSTOMER_ARCHIVED", VERSIONS
    ),
    "provider's approval, project ended": RuleCase(
        "approveOrder", "provider", (PROJECT_ENDED,), "PROJECT_ENDED", ("2024",)
    ),
    "provider's approval, purchase order": RuleCase("approveOrder", "provider", (PURCHASE_ORDER,)),
    "consumer's rejection, blocked": RuleCase(
        "rejectOrder", "consumer", (BLOCKED,), "CUSTOMER_BLOCKED", ("2024",)
    ),
    "consumer's rejection, archived": RuleCase(
        "rejectOrder", "consumer", (ARCHIVED,), "CUSTOMER_ARCHIVED", ("2024",)
    ),
    "provider's rejection, blocked": RuleCase(
        "rejectOrder", "provider", (BLOCKED,), "CUSTOMER_BLOCKED", ("2024",)
    ),
    "rejection, project ended": RuleCase("rejectOrder", "consumer", (PROJECT_ENDED,)),
    "cancellation, blocked": RuleCase("cancelOrder", "consumer", (BLOCKED, PROJECT_ENDED)),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demos(new_database: DatabaseFactory) -> AsyncIterator[dict[str, MutableDemo]]:
    """Yield demos that the tests change, by the version of their rules."""
    async with AsyncExitStack() as stack:
        servers = {
            "2024": serve_mutable_demo(new_database(), 100, RULES="2024"),
            "2026": serve_mutable_demo(new_database(), 100),
            "newest": serve_mutable_demo(new_database(), 100, setup_sql=NEWEST_VERSION_SQL),
        }
        yield {version: await stack.enter_async_context(each) for version, each in servers.items()}


@pytest.fixture
def restore_tables(demos: dict[str, MutableDemo]) -> Callable[[str], MutableDemo]:
    """Return a function that restores the tables of a demo and returns it."""

    def restore(version: str) -> MutableDemo:
        demo = demos[version]
        demo.run_sql("set session_replication_role = replica")
        for name in RESTORED_TABLES:
            demo.run_sql(f"create table if not exists pg_temp.backup_{name} as table {name}")
            demo.run_sql(f"delete from {name}")
            demo.run_sql(f"insert into {name} select * from pg_temp.backup_{name}")
        demo.run_sql("set session_replication_role = origin")
        return demo

    return restore


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", RULE_CASES)
async def test_rules_prevent_reviews(
    restore_tables: Callable[[str], MutableDemo], name: str, version: str
) -> None:
    case, demo = RULE_CASES[name], restore_tables(version)
    ((uuid, order_id),) = demo.run_sql(ORDER_SQL)
    demo.run_sql(
        "update marketplace_order set attachment = null, state = %s where id = %s",
        PENDING_STATES[case.side],
        order_id,
    )
    for statement in case.setup:
        demo.run_sql(statement, order_id)
    digest_before = demo.digest_tables()
    result = await demo.run_mutation(case.field, uuid=uuid.hex)
    if version not in case.versions:
        assert result["__typename"] == PAYLOAD_TYPES[case.field]
        return
    assert (result["__typename"], result["reason"]) == ("NotPossible", case.reason)
    assert demo.digest_tables() == digest_before


@pytest.mark.parametrize(
    ("version", "state", "is_possible"),
    [
        ("2024", 8, False),
        ("2024", 9, False),
        ("2026", 8, False),
        ("2026", 9, False),
        ("newest", 8, False),
        ("newest", 9, True),
        ("newest", 2, True),
    ],
)
async def test_orders_that_wait_for_a_date_can_be_cancelled_in_the_newest_version(
    restore_tables: Callable[[str], MutableDemo], version: str, state: int, is_possible: bool
) -> None:
    demo = restore_tables(version)
    ((uuid, order_id),) = demo.run_sql(ORDER_SQL)
    demo.run_sql("update marketplace_order set state = %s where id = %s", state, order_id)
    query = "query ($uuid: UUID!) { order(uuid: $uuid) { canTerminate } }"
    response = await demo.client.execute_query(query, "staff", uuid=uuid.hex)
    assert response["data"]["order"]["canTerminate"] is is_possible
    result = await demo.run_mutation("cancelOrder", uuid=uuid.hex)
    assert result["__typename"] == ("OrderCanceled" if is_possible else "WrongState")
