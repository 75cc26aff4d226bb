"""The caches of documents: those that are valid and within limits, and those that are not.

    text ──too long, syntax error──────────────────────────────► refused
      │
    parse ──depth, aliases, directives … (`operation_measurer`)──► refused
      │
    validate ──invalid (`document_validation`)─────────────────► refused
      │
    accepted, with the size of each operation

Both are bounded by the memory that their entries take; the least recently used are evicted. A
refused document is known by the hash of its text and keeps its errors alone, so that it costs
nothing to refuse it again. Refused documents can't evict accepted ones.
"""

import gc
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    visit,
)

from gateway.error_table import ErrorCode
from gateway.execution.admission.document_validation import validate_document
from gateway.execution.admission.operation_limits import (
    DEFAULT_LIMITS,
    OperationLimits,
    OperationTooComplexError,
    check_structure,
)
from gateway.execution.admission.operation_measurer import (
    FragmentCycleError,
    OperationMeasure,
    OperationMeasurer,
    UnmeasurableDocumentError,
)
from gateway.fairness.bounded_cache import BoundedCache
from gateway.schema.framework.errors import shorten_text

MAX_DOCUMENT_CHARS = 100_000
COLLECTED_CHARS = 1000
"""The length of a document after whose validation garbage is collected: graphql-core leaves many
reference circles, which would take 100 MB until the collector finds them."""
MAX_NAME_CHARS = 128
"""The length of a name in a document: names are repeated in responses and errors."""
MAX_DOCUMENTS_BYTES, MAX_REFUSED_BYTES = 16_000_000, 4_000_000
"""The memory that accepted and refused documents may take."""
TOKEN_BYTES, ENTRY_BYTES = 800, 1000
"""Estimated memory of a token with its syntax nodes, and of what else belongs to a document."""
_LONG_NAME_PATTERN = re.compile(rf"\b\w{{{MAX_NAME_CHARS + 1}}}", re.ASCII)


@dataclass(frozen=True)
class ParsedDocument:
    """A valid document, or the errors for which it is rejected."""

    ast: DocumentNode | None = None
    """The syntax tree; None if the document is rejected."""
    errors: tuple[GraphQLError, ...] = ()
    code: ErrorCode = ErrorCode.GRAPHQL_VALIDATION_FAILED
    """The code of the errors."""
    measures: Mapping[str | None, OperationMeasure] = field(default_factory=dict)
    """The sizes of the operations by name."""

    def get_measure(self, operation_name: str | None) -> OperationMeasure | None:
        """Return the size of the operation to execute; None if the document has no such one."""
        if operation_name is None and len(self.measures) == 1:
            return next(iter(self.measures.values()))
        return self.measures.get(operation_name)

    @cached_property
    def directive_variables(self) -> tuple[str, ...]:
        """The names of the variables that are arguments of directives: @skip and @include."""
        names: set[str] = set()

        class VariableCollector(Visitor):
            def enter_directive(self, node: DirectiveNode, *_: object) -> None:
                values = [argument.value for argument in node.arguments or ()]
                names.update(
                    value.name.value for value in values if isinstance(value, VariableNode)
                )

        if self.ast is not None:
            visit(self.ast, VariableCollector())
        return tuple(sorted(names))

    @cached_property
    def variable_use_counts(self) -> Counter[str]:
        """The number of uses of each variable, without its definition."""
        counts: Counter[str] = Counter()

        class VariableCounter(Visitor):
            def enter_variable(self, node: VariableNode, *_: object) -> None:
                counts[node.name.value] += 1

            def enter_variable_definition(self, node: VariableDefinitionNode, *_: object) -> None:
                counts[node.variable.name.value] -= 1

        if self.ast is not None:
            visit(self.ast, VariableCounter())
        return counts


class DocumentCache:
    """The parsed and validated documents of one schema, by their text."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: OperationLimits = DEFAULT_LIMITS,
        *,
        suggestions: bool = False,
    ) -> None:
        """Reject documents that exceed `limits`; suggest similar names if `suggestions`."""
        self._schema, self._limits, self._suggestions = schema, limits, suggestions
        self._accepted: BoundedCache[str, ParsedDocument] = BoundedCache(MAX_DOCUMENTS_BYTES)
        self._refused: BoundedCache[bytes, ParsedDocument] = BoundedCache(MAX_REFUSED_BYTES)
        self._pinned_documents: dict[str, ParsedDocument] = {}

    def pin_document(self, text: str) -> ParsedDocument:
        """Return the document with that text; if it is valid, it is never evicted."""
        document = self.get_document(text)
        if not document.errors:
            self._pinned_documents[text] = document
        return document

    def has_document(self, text: str) -> bool:
        """Return whether it is known if a document is valid, so that it need not be parsed."""
        return len(text) > MAX_DOCUMENT_CHARS or self._find_document(text) is not None

    def get_document(self, text: str) -> ParsedDocument:
        """Return the document with that text, parsed and validated."""
        if len(text) > MAX_DOCUMENT_CHARS:
            return _reject_document(
                f"The document must have at most {MAX_DOCUMENT_CHARS} characters, got {len(text)}."
            )
        document = self._find_document(text)
        if document is None:
            document = self.parse_document(text)
            self.store_document(text, document)
        return document

    def _find_document(self, text: str) -> ParsedDocument | None:
        document = self._pinned_documents.get(text) or self._accepted.find_value(text)
        return document or self._refused.find_value(_hash_text(text))

    def store_document(self, text: str, document: ParsedDocument) -> None:
        """Keep a document that `parse_document` returned."""
        if document.ast is None:
            self._refused.store_value(_hash_text(text), document, _estimate_error_bytes(document))
        else:
            size = ENTRY_BYTES + 4 * len(text) + TOKEN_BYTES * (document.ast.token_count or 0)
            self._accepted.store_value(text, document, size)

    def parse_document(self, text: str) -> ParsedDocument:
        """Return the document with that text, without a look at the cache.

        It takes up to 50 ms; any thread may do it.
        """
        document = self._parse_text(text)
        if len(text) > COLLECTED_CHARS:
            gc.collect(1)
        return document

    def _parse_text(self, text: str) -> ParsedDocument:
        try:
            ast = parse(text, max_tokens=self._limits.tokens)
            _unlink_tokens(ast)
            _check_names(text, ast)
            return self._admit_document(ast)
        except GraphQLError as error:
            return _reject_document(error.message, error)
        except OperationTooComplexError as error:
            return _reject_document(str(error), code=ErrorCode.QUERY_TOO_COMPLEX)
        except (RecursionError, UnmeasurableDocumentError):
            return _reject_document("The document is nested too deeply.")

    def _admit_document(self, ast: DocumentNode) -> ParsedDocument:
        """Measure and validate a document. Raises OperationTooComplexError."""
        try:
            measures = self._measure_operations(ast)
        except FragmentCycleError:
            measures = {}
        errors = validate_document(self._schema, ast, suggestions=self._suggestions)
        return ParsedDocument(None, errors) if errors else ParsedDocument(ast, measures=measures)

    def _measure_operations(self, ast: DocumentNode) -> Mapping[str | None, OperationMeasure]:
        measurer, measures = OperationMeasurer(self._schema, ast, self._limits), {}
        for node in ast.definitions:
            if isinstance(node, OperationDefinitionNode):
                measure = measurer.measure_operation(node)
                check_structure(measure.selection, self._limits)
                measures[None if node.name is None else node.name.value] = measure
        return measures


def _unlink_tokens(ast: DocumentNode) -> None:
    """Break the reference circles of a document's tokens, so that it is freed at once."""
    token = None if ast.loc is None else ast.loc.start_token
    while token is not None:
        next_token, token.prev, token.next = token.next, None, None
        token = next_token


def _hash_text(text: str) -> bytes:
    return sha256(text.encode(errors="surrogatepass")).digest()


def _check_names(text: str, ast: DocumentNode) -> None:
    """Raise GraphQLError if a name is too long."""
    if _LONG_NAME_PATTERN.search(text):
        name_chars = max(map(len, _collect_names(ast)), default=0)
        if name_chars > MAX_NAME_CHARS:
            raise GraphQLError(
                f"A name in the document must have at most {MAX_NAME_CHARS} characters,"
                f" got {name_chars}."
            )


def _reject_document(
    message: str,
    cause: GraphQLError | None = None,
    code: ErrorCode = ErrorCode.GRAPHQL_PARSE_FAILED,
) -> ParsedDocument:
    error = GraphQLError(shorten_text(message))
    error.locations = None if cause is None else cause.locations
    return ParsedDocument(None, (error,), code)


def _estimate_error_bytes(document: ParsedDocument) -> int:
    location_count = sum(len(each.locations or ()) for each in document.errors)
    return ENTRY_BYTES * (1 + len(document.errors)) + 100 * location_count


def _collect_names(ast: DocumentNode) -> list[str]:
    """Return all names in a document, repeated ones as often as they occur."""
    names: list[str] = []

    class NameCollector(Visitor):
        def enter_name(self, node: NameNode, *_: object) -> None:
            names.append(node.value)

    visit(ast, NameCollector())
    return names
