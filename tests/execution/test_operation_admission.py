"""Test the admission of operations: refusals, introspection, the report of the cost."""

from typing import Any

import msgspec
import pytest
from graphql import get_introspection_query
from graphql.pyutils.suggestion_list import LexicalDistance

from gateway.api import schema
from gateway.db.access.token_scopes import TokenScopes
from gateway.db.access.viewer import Viewer
from gateway.execution.admission.operation_limits import OperationLimits
from gateway.execution.executor import Executor, GraphQLResult
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.operation_admission import INTROSPECTION_AUDIENCES, AdmissionPolicy
from gateway.marketplace.requester import Requester
from gateway.schema.framework.context import RequestContext
from tests.support.marketplaces import EXECUTION_MODE, Marketplace
from tests.support.subscriptions import admit_subscription

PAGE = "query ($n: Int) { resources(first: $n) { nodes { uuid } } }"
SCHEMA_QUERY = "{ __schema { queryType { name } } }"


@pytest.fixture
def context(demo: Marketplace) -> RequestContext:
    """Return a context of the anonymous viewer."""
    return RequestContext(demo.database, demo.statement_compiler, Requester(Viewer()))


def decode_result(result: GraphQLResult) -> Any:
    """Return the response as the client decodes it."""
    return msgspec.json.decode(result.encode())


async def execute_request(
    executor: Executor, context: RequestContext, query: str, **options: Any
) -> GraphQLResult:
    """Execute a request."""
    return await executor.execute(GraphQLRequest(query, **options), context)


LIMITED_DOCUMENTS = {
    "depth": ("{ viewer { user { uuid } } }", "levels of nested fields"),
    "aliases": ("{ a: __typename b: __typename c: __typename }", "aliases"),
    "directives": ("{ __typename @a @b @c }", "directives"),
    "root_fields": ("{ __typename __typename __typename }", "root fields"),
    "selections": ("{ ... { ... { __typename } } }", "selections"),
    "filter_conditions": (
        '{ resources(filter: { or: [{ name: "a" } {}] }) { totalCount } }',
        "conditions together",
    ),
    "cost": ("{ viewer { __typename user { uuid } } }", "cost"),
}


@pytest.mark.parametrize("limit", LIMITED_DOCUMENTS)
async def test_limits_are_named_with_the_value(context: RequestContext, limit: str) -> None:
    query, description = LIMITED_DOCUMENTS[limit]
    value = 4 if limit == "cost" else 3
    strict_executor = Executor(
        schema, policy=AdmissionPolicy(OperationLimits(**{limit: value - 1}))
    )
    result = await execute_request(strict_executor, context, query)
    (error,) = decode_result(result)["errors"]
    assert (error["extensions"]["code"], result.is_rejected) == ("QUERY_TOO_COMPLEX", True)
    assert all(text in error["message"] for text in (description, str(value - 1), str(value)))
    assert strict_executor.execution_counts == {"refused": 1}
    executor = Executor(schema, policy=AdmissionPolicy(OperationLimits(**{limit: value})))
    body = decode_result(await execute_request(executor, context, query))
    assert "QUERY_TOO_COMPLEX" not in str(body)


async def test_conditions_in_variables_are_limited(context: RequestContext) -> None:
    query = """query ($a: ResourceFilter, $b: ResourceFilter) {
        resources(filter: $a) { totalCount } other: resources(filter: $b) { totalCount }
    }"""
    variables = {"a": {"or": [{"name": "a"}] * 40}, "b": {"or": [{"name": "b"}] * 61}}
    body = decode_result(
        await execute_request(Executor(schema), context, query, variables=variables)
    )
    assert body["errors"][0]["message"] == (
        "The filters of the operation must have at most 200 conditions together, got 202."
    )


async def test_cost_is_an_attribute_of_the_operation(context: RequestContext) -> None:
    executor = Executor(schema)
    for size, cost in ((5, 11), (300, 601)):
        operation = executor.admit_operation(GraphQLRequest(PAGE, {"n": size}), Viewer())
        assert not isinstance(operation, GraphQLResult)
        assert operation.cost == cost
    for name in (None, "C"):
        two_operations = "query A { __typename } query B { __typename }"
        graphql_request = GraphQLRequest(two_operations, operation_name=name)
        operation = executor.admit_operation(graphql_request, Viewer())
        assert not isinstance(operation, GraphQLResult)
        assert operation.cost == 0


async def test_cost_is_reported_on_request(context: RequestContext) -> None:
    executor = Executor(schema, execution=EXECUTION_MODE)
    for query in (PAGE, SCHEMA_QUERY, PAGE):
        result = await execute_request(executor, context, query)
        assert "extensions" not in decode_result(result)
        assert result.reported_cost is None
        result = await execute_request(executor, context, query, reports_cost=True)
        report = decode_result(result)["extensions"]["cost"]
        assert report == {
            "requested": result.reported_cost,
            "maximum": 250_000,
            "formulaVersion": 2,
        }
        assert result.reported_cost == (41 if query == PAGE else 30)


async def test_cost_of_a_refused_operation_is_reported(context: RequestContext) -> None:
    executor = Executor(schema, policy=AdmissionPolicy(OperationLimits(cost=100)))
    for reports_cost in (False, True):
        result = await execute_request(
            executor, context, PAGE, variables={"n": 50}, reports_cost=reports_cost
        )
        body = decode_result(result)
        report = {"requested": 101, "maximum": 100, "formulaVersion": 2}
        assert body["errors"] == [
            {
                "message": "The cost of the operation must be at most 100, got 101: the values that"
                " its response can have. Select less, or use smaller pages.",
                "extensions": {"code": "QUERY_TOO_COMPLEX", "cost": report},
            }
        ]
        assert body.get("extensions") == ({"cost": report} if reports_cost else None)


async def test_introspection_is_executed_once(
    context: RequestContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = Executor(schema, execution=EXECUTION_MODE)
    query = get_introspection_query()
    first_body = (await execute_request(executor, context, query)).encode()
    monkeypatch.delattr("gateway.execution.executor.execute_with_graphql_core")
    assert (await execute_request(executor, context, query)).encode() == first_body
    assert executor.execution_counts == {"reference": 1, "introspection": 1}


async def test_unknown_variables_do_not_evict_kept_introspection(context: RequestContext) -> None:
    executor = Executor(schema)
    for number in range(3):
        request = GraphQLRequest(get_introspection_query(), {"unknown": number})
        assert "data" in (await executor.execute(request, context)).response
    assert executor.execution_counts == {"reference": 1, "introspection": 2}


async def test_kept_introspection_depends_on_operation_and_variables(
    context: RequestContext,
) -> None:
    executor = Executor(schema, execution=EXECUTION_MODE)
    query = """query A($n: String!) { __type(name: $n) { name } }
        query B($n: String!) { __type(name: $n) { kind } }"""
    for _ in range(2):
        for operation_name, field, values in (
            ("A", "name", {"Resource": "Resource", "Plan": "Plan"}),
            ("B", "kind", {"Resource": "OBJECT", "JSON": "SCALAR"}),
        ):
            for name, value in values.items():
                result = await execute_request(
                    executor, context, query, variables={"n": name}, operation_name=operation_name
                )
                assert decode_result(result) == {"data": {"__type": {field: value}}}
    error_result = await execute_request(executor, context, query, operation_name="A")
    assert decode_result(error_result)["errors"]


@pytest.mark.parametrize(("scope", "is_allowed"), [("STAFF.ACCESS", True), ("A.B", False)])
def test_introspection_by_staff_needs_a_scope_of_a_token(*, scope: str, is_allowed: bool) -> None:
    viewer = Viewer(is_staff=True, token_scopes=TokenScopes(frozenset({scope})))
    assert INTROSPECTION_AUDIENCES["staff"](viewer) == is_allowed


async def test_introspection_of_refused_viewers(context: RequestContext) -> None:
    executor = Executor(
        schema,
        policy=AdmissionPolicy(allow_introspection=lambda viewer: viewer.is_staff),
        execution=EXECUTION_MODE,
    )
    assert decode_result(await execute_request(executor, context, "{ __typename }"))["data"]
    audit_query = "query ($name: String!) { __type(name: $name) { name } }"
    audit_result = await execute_request(
        executor, context, audit_query, variables={"name": "sometype"}
    )
    assert decode_result(audit_result) == {"data": {"__type": None}}
    for query in (SCHEMA_QUERY, '{ __type(name: "Query") { fields { name } } }'):
        staff_operation = executor.admit_operation(GraphQLRequest(query), Viewer(is_staff=True))
        assert not isinstance(staff_operation, GraphQLResult)
        await executor.execute_operation(staff_operation, context)
        (error,) = decode_result(await execute_request(executor, context, query))["errors"]
        assert error == {
            "message": "Introspection is not allowed:"
            " of types, only `name` and `kind` can be read.",
            "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
        }


MISSPELT_VARIABLES = [
    ("query ($v: ResourceOrder) { resources(orderBy: $v) { totalCount } }", "NAME_AS"),
    ("query ($v: ResourceFilter) { resources(filter: $v) { totalCount } }", {"nam": "a"}),
    ("query ($v: ResourceFilter) { resources(filter: $v) { totalCount } }", {"state": ["OKK"]}),
]


@pytest.mark.parametrize(("query", "value"), MISSPELT_VARIABLES)
async def test_no_similar_names_are_sought_for_variables(
    context: RequestContext, query: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(LexicalDistance, "measure")
    executor = Executor(schema, policy=AdmissionPolicy(suggestions=True), execution=EXECUTION_MODE)
    result = await execute_request(executor, context, query, variables={"v": value})
    (error,) = decode_result(result)["errors"]
    assert "Did you mean" not in error["message"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_no_similar_names_are_sought_for_subscriptions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(LexicalDistance, "measure")
    subscription = """subscription ($v: [ResourceEventKind!]) {
        resourceChanged(filter: { kinds: $v }) { __typename }
    }"""
    graphql_request = GraphQLRequest(subscription, {"v": ["CREATE"]})
    result = admit_subscription(Executor(schema), graphql_request)
    assert isinstance(result, GraphQLResult)
    assert "Did you mean" not in result.response["errors"][0]["message"]
