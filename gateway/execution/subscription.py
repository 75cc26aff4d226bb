"""Subscriptions: what a client asks for, and how it is told of an event.

The event's own fields are written from what is at hand. What is selected of the
resource is asked as a query of its own, so that it has a plan like any other;
the reference executes the subscription as it stands, and says the same.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    NamedTypeNode,
    NameNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
    get_argument_values,
    get_named_type,
    get_operation_ast,
)
from graphql.execution.collect_fields import FieldDetailsList, collect_fields, collect_subfields
from graphql.execution.executor import Executor

from gateway.execution.document_cache import ParsedDocument
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.planner.selections import STRAWBERRY_DEFINITION
from gateway.execution.planner.viewer_dependence import depends_on_viewer
from gateway.schema.types.resource_event import UUID_ONLY_KINDS, ResourceEvent, ResyncRequired

SubscriptionEvent = ResourceEvent | ResyncRequired
RESOURCE_FIELD = "resource"
"""The field of events that is asked as a query."""
FieldsByKey = Mapping[str, FieldDetailsList]


def is_subscription(document: ParsedDocument, operation_name: str | None) -> bool:
    """Say whether the operation that is meant is a subscription."""
    assert document.ast is not None
    operation = get_operation_ast(document.ast, operation_name)
    return operation is not None and operation.operation is OperationType.SUBSCRIPTION


@dataclass(frozen=True)
class ResourceQuery:
    """What a subscription selects of resources, as a query for one of them."""

    document: ParsedDocument
    graphql_request: GraphQLRequest
    """The query but for the uuid; its text is a name that no other document has."""
    uuid_variable: str
    """What is to hold the uuid."""

    def bind_uuid(self, uuid: str) -> tuple[ParsedDocument, GraphQLRequest]:
        """Ask it of the resource with that uuid."""
        variables = {**(self.graphql_request.variables or {}), self.uuid_variable: uuid}
        return self.document, replace(self.graphql_request, variables=variables)


@dataclass(frozen=True, eq=False)
class PreparedSubscription:
    """A subscription that can be carried out."""

    graphql_request: GraphQLRequest
    document: ParsedDocument
    response_key: str
    """The key in the answer under which events are told."""
    arguments: Mapping[str, Any]
    """What the field is given, by GraphQL's names."""
    selected_fields: Mapping[str, Mapping[str, str]]
    """For each type of what is told: its fields, by the keys that they have in the answer."""
    resource_query: ResourceQuery | None
    """What is asked of resources; None if nothing is."""
    event_types: Mapping[str, GraphQLObjectType]
    sharing_key: Hashable
    """What others have in common who ask alike; where they start is left out."""
    depends_on_viewer: bool
    """Whether what is told of resources may depend on who asks, and not only on what they see."""

    def build_resource_request(
        self, event: SubscriptionEvent
    ) -> tuple[ParsedDocument, GraphQLRequest] | None:
        """Give what is to be asked before something can be told; None if nothing is."""
        if (
            self.resource_query is None
            or isinstance(event, ResyncRequired)
            or event.kind in UUID_ONLY_KINDS
        ):
            return None
        return self.resource_query.bind_uuid(event.uuid)

    def build_event_data(
        self, event: SubscriptionEvent, resource_data: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Write the data that tells of something; `found` is what the query gave."""
        type_name = type(event).__name__
        fields = self.selected_fields[type_name].items()
        return {
            self.response_key: {
                response_key: resource_data.get(response_key)
                if name == RESOURCE_FIELD
                else _serialize_event_field(self.event_types[type_name], name, event)
                for response_key, name in fields
            }
        }


def _serialize_event_field(
    event_type: GraphQLObjectType, name: str, event: SubscriptionEvent
) -> Any:
    """Write the value of a field; all that is told is plain, or a list of texts."""
    if name == "__typename":
        return event_type.name
    field = event_type.fields[name]
    value = getattr(event, field.extensions[STRAWBERRY_DEFINITION].python_name)
    if value is None or isinstance(value, list):
        return value
    type_: Any = get_named_type(field.type)
    return type_.coerce_output_value(value)


def prepare_subscription(
    schema: GraphQLSchema, document: ParsedDocument, graphql_request: GraphQLRequest
) -> PreparedSubscription:
    """Read a subscription of a document without errors; GraphQLError if it can't be carried out."""
    assert document.ast is not None
    executor = Executor.build(
        schema,
        document.ast,
        raw_variable_values=graphql_request.variables,
        operation_name=graphql_request.operation_name,
    )
    if isinstance(executor, list):
        raise executor[0]
    response_key, details = _collect_root_field(executor)
    event_types = dict(_iterate_event_types(schema))
    fields = {
        name: _collect_subfields(executor, item, details) for name, item in event_types.items()
    }
    assert schema.subscription_type is not None
    subscription_field = schema.subscription_type.fields[details[0].node.name.value]
    resource_query = _build_resource_query(
        fields[ResourceEvent.__name__], executor.operation, document, graphql_request
    )
    return PreparedSubscription(
        graphql_request,
        document,
        response_key,
        get_argument_values(subscription_field, details[0].node, executor.variable_values),
        {
            name: {item: details_[0].node.name.value for item, details_ in subfields.items()}
            for name, subfields in fields.items()
        },
        resource_query,
        event_types,
        _make_sharing_key(document, graphql_request, details[0].node),
        resource_query is not None and _depends_on_viewer(schema, resource_query.document),
    )


def _depends_on_viewer(schema: GraphQLSchema, document: ParsedDocument) -> bool:
    return document.ast is None or depends_on_viewer(schema, document.ast)


def _make_sharing_key(
    document: ParsedDocument, graphql_request: GraphQLRequest, field_node: FieldNode
) -> Hashable:
    """Name what is asked: the document, and all variables but one that is only for `after`."""
    variables = dict(graphql_request.variables or {})
    for argument in field_node.arguments or ():
        if argument.name.value == "after" and isinstance(argument.value, VariableNode):
            name = argument.value.name.value
            if document.variable_use_counts[name] == 1:
                variables.pop(name, None)
    return (
        graphql_request.query,
        graphql_request.operation_name,
        msgspec.json.encode(variables, order="sorted"),
    )


def _iterate_event_types(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLObjectType]]:
    for event_class in (ResourceEvent, ResyncRequired):
        type_ = schema.type_map[event_class.__name__]
        assert isinstance(type_, GraphQLObjectType)
        yield type_.name, type_


def _collect_root_field(executor: Executor[Any]) -> tuple[str, FieldDetailsList]:
    """Give the one field that a subscription has, once it is valid, and its key in the answer."""
    schema, subscription_type = executor.schema, executor.schema.subscription_type
    assert subscription_type is not None
    collection_arguments = executor.fragments, executor.variable_values
    fields = collect_fields(
        schema, *collection_arguments, subscription_type, executor.operation
    ).grouped_field_set
    if len(fields) != 1:
        raise GraphQLError("A subscription selects one field.", [executor.operation])
    return next(iter(fields.items()))


def _collect_subfields(
    executor: Executor[Any], type_: GraphQLObjectType, details: FieldDetailsList
) -> FieldsByKey:
    collection_arguments = executor.fragments, executor.variable_values, executor.operation
    return collect_subfields(
        executor.schema, *collection_arguments, type_, details
    ).grouped_field_set


def _build_resource_query(
    fields: FieldsByKey,
    operation: OperationDefinitionNode,
    document: ParsedDocument,
    graphql_request: GraphQLRequest,
) -> ResourceQuery | None:
    resource_fields = {
        response_key: details
        for response_key, details in fields.items()
        if details[0].node.name.value == RESOURCE_FIELD
    }
    if not resource_fields:
        return None
    variable_definitions = operation.variable_definitions or ()
    uuid_variable = "uuid"
    while any(
        definition.variable.name.value == uuid_variable for definition in variable_definitions
    ):
        uuid_variable += "_"
    selections = tuple(
        _build_query_field(field_detail.node, uuid_variable)
        for details in resource_fields.values()
        for field_detail in details
    )
    query_operation = OperationDefinitionNode(
        operation=OperationType.QUERY,
        variable_definitions=(*variable_definitions, _define_uuid_variable(uuid_variable)),
        directives=(),
        selection_set=SelectionSetNode(selections=selections),
    )
    assert document.ast is not None
    fragments = [
        ast_definition
        for ast_definition in document.ast.definitions
        if isinstance(ast_definition, FragmentDefinitionNode)
    ]
    ast = DocumentNode(definitions=(query_operation, *fragments))
    directive_values = [
        (graphql_request.variables or {}).get(definition)
        for definition in document.directive_variables
    ]
    document_name = f"{graphql_request.query}\0{graphql_request.operation_name}\0{directive_values}"
    return ResourceQuery(
        ParsedDocument(ast),
        replace(graphql_request, query=document_name, operation_name=None),
        uuid_variable,
    )


def _build_query_field(field_node: FieldNode, uuid_variable: str) -> FieldNode:
    """Write the field of an event as that of a query."""
    variable_node = VariableNode(name=NameNode(value=uuid_variable))
    argument_node = ArgumentNode(name=NameNode(value="uuid"), value=variable_node)
    return replace(field_node, arguments=(argument_node,))


def _define_uuid_variable(uuid_variable: str) -> VariableDefinitionNode:
    return VariableDefinitionNode(
        variable=VariableNode(name=NameNode(value=uuid_variable)),
        type=NonNullTypeNode(type=NamedTypeNode(name=NameNode(value="UUID"))),
        directives=(),
    )
