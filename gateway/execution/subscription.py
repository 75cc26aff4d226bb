"""Subscriptions: parsed once, executed for each event.

    subscription { resourceChanged { ... on ResourceEvent { kind uuid resource { name } } } }

The event's own fields (`kind`, `uuid`) are serialized from the event, without the
database. The selection of the object, here `resource`, is rewritten to a query with one more
variable,

    query($uuid: UUID!) { resource(uuid: $uuid) { name } }

which has a plan like any other query and applies the subscriber's visibility. The
reference execution runs the subscription unchanged; tests compare the two.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

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

from gateway.exact_json import encode_sorted_json
from gateway.execution.document_cache import ParsedDocument
from gateway.execution.graphql_core_internals import (
    Executor,
    FieldDetailsList,
    collect_fields,
    collect_subfields,
)
from gateway.execution.graphql_request import GraphQLRequest
from gateway.execution.operation_admission import AdmittedOperation
from gateway.execution.planner.viewer_dependence import depends_on_viewer
from gateway.schema.framework.strawberry_internals import STRAWBERRY_DEFINITION
from gateway.schema.types.event_types import EVENT_TYPES
from gateway.schema.types.object_event import (
    EventType,
    ObjectEvent,
    ResyncRequired,
    SubscriptionStarted,
)

SubscriptionEvent = ObjectEvent | ResyncRequired | SubscriptionStarted
START_ARGUMENTS = {"after", "confirmStart"}
"""The arguments that concern the start of a subscription only, and no message after it."""
FieldsByKey = Mapping[str, FieldDetailsList]


def is_subscription(document: ParsedDocument, operation_name: str | None) -> bool:
    """Return whether the selected operation is a subscription."""
    assert document.ast is not None
    operation = get_operation_ast(document.ast, operation_name)
    return operation is not None and operation.operation is OperationType.SUBSCRIPTION


@dataclass(frozen=True)
class ObjectQuery:
    """The query for a subscription's selection of the object, such as `resource`."""

    document: ParsedDocument
    graphql_request: GraphQLRequest
    """The request without the uuid; its `query` is a unique cache key instead of a text."""
    uuid_variable: str
    """The name of the variable for the object's uuid."""

    def bind_uuid(self, uuid: str) -> GraphQLRequest:
        """Return the request for the object with that uuid."""
        variables = {**(self.graphql_request.variables or {}), self.uuid_variable: uuid}
        return replace(self.graphql_request, variables=variables)


@dataclass(frozen=True, eq=False)
class PreparedSubscription:
    """A valid subscription, ready to be executed for events."""

    event_type: EventType
    graphql_request: GraphQLRequest
    document: ParsedDocument
    response_key: str
    """The key of the root field in responses."""
    arguments: Mapping[str, Any]
    """The root field's arguments, by their GraphQL names."""
    selected_fields: Mapping[str, Mapping[str, str]]
    """For each type of the root field's union, its selected fields by response key."""
    object_query: ObjectQuery | None
    """None if the object is not selected."""
    message_types: Mapping[str, GraphQLObjectType]
    """The types of the root field's union, by name."""
    sharing_key: Hashable
    """Equal for subscriptions that get equal responses, if their viewers see the same.

    It has the document and the variables, without those used only for START_ARGUMENTS.
    """
    depends_on_viewer: bool
    """Whether the object's fields may depend on who the viewer is, not only on what they see."""
    cost: int = 0
    """The cost of the response to an event."""

    def with_request_id(self, request_id: str) -> "PreparedSubscription":
        """Return the same subscription, whose executions have another request id."""
        graphql_request = replace(self.graphql_request, request_id=request_id)
        object_query = self.object_query
        if object_query is not None:
            object_request = replace(object_query.graphql_request, request_id=request_id)
            object_query = replace(object_query, graphql_request=object_request)
        return replace(self, graphql_request=graphql_request, object_query=object_query)

    def build_object_operation(self, event: SubscriptionEvent) -> AdmittedOperation | None:
        """Return the query that the response to an event needs; None if it needs none."""
        if (
            self.object_query is None
            or not isinstance(event, ObjectEvent)
            or not event.kind.exists_after
        ):
            return None
        graphql_request = self.object_query.bind_uuid(event.uuid)
        return AdmittedOperation(graphql_request, self.object_query.document, self.cost)

    def build_event_data(
        self, event: SubscriptionEvent, object_data: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the response's data; `object_data` is the data of the object's query."""
        type_name = type(event).__name__
        fields = self.selected_fields[type_name].items()
        return {
            self.response_key: {
                response_key: object_data.get(response_key)
                if name == self.event_type.object_field
                else _serialize_event_field(self.message_types[type_name], name, event)
                for response_key, name in fields
            }
        }


def _serialize_event_field(
    event_type: GraphQLObjectType, name: str, event: SubscriptionEvent
) -> Any:
    """Serialize a field of an event: a scalar, an enum or a list of strings."""
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
    """Prepare the subscription of a valid document.

    Raises GraphQLError if it selects several fields, or its variables or arguments are invalid.
    """
    executor = _build_executor(schema, document, graphql_request)
    graphql_request = _drop_undefined_variables(graphql_request, executor.operation)
    response_key, details = _collect_root_field(executor)
    field_node = details[0].node
    event_type = EVENT_TYPES[field_node.name.value]
    message_types = dict(_iterate_message_types(schema, event_type))
    fields = {
        type_name: _collect_subfields(executor, type_, details)
        for type_name, type_ in message_types.items()
    }
    assert schema.subscription_type is not None
    subscription_field = schema.subscription_type.fields[field_node.name.value]
    object_query = _build_object_query(
        event_type, fields, executor.operation, document, graphql_request
    )
    return PreparedSubscription(
        event_type,
        graphql_request,
        document,
        response_key,
        get_argument_values(
            subscription_field, field_node, executor.variable_values, hide_suggestions=True
        ),
        {
            type_name: {key: details_[0].node.name.value for key, details_ in subfields.items()}
            for type_name, subfields in fields.items()
        },
        object_query,
        message_types,
        _make_sharing_key(document, graphql_request, field_node),
        object_query is not None and _depends_on_viewer(schema, object_query.document),
    )


def _build_executor(
    schema: GraphQLSchema, document: ParsedDocument, graphql_request: GraphQLRequest
) -> Executor[Any]:
    """Return graphql-core's executor of an operation. Raises GraphQLError for bad variables."""
    assert document.ast is not None
    executor = Executor.build(
        schema,
        document.ast,
        raw_variable_values=graphql_request.variables,
        operation_name=graphql_request.operation_name,
        max_coercion_errors=1,
        hide_suggestions=True,
    )
    if isinstance(executor, list):
        raise executor[0]
    return executor


def _drop_undefined_variables(
    graphql_request: GraphQLRequest, operation: OperationDefinitionNode
) -> GraphQLRequest:
    """Return the request without variables that the operation does not define.

    They have no effect, but would be kept as long as the subscription lasts.
    """
    if not graphql_request.variables:
        return graphql_request
    names = {each.variable.name.value for each in operation.variable_definitions or ()}
    variables = {name: value for name, value in graphql_request.variables.items() if name in names}
    return replace(graphql_request, variables=variables)


def _depends_on_viewer(schema: GraphQLSchema, document: ParsedDocument) -> bool:
    return document.ast is None or depends_on_viewer(schema, document.ast)


def _make_sharing_key(
    document: ParsedDocument, graphql_request: GraphQLRequest, field_node: FieldNode
) -> Hashable:
    """Return the document and its variables, without those used only for START_ARGUMENTS."""
    variables = dict(graphql_request.variables or {})
    for argument in field_node.arguments or ():
        if argument.name.value in START_ARGUMENTS and isinstance(argument.value, VariableNode):
            name = argument.value.name.value
            if document.variable_use_counts[name] == 1:
                variables.pop(name, None)
    return (
        graphql_request.query,
        graphql_request.operation_name,
        encode_sorted_json(variables),
    )


def _iterate_message_types(
    schema: GraphQLSchema, event_type: EventType
) -> Iterator[tuple[str, GraphQLObjectType]]:
    for message_class in (event_type.event_class, ResyncRequired, SubscriptionStarted):
        type_ = schema.type_map[message_class.__name__]
        assert isinstance(type_, GraphQLObjectType)
        yield type_.name, type_


def _collect_root_field(executor: Executor[Any]) -> tuple[str, FieldDetailsList]:
    """Return the only root field of a subscription, with its response key."""
    schema, subscription_type = executor.schema, executor.schema.subscription_type
    assert subscription_type is not None
    collection_arguments = executor.fragments, executor.variable_values
    fields = collect_fields(
        schema, *collection_arguments, subscription_type, executor.operation
    ).grouped_field_set
    if len(fields) != 1:
        raise GraphQLError(
            f"A subscription must select one root field, got {len(fields)}.", [executor.operation]
        )
    return next(iter(fields.items()))


def _collect_subfields(
    executor: Executor[Any], type_: GraphQLObjectType, details: FieldDetailsList
) -> FieldsByKey:
    collection_arguments = executor.fragments, executor.variable_values, executor.operation
    return collect_subfields(
        executor.schema, *collection_arguments, type_, details
    ).grouped_field_set


def _build_object_query(
    event_type: EventType,
    fields: Mapping[str, FieldsByKey],
    operation: OperationDefinitionNode,
    document: ParsedDocument,
    graphql_request: GraphQLRequest,
) -> ObjectQuery | None:
    """Rewrite the selections of the event's object to a query; None if there are none."""
    object_fields = [
        details
        for details in fields[event_type.event_class.__name__].values()
        if details[0].node.name.value == event_type.object_field
    ]
    if not object_fields:
        return None
    variable_definitions = operation.variable_definitions or ()
    variable_names = {definition.variable.name.value for definition in variable_definitions}
    uuid_variable = "uuid"
    while uuid_variable in variable_names:
        uuid_variable += "_"
    selections = tuple(
        _build_query_field(field_details.node, uuid_variable)
        for details in object_fields
        for field_details in details
    )
    query_operation = OperationDefinitionNode(
        operation=OperationType.QUERY,
        variable_definitions=(*variable_definitions, _define_uuid_variable(uuid_variable)),
        directives=(),
        selection_set=SelectionSetNode(selections=selections),
    )
    ast = DocumentNode(definitions=(query_operation, *_list_fragments(document)))
    cache_text = _make_cache_text(document, graphql_request)
    return ObjectQuery(
        ParsedDocument(ast),
        replace(graphql_request, query=cache_text, operation_name=None),
        uuid_variable,
    )


def _list_fragments(document: ParsedDocument) -> list[FragmentDefinitionNode]:
    assert document.ast is not None
    definitions = document.ast.definitions
    return [each for each in definitions if isinstance(each, FragmentDefinitionNode)]


def _make_cache_text(document: ParsedDocument, graphql_request: GraphQLRequest) -> str:
    """Return a unique text for the plan cache; NUL characters keep it apart from documents."""
    variables = graphql_request.variables or {}
    directive_values = [variables.get(name) for name in document.directive_variables]
    return f"{graphql_request.query}\0{graphql_request.operation_name}\0{directive_values}"


def _build_query_field(field_node: FieldNode, uuid_variable: str) -> FieldNode:
    """Return the event's field, such as `resource`, as the query's field `resource(uuid: …)`."""
    variable_node = VariableNode(name=NameNode(value=uuid_variable))
    argument_node = ArgumentNode(name=NameNode(value="uuid"), value=variable_node)
    return replace(field_node, arguments=(argument_node,))


def _define_uuid_variable(uuid_variable: str) -> VariableDefinitionNode:
    return VariableDefinitionNode(
        variable=VariableNode(name=NameNode(value=uuid_variable)),
        type=NonNullTypeNode(type=NamedTypeNode(name=NameNode(value="UUID"))),
        directives=(),
    )
