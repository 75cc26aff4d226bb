"""Secrets are never published, in no field and no value, not even to staff."""

import json
import re
from collections.abc import Iterator

import psycopg
import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType

from gateway.db.sql.row_types import Row, required_columns
from tests.support.marketplaces import Marketplace
from tests.support.schema_documents import SCHEMA, select_all_fields
from tests.support.visibility.oracle_expectation import OracleExpectation
from tests.support.visibility.schema_paths import NODE_TYPES, leaf_fields
from tests.support.visibility.viewer_scenes import ViewerScene, Viewpoint

SECRET_PATTERN = re.compile(
    r"secret|password|passphrase|passwd|token|certificate|credential|private_?key|api_?key"
    r"|civil_?number",
    re.IGNORECASE,
)
"""Names of secret columns by domain.md, and of columns that may be added."""
UNPUBLISHED_TABLES = {
    "authtoken_token",
    "core_personalaccesstoken",
    "structure_servicesettings",
    "logging_event",
    "reversion_version",
}
"""Tables of credentials, and of records that contain secrets (domain.md §7.1)."""
SECRET_ATTRIBUTES = {"user_username", "user_password"}
"""The secret attributes of a private cloud (domain.md §3.6)."""


def schema_names() -> Iterator[str]:
    """Yield the names of all types, fields, arguments and enum values in the schema."""
    for name, type_ in SCHEMA.type_map.items():
        if name.startswith("__"):
            continue
        yield name
        yield from type_.values if isinstance(type_, GraphQLEnumType) else ()
        for field, each in getattr(type_, "fields", {}).items():
            yield f"{name}.{field}"
            if not isinstance(type_, GraphQLInputObjectType):
                yield from (f"{name}.{field}({argument})" for argument in each.args)


def test_no_name_in_the_schema_names_a_secret() -> None:
    names = list(schema_names())
    assert len(names) > 200
    assert [each for each in names if SECRET_PATTERN.search(each)] == []


def test_no_secret_column_is_read() -> None:
    read_columns = [
        f"{table.name}.{column.name}"
        for table in Row.classes_by_table
        for column in required_columns(table)
    ]
    assert len(read_columns) > 100
    assert [each for each in read_columns if SECRET_PATTERN.search(each)] == []
    assert not UNPUBLISHED_TABLES & {table.name for table in Row.classes_by_table}


def fetch_values(connection: psycopg.Connection, *queries: str) -> set[str]:
    return {row[0] for each in queries for row in connection.execute(each.encode())}


@pytest.fixture
def demo_secrets(demo_expectation: OracleExpectation) -> set[str]:
    """Return all secrets of the demo."""
    values = fetch_values(
        demo_expectation.connection,
        "select key from authtoken_token",
        "select token_hash from core_personalaccesstoken",
        "select api_secret_code from marketplace_serviceprovider",
        "select password from structure_servicesettings",
        "select secret_options ->> 'token' from marketplace_offering",
        "select attributes ->> 'user_password' from marketplace_resource"
        " where attributes ? 'user_password'",
    )
    assert len(values) > 50
    return values


async def test_no_response_contains_a_secret(
    demo: Marketplace, demo_expectation: OracleExpectation, demo_secrets: set[str]
) -> None:
    scene = ViewerScene(
        Viewpoint("demo", "staff"), demo, demo_expectation.visible_rows_for("staff", None)
    )
    nodes = []
    for name in NODE_TYPES:
        uuids = sorted(scene.visible_rows.visible_uuids(name))
        nodes += await scene.fetch_nodes(name, uuids[:20], select_all_fields(name, 1))
        nodes += await scene.fetch_nodes(name, uuids, " ".join(leaf_fields(name)))
    text = json.dumps(nodes)
    assert len(text) > 1_000_000
    assert "secret-" not in text
    assert [each for each in demo_secrets if each in text] == []


@pytest.mark.parametrize("username", ["staff", "owner"])
async def test_attributes_are_shown_without_a_cloud_s_secrets(
    demo: Marketplace, demo_expectation: OracleExpectation, username: str
) -> None:
    stored_resources = demo_expectation.connection.execute("""
        select r.uuid, r.attributes, o.type from marketplace_resource r
        join marketplace_offering o on o.id = r.offering_id
    """).fetchall()
    scene = ViewerScene(
        Viewpoint("demo", username), demo, demo_expectation.visible_rows_for(username, None)
    )
    nodes = await scene.fetch_nodes(
        "Resource", sorted(scene.visible_rows.visible_uuids("Resource")), "uuid attributes"
    )
    shown_attributes = {row["uuid"]: row["attributes"] for row in nodes}
    visible_resources = [
        (each, *rest) for each, *rest in stored_resources if each.hex in shown_attributes
    ]
    for uuid, attributes, offering_type in visible_resources:
        secret_names = SECRET_ATTRIBUTES if offering_type == "OpenStack.Tenant" else set()
        public_attributes = {
            name: value for name, value in attributes.items() if name not in secret_names
        }
        assert shown_attributes[uuid.hex] == public_attributes
    assert sum({*attributes} >= SECRET_ATTRIBUTES for _, attributes, _ in visible_resources) > 5
