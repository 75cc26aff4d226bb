"""Inputs with `@oneOf`: a client that gives no field, several, or null is told so, and where."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import DatabaseFactory
from tests.support.mutable_demo import MutableDemo, serve_mutable_demo

VARIABLE_MUTATION = """mutation ($input: SetResourceFlagsInput!) {
    setResourceFlags(input: $input) { __typename }
}"""
LITERAL_MUTATION = """mutation ($flag: Boolean) {
    setResourceFlags(input: { uuid: "UUID", flag: FLAG }) { __typename }
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: DatabaseFactory) -> AsyncIterator[MutableDemo]:
    """Yield a demo that the tests would change if their inputs were accepted."""
    async with serve_mutable_demo(new_database()) as mutable_demo:
        yield mutable_demo


@pytest.mark.parametrize(
    "flag", [{}, {"paused": None}, {"paused": True, "downscaled": True}, {"paused": True, "x": 1}]
)
async def test_wrong_choices_in_variables_are_refused(demo: MutableDemo, flag: Any) -> None:
    values = {"uuid": "0" * 32, "flag": flag}
    error = await demo.client.fetch_error(VARIABLE_MUTATION, input=values)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "'$input' has invalid value at .flag" in error["message"]


@pytest.mark.parametrize("flag", ["{}", "{ paused: null }", "{ paused: true, downscaled: true }"])
async def test_wrong_choices_in_documents_are_refused(demo: MutableDemo, flag: str) -> None:
    document = LITERAL_MUTATION.replace("UUID", "0" * 32).replace("FLAG", flag)
    response = await demo.client.execute_query(document)
    assert {each["extensions"]["code"] for each in response["errors"]} == {
        "GRAPHQL_VALIDATION_FAILED"
    }


async def test_a_choice_that_is_null_is_refused(demo: MutableDemo) -> None:
    document = LITERAL_MUTATION.replace("UUID", "0" * 32).replace("FLAG", "{ paused: $flag }")
    for variables in ({"flag": None}, {}):
        error = await demo.client.fetch_error(document, **variables)
        assert error["extensions"]["code"] == "BAD_USER_INPUT", error
