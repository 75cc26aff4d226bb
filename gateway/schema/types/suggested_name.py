"""The root field `suggestedResourceName` (domain.md §5.19)."""

from typing import Any

from gateway.db import tables
from gateway.db.queries import suggested_name
from gateway.db.query_spec import ColumnRef
from gateway.exact_json import encode_json
from gateway.marketplace.suggested_name import NamingInputs, suggest_resource_name
from gateway.schema.framework.arguments import FieldArgument
from gateway.schema.framework.context import ContextFact
from gateway.schema.framework.errors import BadInputError
from gateway.schema.framework.root_computed import RootComputedField
from gateway.schema.framework.scalars import JSON, UUID

MAX_ATTRIBUTES_BYTES = 100_000
"""Maximum size of the attributes of an order form, in bytes of JSON."""
project = tables.project.c
customer = tables.customer.c


def _check_attributes(attributes: Any, name: str) -> None:
    """Raise BadInputError unless the value is a JSON object of moderate size."""
    if not isinstance(attributes, dict):
        raise BadInputError(f"`{name}` must be an object from attribute names to values.", name)
    try:
        size = len(encode_json(attributes))
    except (ValueError, OverflowError, RecursionError):
        raise BadInputError(
            f"`{name}` has a value that is too large, nested too deeply, or not valid Unicode.",
            name,
        ) from None
    if size > MAX_ATTRIBUTES_BYTES:
        raise BadInputError(
            f"`{name}` must have at most {MAX_ATTRIBUTES_BYTES} bytes of JSON, got {size}.", name
        )


def _build_suggested_name(*values: Any) -> str | None:
    return suggest_resource_name(NamingInputs(*values))


SUGGESTED_NAME_FIELD = RootComputedField(
    _build_suggested_name,
    tables.project,
    FieldArgument(
        "project", UUID, "UUID of the project that the resource will belong to.", required=True
    ),
    (
        FieldArgument("offering", UUID, "UUID of the offering to order.", required=True),
        FieldArgument("plan", UUID, "UUID of the plan; null without one."),
    ),
    suggested_name.VISIBILITY_CONDITIONS,
    (
        ColumnRef(customer.name, (project.customer_id,)),
        ColumnRef(customer.slug, (project.customer_id,)),
        ColumnRef(project.name),
        ColumnRef(project.slug),
        suggested_name.OFFERING_NAME,
        suggested_name.OFFERING_SLUG,
        suggested_name.PLUGIN_OPTIONS,
        suggested_name.PLAN_NAME,
        suggested_name.RESOURCE_COUNT,
        FieldArgument(
            "attributes",
            JSON,
            "Values of the order form so far, an object by option key; the provider's name pattern"
            " may use them.",
            validate=_check_attributes,
        ),
        ContextFact.VERSION_RULES,
    ),
)
"""Declaration of the field; a project, offering or plan that is not visible gives null."""
