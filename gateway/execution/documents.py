"""Documents, parsed and validated once; the ones asked for last are kept."""

from dataclasses import dataclass
from functools import lru_cache

from graphql import DocumentNode, GraphQLError, GraphQLSchema, parse, validate

from gateway.execution.failures import Code

KEPT = 500
LONGEST_KEPT = 20_000


@dataclass(frozen=True)
class Document:
    """A document that can be executed, or the errors why it can't."""

    ast: DocumentNode | None = None
    errors: tuple[GraphQLError, ...] = ()
    code: Code = Code.GRAPHQL_VALIDATION_FAILED


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
        try:
            ast = parse(text, max_tokens=self._tokens)
        except GraphQLError as error:
            return Document(None, (error,), Code.GRAPHQL_PARSE_FAILED)
        except RecursionError:
            deep = GraphQLError("The document is nested too deeply.")
            return Document(None, (deep,), Code.GRAPHQL_PARSE_FAILED)
        return Document(ast, tuple(validate(self._schema, ast)))
