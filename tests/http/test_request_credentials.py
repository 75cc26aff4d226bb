"""Credentials are taken from headers only."""

import pytest

from tests.support.gateway_server import serve_in_process


@pytest.mark.parametrize(
    "name", ["x-auth-token", "X-Auth-Token", "query=%7B__typename%7D&x-auth-token"]
)
async def test_tokens_in_the_url_are_refused(demo_url: str, name: str) -> None:
    async with serve_in_process(demo_url) as client:
        token = client.tokens["staff"]
        response = await client.http.post(
            f"/graphql?{name}=Token%20{token}", json={"query": "{ __typename }"}
        )
    assert response.status_code == 401
    assert "x-auth-token" in response.json()["errors"][0]["message"]
    assert token not in response.text


async def test_other_parameters_are_not_credentials(demo_url: str) -> None:
    async with serve_in_process(demo_url) as client:
        response = await client.http.post(
            "/graphql?my-x-auth-token=1", json={"query": "{ __typename }"}
        )
    assert response.json() == {"data": {"__typename": "Query"}}
