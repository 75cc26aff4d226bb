"""Manifests of trusted documents: their formats, and messages about their problems."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.api import schema
from gateway.execution.admission.operation_limits import OperationLimits
from gateway.execution.document_cache import DocumentCache
from gateway.execution.document_manifest import (
    ManifestError,
    TrustedDocument,
    compute_sha256,
    iterate_problems,
    read_manifest,
)
from gateway.schema.framework.strawberry_internals import get_graphql_schema

VIEWER_QUERY = "query Me { viewer { user { username } } }"
APOLLO_OPERATION = {"id": "a", "name": "Me", "type": "query", "body": VIEWER_QUERY}
APOLLO_MANIFEST = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [APOLLO_OPERATION],
}


def write_manifest(folder: Path, manifest: Any) -> Path:
    """Write a manifest to a file, as JSON unless it is a text; return its path."""
    path = folder / "manifest.json"
    path.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    return path


def list_problems(*documents: TrustedDocument, max_tokens: int = 100) -> list[str]:
    """Return the problems of documents."""
    document_cache = DocumentCache(get_graphql_schema(schema), OperationLimits(tokens=max_tokens))
    return list(iterate_problems(documents, document_cache))


def test_a_manifest_of_apollo_is_read(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, APOLLO_MANIFEST)
    assert read_manifest(path) == [TrustedDocument("a", "Me", VIEWER_QUERY)]


@pytest.mark.parametrize("document_id", ["0" * 32, f"sha256:{'0' * 64}", "operations", "format"])
def test_a_manifest_of_documents_by_id_is_read(tmp_path: Path, document_id: str) -> None:
    """Test what the Relay compiler and the client preset of GraphQL Code Generator write."""
    path = write_manifest(tmp_path, {document_id: VIEWER_QUERY})
    assert read_manifest(path) == [TrustedDocument(document_id, "", VIEWER_QUERY)]


@pytest.mark.parametrize(
    ("manifest", "expected_message"),
    [
        ("", "is not a manifest"),
        ("[" * 100_000, "is not a manifest"),
        ([], "Expected `object`, got `array`"),
        ({"a": {"query": VIEWER_QUERY}}, "Expected `str`, got `object`"),
        ({"a": 1}, "Expected `str`, got `int`"),
        ({**APOLLO_MANIFEST, "version": 2}, "version 1, got 'apollo-.*', version 2"),
        ({**APOLLO_MANIFEST, "format": "other"}, "got 'other', version 1"),
        ({"operations": []}, "missing required field `format`"),
        ({**APOLLO_MANIFEST, "operations": [{"id": "a"}]}, "missing required field `body`"),
        (
            {
                **APOLLO_MANIFEST,
                "operations": [APOLLO_OPERATION, {**APOLLO_OPERATION, "body": "{a}"}],
            },
            r"two documents with the id Me \('a'\)",
        ),
    ],
)
def test_other_files_are_refused(tmp_path: Path, manifest: Any, expected_message: str) -> None:
    with pytest.raises(ManifestError, match=expected_message):
        read_manifest(write_manifest(tmp_path, manifest))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"nothing\.json can't be read: No such file"):
        read_manifest(tmp_path / "nothing.json")


def test_valid_documents_have_no_problems() -> None:
    document_id = f"sha256:{compute_sha256(VIEWER_QUERY)}"
    assert list_problems(TrustedDocument(document_id, "Me", VIEWER_QUERY)) == []


@pytest.mark.parametrize(
    ("document", "expected_problem"),
    [
        (
            TrustedDocument("a", "", "query Me {\n  viewr { user { username } } }"),
            "Me ('a'): 2:3: Cannot query field 'viewr' on type 'Query'.",
        ),
        (TrustedDocument("a", "Me", "query {"), "Me ('a'): 1:8: Syntax Error: Expected Name"),
        (TrustedDocument("a\nb", "", "{"), r"'a\nb': 1:2: Syntax Error"),
        (TrustedDocument("a", "Me", f"{{ {'__typename ' * 100} }}"), "Me ('a'): 1:"),
        (TrustedDocument("sha256:0", "", VIEWER_QUERY), "Me ('sha256:0'): the id is not the SHA"),
        (TrustedDocument("a", "", "fragment A on Query { __typename }"), "'a': 1:1: Fragment 'A'"),
    ],
)
def test_problems_name_document_and_place(document: TrustedDocument, expected_problem: str) -> None:
    (problem,) = list_problems(document)
    assert problem.startswith(expected_problem)
    assert "\n" not in problem
