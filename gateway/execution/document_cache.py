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

from gateway.execution.errors import Code

KEPT, LONGEST_KEPT = 500, 20_000
"""So many documents are kept, and none of more characters."""
LONGEST, LONGEST_NAME = 100_000, 128
"""Characters of a document, and of a name in it: names come back in answers and errors."""
MOST_INTROSPECTION = 5
"""How often a document may ask for the schema: each time can cost much."""
_LONG_NAME = re.compile(rf"\w{{{LONGEST_NAME + 1}}}", re.ASCII)
_INTROSPECTION = re.compile(r"\b__(schema|type)\b")


@dataclass(frozen=True)
class Document:
    """A document that can be executed, or the errors why it can't."""

    ast: DocumentNode | None = None
    errors: tuple[GraphQLError, ...] = ()
    code: Code = Code.GRAPHQL_VALIDATION_FAILED

    @cached_property
    def switches(self) -> tuple[str, ...]:
        """Name the variables that decide, in @skip and @include, what is selected."""
        found: set[str] = set()

        class Collect(Visitor):
            def enter_directive(self, node: DirectiveNode, *_: object) -> None:
                values = [each.value for each in node.arguments or ()]
                found.update(each.name.value for each in values if isinstance(each, VariableNode))

        if self.ast is not None:
            visit(self.ast, Collect())
        return tuple(sorted(found))

    @cached_property
    def uses(self) -> Counter[str]:
        """Count how often each variable is used, where it is defined apart."""
        found: Counter[str] = Counter()

        class Count(Visitor):
            def enter_variable(self, node: VariableNode, *_: object) -> None:
                found[node.name.value] += 1

            def enter_variable_definition(self, node: VariableDefinitionNode, *_: object) -> None:
                found[node.variable.name.value] -= 1

        if self.ast is not None:
            visit(self.ast, Count())
        return found


class Documents:
    """Reads documents for a schema."""

    def __init__(self, schema: GraphQLSchema, *, tokens: int) -> None:
        """Read documents of at most so many `tokens`."""
        self._schema, self._tokens = schema, tokens
        self._kept = lru_cache(KEPT)(self._read)

    def read(self, text: str) -> Document:
        """Give the document that `text` is."""
        return self._kept(text) if len(text) <= LONGEST_KEPT else self._read(text)

    def _read(self, text: str) -> Document:
        if len(text) > LONGEST:
            return _refused(f"The document has more than {LONGEST} characters.")
        if len(_INTROSPECTION.findall(text)) > MOST_INTROSPECTION:
            return _refused(
                f"The document asks for the schema more than {MOST_INTROSPECTION} times."
            )
        return self._parsed(text)

    def _parsed(self, text: str) -> Document:
        try:
            ast = parse(text, max_tokens=self._tokens)
        except GraphQLError as error:
            return Document(None, (error,), Code.GRAPHQL_PARSE_FAILED)
        except RecursionError:
            return _refused("The document is nested too deeply.")
        if _LONG_NAME.search(text) and any(len(name) > LONGEST_NAME for name in _names(ast)):
            return _refused(f"A name in the document has more than {LONGEST_NAME} characters.")
        return Document(ast, tuple(validate(self._schema, ast)))


def _refused(message: str) -> Document:
    return Document(None, (GraphQLError(message),), Code.GRAPHQL_PARSE_FAILED)


def _names(ast: DocumentNode) -> list[str]:
    """Give the names in a document."""
    found: list[str] = []

    class Collect(Visitor):
        def enter_name(self, node: NameNode, *_: object) -> None:
            found.append(node.value)

    visit(ast, Collect())
    return found
