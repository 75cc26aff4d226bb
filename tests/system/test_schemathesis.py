"""Generated documents: none that is valid by the schema causes a server error.

The generator does not know `@oneOf`; documents that are invalid by it are left out.
"""

from typing import Any

import pytest
import schemathesis
from graphql import introspection_from_schema
from hypothesis import HealthCheck, assume, given, settings, strategies
from schemathesis.graphql import nodes

from tests.support.marketplaces import Marketplace
from tests.support.schema_documents import SCHEMA

schemathesis.graphql.scalar("UUID", strategies.uuids().map(lambda uuid: nodes.String(uuid.hex)))
schemathesis.graphql.scalar(
    "DateTime", strategies.datetimes().map(lambda each: nodes.String(f"{each.isoformat()}Z"))
)
schemathesis.graphql.scalar(
    "Date", strategies.dates().map(lambda each: nodes.String(each.isoformat()))
)
JSON_NODES = (nodes.Int(8), nodes.String("8 GB"), nodes.List([]), nodes.Object([]))
schemathesis.graphql.scalar("JSON", strategies.sampled_from(JSON_NODES))
GENERATED_SCHEMA = schemathesis.graphql.from_dict({"data": introspection_from_schema(SCHEMA)})
OPERATION_RESULTS: list[Any] = list(GENERATED_SCHEMA.get_all_operations())
OPERATIONS = {each.ok().label: each.ok() for each in OPERATION_RESULTS}
FORBIDDEN_CODES = {"INTERNAL", "UNAVAILABLE", "TIMEOUT", "GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize("name", OPERATIONS)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=strategies.data())
async def test_valid_documents_cause_no_server_errors(
    name: str, demo: Marketplace, data: strategies.DataObject
) -> None:
    case = data.draw(OPERATIONS[name].as_strategy())
    result = await demo.execute_query(case.body, "owner")
    errors = result.get("errors", [])
    assume(not any("OneOf Input Object" in each["message"] for each in errors))
    codes = {each["extensions"]["code"] for each in errors}
    assert not codes & FORBIDDEN_CODES, result
