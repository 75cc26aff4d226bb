"""An upgrade of Waldur under a gateway that serves changes the checks of its operations."""

from starlette.responses import JSONResponse

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import NEWEST_VERSION_SQL, serve_mutable_demo
from tests.support.repeated_mutations import SHARES_CONDITION
from tests.support.rest_server import run_rest_server
from tests.support.time_limits import wait_until_async

ALLOW_DECIMALS_SQL = "update marketplace_offeringcomponent set limit_decimal_places = 1"


async def test_new_columns_change_the_checks(new_database: DatabaseFactory) -> None:
    url = new_database()
    with run_rest_server() as rest_server:
        rest_server.respond = lambda _: JSONResponse({"order_uuid": "0" * 32})
        settings = {"changes": "waldur", "waldur_url": rest_server.url, "inspection_seconds": "1"}
        async with serve_mutable_demo(url, 60, **settings) as demo:
            operation, condition = "UPDATE_RESOURCE_LIMITS", SHARES_CONDITION
            (uuid, *_) = await demo.find_operable_resources(operation, condition=condition)
            limits = {"capacity": 1.5, "snapshots": 1}

            async def update_limits() -> str:
                result = await demo.run_mutation("updateResourceLimits", uuid=uuid, limits=limits)
                return str(result["__typename"])

            async def is_accepted() -> bool:
                return await update_limits() == "ResourceLimitsUpdated"

            assert await update_limits() == "InvalidInput"
            assert rest_server.requests == []
            demo.run_sql(NEWEST_VERSION_SQL)
            demo.run_sql(ALLOW_DECIMALS_SQL)
            await wait_until_async(is_accepted)
            (request,) = rest_server.requests
            assert request.body["limits"] == limits
