"""What is secret is never published: not by any field, not in any value, not for staff either."""

import json
import re
from collections.abc import Iterator

import psycopg
import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType

from gateway.db.sql.row_types import Row, needed
from tests.support.marketplaces import Marketplace
from tests.support.schema_documents import SCHEMA, everything
from tests.support.visibility.oracle_truth import Truth
from tests.support.visibility.schema_paths import NODES, leaves
from tests.support.visibility.viewer_scenes import Look, Scene

SECRET = re.compile(
    r"secret|password|passphrase|passwd|token|certificate|credential|private_?key|api_?key"
    r"|civil_?number",
    re.IGNORECASE,
)
"""Names of columns that hold what domain.md calls secret, and of what may come to hold it."""
UNPUBLISHED = {"authtoken_token", "structure_servicesettings", "logging_event", "reversion_version"}
"""Tables that hold nothing but credentials, or records with secrets in them (domain.md §7.1)."""
KEPT_BACK = {"user_username", "user_password"}
"""What is secret of a private cloud's attributes (domain.md §3.6)."""


def names() -> Iterator[str]:
    """Give all names of fields, arguments and values in the schema."""
    for name, type_ in SCHEMA.type_map.items():
        if name.startswith("__"):
            continue
        yield name
        yield from type_.values if isinstance(type_, GraphQLEnumType) else ()
        for field, each in getattr(type_, "fields", {}).items():
            yield f"{name}.{field}"
            if not isinstance(type_, GraphQLInputObjectType):
                yield from (f"{name}.{field}({argument})" for argument in each.args)


def test_no_name_in_the_schema_is_that_of_a_secret() -> None:
    found = list(names())
    assert len(found) > 200
    assert [each for each in found if SECRET.search(each)] == []


def test_no_column_with_a_secret_is_read_for_a_field() -> None:
    read = [f"{table.name}.{column.name}" for table in Row.classes for column in needed(table)]
    assert len(read) > 100
    assert [each for each in read if SECRET.search(each)] == []
    assert not UNPUBLISHED & {table.name for table in Row.classes}


def planted(connection: psycopg.Connection, *questions: str) -> set[str]:
    return {row[0] for each in questions for row in connection.execute(each.encode())}


@pytest.fixture
def secrets(demo_truth: Truth) -> set[str]:
    """Give all secrets in the demo."""
    found = planted(
        demo_truth.connection,
        "select key from authtoken_token",
        "select api_secret_code from marketplace_serviceprovider",
        "select password from structure_servicesettings",
        "select secret_options ->> 'token' from marketplace_offering",
        "select attributes ->> 'user_password' from marketplace_resource"
        " where attributes ? 'user_password'",
    )
    assert len(found) > 50
    return found


async def test_no_answer_has_a_secret_in_it(
    demo: Marketplace, demo_truth: Truth, secrets: set[str]
) -> None:
    scene = Scene(Look("demo", "staff"), demo, demo_truth.seen_by("staff", None))
    answers = []
    for name in NODES:
        uuids = sorted(scene.seen.of(name))
        answers += await scene.nodes(name, uuids[:20], everything(name, 1))
        answers += await scene.nodes(name, uuids, " ".join(leaves(name)))
    written = json.dumps(answers)
    assert len(written) > 1_000_000
    assert "secret-" not in written
    assert [each for each in secrets if each in written] == []


@pytest.mark.parametrize("username", ["staff", "owner"])
async def test_attributes_are_shown_without_a_cloud_s_secrets(
    demo: Marketplace, demo_truth: Truth, username: str
) -> None:
    stored = demo_truth.connection.execute("""
        select r.uuid, r.attributes, o.type from marketplace_resource r
        join marketplace_offering o on o.id = r.offering_id
    """).fetchall()
    scene = Scene(Look("demo", username), demo, demo_truth.seen_by(username, None))
    found = await scene.nodes("Resource", sorted(scene.seen.of("Resource")), "uuid attributes")
    shown = {row["uuid"]: row["attributes"] for row in found}
    seen = [(each, *rest) for each, *rest in stored if each.hex in shown]
    for uuid, attributes, kind in seen:
        kept_back = KEPT_BACK if kind == "OpenStack.Tenant" else set()
        safe = {name: value for name, value in attributes.items() if name not in kept_back}
        assert shown[uuid.hex] == safe
    assert sum({*attributes} >= KEPT_BACK for _, attributes, _ in seen) > 5
