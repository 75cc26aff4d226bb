"""Test that documents are parsed and validated once, within limits."""

import gc

import pytest
from graphql import SourceLocation

from benchmarks.adversarial_documents import ADVERSARIAL_DOCUMENTS
from gateway.api import schema
from gateway.error_table import ErrorCode
from gateway.execution.admission.operation_limits import OperationLimits
from gateway.execution.document_cache import (
    ENTRY_BYTES,
    MAX_DOCUMENTS_BYTES,
    MAX_REFUSED_BYTES,
    DocumentCache,
)


@pytest.fixture
def document_cache() -> DocumentCache:
    """Return a cache that rejects documents of more than 100 tokens."""
    return DocumentCache(schema._schema, OperationLimits(tokens=100, root_fields=100))


def test_documents_are_cached(document_cache: DocumentCache) -> None:
    text = "{ __typename }"
    assert document_cache.get_document(text) is document_cache.get_document(text)


def test_invalid_documents_are_cached(document_cache: DocumentCache) -> None:
    text = "{ nothing }"
    assert document_cache.get_document(text) is document_cache.get_document(text)
    assert document_cache.get_document(text).code is ErrorCode.GRAPHQL_VALIDATION_FAILED


@pytest.mark.parametrize("document", ["{ __typename }", "{ nothing }", "{", "{ a" * 30])
def test_long_documents_are_cached(document_cache: DocumentCache, document: str) -> None:
    text = f"{document} # {'x' * 90_000}"
    assert document_cache.get_document(text) is document_cache.get_document(text)


def test_refused_documents_do_not_evict_accepted_ones(document_cache: DocumentCache) -> None:
    accepted = document_cache.get_document("{ __typename }")
    first_refused = document_cache.get_document("{ nothing }")
    for index in range(2 * MAX_REFUSED_BYTES // ENTRY_BYTES):
        document_cache.get_document(f"{{ nothing{index}")
    assert document_cache.get_document("{ __typename }") is accepted
    assert document_cache.get_document("{ nothing }") is not first_refused


def test_documents_of_a_cache_are_bounded_by_their_memory(
    document_cache: DocumentCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"{{ __typename }} # {index} {'x' * 90_000}" for index in range(100)]
    documents = [document_cache.get_document(text) for text in texts]
    kept = [
        document_cache.get_document(text) is document
        for text, document in zip(texts[::-1], documents[::-1], strict=True)
    ]
    assert 20 < sum(kept) <= MAX_DOCUMENTS_BYTES // (4 * 90_000)


def test_refused_documents_keep_no_syntax_tree(document_cache: DocumentCache) -> None:
    (error,) = document_cache.get_document("{ viewer { nothing } }").errors
    assert (error.nodes, error.source, error.locations) == (None, None, [SourceLocation(1, 12)])


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
    document = DocumentCache(schema._schema, OperationLimits(tokens=100_000)).get_document(text)
    assert (document.ast, document.code) == (None, ErrorCode.GRAPHQL_PARSE_FAILED)


@pytest.mark.parametrize("query", ["viewr", 'resource(uuidd: "1")', "resources(orderBy: NAME_AS)"])
def test_similar_names_are_suggested(document_cache: DocumentCache, query: str) -> None:
    text = f"{{ {query} {{ id }} }}"
    (error, *_) = document_cache.get_document(text).errors
    assert "Did you mean" not in error.message
    suggesting_cache = DocumentCache(schema._schema, suggestions=True)
    errors = suggesting_cache.get_document(text).errors
    assert any("Did you mean" in error.message for error in errors)


@pytest.mark.parametrize("name", ["cyclic fragments, 100", "conflicting arguments below the root"])
def test_validation_leaves_no_garbage(name: str) -> None:
    document_cache, document = DocumentCache(schema._schema), ADVERSARIAL_DOCUMENTS[name]
    thresholds = gc.get_threshold()
    gc.set_threshold(50_000, 50, 100)  # as in a server
    try:
        gc.collect()
        for number in range(3):
            document_cache.get_document(f"{document.text}\n#{number}")
        assert gc.collect() < 1000
    finally:
        gc.set_threshold(*thresholds)


def test_tokens_of_a_document_are_freed() -> None:
    ast = DocumentCache(schema._schema).get_document("{ viewer { user { username } } }").ast
    assert ast is not None
    assert ast.loc is not None
    assert (ast.loc.start_token.next, ast.loc.end_token.prev) == (None, None)
