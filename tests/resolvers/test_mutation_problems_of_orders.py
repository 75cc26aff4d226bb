"""Failures of the mutations that order changes of a resource are problems, and change nothing."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.resolvers import test_mutation_problems
from tests.resolvers.test_mutation_problems import (
    FOREIGN_OFFERING_SQL,
    LIMITS_FIELD,
    PENDING_ORDER_SQL,
    PLAN_FIELD,
    RESTORE_FIELD,
    TERMINATE_FIELD,
    UPDATE_CUSTOMER_SQL,
    UPDATE_OFFERING_SQL,
    UPDATE_PROJECT_SQL,
    UPDATE_RESOURCE_SQL,
    ProblemCase,
    assert_problem,
)
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

TERMINATED_SQL = f"""
with terminated as ({UPDATE_RESOURCE_SQL.format("state = 6")}),
ended as ({UPDATE_PROJECT_SQL.format("end_date = current_date - 99")})
{UPDATE_OFFERING_SQL.format("plugin_options = plugin_options @")}
"""
"""Ends a resource and its project; @ stands for an operator on the offering's options."""
restored_tables = test_mutation_problems.restored_tables
PROBLEM_CASES = {
    "limits while an order is pending": ProblemCase(
        "NotPossible", "ORDER_PENDING", setup_sql=PENDING_ORDER_SQL, field=LIMITS_FIELD
    ),
    "limits that are fixed": ProblemCase(
        "NotPossible",
        "LIMITS_FIXED",
        setup_sql=UPDATE_OFFERING_SQL.format("type = 'Marketplace.Booking'"),
        field=LIMITS_FIELD,
    ),
    "no limits": ProblemCase("InvalidInput", "an empty object", field=LIMITS_FIELD),
    "limits are a text": ProblemCase(
        "InvalidInput", "must be an object", field=LIMITS_FIELD, arguments={"limits": "4"}
    ),
    "limit of an unknown component": ProblemCase(
        "InvalidInput", "limits.x", field=LIMITS_FIELD, arguments={"limits": {"x": 1}}
    ),
    "limits with a long comment": ProblemCase(
        "InvalidInput",
        "requestComment",
        field=LIMITS_FIELD,
        arguments={"requestComment": "x" * 256},
    ),
    "plan of a closed offering": ProblemCase(
        "NotPossible",
        "OFFERING_CLOSED",
        setup_sql=UPDATE_OFFERING_SQL.format("state = 4"),
        field=PLAN_FIELD,
    ),
    "resource without a plan": ProblemCase(
        "NotPossible",
        "NO_PLAN",
        setup_sql=UPDATE_RESOURCE_SQL.format("plan_id = null"),
        field=PLAN_FIELD,
    ),
    "termination of a blocked customer": ProblemCase(
        "NotPossible",
        "CUSTOMER_BLOCKED",
        setup_sql=UPDATE_CUSTOMER_SQL.format("blocked = true"),
        field=TERMINATE_FIELD,
    ),
    "termination of an archived customer": ProblemCase(
        "NotPossible",
        "CUSTOMER_ARCHIVED",
        setup_sql=UPDATE_CUSTOMER_SQL.format("archived = true"),
        field=TERMINATE_FIELD,
    ),
    "termination unavailable": ProblemCase(
        "NotPossible",
        "OFFERING_UNAVAILABLE",
        setup_sql=UPDATE_OFFERING_SQL.format("state = 5"),
        field=TERMINATE_FIELD,
    ),
    "termination of a private offering of others": ProblemCase(
        "NotPossible", "OFFERING_RESTRICTED", setup_sql=FOREIGN_OFFERING_SQL, field=TERMINATE_FIELD
    ),
    "termination while an order is pending": ProblemCase(
        "NotPossible", "ORDER_PENDING", setup_sql=PENDING_ORDER_SQL, field=TERMINATE_FIELD
    ),
    "attributes are a list": ProblemCase(
        "InvalidInput", "must be an object", field=TERMINATE_FIELD, arguments={"attributes": []}
    ),
    "restoration unsupported": ProblemCase(
        "NotPossible",
        "RESTORE_UNSUPPORTED",
        setup_sql=TERMINATED_SQL.replace("@", "- 'can_restore_resource'"),
        field=RESTORE_FIELD,
    ),
    "restoration not switched on": ProblemCase(
        "NotPossible",
        "RESTORE_UNSUPPORTED",
        setup_sql=TERMINATED_SQL.replace("@", """|| '{"can_restore_resource": "true"}'"""),
        field=RESTORE_FIELD,
    ),
    "restoration in an ended project": ProblemCase(
        "NotPossible",
        "PROJECT_ENDED",
        setup_sql=TERMINATED_SQL.replace("@", """|| '{"can_restore_resource": true}'"""),
        field=RESTORE_FIELD,
    ),
    "no such plan": ProblemCase("InvalidInput", "plan of the offering", field=PLAN_FIELD),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


@pytest.mark.usefixtures("restored_tables")
@pytest.mark.parametrize("name", PROBLEM_CASES)
async def test_orders_that_are_refused_change_nothing(demo: MutableDemo, name: str) -> None:
    await assert_problem(demo, PROBLEM_CASES[name])
