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

from gateway.execution.document_cache import Document
from gateway.execution.graphql_request import Asking
from gateway.execution.planner.selections import DEFINITION
from gateway.execution.planner.viewer_dependence import personal
from gateway.schema.types.resource_event import GONE, ResourceEvent, ResyncRequired

Told = ResourceEvent | ResyncRequired
RESOURCE = "resource"
"""The field of events that is asked as a query."""
Fields = Mapping[str, FieldDetailsList]


def subscribes(document: Document, operation_name: str | None) -> bool:
    """Say whether the operation that is meant is a subscription."""
    assert document.ast is not None
    operation = get_operation_ast(document.ast, operation_name)
    return operation is not None and operation.operation is OperationType.SUBSCRIPTION


@dataclass(frozen=True)
class Query:
    """What a subscription selects of resources, as a query for one of them."""

    document: Document
    asking: Asking
    """The query but for the uuid; its text is a name that no other document has."""
    variable: str
    """What is to hold the uuid."""

    def about(self, uuid: str) -> tuple[Document, Asking]:
        """Ask it of the resource with that uuid."""
        variables = {**(self.asking.variables or {}), self.variable: uuid}
        return self.document, replace(self.asking, variables=variables)


@dataclass(frozen=True, eq=False)
class Subscribing:
    """A subscription that can be carried out."""

    asking: Asking
    document: Document
    key: str
    """The key in the answer under which events are told."""
    arguments: Mapping[str, Any]
    """What the field is given, by GraphQL's names."""
    selected: Mapping[str, Mapping[str, str]]
    """For each type of what is told: its fields, by the keys that they have in the answer."""
    query: Query | None
    """What is asked of resources; None if nothing is."""
    types: Mapping[str, GraphQLObjectType]
    shared: Hashable
    """What others have in common who ask alike; where they start is left out."""
    personal: bool
    """Whether what is told of resources may depend on who asks, and not only on what they see."""

    def query_about(self, told: Told) -> tuple[Document, Asking] | None:
        """Give what is to be asked before something can be told; None if nothing is."""
        if self.query is None or isinstance(told, ResyncRequired) or told.kind in GONE:
            return None
        return self.query.about(told.uuid)

    def written(self, told: Told, found: Mapping[str, Any]) -> dict[str, Any]:
        """Write the data that tells of something; `found` is what the query gave."""
        kind = type(told).__name__
        fields = self.selected[kind].items()
        return {
            self.key: {
                key: found.get(key) if name == RESOURCE else _written(self.types[kind], name, told)
                for key, name in fields
            }
        }


def _written(kind: GraphQLObjectType, name: str, told: Told) -> Any:
    """Write the value of a field; all that is told is plain, or a list of texts."""
    if name == "__typename":
        return kind.name
    field = kind.fields[name]
    value = getattr(told, field.extensions[DEFINITION].python_name)
    if value is None or isinstance(value, list):
        return value
    type_: Any = get_named_type(field.type)
    return type_.coerce_output_value(value)


def subscribing(schema: GraphQLSchema, document: Document, asking: Asking) -> Subscribing:
    """Read a subscription of a document without errors; GraphQLError if it can't be carried out."""
    assert document.ast is not None
    executor = Executor.build(
        schema,
        document.ast,
        raw_variable_values=asking.variables,
        operation_name=asking.operation_name,
    )
    if isinstance(executor, list):
        raise executor[0]
    key, details = _field(executor)
    types = dict(_types(schema))
    fields = {name: _below(executor, each, details) for name, each in types.items()}
    assert schema.subscription_type is not None
    declared = schema.subscription_type.fields[details[0].node.name.value]
    query = _query(fields[ResourceEvent.__name__], executor.operation, document, asking)
    return Subscribing(
        asking,
        document,
        key,
        get_argument_values(declared, details[0].node, executor.variable_values),
        {
            name: {each: found[0].node.name.value for each, found in below.items()}
            for name, below in fields.items()
        },
        query,
        types,
        _shared(document, asking, details[0].node),
        query is not None and _personal(schema, query.document),
    )


def _personal(schema: GraphQLSchema, document: Document) -> bool:
    return document.ast is None or personal(schema, document.ast)


def _shared(document: Document, asking: Asking, field: FieldNode) -> Hashable:
    """Name what is asked: the document, and all variables but one that is only for `after`."""
    given = dict(asking.variables or {})
    for each in field.arguments or ():
        if each.name.value == "after" and isinstance(each.value, VariableNode):
            name = each.value.name.value
            if document.uses[name] == 1:
                given.pop(name, None)
    return asking.query, asking.operation_name, msgspec.json.encode(given, order="sorted")


def _types(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLObjectType]]:
    for each in (ResourceEvent, ResyncRequired):
        type_ = schema.type_map[each.__name__]
        assert isinstance(type_, GraphQLObjectType)
        yield type_.name, type_


def _field(executor: Executor[Any]) -> tuple[str, FieldDetailsList]:
    """Give the one field that a subscription has, once it is valid, and its key in the answer."""
    schema, root = executor.schema, executor.schema.subscription_type
    assert root is not None
    known = executor.fragments, executor.variable_values
    fields = collect_fields(schema, *known, root, executor.operation).grouped_field_set
    if len(fields) != 1:
        raise GraphQLError("A subscription selects one field.", [executor.operation])
    return next(iter(fields.items()))


def _below(executor: Executor[Any], type_: GraphQLObjectType, details: FieldDetailsList) -> Fields:
    known = executor.fragments, executor.variable_values, executor.operation
    return collect_subfields(executor.schema, *known, type_, details).grouped_field_set


def _query(
    fields: Fields, operation: OperationDefinitionNode, document: Document, asking: Asking
) -> Query | None:
    wanted = {key: found for key, found in fields.items() if found[0].node.name.value == RESOURCE}
    if not wanted:
        return None
    defined = operation.variable_definitions or ()
    variable = "uuid"
    while any(each.variable.name.value == variable for each in defined):
        variable += "_"
    selections = tuple(_about(node.node, variable) for found in wanted.values() for node in found)
    query = OperationDefinitionNode(
        operation=OperationType.QUERY,
        variable_definitions=(*defined, _defined(variable)),
        directives=(),
        selection_set=SelectionSetNode(selections=selections),
    )
    assert document.ast is not None
    fragments = [e for e in document.ast.definitions if isinstance(e, FragmentDefinitionNode)]
    ast = DocumentNode(definitions=(query, *fragments))
    switches = [(asking.variables or {}).get(each) for each in document.switches]
    name = f"{asking.query}\0{asking.operation_name}\0{switches}"
    return Query(Document(ast), replace(asking, query=name, operation_name=None), variable)


def _about(node: FieldNode, variable: str) -> FieldNode:
    """Write the field of an event as that of a query."""
    held = VariableNode(name=NameNode(value=variable))
    given = ArgumentNode(name=NameNode(value="uuid"), value=held)
    return replace(node, arguments=(given,))


def _defined(variable: str) -> VariableDefinitionNode:
    return VariableDefinitionNode(
        variable=VariableNode(name=NameNode(value=variable)),
        type=NonNullTypeNode(type=NamedTypeNode(name=NameNode(value="UUID"))),
        directives=(),
    )
