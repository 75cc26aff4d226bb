"""Answering requests: by a plan where there is one, by the reference for all else."""

import logging
from collections import Counter
from dataclasses import dataclass
from time import monotonic
from typing import Any

import msgspec
import strawberry
from graphql import ExecutionResult, GraphQLError, GraphQLSchema

from gateway.db.driver.database import TimedOutError, UnavailableError
from gateway.execution.document_cache import Document, Documents
from gateway.execution.errors import Code, failure, told
from gateway.execution.graphql_core import executed, without_database
from gateway.execution.graphql_request import Asking
from gateway.execution.plan.plan import Plan
from gateway.execution.plan.serializers import keyed
from gateway.execution.plan_cache import Plans
from gateway.execution.runtime.run import run
from gateway.execution.subscription import Subscribing, Told, subscribes, subscribing
from gateway.schema.framework.context import Context, TooMuchError

log = logging.getLogger(__name__)
encode = msgspec.json.Encoder().encode
ELSEWHERE = "Subscribe over a WebSocket, or accept text/event-stream or multipart/mixed."
MOST_SURPRISES, REST = 5, 60
"""A plan that met so many surprises in a row is not used for so many seconds."""


@dataclass(frozen=True)
class Answer:
    """A GraphQL response."""

    response: dict[str, Any]
    """`errors` and `data`; that may be of any kind that can be written as JSON."""
    refused: bool = False
    """Whether the request was refused as a whole: there is no data."""

    def encoded(self) -> bytes:
        """Give the response as JSON."""
        return encode(self.response)


class SubscriptionError(Exception):
    """The operation is a subscription, which has not one answer but many."""

    def __init__(self) -> None:
        super().__init__(ELSEWHERE)


class Answering:
    """Answers requests to `schema`.

    `counts` has how many were answered by their plans ("compiled"), by the
    reference because there was no plan or the client made a mistake
    ("reference") or because a plan met what it did not know of ("surprised"),
    and how many were "refused".
    """

    def __init__(
        self, schema: strawberry.Schema, *, tokens: int = 2000, execution: str = "compiled"
    ) -> None:
        """Answer documents of at most so many `tokens`; by plans if they are to be "compiled"."""
        self._schema: GraphQLSchema = schema._schema  # noqa: SLF001 - strawberry has no other way
        self._documents = Documents(self._schema, tokens=tokens)
        self._plans = Plans(self._schema) if execution == "compiled" else None
        self.counts: Counter[str] = Counter()

    async def answer(self, asking: Asking, context: Context) -> Answer:
        """Give the response to a request; SubscriptionError if it subscribes."""
        document = self._documents.read(asking.query)
        if document.ast is None or document.errors:
            return self._refused(document, asking)
        return await self.answer_document(document, asking, context)

    def _refused(self, document: Document, asking: Asking) -> Answer:
        self.counts["refused"] += 1
        errors = told(document.errors, asking.id, document.code)
        return Answer({"errors": errors}, refused=True)

    async def answer_document(self, document: Document, asking: Asking, context: Context) -> Answer:
        """Give the response to a request whose document was read; its text is the plan's name."""
        plan = self._plan(document, asking, context)
        answer = None if plan is None else await self._planned(plan, document, asking, context)
        if answer is None:
            self.counts["reference"] += 1
            answer = await self._referred(document, asking, context)
        return answer

    def _plan(self, document: Document, asking: Asking, context: Context) -> Plan | None:
        """Give a plan that is of use."""
        if self._plans is None:
            return None
        plan = self._plans.plan(
            asking.query,
            document,
            context.statements.installation,
            asking.variables,
            asking.operation_name,
        )
        return plan if plan is None or plan.rests_until <= monotonic() else None

    async def _planned(
        self, plan: Plan, document: Document, asking: Asking, context: Context
    ) -> Answer | None:
        """Answer by a plan; None if the client made a mistake, which the reference tells best."""
        try:
            variables = plan.variables.values(asking.variables or {})
            if variables is None:
                return None
            answer = Answer({"data": await run(plan, variables, context)})
        except TooMuchError:
            answer = _too_much(context.budget.most)
        except GraphQLError:
            return None
        except Exception as surprise:  # noqa: BLE001 - whatever it is, the reference tells it
            return await self._surprised(plan, surprise, document, asking, context)
        plan.surprises = 0
        self.counts["compiled"] += 1
        return answer

    async def _surprised(
        self, plan: Plan, surprise: Exception, document: Document, asking: Asking, context: Context
    ) -> Answer:
        """Have the reference say what became of a request."""
        self.counts["surprised"] += 1
        log.warning("%s: a plan was surprised: %r: %.200r", asking.id, surprise, asking.query)
        if isinstance(surprise, UnavailableError):
            context = without_database(context, surprise)
        elif not isinstance(surprise, TimedOutError):
            _tire(plan)
        return await self._referred(document, asking, context)

    async def _referred(
        self, document: Document, asking: Asking, context: Context, root: object = None
    ) -> Answer:
        """Answer by the reference."""
        assert document.ast is not None
        if root is None and subscribes(document, asking.operation_name):
            raise SubscriptionError
        given = asking.variables, asking.operation_name
        try:
            result = await executed(self._schema, document.ast, context, *given, root)
        except TooMuchError:
            return _too_much(context.budget.most)
        return _answer(result, asking)

    def subscription(self, asking: Asking) -> "Subscribing | Answer | None":
        """Read a subscription; None if it is another operation, an answer if it is refused."""
        document = self._documents.read(asking.query)
        if document.ast is None or document.errors:
            return self._refused(document, asking)
        if not subscribes(document, asking.operation_name):
            return None
        try:
            return subscribing(self._schema, document, asking)
        except GraphQLError as error:
            return Answer({"errors": told([error], asking.id)}, refused=True)

    async def tell(self, subscribed: Subscribing, what: Told, context: Context) -> Answer:
        """Give the response that tells a subscriber of an event.

        What would show too much of the resource tells of the event alone.
        """
        if self._plans is None:
            self.counts["reference"] += 1
            asked = subscribed.document, subscribed.asking
            answer = await self._referred(*asked, context, what)
            if not answer.refused:
                return answer
        else:
            query = subscribed.query_about(what)
            answer = Answer({}) if query is None else await self.answer_document(*query, context)
        errors = [
            {**each, "path": [subscribed.key, *each["path"]]} if "path" in each else each
            for each in answer.response.get("errors", ())
        ]
        told_of = {"data": subscribed.written(what, keyed(answer.response.get("data")))}
        return Answer({"errors": errors, **told_of} if errors else told_of)


def _tire(plan: Plan) -> None:
    """Take note of a surprise; a plan that has nothing else rests."""
    plan.surprises += 1
    if plan.surprises >= MOST_SURPRISES:
        plan.surprises, plan.rests_until = 0, monotonic() + REST


def _too_much(most: int) -> Answer:
    message = f"The answer would show more than {most} objects. Ask for less, or page by page."
    return Answer({"errors": [failure(message, Code.QUERY_TOO_COMPLEX)]}, refused=True)


def _answer(result: ExecutionResult, asking: Asking) -> Answer:
    errors = told(result.errors or (), asking.id)
    if result.data is None and all(each.path is None for each in result.errors or ()):
        return Answer({"errors": errors}, refused=True)
    body = {"errors": errors} if errors else {}
    return Answer({**body, "data": result.data})
