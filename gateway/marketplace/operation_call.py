"""Calls of operations: what a mutation passes to the change service."""

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, is_dataclass
from functools import cache
from typing import Any

from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork

Operation = Callable[..., Awaitable[ChangeResult]]
"""Operation on a unit of work; the fields of the input are its keyword arguments.

An operation with many fields takes one object instead, a dataclass. Input objects inside the input
are passed as dicts. Fields with the default `UNSET` that the client left out are not passed, nor
is the idempotency key.
"""


@dataclass(frozen=True)
class OperationCall:
    """A call of an operation by a mutation, or one of the calls of a mutation of many objects."""

    operation: Operation
    input_name: str
    """The name of the mutation's input type, which idempotency keys belong to."""
    arguments: Mapping[str, Any]
    """The given fields of the input by name, without the idempotency key."""
    idempotency_key: str | None = None

    def run_operation(self, unit_of_work: UnitOfWork) -> Awaitable[ChangeResult]:
        """Run the operation on a unit of work."""
        request_class = _find_request_class(self.operation)
        if request_class is None:
            return self.operation(unit_of_work, **self.arguments)
        return self.operation(unit_of_work, request_class(**self.arguments))


def check_operation(operation: Operation, field_names: Collection[str]) -> None:
    """Raise TypeError if an operation does not take these fields."""
    request_class = _find_request_class(operation)
    if request_class is None:
        inspect.signature(operation).bind(None, **dict.fromkeys(field_names))
    else:
        inspect.signature(request_class).bind(**dict.fromkeys(field_names))


@cache
def _find_request_class(operation: Operation) -> Any:
    """Return the dataclass that an operation takes; None if it takes keyword arguments."""
    _, parameter, *_ = inspect.signature(operation).parameters.values()
    request_class = parameter.annotation
    is_request = isinstance(request_class, type) and is_dataclass(request_class)
    return request_class if is_request else None
