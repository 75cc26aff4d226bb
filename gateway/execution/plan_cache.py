"""The plans of documents; those used last are kept."""

import logging
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from graphql import GraphQLError, GraphQLSchema

from gateway.db.installation.installation import Installation
from gateway.execution.document_cache import LONGEST_KEPT, Document
from gateway.execution.plan.errors import NotPlannedError, NotReadError
from gateway.execution.plan.plan import Plan
from gateway.execution.planner.compile import compiled

log = logging.getLogger(__name__)
KEPT, STEPS_KEPT = 500, 5_000
"""So many plans are kept, and together so many steps."""
DEFAULT = object()
"""Stands for a variable that is not given."""


class Plans:
    """Makes plans for one schema, once for each operation and what its variables select."""

    def __init__(self, schema: GraphQLSchema) -> None:
        """Make plans for `schema`."""
        self._schema = schema
        self._kept: OrderedDict[Hashable, Plan | None] = OrderedDict()
        self._steps = 0

    def plan(
        self,
        text: str,
        document: Document,
        installation: Installation,
        variables: dict[str, Any] | None,
        operation_name: str | None,
    ) -> Plan | None:
        """Give the plan of a document; None, for a reason that is logged, if there is none.

        None, too, if the client made a mistake.
        """
        if len(text) > LONGEST_KEPT:
            log.info("There is no plan for a document as long as this: %.200r", text)
            return None
        given = variables or {}
        switched = tuple([given.get(each, DEFAULT) for each in document.switches])
        if not all(each is True or each is False or each is DEFAULT for each in switched):
            return None
        name = text, operation_name, switched
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        assert document.ast is not None
        plan = None
        try:
            plan = compiled(self._schema, document.ast, installation, variables, operation_name)
        except GraphQLError:
            return None
        except NotPlannedError as reason:
            level = logging.DEBUG if isinstance(reason, NotReadError) else logging.WARNING
            log.log(level, "There is no plan for %s: %.200r", reason, text)
        self._keep(name, plan)
        return plan

    def _keep(self, name: Hashable, plan: Plan | None) -> None:
        self._kept[name] = plan
        self._steps += _weight(plan)
        while len(self._kept) > KEPT or self._steps > STEPS_KEPT:
            _, left = self._kept.popitem(last=False)
            self._steps -= _weight(left)


def _weight(plan: Plan | None) -> int:
    return 0 if plan is None else len(plan.steps)
