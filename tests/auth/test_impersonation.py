"""Impersonation over HTTP: a request of staff is that of another user, or it is refused."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.auth.impersonation import LOG_INTERVAL_SECONDS, ImpersonationLog
from gateway.db.access.credentials import Credentials
from gateway.db.access.viewer import Impersonator, Viewer
from tests.conftest import DatabaseFactory
from tests.support.gateway_server import create_small_demo, serve_in_process
from tests.support.impersonation import (
    IMPERSONATION_HEADER,
    UNKNOWN_USER_UUID,
    VIEWER_QUERY,
    ImpersonationScene,
    build_headers,
    load_user_uuids,
)
from tests.support.mutable_demo import serve_mutable_demo
from tests.support.rest_server import run_rest_server
from tests.support.time_limits import wait_until

RESPONSE_HEADER = "X-Impersonator-Uuid"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(new_database: DatabaseFactory) -> AsyncIterator[ImpersonationScene]:
    """Yield a demo whose viewers are not cached, and whose tokens only tests change."""
    url = create_small_demo(new_database())
    async with serve_in_process(url, viewer_seconds="0", keep_tokens="off") as client:
        yield ImpersonationScene(url, client)


@pytest.mark.parametrize("username", ["member", "owner", "support", "staff", "inactive", "nobody"])
async def test_staff_impersonates_any_user_with_a_token(
    scene: ImpersonationScene, username: str
) -> None:
    assert await scene.fetch_username("staff", scene.uuids[username]) == username
    assert await scene.fetch_username("staff") == "staff"


async def test_uuid_may_have_hyphens_and_capitals(scene: ImpersonationScene) -> None:
    uuid = scene.uuids["member"]
    hyphenated = "-".join([uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:]])
    for spelling in (uuid.upper(), hyphenated, hyphenated.upper(), f"  {uuid} "):
        assert await scene.fetch_username("staff", spelling) == "member"


@pytest.mark.parametrize("username", ["owner", "support", "member", "nobody"])
async def test_others_are_refused_whether_the_user_exists_or_not(
    scene: ImpersonationScene, username: str
) -> None:
    for uuid in (scene.uuids["staff"], scene.uuids[username], UNKNOWN_USER_UUID):
        await scene.expect_refusal(username, uuid, message="Only staff")


async def test_anonymous_clients_are_refused(scene: ImpersonationScene) -> None:
    await scene.expect_refusal(None, scene.uuids["member"], message="Authorization: Token <key>")


async def test_personal_access_tokens_are_refused(scene: ImpersonationScene) -> None:
    headers = {
        "Authorization": f"Bearer w_9999999999_{'a' * 43}",
        IMPERSONATION_HEADER: scene.uuids["member"],
    }
    response = await scene.client.send_query(VIEWER_QUERY, headers)
    assert response.status_code == 403


async def test_an_invalid_token_is_unauthenticated(scene: ImpersonationScene) -> None:
    headers = build_headers("0" * 40, [scene.uuids["member"]])
    assert (await scene.client.send_query(VIEWER_QUERY, headers)).status_code == 401
    assert (await scene.send("inactive", scene.uuids["member"])).status_code == 401


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "member",
        "0" * 31,
        "0" * 33,
        "0" * 40,
        "\N{ARABIC-INDIC DIGIT ZERO}" * 32,
        "null",
        "{}",
        "' or true --",
        "-" * 36,
    ],
)
async def test_anything_but_a_uuid_is_refused(scene: ImpersonationScene, value: str) -> None:
    await scene.expect_refusal("staff", value, message="must be a single UUID")


async def test_several_users_are_refused(scene: ImpersonationScene) -> None:
    member, owner = scene.uuids["member"], scene.uuids["owner"]
    await scene.expect_refusal("staff", f"{member}, {owner}", message="single UUID")
    await scene.expect_refusal("staff", member, owner, message="more than one")
    await scene.expect_refusal("staff", member, member, message="more than one")


async def test_unknown_user_is_refused(scene: ImpersonationScene) -> None:
    await scene.expect_refusal("staff", UNKNOWN_USER_UUID, message="does not exist")


async def test_user_without_token_is_refused(scene: ImpersonationScene) -> None:
    scene.run_sql("create table kept_token as select * from authtoken_token")
    scene.run_sql(
        "delete from authtoken_token where user_id ="
        " (select id from core_user where username = 'nobody')"
    )
    try:
        await scene.expect_refusal("staff", scene.uuids["nobody"], message="no token")
    finally:
        scene.run_sql("insert into authtoken_token select * from kept_token on conflict do nothing")


async def test_expired_token_of_the_user_does_not_matter(
    scene: ImpersonationScene,
) -> None:
    scene.run_sql("update core_user set token_lifetime = 1 where username = 'expired'")
    scene.run_sql(
        "update authtoken_token set created = '2020-01-01' where user_id ="
        " (select id from core_user where username = 'expired')"
    )
    assert (await scene.send("expired")).status_code == 401
    assert await scene.fetch_username("staff", scene.uuids["expired"]) == "expired"
    assert (await scene.send("expired")).status_code == 401


async def test_responses_name_the_impersonator(scene: ImpersonationScene) -> None:
    staff_uuid = scene.uuids["staff"]
    for query in (VIEWER_QUERY, "{ unknownField }", "{"):
        response = await scene.send("staff", scene.uuids["member"], query=query)
        assert response.headers[RESPONSE_HEADER] == staff_uuid
        assert RESPONSE_HEADER not in (await scene.send("staff", query=query)).headers
    response = await scene.fetch_attachment("staff", scene.uuids["member"])
    assert (response.status_code, response.headers[RESPONSE_HEADER]) == (404, staff_uuid)


async def test_attachments_of_refused_requests(scene: ImpersonationScene) -> None:
    response = await scene.fetch_attachment("owner", scene.uuids["member"])
    assert response.status_code == 403


async def test_uploads_of_refused_requests(scene: ImpersonationScene) -> None:
    headers = {
        "Authorization": f"Token {scene.client.tokens['owner']}",
        IMPERSONATION_HEADER: scene.uuids["member"],
        "GraphQL-Preflight": "1",
    }
    parts = {"operations": (None, "{}"), "map": (None, "{}")}
    response = await scene.client.http.post("/graphql", files=parts, headers=headers)
    assert response.status_code == 403


async def test_the_end_of_staff_ends_impersonation(scene: ImpersonationScene) -> None:
    scene.run_sql("update core_user set is_staff = false where username = 'staff'")
    try:
        await scene.expect_refusal("staff", scene.uuids["member"], message="Only staff")
    finally:
        scene.run_sql("update core_user set is_staff = true where username = 'staff'")
    assert await scene.fetch_username("staff", scene.uuids["member"]) == "member"


async def test_cached_viewers_are_never_mixed(demo_url: str) -> None:
    async with serve_in_process(demo_url, viewer_seconds="300") as client:
        scene = ImpersonationScene(demo_url, client)
        targets = ["member", "owner", "support", "staff", None, "nobody"] * 5
        for _ in range(2):
            usernames = await asyncio.gather(
                *(
                    scene.fetch_username("staff", *([scene.uuids[each]] if each else []))
                    for each in targets
                )
            )
            assert usernames == [each or "staff" for each in targets]
        await scene.expect_refusal("member", scene.uuids["member"], message="Only staff")
        assert await scene.fetch_username("member") == "member"


async def test_header_can_be_renamed(demo_url: str) -> None:
    async with serve_in_process(demo_url, impersonation_header="X-Act-As") as client:
        uuid = load_user_uuids(demo_url)["member"]
        headers = {"Authorization": f"Token {client.tokens['staff']}", "X-Act-As": uuid}
        response = await client.send_query(VIEWER_QUERY, headers)
        assert response.json()["data"]["viewer"]["user"]["username"] == "member"


async def test_impersonation_can_be_switched_off(demo_url: str) -> None:
    async with serve_in_process(demo_url, impersonation="off") as client:
        scene = ImpersonationScene(demo_url, client)
        await scene.expect_refusal("staff", scene.uuids["member"], message="switched off")
        assert await scene.fetch_username("staff") == "staff"


async def test_staff_pays_for_what_it_sends(demo_url: str) -> None:
    async with serve_in_process(demo_url, rate_cost="250000") as client:
        scene = ImpersonationScene(demo_url, client)
        member, owner = scene.uuids["member"], scene.uuids["owner"]
        statuses: list[int] = []
        for as_, *uuids in (["staff", member], ["staff", owner], ["staff"], ["member"]):
            query = f"{VIEWER_QUERY} # {len(statuses)} {'x' * 65_000}"
            statuses.append((await scene.send(as_, *uuids, query=query)).status_code)
        assert statuses == [200, 429, 429, 200]


async def test_pages_of_allowed_origins_may_send_and_read_it(demo_url: str) -> None:
    origin = "https://portal.example.org"
    async with serve_in_process(demo_url, origins=origin) as client:
        preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        response = await client.http.options("/graphql", headers=preflight)
        allowed_headers = response.headers["Access-Control-Allow-Headers"].split(", ")
        assert IMPERSONATION_HEADER.lower() in allowed_headers
        uuid = load_user_uuids(demo_url)["member"]
        headers = build_headers(client.tokens["staff"], [uuid])
        response = await client.send_query(VIEWER_QUERY, [*headers, ("Origin", origin.encode())])
        exposed_headers = response.headers["Access-Control-Expose-Headers"].split(", ")
        assert RESPONSE_HEADER.lower() in exposed_headers


SET_END_DATE_MUTATION = """
mutation { setResourceEndDate(input: {uuid: "%s", endDate: "2031-05-01"}) {
    __typename ... on ResourceEndDateSet { resource { endDateRequestedBy { username } } }
} }
"""


async def test_changes_are_those_of_the_impersonated_user(new_database: DatabaseFactory) -> None:
    url = new_database()
    async with serve_mutable_demo(url, 60) as demo:
        scene = ImpersonationScene(url, demo.client)
        (uuid, *_) = await demo.find_operable_resources("SET_RESOURCE_END_DATE", "owner")
        mutation = SET_END_DATE_MUTATION % uuid
        results = [
            (await scene.send("staff", scene.uuids[each], query=mutation)).json()["data"]
            for each in ("nobody", "owner")
        ]
        hidden_result, result = (each["setResourceEndDate"] for each in results)
        assert hidden_result["__typename"] == "NotFound"
        assert result["resource"]["endDateRequestedBy"] == {"username": "owner"}


async def test_only_the_senders_token_is_refreshed(new_database: DatabaseFactory) -> None:
    url = create_small_demo(new_database())
    with run_rest_server() as rest_server:
        async with serve_in_process(url, waldur_url=rest_server.url) as client:
            scene = ImpersonationScene(url, client)
            scene.run_sql("update authtoken_token set created = now() - interval '5 minutes'")
            await scene.fetch_username("staff", scene.uuids["member"])

            def has_refreshed_token() -> bool:
                return scene.list_refreshed_users() != []

            await wait_until(has_refreshed_token)
            assert scene.list_refreshed_users() == ["staff"]


async def test_log_names_both_users(
    scene: ImpersonationScene, caplog: pytest.LogCaptureFixture
) -> None:
    manager, reader = scene.uuids["manager"], scene.uuids["reader"]
    with caplog.at_level(logging.INFO, "gateway.auth.impersonation"):
        for _ in range(3):
            for uuid in (manager, reader):
                await scene.fetch_username("staff", uuid)
            await scene.expect_refusal("admin", manager, message="Only staff")
    staff = scene.uuids["staff"]
    uses = [f"The staff user {staff} impersonates the user {each}," for each in (manager, reader)]
    messages = [(each.levelname, each.message) for each in caplog.records]
    assert len(messages) == 3
    assert [text.partition(" from ")[0] for level, text in messages if level == "INFO"] == uses
    assert [f"tried to impersonate {manager}" in text for _, text in messages].count(True) == 1


def test_log_is_throttled_by_pair(caplog: pytest.LogCaptureFixture) -> None:
    now = 1000.0
    impersonation_log = ImpersonationLog(lambda: now)
    viewer = Viewer(user_id=2, impersonator=Impersonator(1, "1" * 32))
    credentials = Credentials("key", "192.0.2.1", impersonated_uuid="2" * 32)
    with caplog.at_level(logging.INFO, "gateway.auth.impersonation"):
        for seconds, line_count in ((0, 1), (0, 1), (LOG_INTERVAL_SECONDS, 2), (1, 2)):
            now += seconds
            impersonation_log.record_use(viewer, credentials)
            assert len(caplog.records) == line_count
        impersonation_log.record_use(viewer, credentials._replace(impersonated_uuid="3" * 32))
        impersonation_log.record_use(Viewer(user_id=2), credentials)
        assert len(caplog.records) == 3
