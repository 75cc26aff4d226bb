"""Each operation that a mutation declares has a route of the REST API."""

import inspect
from collections.abc import Iterator

from strawberry.types import get_object_definition

from gateway.marketplace.operation_call import Operation
from gateway.resolvers.mutation import Mutation
from gateway.rest_api.rest_routes import REST_ROUTES


def iter_declared_operations() -> Iterator[tuple[str, Operation]]:
    """Yield each mutation's name with its operation."""
    for field in get_object_definition(Mutation, strict=True).fields:
        resolver = field.base_resolver
        assert resolver is not None
        assert inspect.isfunction(resolver.wrapped_func)
        yield (
            field.python_name,
            inspect.getclosurevars(resolver.wrapped_func).nonlocals["operation"],
        )


def test_each_mutation_has_a_route() -> None:
    declared = dict(iter_declared_operations())
    assert len(declared) > 30
    assert [name for name, operation in declared.items() if operation not in REST_ROUTES] == []
    assert set(REST_ROUTES) == set(declared.values())
