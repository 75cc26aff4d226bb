"""Admission: the operation of a request, if its document is valid and it is within limits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, GraphQLSchema, OperationType, get_operation_ast

from gateway.config.settings import Settings
from gateway.db.access.viewer import Viewer
from gateway.execution.admission.operation_limits import (
    DEFAULT_LIMITS,
    OperationLimits,
    OperationTooComplexError,
    build_cost_report,
    check_sizes,
    make_operation_limits,
)
from gateway.execution.document_cache import DocumentCache, ParsedDocument
from gateway.execution.errors import format_errors, format_exception
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.variable_limits import VariableLimitError, VariableLimits

INTROSPECTION_REFUSED = ParsedDocument(
    errors=(
        GraphQLError("Introspection is not allowed: of types, only `name` and `kind` can be read."),
    )
)
"""The document of a viewer who may not read the schema."""


@dataclass(frozen=True)
class AdmissionPolicy:
    """What operations are admitted, and what their errors say."""

    limits: OperationLimits = DEFAULT_LIMITS
    variable_limits: VariableLimits = VariableLimits()  # noqa: RUF009 - it is immutable
    suggestions: bool = False
    """Whether the first errors of a document suggest similar names."""
    allow_introspection: Callable[[Viewer], bool] = lambda _viewer: True
    """Returns whether a viewer may read the schema."""


DEFAULT_POLICY = AdmissionPolicy()
INTROSPECTION_AUDIENCES: dict[str, Callable[[Viewer], bool]] = {
    "all": lambda _viewer: True,
    "staff": lambda viewer: viewer.acts_as_staff(None),
    "off": lambda _viewer: False,
}
"""Who may read the schema, by the setting GATEWAY_INTROSPECTION."""


def make_admission_policy(settings: Settings) -> AdmissionPolicy:
    """Return the policy that the settings say."""
    variable_limits = VariableLimits(
        values=settings.variable_values,
        objects=settings.variable_objects,
        list_items=settings.variable_list_items,
        text_chars=settings.variable_text_chars,
        name_chars=settings.variable_name_chars,
        depth=settings.variable_depth,
    )
    return AdmissionPolicy(
        make_operation_limits(settings),
        variable_limits,
        suggestions=settings.is_development,
        allow_introspection=INTROSPECTION_AUDIENCES[settings.introspection_audience],
    )


@dataclass(frozen=True)
class AdmittedOperation:
    """A valid operation of a document, within all limits."""

    graphql_request: GraphQLRequest
    document: ParsedDocument
    cost: int = 0
    """The cost by the formula of docs/cost.md; 0 if the document has no such operation."""
    is_introspection: bool = False
    """Whether the response depends on nothing but the schema and the variables."""

    @property
    def is_mutation(self) -> bool:
        """Whether the operation to execute is a mutation."""
        assert self.document.ast is not None
        operation = get_operation_ast(self.document.ast, self.graphql_request.operation_name)
        return operation is not None and operation.operation is OperationType.MUTATION


@dataclass(frozen=True)
class OperationRejection:
    """The formatted errors for which an operation is refused."""

    errors: list[dict[str, Any]]
    cost: int | None = None
    """The cost, if that is too high."""


class OperationAdmission:
    """Admission of the operations of one schema."""

    def __init__(self, schema: GraphQLSchema, policy: AdmissionPolicy) -> None:
        """Admit operations by `policy`."""
        self._policy, self._limits = policy, policy.limits
        self.document_cache = DocumentCache(schema, policy.limits, suggestions=policy.suggestions)

    def admit_operation(
        self, graphql_request: GraphQLRequest, viewer: Viewer
    ) -> AdmittedOperation | OperationRejection:
        """Return the operation of a viewer, or why it is refused."""
        try:
            self._policy.variable_limits.check_variables(graphql_request.variables)
        except VariableLimitError as error:
            return OperationRejection(format_errors([error], graphql_request.request_id))
        document = self.document_cache.get_document(graphql_request.query)
        if document.ast is None:
            return _reject_document(document, graphql_request)
        measure = document.get_measure(graphql_request.operation_name)
        if measure is None:
            return AdmittedOperation(graphql_request, document)  # the execution reports it
        if measure.selection.reads_schema and not self._policy.allow_introspection(viewer):
            return _reject_document(INTROSPECTION_REFUSED, graphql_request)
        cost, conditions = measure.compute_sizes(graphql_request.variables)
        try:
            check_sizes(cost, conditions, self._limits)
        except OperationTooComplexError as error:
            return self._reject_operation(error, graphql_request)
        return AdmittedOperation(graphql_request, document, cost, measure.is_introspection)

    def _reject_operation(
        self, error: OperationTooComplexError, graphql_request: GraphQLRequest
    ) -> OperationRejection:
        formatted = format_exception(error, graphql_request.request_id)
        if error.cost is not None:
            formatted["extensions"]["cost"] = build_cost_report(error.cost, self._limits)
        return OperationRejection([formatted], error.cost)


def _reject_document(
    document: ParsedDocument, graphql_request: GraphQLRequest
) -> OperationRejection:
    return OperationRejection(
        format_errors(document.errors, graphql_request.request_id, document.code)
    )
