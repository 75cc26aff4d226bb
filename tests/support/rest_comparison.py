"""Pairs of GraphQL rows and stored REST rows of Waldur (October 2024), and their comparison."""

from typing import Any

from tests.support.marketplaces import Marketplace
from tests.support.rest_answers import (
    MappedField,
    build_selection,
    derive_unmapped_fields,
    extract_values,
    load_answer_body,
    load_mapped_fields,
    normalise_gateway_value,
    normalise_rest_value,
)

MEMBER_USERNAME = "project_member_c0"
LIST_ANSWERS = {
    "list_project_member_c0": (MEMBER_USERNAME, "CONSUMER"),
    "provider_list_provider_a_owner": ("provider_a_owner", "PROVIDER"),
}
DETAIL_ANSWERS = {
    "detail_basic_options": "staff",
    "detail_instance_child": "staff",
    "detail_member": MEMBER_USERNAME,
    "detail_slurm_ok": "staff",
    "detail_terminated": "staff",
}
RESOURCE_FIELDS = load_mapped_fields({"Resource": ""})
ORDER_FIELDS = load_mapped_fields({"Order": ""})
PLAN_PERIOD_FIELDS = load_mapped_fields({"PlanPeriod": ""})
TEAM_MEMBER_FIELDS = load_mapped_fields({"TeamMember": ""})
CATALOGUE_PREFIXES = {"Offering": "", "Component": "components.", "Plan": "plans."}
OFFERING_FIELDS = load_mapped_fields(CATALOGUE_PREFIXES)
CATALOGUE_FIELDS = [*OFFERING_FIELDS, *derive_unmapped_fields(CATALOGUE_PREFIXES)]
PLAN_COMPONENT_TYPE_PATH = "plans.components.component.type"
RowPairs = list[tuple[Any, Any]]
"""Pairs of a GraphQL row and the same row of REST."""


def compare_rows(pairs: RowPairs, mapped_fields: list[MappedField]) -> list[str]:
    """Compare rows field by field; return the row of rest-map.tsv of each comparison."""
    compared_rows = []
    for row, rest_row in pairs:
        for mapped_field in mapped_fields:
            if mapped_field.is_comparable_in(rest_row):
                gateway_value = normalise_gateway_value(
                    mapped_field, extract_values(row, mapped_field.path)
                )
                assert gateway_value == normalise_rest_value(
                    mapped_field, extract_values(rest_row, mapped_field.rest_name)
                ), mapped_field.rest_name
                compared_rows.append(mapped_field.map_row)
    return compared_rows


def _build_field_selection(root: str, mapped_fields: list[MappedField]) -> str:
    return build_selection(root, [each.path for each in mapped_fields])


async def load_page_pairs(waldur: Marketplace, name: str) -> RowPairs:
    """Return the resources of a page."""
    username, perspective = LIST_ANSWERS[name]
    fields = _build_field_selection("Resource", RESOURCE_FIELDS)
    query = f"{{ resources(first: 50, visibleAs: {perspective}) {{ nodes {{ {fields} }} }} }}"
    rows = (await waldur.fetch_data(query, username))["resources"]["nodes"]
    return list(zip(rows, load_answer_body(name), strict=True))


async def load_resource(waldur: Marketplace, name: str, fields: str) -> Any:
    """Return fields of the resource in a stored REST response, as the same user."""
    query = f"query($uuid: UUID!) {{ resource(uuid: $uuid) {{ {fields} }} }}"
    return (
        await waldur.fetch_data(query, DETAIL_ANSWERS[name], uuid=load_answer_body(name)["uuid"])
    )["resource"]


async def load_resource_pair(waldur: Marketplace, name: str) -> RowPairs:
    """Return one resource."""
    return [
        (
            await load_resource(waldur, name, _build_field_selection("Resource", RESOURCE_FIELDS)),
            load_answer_body(name),
        )
    ]


async def load_order_pairs(waldur: Marketplace, name: str) -> RowPairs:
    """Return the orders in a resource; check that both sides have the same ones."""
    fields = _build_field_selection("Order", ORDER_FIELDS)
    creation_selection = f"creation_order: creationOrder {{ {fields} }}"
    row = await load_resource(
        waldur, name, f"{creation_selection} order_in_progress: orderInProgress {{ {fields} }}"
    )
    rest_row = load_answer_body(name)
    assert {each: row[each] is None for each in row} == {
        each: rest_row[each] is None for each in row
    }
    return [(row[each], rest_row[each]) for each in row if row[each]]


async def load_team_pairs(waldur: Marketplace) -> RowPairs:
    """Return the members of a team."""
    fields = _build_field_selection("TeamMember", TEAM_MEMBER_FIELDS)
    row = await load_resource(waldur, "detail_slurm_ok", f"team {{ {fields} }}")
    rows = [{**each, "uuid": each["user"]["uuid"]} for each in row["team"]]
    return pair_by_uuid(rows, load_answer_body("detail_team"))


async def load_plan_period_pairs(waldur: Marketplace) -> RowPairs:
    """Return the plan periods of a resource."""
    fields = _build_field_selection("PlanPeriod", PLAN_PERIOD_FIELDS)
    row = await load_resource(waldur, "detail_basic_options", f"planPeriods {{ uuid {fields} }}")
    return pair_by_uuid(row["planPeriods"], load_answer_body("detail_plan_periods"))


async def load_offering_pairs(waldur: Marketplace) -> RowPairs:
    """Return the offerings that the member can see.

    In REST an offering with a parent has the components and plans of the parent.
    """
    fields = build_selection(
        "Offering", [*(each.path for each in CATALOGUE_FIELDS), PLAN_COMPONENT_TYPE_PATH]
    )
    parent_fields = build_selection(
        "Offering",
        [PLAN_COMPONENT_TYPE_PATH, *(each.path for each in CATALOGUE_FIELDS if each.is_part)],
    )
    query = f"{{ offerings(first: 50) {{ nodes {{ {fields} parent {{ {parent_fields} }} }} }} }}"
    nodes = (await waldur.fetch_data(query, MEMBER_USERNAME))["offerings"]["nodes"]
    rows = [row | (row["parent"] or {}) for row in nodes]
    return pair_by_uuid(rows, load_answer_body("public_offerings_member"))


def pair_by_uuid(rows: list[Any], rest_rows: list[Any]) -> RowPairs:
    """Return pairs of rows with the same uuid; check that both sides have the same uuids."""
    gateway_by_uuid, rest_by_uuid = (
        {uuid["uuid"]: uuid for uuid in side_rows} for side_rows in (rows, rest_rows)
    )
    assert sorted(gateway_by_uuid) == sorted(rest_by_uuid)
    return [(gateway_by_uuid[uuid], rest_by_uuid[uuid]) for uuid in gateway_by_uuid]
