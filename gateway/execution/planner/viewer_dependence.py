"""Whether a document's response depends on who the viewer is, not only on what they see.

A response that does not is computed once for all subscribers with equal visibility.
Fields count as dependent unless their declaration is known to be independent.
"""

from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    visit,
)

from gateway.db import tables
from gateway.db.sql.aggregate import AggregateValue
from gateway.schema.framework.computed_inputs import get_referenced_column
from gateway.schema.framework.context import ContextFact
from gateway.schema.framework.lookups import RowLookup
from gateway.schema.framework.relations import (
    DECLARATION_KEY,
    ComputedField,
    FirstRowField,
    ToManyField,
    ToOneField,
)
from gateway.schema.framework.strawberry_internals import STRAWBERRY_DEFINITION


def depends_on_viewer(schema: GraphQLSchema, document: DocumentNode) -> bool:
    """Return whether the response of a query may depend on the viewer's identity."""
    type_info = TypeInfo(schema)
    visitor = _ViewerDependenceVisitor(type_info)
    visit(document, TypeInfoVisitor(type_info, visitor))
    return visitor.is_dependent


class _ViewerDependenceVisitor(Visitor):
    """Visitor that looks for a field that depends on the viewer."""

    def __init__(self, type_info: TypeInfo) -> None:
        super().__init__()
        self._type_info, self.is_dependent = type_info, False

    def enter_field(self, node: FieldNode, *_: object) -> None:
        field = self._type_info.get_field_def()
        if node.name.value == "__typename":
            return
        definition: Any = None if field is None else field.extensions.get(STRAWBERRY_DEFINITION)
        self.is_dependent = (
            self.is_dependent
            or definition is None
            or not _is_viewer_independent(definition.metadata.get(DECLARATION_KEY))
        )


def _is_viewer_independent(declaration: Any) -> bool:
    if declaration is None:
        return True
    if isinstance(declaration, ToOneField):
        return get_referenced_column(declaration.reference).table is not tables.user
    if isinstance(declaration, ComputedField):
        return not any(
            isinstance(input_, AggregateValue) or input_ is ContextFact.VIEWER
            for input_ in declaration.inputs
        )
    return isinstance(declaration, (RowLookup, ToManyField, FirstRowField))
