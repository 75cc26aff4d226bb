"""What a new resource could be called."""

from typing import Any

import msgspec

from gateway.db import tables
from gateway.db.queries import suggested_name
from gateway.db.query_spec import At
from gateway.marketplace.suggested_name import Naming
from gateway.marketplace.suggested_name import suggested_name as work_out
from gateway.schema.framework.arguments import Argument
from gateway.schema.framework.context import Fact
from gateway.schema.framework.errors import BadInputError
from gateway.schema.framework.root_computed import Derived
from gateway.schema.framework.scalars import JSON, UUID

LONGEST = 100_000
"""Bytes of JSON that a form can be."""
project = tables.project.c
customer = tables.customer.c


def _form_checked(form: Any, name: str) -> None:
    """Refuse what is no form, or too long for one."""
    if not isinstance(form, dict):
        raise BadInputError("Give an object: for each attribute its value.", name)
    try:
        length = len(msgspec.json.encode(form))
    except (ValueError, OverflowError, RecursionError):
        raise BadInputError("A value is no text, too large or nested too deeply.", name) from None
    if length > LONGEST:
        raise BadInputError(f"The attributes have at most {LONGEST} bytes, as JSON.", name)


def _suggested(*given: Any) -> str:
    return work_out(Naming(*given))


SUGGESTED_NAME = Derived(
    _suggested,
    tables.project,
    Argument("project", UUID, "The uuid of the project it will be in.", required=True),
    (
        Argument("offering", UUID, "The uuid of what is ordered.", required=True),
        Argument("plan", UUID, "The uuid of the plan, as far as that is known."),
    ),
    suggested_name.SEEN,
    (
        At(customer.name, (project.customer_id,)),
        At(customer.slug, (project.customer_id,)),
        At(project.name),
        At(project.slug),
        suggested_name.OFFERING_NAME,
        suggested_name.OFFERING_SLUG,
        suggested_name.PLUGIN_OPTIONS,
        suggested_name.PLAN_NAME,
        suggested_name.THERE,
        Argument(
            "attributes",
            JSON,
            "What the order form says so far: providers may have it in the name.",
            check=_form_checked,
        ),
        Fact.RULES,
    ),
)
"""The name that is suggested."""
