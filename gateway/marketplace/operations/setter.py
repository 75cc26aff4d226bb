"""The declaration of setters: operations that set values of a resource at once, without an order.

A setter gets the locked resource as a `ResourceChange` and the fields of the input, validates
them, and writes them:

    @declare_setter(ResourceOperation.SET_RESOURCE_SLUG)
    async def set_slug(change: ResourceChange, slug: str) -> None:
        await change.set_columns(ColumnValues(ResourceRow, slug=slug))

Values that are equal to the current ones are not written: no column, event, or version.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from gateway.marketplace.operation_rules import ResourceOperation
from gateway.marketplace.resource_facts import ResourceFacts
from gateway.marketplace.rows import ResourceRow
from gateway.marketplace.side_effects import save_version, update_resource
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork

Setter = Callable[..., Awaitable[None]]
"""A function of a `ResourceChange` and the fields of an input, as keyword arguments."""


@dataclass(frozen=True)
class ResourceChange:
    """A change of one resource, which is locked and meets the operation's preconditions."""

    unit_of_work: UnitOfWork
    facts: ResourceFacts
    before: ResourceRow
    """The resource before the change."""

    async def set_columns(
        self, values: ColumnValues[ResourceRow], version_comment: str | None = None
    ) -> ResourceRow | None:
        """Update columns and return the row; None, and nothing is written, if all are equal.

        With a comment the updated resource is stored as a version of its history.
        """
        if not values.differ_from(self.before):
            return None
        after = await update_resource(self.unit_of_work, self.before, values)
        if version_comment is not None:
            await save_version(self.unit_of_work, after, version_comment)
        return after


def declare_setter(
    operation: ResourceOperation,
) -> Callable[[Setter], Callable[..., Awaitable[ChangeResult]]]:
    """Return a decorator that makes an operation on a unit of work of a setter."""

    def build_operation(setter: Setter) -> Callable[..., Awaitable[ChangeResult]]:
        async def set_values(
            unit_of_work: UnitOfWork, uuid: str, if_modified: str | None, **values: Any
        ) -> ChangeResult:
            facts = await unit_of_work.lock_resource(uuid, operation, if_modified)
            before = await unit_of_work.load_row(ResourceRow, facts.id)
            await setter(ResourceChange(unit_of_work, facts, before), **values)
            return ChangeResult(facts.id)

        _publish_signature(set_values, setter)
        return set_values

    return build_operation


def _publish_signature(operation: Any, setter: Setter) -> None:
    """Replace `**values` in an operation's signature by the parameters of its setter."""
    signature = inspect.signature(operation)
    *common, _ = signature.parameters.values()
    _, *fields = inspect.signature(setter).parameters.values()
    operation.__signature__ = signature.replace(parameters=[*common, *fields])
