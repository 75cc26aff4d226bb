"""Impersonated users: staff get the answers that the users get themselves."""

import pytest

from tests.support.gateway_server import serve_in_process
from tests.support.impersonation import UNKNOWN_USER_UUID, VIEWER_QUERY, ImpersonationScene
from tests.support.schema_documents import select_all_fields

ROOT_FIELDS = {
    "resources": "Resource",
    "orders": "Order",
    "offerings": "Offering",
    "projects": "Project",
    "customers": "Customer",
}
CORPUS = [
    f"{{ {root}(first: 20) {{ totalCount nodes {{ {select_all_fields(name, 1)} }} }} }}"
    for root, name in ROOT_FIELDS.items()
]


async def expect_equal_answers(url: str, username: str) -> None:
    """Check that a user gets the same answers as staff who impersonate the user."""
    async with serve_in_process(url, rate_cost="off", operation_cost="100000000") as client:
        scene = ImpersonationScene(url, client)
        for query in [VIEWER_QUERY, *CORPUS]:
            own_response = await scene.send(username, query=query)
            response = await scene.send("staff", scene.uuids[username], query=query)
            assert (response.status_code, response.content) == (200, own_response.content)
            assert '"errors"' not in response.text


@pytest.mark.parametrize("username", ["member", "owner", "provider", "support", "nobody"])
async def test_visibility_in_a_demo(demo_url: str, username: str) -> None:
    await expect_equal_answers(demo_url, username)


@pytest.mark.parametrize("username", ["project_member_c0", "owner_d", "offering_manager_b"])
async def test_visibility_in_waldur_of_2024(waldur2024_url: str, username: str) -> None:
    await expect_equal_answers(waldur2024_url, username)


async def test_refusals_in_waldur_of_2024(waldur2024_url: str) -> None:
    async with serve_in_process(waldur2024_url) as client:
        scene = ImpersonationScene(waldur2024_url, client)
        member = scene.uuids["project_member_c0"]
        assert await scene.fetch_username("staff", scene.uuids["inactive_user"]) == "inactive_user"
        await scene.expect_refusal("support", member, message="Only staff")
        await scene.expect_refusal("staff", UNKNOWN_USER_UUID, message="does not exist")
