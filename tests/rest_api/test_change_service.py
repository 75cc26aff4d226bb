"""Operations on a real Waldur are checked in its database, then sent to its REST API."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from starlette.responses import JSONResponse

from gateway.db.tables.codes import ResourceState
from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo
from tests.support.rest_server import RestServer, run_rest_server

PULLABLE_SQL = """
select r.uuid from marketplace_resource r join marketplace_offering o on o.id = r.offering_id
where r.state = %s and r.backend_id != '' and o.type = 'OpenStack.Tenant' order by r.id
"""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def scene(new_database: DatabaseFactory) -> AsyncIterator[tuple[MutableDemo, RestServer]]:
    """Yield a marketplace whose changes are sent to a REST server, and that server."""
    with run_rest_server() as rest_server:
        async with serve_mutable_demo(
            new_database(), changes="waldur", waldur_url=rest_server.url
        ) as demo:
            yield demo, rest_server


async def test_accepted_operation_is_sent_once(scene: tuple[MutableDemo, RestServer]) -> None:
    demo, rest_server = scene
    rest_server.requests.clear()
    before = demo.digest_tables()
    (uuid, *_) = [each.hex for (each,) in demo.run_sql(PULLABLE_SQL, ResourceState.OK.value)]
    rest_server.respond = lambda _: JSONResponse({"detail": "scheduled"}, 202)
    result = await demo.run_mutation("pullResource", uuid=uuid)
    assert result["__typename"] == "ResourcePulled"
    assert result["resource"]["uuid"] == uuid
    (request,) = rest_server.requests
    assert (request.method, request.path) == ("POST", f"/api/marketplace-resources/{uuid}/pull/")
    assert request.headers["authorization"] == f"Token {demo.client.tokens['staff']}"
    assert demo.digest_tables() == before


async def test_refused_operation_is_not_sent(scene: tuple[MutableDemo, RestServer]) -> None:
    demo, rest_server = scene
    rest_server.requests.clear()
    (uuid, *_) = [each.hex for (each,) in demo.run_sql(PULLABLE_SQL, ResourceState.UPDATING.value)]
    result = await demo.run_mutation("pullResource", uuid=uuid)
    assert (result["__typename"], result["state"]) == ("WrongState", "UPDATING")
    assert rest_server.requests == []


@pytest.mark.parametrize("end_date", ["2031-05-01", None])
async def test_end_date_is_sent(
    scene: tuple[MutableDemo, RestServer], end_date: str | None
) -> None:
    demo, rest_server = scene
    rest_server.requests.clear()
    (uuid, *_) = await demo.find_operable_resources("SET_RESOURCE_END_DATE")
    result = await demo.run_mutation("setResourceEndDate", uuid=uuid, endDate=end_date)
    assert result["__typename"] == "ResourceEndDateSet"
    assert [each.body for each in rest_server.requests] == [{"end_date": end_date}]
