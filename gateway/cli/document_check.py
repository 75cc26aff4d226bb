"""Check of trusted documents against the schema, without a database."""

from collections.abc import Iterator
from pathlib import Path

from gateway.api import schema
from gateway.config.settings import Settings
from gateway.execution.admission.operation_limits import make_operation_limits
from gateway.execution.document_cache import DocumentCache
from gateway.execution.document_manifest import iterate_problems, read_manifest
from gateway.execution.persisted_documents import load_persisted_documents
from gateway.schema.framework.strawberry_internals import get_graphql_schema


def diagnose_manifest(path: Path, effective_settings: Settings) -> Iterator[str]:
    """Yield a line for each problem of a manifest's documents.

    Raises ManifestError if the file is not a manifest.
    """
    document_cache = _create_document_cache(effective_settings)
    for problem in iterate_problems(read_manifest(path), document_cache):
        yield f"{path}: {problem}"


def verify_trusted_documents(effective_settings: Settings) -> None:
    """Check the configured manifest as a server process does at its start.

    Raises ManifestError if it can't be read or has documents that are not valid.
    """
    persisted_documents = load_persisted_documents(
        effective_settings.documents,
        effective_settings.document_manifest,
        effective_settings.persisted_query_bytes,
    )
    persisted_documents.pin_documents(_create_document_cache(effective_settings))


def _create_document_cache(effective_settings: Settings) -> DocumentCache:
    """Return a cache whose errors suggest similar names: they are for developers and operators."""
    limits = make_operation_limits(effective_settings)
    return DocumentCache(get_graphql_schema(schema), limits, suggestions=True)
