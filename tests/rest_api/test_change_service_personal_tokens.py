"""Operations with personal access tokens over REST: checked first, then sent as Bearer tokens."""

from starlette.responses import JSONResponse

from tests.conftest import DatabaseFactory
from tests.resolvers.test_mutation_personal_tokens import run_with_token
from tests.support.mutable_demo import serve_mutable_demo
from tests.support.personal_tokens import ENABLE_SQL, create_token
from tests.support.rest_server import run_rest_server


async def test_token_is_sent_if_its_scopes_allow_the_operation(
    new_database: DatabaseFactory,
) -> None:
    with run_rest_server() as rest_server:
        rest_server.respond = lambda _: JSONResponse({"status": "changed"})
        async with serve_mutable_demo(
            new_database(),
            60,
            setup_sql=ENABLE_SQL,
            changes="waldur",
            waldur_url=rest_server.url,
            keep_tokens="off",
        ) as demo:
            (uuid, *_) = await demo.find_operable_resources("SET_RESOURCE_SLUG")
            tokens = [
                create_token(demo.connection, "staff", [scope])
                for scope in ("SUPPORT.ACCESS", "STAFF.ACCESS")
            ]
            results = [
                (await run_with_token(demo, each, "setResourceSlug", uuid=uuid, slug="new"))
                for each in tokens
            ]
    assert [each["__typename"] for each in results] == ["NotPermitted", "ResourceUpdated"]
    assert [each.headers["authorization"] for each in rest_server.requests] == [
        f"Bearer {tokens[1]}"
    ]
