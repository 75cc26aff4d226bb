"""No document costs much before it is refused or admitted: the work is counted, not timed."""

import asyncio
import sys
from typing import Any

import pytest

from benchmarks.adversarial_documents import ADVERSARIAL_DOCUMENTS
from gateway.api import schema
from gateway.db.access.viewer import Viewer
from gateway.execution.executor import Executor, GraphQLResult
from gateway.execution.graphql_request import GraphQLRequest

MAX_CALLS = 1_600_000
"""Calls and returns of functions for an unknown document: about 40 ms of CPU time."""
MAX_REPEATED_CALLS = 2000
"""The same for a document that was admitted or refused before: most for its variables."""


def count_calls(executor: Executor, graphql_request: GraphQLRequest) -> tuple[Any, int]:
    """Return what a request is admitted as, and the number of calls and returns meanwhile."""
    count = 0

    def count_event(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(count_event)
    try:
        operation = executor.admit_operation(graphql_request, Viewer())
    finally:
        sys.setprofile(None)
    return operation, count


@pytest.mark.parametrize("name", ADVERSARIAL_DOCUMENTS)
def test_adversarial_documents_cost_little(name: str) -> None:
    document, executor = ADVERSARIAL_DOCUMENTS[name], Executor(schema)
    graphql_request = GraphQLRequest(
        document.text, dict(document.variables), document.operation_name
    )
    operation, calls = count_calls(executor, graphql_request)
    errors = operation.response["errors"] if isinstance(operation, GraphQLResult) else []
    assert [each["extensions"]["code"] for each in errors[:1]] == (
        [] if document.code is None else [document.code]
    )
    assert calls <= MAX_CALLS
    assert all(len(each["message"]) <= 200 for each in errors)
    assert len(errors) <= 21
    repeated_operation, repeated_calls = count_calls(executor, graphql_request)
    assert repeated_calls <= MAX_REPEATED_CALLS
    assert type(repeated_operation) is type(operation)


def test_documents_refused_for_their_cost_are_cheap_with_other_variables() -> None:
    executor = Executor(schema)
    pages = "projects(first: $n) { nodes { resources(first: $n) { nodes { uuid name } } } }"
    text = f"query ($n: Int) {{ {pages} }}"
    operations = [
        count_calls(executor, GraphQLRequest(text, {"n": size})) for size in (300, 1, 300)
    ]
    (_, first_calls), (admitted, calls), (refused, _) = operations
    assert calls < first_calls / 20
    assert (admitted.cost, refused.response["errors"][0]["extensions"]["cost"]["requested"]) == (
        1 + 1 * (2 + 1 * 3),
        1 + 300 * (2 + 300 * 3),
    )


async def test_documents_are_parsed_in_a_thread_in_turns_of_the_viewers() -> None:
    executor, parsed_names = Executor(schema), []

    async def parse_document(user_id: int, name: str) -> None:
        await executor.parse_document(f"{{ {name} }}", Viewer(user_id=user_id))
        parsed_names.append(name)

    await asyncio.gather(
        *(parse_document(1, f"hostile{number}") for number in range(9)), parse_document(2, "other")
    )
    assert "other" in parsed_names[:3]
    assert executor.build_worker.job_count == 10
    assert executor.find_unparsed_text(GraphQLRequest("{ other }")) is None
