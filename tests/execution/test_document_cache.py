"""Documents are parsed and validated once, within bounds."""

import pytest

from gateway.api import schema
from gateway.execution.document_cache import LONGEST_KEPT, Documents
from gateway.execution.errors import Code


@pytest.fixture
def documents() -> Documents:
    """Give what reads documents of at most 100 tokens."""
    return Documents(schema._schema, tokens=100)


def test_a_document_is_read_once(documents: Documents) -> None:
    text = "{ __typename }"
    assert documents.read(text) is documents.read(text)


def test_a_mistake_is_found_once(documents: Documents) -> None:
    text = "{ nothing }"
    assert documents.read(text) is documents.read(text)
    assert documents.read(text).code is Code.GRAPHQL_VALIDATION_FAILED


def test_a_long_document_is_not_kept(documents: Documents) -> None:
    text = "{ __typename } # " + "x" * LONGEST_KEPT
    assert documents.read(text) is not documents.read(text)
    assert documents.read(text).errors == ()


@pytest.mark.parametrize(
    "text", ["{", "", " ", "#", "{ a(b: ) }", '{ a(b: "\\ud800") }', "{ \x00 }"]
)
def test_what_is_no_document_is_not_parsed(documents: Documents, text: str) -> None:
    read = documents.read(text)
    assert (read.ast, read.code) == (None, Code.GRAPHQL_PARSE_FAILED)
    assert len(read.errors) == 1


def test_a_document_may_have_so_many_tokens(documents: Documents) -> None:
    assert documents.read("{" + "__typename " * 97 + "}").errors == ()
    assert documents.read("{" + "__typename " * 99 + "}").code is Code.GRAPHQL_PARSE_FAILED


@pytest.mark.parametrize(
    "nested", ["{viewer" * 1000, "{ a(b: " + "[" * 1000, "{ a(b: " + "{c:" * 1000]
)
def test_depth_is_bounded(nested: str) -> None:
    read = Documents(schema._schema, tokens=100_000).read(nested)
    assert (read.ast, read.code) == (None, Code.GRAPHQL_PARSE_FAILED)


@pytest.mark.parametrize("query", ["viewr", 'resource(uuidd: "1")', "resources(orderBy: NAME_AS)"])
def test_names_are_suggested(documents: Documents, query: str) -> None:
    errors = documents.read(f"{{ {query} {{ id }} }}").errors
    assert any("Did you mean" in each.message for each in errors)
