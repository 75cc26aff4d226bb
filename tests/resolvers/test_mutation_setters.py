"""Problems that all mutations meet which change a resource without an order."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo
from tests.support.provided_resources import SETTER_ARGUMENTS

SET_OFFERING_STATE_SQL = """
update marketplace_offering o set state = %s from marketplace_resource r
where r.offering_id = o.id and r.uuid = %s
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests change."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


@pytest.mark.parametrize("operation", SETTER_ARGUMENTS)
async def test_problems_are_returned_and_change_nothing(demo: MutableDemo, operation: str) -> None:
    field, arguments = SETTER_ARGUMENTS[operation]
    uuid = (await demo.find_operable_resources(operation, condition="o.state = 2"))[0]
    digest = demo.digest_tables()
    outdated = await demo.run_mutation(
        field, uuid=uuid, ifModified="2001-01-01T00:00:00Z", **arguments
    )
    assert outdated["__typename"] == "Conflict"
    for hidden_uuid, username in ((uuid, "nobody"), ("0" * 32, "staff")):
        result = await demo.run_mutation(field, username, uuid=hidden_uuid, **arguments)
        assert result["__typename"] == "NotFound"
    assert demo.digest_tables() == digest
    demo.run_sql(SET_OFFERING_STATE_SQL, 5, uuid)
    digest = demo.digest_tables()
    result = await demo.run_mutation(field, uuid=uuid, **arguments)
    assert (result["__typename"], result["reason"]) == ("NotPossible", "OFFERING_UNAVAILABLE")
    assert demo.digest_tables() == digest
    demo.run_sql(SET_OFFERING_STATE_SQL, 2, uuid)
