"""The schema as a whole: it is printed, described, and its lists are connections or short."""

from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
)

from gateway.api import CONNECTION_DESCRIPTIONS, SCHEMA_DESCRIPTION, schema
from tests.support.project_paths import PROJECT_ROOT
from tests.support.schema_documents import SCHEMA, iter_mapped_fields

OWN_TYPES = {name: each for name, each in SCHEMA.type_map.items() if not name.startswith("__")}
STANDARD_SCALARS = {"String", "Int", "Float", "Boolean", "ID"}
SHORT_LISTS = {
    "Mutation.approveOrders",
    "Mutation.moveResources",
    "Mutation.pullResources",
    "Mutation.rejectOrders",
    "Mutation.setResourcesEndDate",
    "Mutation.terminateResources",
    "OrderEvent.changedFields",
    "OrderPreview.problems",
    "OrderPreview.reviewStates",
    "ResourceEvent.changedFields",
    "Customer.resourceCounts",
    "Query.categories",
    "Query.nodes",
    "ResourceLimitsReallocated.targetOrders",
    "Offering.components",
    "Offering.effectiveComponents",
    "Offering.effectivePlans",
    "Offering.resourceCounts",
    "Offering.roles",
    "Offering.softwareCatalogs",
    "Offering.plans",
    "Offering.partitions",
    "Offering.endpoints",
    "Plan.components",
    "Plan.resourceCounts",
    "PlanPeriod.usages",
    "InvalidField.path",
    "InvalidInput.fields",
    "InvalidMonths.rules",
    "RenewalEstimate.components",
    "Project.resourceCounts",
    "Resource.allowedOperations",
    "Resource.availableActions",
    "Resource.endpoints",
    "Resource.planPeriods",
    "Resource.renewalDates",
    "Resource.report",
    "Resource.subresourceOfferings",
    "Resource.team",
    "Resource.usages",
    "WrongState.allowed",
}
"""Lists that are short by nature, or no longer than an argument."""


def list_fields() -> list[tuple[str, Any]]:
    type_classes = (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType)
    return [
        (f"{name}.{field}", each)
        for name, type_ in OWN_TYPES.items()
        if isinstance(type_, type_classes)
        for field, each in type_.fields.items()
    ]


def test_the_printed_schema_is_current() -> None:
    schema_file = PROJECT_ROOT / "schema.graphql"
    assert schema_file.read_text(encoding="utf-8") == f"{schema.as_str()}\n"


def test_the_schema_is_described_when_printed_and_introspected() -> None:
    result = schema.execute_sync("{ __schema { description } }")
    assert result.data == {"__schema": {"description": SCHEMA_DESCRIPTION}}
    assert build_schema(schema.as_str()).description == SCHEMA_DESCRIPTION


def test_every_connection_is_described_by_what_it_lists() -> None:
    connections = {name for name in OWN_TYPES if name.endswith("Connection")}
    assert connections == CONNECTION_DESCRIPTIONS.keys()


@pytest.mark.parametrize("name", sorted(OWN_TYPES.keys() - STANDARD_SCALARS))
def test_every_type_is_described(name: str) -> None:
    type_ = OWN_TYPES[name]
    assert type_.description
    if isinstance(type_, GraphQLEnumType):
        assert all(value.description for value in type_.values.values())


@pytest.mark.parametrize(("name", "field"), list_fields())
def test_every_field_and_argument_is_described(name: str, field: Any) -> None:
    assert field.description
    for argument in getattr(field, "args", {}).values():
        assert argument.description, argument


@pytest.mark.parametrize(("name", "field"), list_fields())
def test_null_is_explained_for_every_nullable_reference(name: str, field: Any) -> None:
    if hasattr(field, "args") and is_composite_type(get_named_type(field.type)):
        assert is_non_null_type(field.type) or "null" in field.description.lower(), name


def test_every_list_is_paged_or_short() -> None:
    list_names = {
        name
        for name, field in list_fields()
        if hasattr(field, "args") and is_list_type(_unwrap_non_null(field.type))
    }
    connection_fields = {each for each in list_names if each.split(".")[0].endswith("Connection")}
    assert list_names - connection_fields == SHORT_LISTS


def _unwrap_non_null(type_: Any) -> Any:
    return type_.of_type if is_non_null_type(type_) else type_


def test_every_path_of_the_rest_map_exists() -> None:
    paths = list(iter_mapped_fields())
    assert len(paths) > 150
    for _, path in paths:
        name, *fields = path.split(".")
        type_: Any = SCHEMA.type_map[name]
        for field in fields:
            assert field in type_.fields, path
            type_ = SCHEMA.type_map[str(type_.fields[field].type).strip("[]!")]
