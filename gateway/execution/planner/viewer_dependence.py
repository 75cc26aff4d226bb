"""Whether what a document selects depends on who asks, and not only on what they see.

What does not is worked out once for all who see the same. Whatever is not known
to be impersonal counts as personal.
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
from gateway.db.sql.aggregate import Sum
from gateway.execution.planner.selections import DEFINITION
from gateway.schema.framework.computed_inputs import target
from gateway.schema.framework.context import Fact
from gateway.schema.framework.lookups import Found
from gateway.schema.framework.relations import RELATION, Computed, First, Many, One


def personal(schema: GraphQLSchema, document: DocumentNode) -> bool:
    """Say whether a query's answer may depend on who asks."""
    info = TypeInfo(schema)
    found = _Personal(info)
    visit(document, TypeInfoVisitor(info, found))
    return found.any


class _Personal(Visitor):
    """Looks for a field that is personal."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self._info, self.any = info, False

    def enter_field(self, node: FieldNode, *_: object) -> None:
        field = self._info.get_field_def()
        if node.name.value == "__typename":
            return
        declared: Any = None if field is None else field.extensions.get(DEFINITION)
        self.any = self.any or declared is None or not _impersonal(declared.metadata.get(RELATION))


def _impersonal(relation: Any) -> bool:
    if relation is None:
        return True
    if isinstance(relation, One):
        return target(relation.reference).table is not tables.user
    if isinstance(relation, Computed):
        return not any(isinstance(each, Sum) or each is Fact.VIEWER for each in relation.inputs)
    return isinstance(relation, (Found, Many, First))
