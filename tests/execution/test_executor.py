"""Answers have data, or errors whose kinds are on a closed list."""

import logging
from typing import Any

import msgspec
import pytest
from graphql import GraphQLError

from gateway.api import schema
from gateway.db.driver.database import TimedOutError, UnavailableError
from gateway.execution.errors import TOLD, Code, failure, told
from gateway.execution.executor import Answer, Answering
from gateway.execution.graphql_request import Asking
from gateway.schema.framework.context import Context
from tests.support.gateway_server import CODES
from tests.support.marketplaces import EXECUTION, Marketplace


async def answered(demo: Marketplace, query: str, **more: object) -> Answer:
    """Give the answer to a query of the staff's."""
    context = Context(demo.database, demo.statements, await demo.viewer("staff"))
    return await Answering(schema, execution=EXECUTION).answer(Asking(query, **more), context)  # type: ignore[arg-type]


def body_of(answer: Answer) -> Any:
    """Give a response as its client has it."""
    return msgspec.json.decode(answer.encoded())


async def test_answers_the_operation_that_is_named(demo: Marketplace) -> None:
    query = "query A { a: __typename } query B { b: __typename }"
    answer = await answered(demo, query, operation_name="B")
    assert (body_of(answer), answer.refused) == ({"data": {"b": "Query"}}, False)
    assert answer.encoded() == b'{"data":{"b":"Query"}}'


@pytest.mark.parametrize("name", [None, "C", "", "\x00"])
async def test_an_operation_that_is_not_there_is_refused(
    demo: Marketplace, name: str | None
) -> None:
    query = "query A { a: __typename } query B { b: __typename }"
    answer = await answered(demo, query, operation_name=name)
    assert answer.refused
    assert [each["extensions"] for each in body_of(answer)["errors"]] == [
        {"code": "BAD_USER_INPUT"}
    ]
    assert "data" not in body_of(answer)


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
async def test_what_can_not_be_executed_is_refused(
    demo: Marketplace, query: str, code: str
) -> None:
    answer = await answered(demo, query)
    assert answer.refused
    assert {each["extensions"]["code"] for each in body_of(answer)["errors"]} == {code}


async def test_a_field_that_fails_leaves_the_others(demo: Marketplace) -> None:
    query = '{ node(id: "\\u0000") { id } __typename }'
    answer = await answered(demo, query)
    assert not answer.refused
    assert body_of(answer)["data"] == {"node": None, "__typename": "Query"}


def test_the_kinds_of_errors_are_a_closed_list() -> None:
    assert set(Code) == CODES
    assert failure("m", Code.INTERNAL, id="i") == {
        "message": "m",
        "extensions": {"code": "INTERNAL", "id": "i"},
    }


@pytest.mark.parametrize(
    ("cause", "code", "level"),
    [
        (UnavailableError("host=secret"), Code.UNAVAILABLE, logging.WARNING),
        (TimedOutError("host=secret"), Code.TIMEOUT, logging.WARNING),
        (KeyError("host=secret"), Code.INTERNAL, logging.ERROR),
        (ValueError("host=secret"), Code.INTERNAL, logging.ERROR),
        (RecursionError("host=secret"), Code.INTERNAL, logging.ERROR),
    ],
)
def test_what_goes_wrong_here_is_masked(
    caplog: pytest.LogCaptureFixture, cause: Exception, code: Code, level: int
) -> None:
    errors = [GraphQLError("host=secret", path=["a", i], original_error=cause) for i in range(3)]
    for each in told(errors, "the-id"):
        assert each["message"] == TOLD[code]
        assert each["extensions"] == {"code": code, "id": "the-id"}
    (record,) = caplog.records
    assert record.levelno == level
    assert record.getMessage().startswith("the-id at a.0")


async def test_a_value_that_no_type_can_write_is_our_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors = [GraphQLError("Float cannot represent: nan", path=["a", i]) for i in range(3)]
    assert {each["extensions"]["code"] for each in told(errors, "id")} == {Code.INTERNAL}
    (record,) = caplog.records
    assert record.getMessage() == "id at a.0: Float cannot represent: nan"


def test_what_the_client_sent_is_not_masked(caplog: pytest.LogCaptureFixture) -> None:
    theirs = [
        GraphQLError("m"),
        GraphQLError("m", original_error=ValueError("no UUID")),
        GraphQLError("m", path=["a"], extensions={"code": "BAD_USER_INPUT", "argument": ["b"]}),
        GraphQLError("Argument 'b' of required type 'Int!' was not provided.", path=["a"]),
    ]
    found = [each["extensions"] for each in told(theirs, "id", Code.GRAPHQL_VALIDATION_FAILED)]
    failed = {"code": "GRAPHQL_VALIDATION_FAILED"}
    assert found == [failed, failed, {"code": "BAD_USER_INPUT", "argument": ["b"]}, failed]
    assert not caplog.records
