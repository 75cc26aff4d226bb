"""The cache of parsed and validated documents; the least recently used are evicted."""

import re
from collections import Counter, OrderedDict
from dataclasses import dataclass
from functools import cached_property

from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NameNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    validate,
    visit,
)

from gateway.error_table import ErrorCode

MAX_CACHED_DOCUMENTS = 500
MAX_CACHED_DOCUMENT_CHARS = 20_000
"""The length of a document beyond which it is parsed for each request."""
MAX_DOCUMENT_CHARS = 100_000
MAX_NAME_CHARS = 128
"""The length of a name in a document: names are repeated in responses and errors."""
MAX_INTROSPECTION_FIELDS = 5
"""Fields `__schema` and `__type` in a document: each can make a very large response."""
_LONG_NAME_PATTERN = re.compile(rf"\w{{{MAX_NAME_CHARS + 1}}}", re.ASCII)
_INTROSPECTION_PATTERN = re.compile(r"\b__(schema|type)\b")


@dataclass(frozen=True)
class ParsedDocument:
    """A valid document, or the errors for which it is rejected."""

    ast: DocumentNode | None = None
    """The syntax tree; None if the document can't be parsed."""
    errors: tuple[GraphQLError, ...] = ()
    code: ErrorCode = ErrorCode.GRAPHQL_VALIDATION_FAILED
    """The code of the errors."""

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

    def __init__(self, schema: GraphQLSchema, *, max_tokens: int) -> None:
        """Reject documents of more than `max_tokens` tokens."""
        self._schema, self._max_tokens = schema, max_tokens
        self._documents: OrderedDict[str, ParsedDocument] = OrderedDict()
        self._pinned_documents: dict[str, ParsedDocument] = {}

    def has_document(self, text: str) -> bool:
        """Return whether a document is cached, so that it need not be parsed."""
        return text in self._documents or text in self._pinned_documents

    def get_document(self, text: str) -> ParsedDocument:
        """Return the document with that text, parsed and validated."""
        document = self._documents.get(text)
        if document is not None:
            self._documents.move_to_end(text)
            return document
        return self._pinned_documents.get(text) or self._add_document(text)

    def _add_document(self, text: str) -> ParsedDocument:
        document = self._parse_document(text)
        if len(text) <= MAX_CACHED_DOCUMENT_CHARS:
            self._documents[text] = document
            if len(self._documents) > MAX_CACHED_DOCUMENTS:
                self._documents.popitem(last=False)
        return document

    def pin_document(self, text: str) -> ParsedDocument:
        """Return the document with that text; if it is valid, it is never evicted."""
        document = self._pinned_documents.get(text) or self._parse_document(text)
        if not document.errors:
            self._pinned_documents[text] = document
        return document

    def _parse_document(self, text: str) -> ParsedDocument:
        if len(text) > MAX_DOCUMENT_CHARS:
            return _reject_document(
                f"The document must have at most {MAX_DOCUMENT_CHARS} characters, got {len(text)}."
            )
        introspection_fields = len(_INTROSPECTION_PATTERN.findall(text))
        if introspection_fields > MAX_INTROSPECTION_FIELDS:
            return _reject_document(
                f"The document must have at most {MAX_INTROSPECTION_FIELDS} introspection fields,"
                f" got {introspection_fields}."
            )
        return self._parse_and_validate(text)

    def _parse_and_validate(self, text: str) -> ParsedDocument:
        try:
            ast = parse(text, max_tokens=self._max_tokens)
        except GraphQLError as error:
            return ParsedDocument(None, (error,), ErrorCode.GRAPHQL_PARSE_FAILED)
        except RecursionError:
            return _reject_document("The document is nested too deeply.")
        if _LONG_NAME_PATTERN.search(text):
            name_chars = max(map(len, _collect_names(ast)), default=0)
            if name_chars > MAX_NAME_CHARS:
                return _reject_document(
                    f"A name in the document must have at most {MAX_NAME_CHARS} characters,"
                    f" got {name_chars}."
                )
        return ParsedDocument(ast, tuple(validate(self._schema, ast)))


def _reject_document(message: str) -> ParsedDocument:
    return ParsedDocument(None, (GraphQLError(message),), ErrorCode.GRAPHQL_PARSE_FAILED)


def _collect_names(ast: DocumentNode) -> list[str]:
    """Return all names in a document, repeated ones as often as they occur."""
    names: list[str] = []

    class NameCollector(Visitor):
        def enter_name(self, node: NameNode, *_: object) -> None:
            names.append(node.value)

    visit(ast, NameCollector())
    return names
