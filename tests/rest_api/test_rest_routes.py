"""Each operation that a mutation declares has a route of the REST API."""

import inspect
from collections.abc import Iterator

from strawberry.types import get_object_definition
from strawberry.utils.str_converters import to_camel_case

from gateway.marketplace.operation_call import Operation
from gateway.resolvers.mutation import Mutation
from gateway.rest_api.rest_routes import REST_ROUTES
from tests.support.project_paths import PROJECT_ROOT


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


def test_the_documented_table_has_all_requests() -> None:
    """`docs/changes.md` has a line for each action of each mutation."""
    page = (PROJECT_ROOT / "docs/changes.md").read_text(encoding="utf-8")
    section = page.partition("## Requests to Waldur\n")[2].partition("\n## ")[0]
    lines = [each for each in section.splitlines() if each.startswith("| `")]
    assert lines == [*iter_documented_lines()]


def iter_documented_lines() -> Iterator[str]:
    """Yield the lines of the table."""
    names_by_operation: dict[Operation, list[str]] = {}
    for name, operation in iter_declared_operations():
        names_by_operation.setdefault(operation, []).append(f"`{to_camel_case(name)}`")
    for operation, names in names_by_operation.items():
        for action in REST_ROUTES[operation].actions:
            collections = ", ".join(
                each.value.removeprefix("marketplace-") for each in action.collections
            )
            label = action.name or action.method
            yield f"| {', '.join(names)} | `{label}` | {collections} | {action.since or 'any'} |"
