"""Manifests of trusted documents: the files that builds of clients write.

Two formats are read: Apollo's persisted query manifest, and the object of documents by id that
the Relay compiler and the client preset of GraphQL Code Generator write.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from graphql import GraphQLError, OperationDefinitionNode, parse

from gateway.execution.document_cache import DocumentCache

APOLLO_FORMAT, APOLLO_VERSION = "apollo-persisted-query-manifest", 1
SHA256_PREFIX = "sha256:"
"""Prefix of the ids that the GraphQL-over-HTTP specification derives from a document's text."""
MAX_SHOWN_CHARS = 100
"""The length after which ids and names are cut in messages."""


class ManifestError(Exception):
    """A manifest can't be read or has documents that are not valid; the message says which."""


@dataclass(frozen=True)
class TrustedDocument:
    """A document of a manifest."""

    document_id: str
    name: str
    """The operation's name in an Apollo manifest, else empty."""
    text: str

    def make_label(self, name: str) -> str:
        """Return the id and a name of the document, for messages."""
        shown_id = repr(self.document_id[:MAX_SHOWN_CHARS])
        return f"{name[:MAX_SHOWN_CHARS]} ({shown_id})" if name.isidentifier() else shown_id


class _ApolloOperation(msgspec.Struct):
    id: str
    body: str
    name: str = ""


class _ApolloManifest(msgspec.Struct):
    format: str
    version: int
    operations: list[_ApolloOperation]


def compute_sha256(text: str) -> str:
    """Return the SHA-256 of a document's text in lower-case hexadecimal."""
    return sha256(text.encode()).hexdigest()


def read_manifest(path: Path) -> list[TrustedDocument]:
    """Read the documents of a manifest, without validating them.

    Raises ManifestError if the file is not a manifest, or ids are not unique.
    """
    try:
        documents = _parse_manifest(msgspec.json.decode(path.read_bytes()))
    except OSError as error:
        raise ManifestError(f"The manifest {path} can't be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path} is not a manifest of documents: {error}.") from None
    texts: dict[str, str] = {}
    for each in documents:
        if texts.setdefault(each.document_id, each.text) != each.text:
            raise ManifestError(
                f"{path} has two documents with the id {each.make_label(each.name)}."
            )
    return documents


def _parse_manifest(manifest: Any) -> list[TrustedDocument]:
    """Return the documents of a decoded manifest; raises ValueError if it has another format."""
    if isinstance(manifest, dict) and isinstance(manifest.get("operations"), list):
        apollo_manifest = msgspec.convert(manifest, _ApolloManifest)
        if (apollo_manifest.format, apollo_manifest.version) != (APOLLO_FORMAT, APOLLO_VERSION):
            raise ValueError(
                f"the format must be {APOLLO_FORMAT!r}, version {APOLLO_VERSION},"
                f" got {apollo_manifest.format[:100]!r}, version {apollo_manifest.version}"
            )
        return [
            TrustedDocument(each.id, each.name, each.body) for each in apollo_manifest.operations
        ]
    texts = msgspec.convert(manifest, dict[str, str])
    return [TrustedDocument(document_id, "", text) for document_id, text in texts.items()]


def iterate_problems(
    documents: Sequence[TrustedDocument], document_cache: DocumentCache
) -> Iterator[str]:
    """Yield a line for each problem of the documents, which are pinned in the cache if valid."""
    for document in documents:
        parsed_document = document_cache.pin_document(document.text)
        label = document.make_label(document.name or _find_operation_name(document.text))
        prefix, separator, payload = document.document_id.partition(SHA256_PREFIX)
        if separator and not prefix and payload != compute_sha256(document.text):
            yield f"{label}: the id is not the SHA-256 of the document."
        for error in parsed_document.errors:
            places = [f"{place.line}:{place.column}: " for place in (error.locations or [])[:1]]
            yield f"{label}: {''.join(places)}{' '.join(error.message.split())}"


def _find_operation_name(text: str) -> str:
    """Return the name of a document's first operation; empty if it has none."""
    try:
        definitions = parse(text).definitions
    except GraphQLError:
        return ""
    names = [each.name for each in definitions if isinstance(each, OperationDefinitionNode)]
    return names[0].value if names and names[0] is not None else ""
