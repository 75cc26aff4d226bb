"""Documents, parsed and validated once; the ones asked for last are kept."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache

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

from gateway.execution.errors import ErrorCode

MAX_CACHED_DOCUMENTS, MAX_CACHED_DOCUMENT_CHARS = 500, 20_000
"""So many documents are kept, and none of more characters."""
MAX_DOCUMENT_CHARS, MAX_NAME_CHARS = 100_000, 128
"""Characters of a document, and of a name in it: names come back in answers and errors."""
MAX_INTROSPECTION_FIELDS = 5
"""How often a document may ask for the schema: each time can cost much."""
_LONG_NAME_PATTERN = re.compile(rf"\w{{{MAX_NAME_CHARS + 1}}}", re.ASCII)
_INTROSPECTION_PATTERN = re.compile(r"\b__(schema|type)\b")


@dataclass(frozen=True)
class ParsedDocument:
    """A document that can be executed, or the errors why it can't."""

    ast: DocumentNode | None = None
    errors: tuple[GraphQLError, ...] = ()
    code: ErrorCode = ErrorCode.GRAPHQL_VALIDATION_FAILED

    @cached_property
    def directive_variables(self) -> tuple[str, ...]:
        """Name the variables that decide, in @skip and @include, what is selected."""
        names: set[str] = set()

        class VariableCollector(Visitor):
            def enter_directive(self, node: DirectiveNode, *_: object) -> None:
                argument_values = [each.value for each in node.arguments or ()]
                names.update(
                    each.name.value for each in argument_values if isinstance(each, VariableNode)
                )

        if self.ast is not None:
            visit(self.ast, VariableCollector())
        return tuple(sorted(names))

    @cached_property
    def variable_use_counts(self) -> Counter[str]:
        """Count how often each variable is used, where it is defined apart."""
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
    """Reads documents for a schema."""

    def __init__(self, schema: GraphQLSchema, *, max_tokens: int) -> None:
        """Read documents of at most so many `tokens`."""
        self._schema, self._max_tokens = schema, max_tokens
        self._parse_cached = lru_cache(MAX_CACHED_DOCUMENTS)(self._parse_document)

    def get_document(self, text: str) -> ParsedDocument:
        """Give the document that `text` is."""
        return (
            self._parse_cached(text)
            if len(text) <= MAX_CACHED_DOCUMENT_CHARS
            else self._parse_document(text)
        )

    def _parse_document(self, text: str) -> ParsedDocument:
        if len(text) > MAX_DOCUMENT_CHARS:
            return _reject_document(f"The document has more than {MAX_DOCUMENT_CHARS} characters.")
        if len(_INTROSPECTION_PATTERN.findall(text)) > MAX_INTROSPECTION_FIELDS:
            return _reject_document(
                f"The document asks for the schema more than {MAX_INTROSPECTION_FIELDS} times."
            )
        return self._parse_and_validate(text)

    def _parse_and_validate(self, text: str) -> ParsedDocument:
        try:
            ast = parse(text, max_tokens=self._max_tokens)
        except GraphQLError as error:
            return ParsedDocument(None, (error,), ErrorCode.GRAPHQL_PARSE_FAILED)
        except RecursionError:
            return _reject_document("The document is nested too deeply.")
        if _LONG_NAME_PATTERN.search(text) and any(
            len(name) > MAX_NAME_CHARS for name in _collect_names(ast)
        ):
            return _reject_document(
                f"A name in the document has more than {MAX_NAME_CHARS} characters."
            )
        return ParsedDocument(ast, tuple(validate(self._schema, ast)))


def _reject_document(message: str) -> ParsedDocument:
    return ParsedDocument(None, (GraphQLError(message),), ErrorCode.GRAPHQL_PARSE_FAILED)


def _collect_names(ast: DocumentNode) -> list[str]:
    """Give the names in a document."""
    names: list[str] = []

    class NameCollector(Visitor):
        def enter_name(self, node: NameNode, *_: object) -> None:
            names.append(node.value)

    visit(ast, NameCollector())
    return names
