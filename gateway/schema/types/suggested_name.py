"""What a new resource could be called."""

from typing import Any

import msgspec

from gateway.db import tables
from gateway.db.queries import suggested_name
from gateway.db.query_spec import ColumnRef
from gateway.marketplace.suggested_name import NamingInputs, suggest_resource_name
from gateway.schema.framework.arguments import FieldArgument
from gateway.schema.framework.context import ContextFact
from gateway.schema.framework.errors import BadInputError
from gateway.schema.framework.root_computed import RootComputedField
from gateway.schema.framework.scalars import JSON, UUID

MAX_ATTRIBUTES_BYTES = 100_000
"""Bytes of JSON that a form can be."""
project = tables.project.c
customer = tables.customer.c


def _check_form(form: Any, name: str) -> None:
    """Refuse what is no form, or too long for one."""
    if not isinstance(form, dict):
        raise BadInputError("Give an object: for each attribute its value.", name)
    try:
        length = len(msgspec.json.encode(form))
    except (ValueError, OverflowError, RecursionError):
        raise BadInputError("A value is no text, too large or nested too deeply.", name) from None
    if length > MAX_ATTRIBUTES_BYTES:
        raise BadInputError(
            f"The attributes have at most {MAX_ATTRIBUTES_BYTES} bytes, as JSON.", name
        )


def _build_suggested_name(*values: Any) -> str:
    return suggest_resource_name(NamingInputs(*values))


SUGGESTED_NAME_FIELD = RootComputedField(
    _build_suggested_name,
    tables.project,
    FieldArgument("project", UUID, "The uuid of the project it will be in.", required=True),
    (
        FieldArgument("offering", UUID, "The uuid of what is ordered.", required=True),
        FieldArgument("plan", UUID, "The uuid of the plan, as far as that is known."),
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
            "What the order form says so far: providers may have it in the name.",
            validate=_check_form,
        ),
        ContextFact.VERSION_RULES,
    ),
)
"""The name that is suggested."""
