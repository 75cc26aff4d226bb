"""Persisted documents: requests that name their document by an id or a hash.

docs/persisted-documents.md describes the protocols for clients and the settings.
"""

import sys
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.error_table import ErrorKind
from gateway.exact_json import decode_number
from gateway.execution.document_cache import DocumentCache
from gateway.execution.document_manifest import (
    SHA256_PREFIX,
    ManifestError,
    TrustedDocument,
    compute_sha256,
    iterate_problems,
    read_manifest,
)
from gateway.execution.graphql_request import GraphQLRequest

EXTENSION_NAME, EXTENSION_VERSION = "persistedQuery", 1
STORE_ENTRY_BYTES = 300
"""Memory of an entry of the store in addition to its text: the hash and the places in the dict."""
DEFAULT_STORE_BYTES = 10_000_000


class PersistedQueryNotFoundError(Exception):
    """No document with that hash is stored; the client sends it again with its text."""

    error_kind = ErrorKind.PERSISTED_QUERY_NOT_FOUND

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")  # Apollo Client compares it


class PersistedQueryNotSupportedError(Exception):
    """Automatic persisted queries are switched off; the client sends texts from now on."""

    error_kind = ErrorKind.PERSISTED_QUERY_NOT_SUPPORTED

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotSupported")  # Apollo Client compares it


class UnknownDocumentError(Exception):
    """The manifest has no document with that id."""

    error_kind = ErrorKind.UNKNOWN_DOCUMENT

    def __init__(self) -> None:
        super().__init__("There is no trusted document with this id.")


class UntrustedDocumentError(Exception):
    """The document is not in the manifest, and others are not accepted."""

    error_kind = ErrorKind.UNTRUSTED_DOCUMENT

    def __init__(self) -> None:
        super().__init__("Only trusted documents are executed. Send the `documentId` of one.")


class InvalidPersistedQueryError(Exception):
    """The extension `persistedQuery` is invalid, or does not belong to the `query`."""

    error_kind = ErrorKind.INVALID_INPUT


REJECTIONS = (
    PersistedQueryNotFoundError,
    PersistedQueryNotSupportedError,
    UnknownDocumentError,
    UntrustedDocumentError,
)
"""Errors that are the result of a well-formed GraphQL request."""


class PersistedQueryStore:
    """Texts of automatic persisted queries by their hash; the least recently used are evicted.

    The hash is that of the text, so no client can put another text in its place.
    """

    def __init__(self, max_bytes: int) -> None:
        """Store at most `max_bytes` bytes."""
        self._max_bytes, self.stored_bytes = max_bytes, 0
        self._texts: OrderedDict[str, str] = OrderedDict()

    def find_text(self, sha256_hash: str) -> str | None:
        """Return the text with that hash; None if it is not stored."""
        text = self._texts.get(sha256_hash)
        if text is not None:
            self._texts.move_to_end(sha256_hash)
        return text

    def store_text(self, sha256_hash: str, text: str) -> None:
        """Store a text that is not larger than the store, and evict others if necessary."""
        if sha256_hash in self._texts or _measure_entry(text) > self._max_bytes:
            return
        self._texts[sha256_hash] = text
        self.stored_bytes += _measure_entry(text)
        while self.stored_bytes > self._max_bytes:
            _, evicted_text = self._texts.popitem(last=False)
            self.stored_bytes -= _measure_entry(evicted_text)


def _measure_entry(text: str) -> int:
    return sys.getsizeof(text) + STORE_ENTRY_BYTES


class PersistedDocuments:
    """Trusted documents of a manifest, and the store of automatic persisted queries.

    `resolve_request` returns the request with the text of its document:

        documentId ──► manifest ──unknown──────────────────────► UnknownDocumentError
        hash ────────► manifest ──unknown──► store ──unknown───► PersistedQueryNotFoundError
        hash, query ─► is it the query's hash? ──no────────────► InvalidPersistedQueryError
        query ───────► mode "only", and not in the manifest? ──► UntrustedDocumentError

    `store_document` stores a query with its hash. The executor calls it only after the document
    was parsed, validated and found to be within all limits, so the store has no other documents.

    `outcome_counts` counts "trusted" (documents of the manifest), "hit" and "miss" (of the
    store), "registered" and "refused"; /metrics publishes it.
    """

    def __init__(
        self,
        documents: Sequence[TrustedDocument] = (),
        *,
        mode: str = "allow",
        store_bytes: int = DEFAULT_STORE_BYTES,
    ) -> None:
        """Trust `documents`, and execute no others if `mode` is "only".

        `store_bytes` bounds the store of automatic persisted queries; 0 switches them off.
        """
        self._is_exclusive = mode == "only"
        self._documents = documents
        self._texts_by_id = _index_documents(documents)
        self._trusted_texts = frozenset(each.text for each in documents)
        self.store = PersistedQueryStore(0 if self._is_exclusive else store_bytes)
        self._has_store = not self._is_exclusive and store_bytes > 0
        self.outcome_counts: Counter[str] = Counter()

    def pin_documents(self, document_cache: DocumentCache) -> None:
        """Parse and validate all trusted documents; the cache keeps them.

        Raises ManifestError if one of them is not valid.
        """
        problems = list(iterate_problems(self._documents, document_cache))
        if problems:
            raise ManifestError(
                f"A trusted document is not valid: {problems[0]} (problem 1 of {len(problems)};"
                " `gateway documents check` lists all)"
            )

    def resolve_request(self, graphql_request: GraphQLRequest) -> tuple[GraphQLRequest, str | None]:
        """Return the request with its document's text, and the hash under which to store it.

        The hash is None if there is nothing to store. Raises one of REJECTIONS, or
        InvalidPersistedQueryError.
        """
        sha256_hash = None
        try:
            if graphql_request.document_id is not None or graphql_request.extensions:
                text, sha256_hash = self._find_text(graphql_request)
                graphql_request = replace(
                    graphql_request, query=text, document_id=None, extensions=None
                )
            self._check_trust(graphql_request.query)
        except PersistedQueryNotFoundError:
            self.outcome_counts["miss"] += 1
            raise
        except Exception:
            self.outcome_counts["refused"] += 1
            raise
        return graphql_request, sha256_hash

    def peek_text(self, graphql_request: GraphQLRequest) -> str | None:
        """Return the text of the automatic persisted query that a request names, if it is stored.

        Trusted documents are left out: they are not parsed again.
        """
        extension = (graphql_request.extensions or {}).get(EXTENSION_NAME)
        sha256_hash = extension.get("sha256Hash") if isinstance(extension, dict) else None
        return self.store.find_text(sha256_hash) if isinstance(sha256_hash, str) else None

    def store_document(self, sha256_hash: str, text: str) -> None:
        """Store an admitted document under the hash that `resolve_request` returned."""
        self.outcome_counts["registered"] += 1
        self.store.store_text(sha256_hash, text)

    def _check_trust(self, text: str) -> None:
        if self._is_exclusive and text not in self._trusted_texts:
            raise UntrustedDocumentError

    def _find_text(self, graphql_request: GraphQLRequest) -> tuple[str, str | None]:
        extension = (graphql_request.extensions or {}).get(EXTENSION_NAME)
        document_id, query = graphql_request.document_id, graphql_request.query
        if document_id is None:
            if extension is None:
                return query, None
            return self._find_by_hash(_parse_extension(extension), query)
        if extension is not None:
            raise InvalidPersistedQueryError(
                f"Send `documentId` or `extensions.{EXTENSION_NAME}`, not both."
            )
        text = self._texts_by_id.get(document_id)
        if text is None:
            raise UnknownDocumentError
        return self._use_trusted(text, query, "documentId"), None

    def _use_trusted(self, text: str, query: str, id_name: str) -> str:
        if query and query != text:
            raise InvalidPersistedQueryError(
                f"`query` is not the trusted document that `{id_name}` names. Send one of them."
            )
        self.outcome_counts["trusted"] += 1
        return text

    def _find_by_hash(self, sha256_hash: str, query: str) -> tuple[str, str | None]:
        """Return the text with a hash or, as Apollo's link sends it, with an id of the manifest."""
        text = self._texts_by_id.get(sha256_hash)
        if text is not None:
            return self._use_trusted(text, query, f"extensions.{EXTENSION_NAME}.sha256Hash"), None
        if self._has_store:
            return self._find_in_store(sha256_hash, query)
        if query:
            return query, None
        raise UnknownDocumentError if self._is_exclusive else PersistedQueryNotSupportedError

    def _find_in_store(self, sha256_hash: str, query: str) -> tuple[str, str | None]:
        text = self.store.find_text(sha256_hash)
        if text is not None and query in ("", text):
            self.outcome_counts["hit"] += 1
            return text, None
        if not query:
            raise PersistedQueryNotFoundError
        if compute_sha256(query) != sha256_hash:
            raise InvalidPersistedQueryError(
                f"`extensions.{EXTENSION_NAME}.sha256Hash` must be the SHA-256 of `query`"
                " in lower-case hexadecimal."
            )
        return query, sha256_hash


def _parse_extension(extension: Any) -> str:
    """Return the hash in the extension `persistedQuery`."""
    name = f"extensions.{EXTENSION_NAME}"
    if not isinstance(extension, dict):
        raise InvalidPersistedQueryError(f"`{name}` must be an object.")
    version, sha256_hash = decode_number(extension.get("version")), extension.get("sha256Hash")
    if version != EXTENSION_VERSION or isinstance(version, bool):
        raise InvalidPersistedQueryError(
            f"`{name}.version` must be {EXTENSION_VERSION}, got {_describe_version(version)}."
        )
    if not isinstance(sha256_hash, str):
        raise InvalidPersistedQueryError(f"`{name}.sha256Hash` must be a string.")
    return sha256_hash


def _describe_version(version: Any) -> str:
    return "an object or a list" if isinstance(version, (dict, list)) else str(version)[:100]


def _index_documents(documents: Sequence[TrustedDocument]) -> dict[str, str]:
    """Return the texts of documents by their ids, and by their SHA-256 with and without prefix."""
    texts = {each.document_id: each.text for each in documents}
    for each in documents:
        text_hash = compute_sha256(each.text)
        for document_id in (text_hash, f"{SHA256_PREFIX}{text_hash}"):
            texts.setdefault(document_id, each.text)
    return texts


def load_persisted_documents(
    mode: str, manifest_path: Path | None, store_bytes: int
) -> PersistedDocuments:
    """Read the manifest, if there is one and `mode` is not "off".

    Raises ManifestError if it can't be read, or if there is none and `mode` is "only".
    """
    if mode == "only" and manifest_path is None:
        raise ManifestError("GATEWAY_DOCUMENTS=only needs a GATEWAY_DOCUMENT_MANIFEST.")
    uses_manifest = manifest_path is not None and mode != "off"
    documents = read_manifest(manifest_path) if manifest_path and uses_manifest else ()
    return PersistedDocuments(documents, mode=mode, store_bytes=store_bytes)
