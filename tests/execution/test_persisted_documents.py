"""Requests that name their document by an id or a hash, and what is stored of them."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gateway.api import schema
from gateway.execution.document_manifest import ManifestError, TrustedDocument
from gateway.execution.executor import Executor, GraphQLResult
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.operation_admission import AdmittedOperation
from gateway.execution.persisted_documents import (
    STORE_ENTRY_BYTES,
    InvalidPersistedQueryError,
    PersistedDocuments,
    PersistedQueryStore,
    load_persisted_documents,
)
from tests.support.marketplaces import Marketplace

TRUSTED_QUERY, OTHER_QUERY = "query Me { viewer { user { username } } }", "{ __typename }"
TRUSTED_DOCUMENT = TrustedDocument("me", "Me", TRUSTED_QUERY)
HASH_MISMATCH = "`extensions.persistedQuery.sha256Hash` must be the SHA-256 of `query`"


def compute_hash(text: str) -> str:
    """Return the SHA-256 of a text, in lower-case hexadecimal."""
    return sha256(text.encode()).hexdigest()


def make_extensions(sha256_hash: Any, version: Any = 1) -> dict[str, Any]:
    """Return the extensions of an automatic persisted query."""
    return {"persistedQuery": {"version": version, "sha256Hash": sha256_hash}}


class Gate:
    """Admission of requests by an executor with trusted documents."""

    def __init__(self, demo: Marketplace, **options: Any) -> None:
        documents = options.pop("documents", [TRUSTED_DOCUMENT])
        self.persisted_documents = PersistedDocuments(documents, **options)
        self.executor = Executor(schema, persisted_documents=self.persisted_documents)
        self._demo = demo

    async def admit(self, query: str = "", **members: Any) -> str:
        """Return the document's text if the request is admitted, else the code of its error."""
        viewer = await self._demo.load_viewer(None)
        operation = self.executor.admit_operation(GraphQLRequest(query, **members), viewer)
        if isinstance(operation, AdmittedOperation):
            assert not operation.graphql_request.extensions
            assert operation.graphql_request.document_id is None
            return operation.graphql_request.query
        assert isinstance(operation, GraphQLResult)
        assert operation.is_rejected
        (error, *_) = operation.response["errors"]
        return str(error["extensions"]["code"])

    async def admit_hash(self, text: str, query: str = "") -> str:
        """Admit a request with the hash of a text."""
        return await self.admit(query, extensions=make_extensions(compute_hash(text)))


@pytest.fixture
def gate(demo: Marketplace) -> Gate:
    """Return a gate in the mode "allow"."""
    return Gate(demo)


async def test_unknown_hash_is_registered_and_then_found(gate: Gate) -> None:
    assert await gate.admit_hash(OTHER_QUERY) == "PERSISTED_QUERY_NOT_FOUND"
    assert await gate.admit_hash(OTHER_QUERY, OTHER_QUERY) == OTHER_QUERY
    assert await gate.admit_hash(OTHER_QUERY) == OTHER_QUERY
    assert await gate.admit_hash(OTHER_QUERY, OTHER_QUERY) == OTHER_QUERY
    assert gate.persisted_documents.outcome_counts == {"miss": 1, "registered": 1, "hit": 2}


@pytest.mark.parametrize("query", ["{", "{ nothing }", "{" + "__typename " * 3000 + "}"])
async def test_only_admitted_documents_are_stored(gate: Gate, query: str) -> None:
    assert await gate.admit_hash(query, query) in (
        "GRAPHQL_PARSE_FAILED",
        "GRAPHQL_VALIDATION_FAILED",
    )
    assert await gate.admit_hash(query) == "PERSISTED_QUERY_NOT_FOUND"
    assert gate.persisted_documents.store.stored_bytes == 0


@pytest.mark.parametrize(
    ("sha256_hash", "query"),
    [
        ("0" * 64, OTHER_QUERY),
        (compute_hash(OTHER_QUERY).upper(), OTHER_QUERY),
        (compute_hash(OTHER_QUERY), f"{OTHER_QUERY} "),
        ("", OTHER_QUERY),
        ("x" * 1_000_000, OTHER_QUERY),
    ],
)
async def test_hash_of_another_text_is_refused(gate: Gate, sha256_hash: str, query: str) -> None:
    await gate.admit_hash(OTHER_QUERY, OTHER_QUERY)
    with pytest.raises(InvalidPersistedQueryError, match=HASH_MISMATCH) as caught:
        await gate.admit(query, extensions=make_extensions(sha256_hash))
    assert len(str(caught.value)) < 200
    assert await gate.admit_hash(OTHER_QUERY) == OTHER_QUERY


@pytest.mark.parametrize(
    ("extension", "expected_message"),
    [
        ([], "must be an object"),
        ("0" * 64, "must be an object"),
        (1, "must be an object"),
        ({}, "version` must be 1, got None"),
        ({"version": 2, "sha256Hash": "a"}, "must be 1, got 2"),
        ({"version": True, "sha256Hash": "a"}, "must be 1, got True"),
        ({"version": "1", "sha256Hash": "a"}, "must be 1"),
        ({"version": "x" * 1_000_000, "sha256Hash": "a"}, "must be 1"),
        ({"version": [[]], "sha256Hash": "a"}, "must be 1"),
        ({"version": 1}, "sha256Hash` must be a string"),
        ({"version": 1, "sha256Hash": ["a"]}, "sha256Hash` must be a string"),
        ({"version": 1, "sha256Hash": {"a": 1}}, "sha256Hash` must be a string"),
    ],
)
@pytest.mark.parametrize("query", ["", OTHER_QUERY])
async def test_malformed_extensions_are_refused(
    gate: Gate, extension: Any, expected_message: str, query: str
) -> None:
    with pytest.raises(InvalidPersistedQueryError, match=expected_message) as caught:
        await gate.admit(query, extensions={"persistedQuery": extension})
    assert len(str(caught.value)) < 200
    assert gate.persisted_documents.outcome_counts == {"refused": 1}


@pytest.mark.parametrize("extensions", [{}, {"persistedQuery": None}, {"other": [1]}])
async def test_other_extensions_are_ignored(gate: Gate, extensions: dict[str, Any]) -> None:
    assert await gate.admit(OTHER_QUERY, extensions=extensions) == OTHER_QUERY
    assert not gate.persisted_documents.outcome_counts


async def test_flood_of_registrations_evicts_and_clients_recover(demo: Marketplace) -> None:
    gate = Gate(demo, store_bytes=20_000)
    await gate.admit_hash(OTHER_QUERY, OTHER_QUERY)
    for number in range(200):
        query = f"{{ a{number}: __typename }}"
        assert await gate.admit_hash(query, query) == query
        assert gate.persisted_documents.store.stored_bytes <= 20_000
    assert await gate.admit_hash(OTHER_QUERY) == "PERSISTED_QUERY_NOT_FOUND"
    assert await gate.admit_hash(OTHER_QUERY, OTHER_QUERY) == OTHER_QUERY
    assert await gate.admit_hash(OTHER_QUERY) == OTHER_QUERY
    assert await gate.admit(document_id="me") == TRUSTED_QUERY


async def test_without_a_store_clients_fall_back(demo: Marketplace) -> None:
    gate = Gate(demo, store_bytes=0)
    assert await gate.admit_hash(OTHER_QUERY) == "PERSISTED_QUERY_NOT_SUPPORTED"
    assert await gate.admit_hash(OTHER_QUERY, OTHER_QUERY) == OTHER_QUERY
    assert await gate.admit_hash(OTHER_QUERY) == "PERSISTED_QUERY_NOT_SUPPORTED"
    assert await gate.admit(OTHER_QUERY) == OTHER_QUERY
    assert await gate.admit_hash(TRUSTED_QUERY) == TRUSTED_QUERY


@pytest.mark.parametrize("mode", ["allow", "only"])
@pytest.mark.parametrize(
    "document_id", ["me", compute_hash(TRUSTED_QUERY), f"sha256:{compute_hash(TRUSTED_QUERY)}"]
)
async def test_trusted_documents_have_ids(demo: Marketplace, mode: str, document_id: str) -> None:
    gate = Gate(demo, mode=mode)
    assert await gate.admit(document_id=document_id) == TRUSTED_QUERY
    assert await gate.admit(TRUSTED_QUERY, document_id=document_id) == TRUSTED_QUERY
    assert gate.persisted_documents.outcome_counts == {"trusted": 2}


@pytest.mark.parametrize("mode", ["allow", "only"])
async def test_ids_of_a_manifest_may_be_sent_as_hashes(demo: Marketplace, mode: str) -> None:
    """Test what Apollo's link sends with the ids of its manifest."""
    gate = Gate(demo, mode=mode)
    for sha256_hash in ("me", compute_hash(TRUSTED_QUERY)):
        extensions = make_extensions(sha256_hash)
        assert await gate.admit(extensions=extensions) == TRUSTED_QUERY
        assert await gate.admit(TRUSTED_QUERY, extensions=extensions) == TRUSTED_QUERY
        with pytest.raises(InvalidPersistedQueryError, match="is not the trusted document"):
            await gate.admit(OTHER_QUERY, extensions=extensions)


@pytest.mark.parametrize("mode", ["allow", "only"])
@pytest.mark.parametrize(
    "document_id", ["", "Me", "x" * 1_000_000, f"sha256:{compute_hash(TRUSTED_QUERY).upper()}"]
)
async def test_unknown_ids_are_refused(demo: Marketplace, mode: str, document_id: str) -> None:
    gate = Gate(demo, mode=mode)
    for query in ("", TRUSTED_QUERY, OTHER_QUERY):
        code = await gate.admit(query, document_id=document_id)
        assert code == "PERSISTED_DOCUMENT_NOT_FOUND"


async def test_id_with_another_document_is_refused(gate: Gate) -> None:
    with pytest.raises(InvalidPersistedQueryError, match="is not the trusted document"):
        await gate.admit(OTHER_QUERY, document_id="me")
    with pytest.raises(InvalidPersistedQueryError, match="not both"):
        await gate.admit(document_id="me", extensions=make_extensions(compute_hash(TRUSTED_QUERY)))


async def test_registered_documents_have_no_id(gate: Gate) -> None:
    await gate.admit_hash(OTHER_QUERY, OTHER_QUERY)
    document_id = f"sha256:{compute_hash(OTHER_QUERY)}"
    assert await gate.admit(document_id=document_id) == "PERSISTED_DOCUMENT_NOT_FOUND"


async def test_other_documents_are_refused_in_the_mode_only(demo: Marketplace) -> None:
    gate = Gate(demo, mode="only")
    assert await gate.admit(OTHER_QUERY) == "PERSISTED_DOCUMENT_ID_REQUIRED"
    assert await gate.admit(f"{TRUSTED_QUERY} ") == "PERSISTED_DOCUMENT_ID_REQUIRED"
    assert await gate.admit_hash(OTHER_QUERY) == "PERSISTED_DOCUMENT_NOT_FOUND"
    assert await gate.admit_hash(OTHER_QUERY, OTHER_QUERY) == "PERSISTED_DOCUMENT_ID_REQUIRED"
    assert await gate.admit_hash(OTHER_QUERY) == "PERSISTED_DOCUMENT_NOT_FOUND"
    assert await gate.admit(TRUSTED_QUERY) == TRUSTED_QUERY
    assert gate.persisted_documents.store.stored_bytes == 0


async def test_trusted_documents_are_checked_once_and_kept(gate: Gate) -> None:
    document = gate.executor._admission.document_cache.get_document(TRUSTED_QUERY)
    for number in range(600):
        gate.executor._admission.document_cache.get_document(f"{{ a{number}: __typename }}")
    assert gate.executor._admission.document_cache.get_document(TRUSTED_QUERY) is document


def test_invalid_trusted_documents_are_refused_at_start() -> None:
    persisted_documents = PersistedDocuments(
        [TRUSTED_DOCUMENT, TrustedDocument("b", "Broken", "{ nothing, nowhere }")]
    )
    with pytest.raises(ManifestError, match=r"not valid: Broken \('b'\): 1:3: .*1 of 2"):
        Executor(schema, persisted_documents=persisted_documents)


def test_manifest_is_read_unless_off(tmp_path: Path) -> None:
    path = tmp_path / "nothing.json"
    with pytest.raises(ManifestError, match="can't be read"):
        load_persisted_documents("allow", path, 0)
    load_persisted_documents("off", path, 0)
    with pytest.raises(ManifestError, match="needs a GATEWAY_DOCUMENT_MANIFEST"):
        load_persisted_documents("only", None, 0)


def test_store_evicts_the_least_recently_used() -> None:
    store = PersistedQueryStore(3 * (STORE_ENTRY_BYTES + 200))
    for name in ("a", "b", "c"):
        store.store_text(name, name * 100)
    assert store.find_text("a") == "a" * 100
    store.store_text("d", "d" * 100)
    assert [store.find_text(name) is not None for name in "abcd"] == [True, False, True, True]


def test_store_is_bounded_by_bytes() -> None:
    store = PersistedQueryStore(50_000)
    for number in range(2000):
        store.store_text(str(number), "\u20ac" * number)
        store.store_text(str(number), "\u20ac" * number)
        assert 0 < store.stored_bytes <= 50_000
    stored_bytes = store.stored_bytes
    store.store_text("long", "x" * 100_000)
    assert (store.stored_bytes, store.find_text("long")) == (stored_bytes, None)
