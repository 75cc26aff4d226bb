"""Answering requests by graphql-core: the reference, which always works."""

from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

import msgspec
import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLSchema, execute

from gateway.context import Context, TooMuchError
from gateway.execution.documents import Documents
from gateway.execution.failures import Code, failure, told

encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Asking:
    """A GraphQL request."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    id: str = ""
    """What the request is called in the log."""


@dataclass(frozen=True)
class Answer:
    """A GraphQL response."""

    body: dict[str, Any]
    refused: bool = False
    """Whether the request was refused as a whole, before anything was executed."""

    def encoded(self) -> bytes:
        """Give the response as JSON."""
        return encode(self.body)


class Answering:
    """Answers requests to `schema`."""

    def __init__(self, schema: strawberry.Schema, *, tokens: int = 2000) -> None:
        """Answer documents of at most so many `tokens`."""
        self._schema: GraphQLSchema = schema._schema  # noqa: SLF001 - strawberry has no other way
        self._documents = Documents(self._schema, tokens=tokens)

    async def answer(self, asking: Asking, context: Context) -> Answer:
        """Give the response to a request."""
        document = self._documents.read(asking.query)
        if document.ast is None or document.errors:
            errors = told(document.errors, asking.id, document.code)
            return Answer({"errors": errors}, refused=True)
        try:
            result = await self._executed(document.ast, asking, context)
        except TooMuchError:
            return _too_much(context.budget.most)
        return _answer(result, asking)

    async def _executed(
        self, document: DocumentNode, asking: Asking, context: Context
    ) -> ExecutionResult:
        result = execute(
            self._schema,
            document,
            context_value=context,
            variable_values=asking.variables,
            operation_name=asking.operation_name,
        )
        done = await result if isawaitable(result) else result
        assert isinstance(done, ExecutionResult)
        return done


def _too_much(most: int) -> Answer:
    message = f"The answer would show more than {most} objects. Ask for less, or page by page."
    return Answer({"errors": [failure(message, Code.QUERY_TOO_COMPLEX)]}, refused=True)


def _answer(result: ExecutionResult, asking: Asking) -> Answer:
    errors = told(result.errors or (), asking.id)
    if result.data is None and all(each.path is None for each in result.errors or ()):
        return Answer({"errors": errors}, refused=True)
    body = {"errors": errors} if errors else {}
    return Answer({**body, "data": result.data})
