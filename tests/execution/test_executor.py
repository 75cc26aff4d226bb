"""Test that responses have data, or errors with a code from a closed list."""

import logging
from typing import Any

import msgspec
import pytest
from graphql import GraphQLError

from gateway.api import schema
from gateway.db.driver.database import TimedOutError, UnavailableError
from gateway.error_table import ErrorCode, get_error_rule
from gateway.execution.errors import format_errors, format_exception
from gateway.execution.executor import Executor, GraphQLResult
from gateway.execution.graphql_request import GraphQLRequest
from gateway.marketplace.requester import Requester
from gateway.schema.framework.context import RequestContext
from tests.support.gateway_server import ERROR_CODES
from tests.support.marketplaces import EXECUTION_MODE, Marketplace


async def execute_as_staff(demo: Marketplace, query: str, **request_options: Any) -> GraphQLResult:
    """Execute an operation as a staff user."""
    context = RequestContext(
        demo.database, demo.statement_compiler, Requester(await demo.load_viewer("staff"))
    )
    return await Executor(schema, execution=EXECUTION_MODE).execute(
        GraphQLRequest(query, **request_options), context
    )


def decode_body(result: GraphQLResult) -> Any:
    """Return the response as the client decodes it."""
    return msgspec.json.decode(result.encode())


async def test_executes_the_named_operation(demo: Marketplace) -> None:
    query = "query A { a: __typename } query B { b: __typename }"
    result = await execute_as_staff(demo, query, operation_name="B")
    assert (decode_body(result), result.is_rejected) == ({"data": {"b": "Query"}}, False)
    assert result.encode() == b'{"data":{"b":"Query"}}'


@pytest.mark.parametrize("name", [None, "C", "", "\x00"])
async def test_unknown_operation_names_are_rejected(demo: Marketplace, name: str | None) -> None:
    query = "query A { a: __typename } query B { b: __typename }"
    result = await execute_as_staff(demo, query, operation_name=name)
    assert result.is_rejected
    assert [error["extensions"] for error in decode_body(result)["errors"]] == [
        {"code": "BAD_USER_INPUT"}
    ]
    assert "data" not in decode_body(result)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ('{ resource(uuid: "x") { name } }', "GRAPHQL_VALIDATION_FAILED"),
        ("mutation { deleteEverything }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { everything }", "GRAPHQL_VALIDATION_FAILED"),
        ("fragment A on Query { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($a: UUID!) { resource(uuid: $a) { name } }", "BAD_USER_INPUT"),
    ],
)
async def test_unexecutable_documents_are_rejected(
    demo: Marketplace, query: str, code: str
) -> None:
    result = await execute_as_staff(demo, query)
    assert result.is_rejected
    assert {error["extensions"]["code"] for error in decode_body(result)["errors"]} == {code}


async def test_failing_field_does_not_affect_others(demo: Marketplace) -> None:
    query = '{ node(id: "\\u0000") { id } __typename }'
    result = await execute_as_staff(demo, query)
    assert not result.is_rejected
    assert decode_body(result)["data"] == {"node": None, "__typename": "Query"}


def test_error_codes_are_a_closed_list() -> None:
    assert set(ErrorCode) == ERROR_CODES
    formatted = format_exception(ValueError("host=secret"), "i")
    assert formatted["extensions"] == {"code": "INTERNAL", "id": "i"}
    assert "secret" not in formatted["message"]


@pytest.mark.parametrize(
    ("cause", "code", "level"),
    [
        (UnavailableError("host=secret"), ErrorCode.UNAVAILABLE, logging.WARNING),
        (TimedOutError("host=secret"), ErrorCode.TIMEOUT, logging.WARNING),
        (KeyError("host=secret"), ErrorCode.INTERNAL, logging.ERROR),
        (ValueError("host=secret"), ErrorCode.INTERNAL, logging.ERROR),
        (RecursionError("host=secret"), ErrorCode.INTERNAL, logging.ERROR),
    ],
)
def test_server_errors_are_masked(
    caplog: pytest.LogCaptureFixture, cause: Exception, code: ErrorCode, level: int
) -> None:
    errors = [
        GraphQLError("host=secret", path=["a", index], original_error=cause) for index in range(3)
    ]
    for error in format_errors(errors, "the-id"):
        assert error["message"] == get_error_rule(cause).masking_message
        assert error["extensions"] == {"code": code, "id": "the-id"}
    (record,) = caplog.records
    assert record.levelno == level
    assert record.getMessage().startswith("the-id at a.0")


async def test_unserializable_values_are_internal_errors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors = [GraphQLError("Float cannot represent: nan", path=["a", index]) for index in range(3)]
    assert {error["extensions"]["code"] for error in format_errors(errors, "id")} == {
        ErrorCode.INTERNAL
    }
    (record,) = caplog.records
    assert record.getMessage() == "id at a.0: Float cannot represent: nan"


def test_client_errors_are_not_masked(caplog: pytest.LogCaptureFixture) -> None:
    client_errors = [
        GraphQLError("m"),
        GraphQLError("m", original_error=ValueError("no UUID")),
        GraphQLError("m", path=["a"], extensions={"code": "BAD_USER_INPUT", "argument": ["b"]}),
        GraphQLError("Argument 'b' of required type 'Int!' was not provided.", path=["a"]),
    ]
    extensions = [
        error["extensions"]
        for error in format_errors(client_errors, "id", ErrorCode.GRAPHQL_VALIDATION_FAILED)
    ]
    validation_failed = {"code": "GRAPHQL_VALIDATION_FAILED"}
    assert extensions == [
        validation_failed,
        validation_failed,
        {"code": "BAD_USER_INPUT", "argument": ["b"]},
        validation_failed,
    ]
    assert not caplog.records
