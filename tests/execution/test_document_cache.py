"""Test that documents are parsed and validated once, within limits."""

import pytest

from gateway.api import schema
from gateway.error_table import ErrorCode
from gateway.execution.document_cache import MAX_CACHED_DOCUMENT_CHARS, DocumentCache


@pytest.fixture
def document_cache() -> DocumentCache:
    """Return a cache that rejects documents of more than 100 tokens."""
    return DocumentCache(schema._schema, max_tokens=100)


def test_documents_are_cached(document_cache: DocumentCache) -> None:
    text = "{ __typename }"
    assert document_cache.get_document(text) is document_cache.get_document(text)


def test_invalid_documents_are_cached(document_cache: DocumentCache) -> None:
    text = "{ nothing }"
    assert document_cache.get_document(text) is document_cache.get_document(text)
    assert document_cache.get_document(text).code is ErrorCode.GRAPHQL_VALIDATION_FAILED


def test_long_documents_are_not_cached(document_cache: DocumentCache) -> None:
    text = "{ __typename } # " + "x" * MAX_CACHED_DOCUMENT_CHARS
    assert document_cache.get_document(text) is not document_cache.get_document(text)
    assert document_cache.get_document(text).errors == ()


@pytest.mark.parametrize(
    "text", ["{", "", " ", "#", "{ a(b: ) }", '{ a(b: "\\ud800") }', "{ \x00 }"]
)
def test_syntax_errors_are_reported(document_cache: DocumentCache, text: str) -> None:
    document = document_cache.get_document(text)
    assert (document.ast, document.code) == (None, ErrorCode.GRAPHQL_PARSE_FAILED)
    assert len(document.errors) == 1


def test_token_limit(document_cache: DocumentCache) -> None:
    assert document_cache.get_document("{" + "__typename " * 97 + "}").errors == ()
    assert (
        document_cache.get_document("{" + "__typename " * 99 + "}").code
        is ErrorCode.GRAPHQL_PARSE_FAILED
    )


@pytest.mark.parametrize(
    "text", ["{viewer" * 1000, "{ a(b: " + "[" * 1000, "{ a(b: " + "{c:" * 1000]
)
def test_nesting_depth_is_bounded(text: str) -> None:
    document = DocumentCache(schema._schema, max_tokens=100_000).get_document(text)
    assert (document.ast, document.code) == (None, ErrorCode.GRAPHQL_PARSE_FAILED)


@pytest.mark.parametrize("query", ["viewr", 'resource(uuidd: "1")', "resources(orderBy: NAME_AS)"])
def test_similar_names_are_suggested(document_cache: DocumentCache, query: str) -> None:
    errors = document_cache.get_document(f"{{ {query} {{ id }} }}").errors
    assert any("Did you mean" in error.message for error in errors)
