"""Failures of the mutations that order changes of a resource are problems, and change nothing."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.resolvers import test_mutation_problems
from tests.resolvers.test_mutation_problems import (
    LIMITS_FIELD,
    PENDING_ORDER_SQL,
    PLAN_FIELD,
    UPDATE_OFFERING_SQL,
    UPDATE_RESOURCE_SQL,
    ProblemCase,
    assert_problem,
)
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

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
