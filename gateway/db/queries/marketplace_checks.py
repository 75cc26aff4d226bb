"""Statements that check rules of the marketplace inside the transaction of a change."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    ColumnElement,
    Date,
    Integer,
    Text,
    and_,
    any_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db import tables
from gateway.db.driver.encoding import inline_literal
from gateway.db.driver.statement import Statement
from gateway.db.sql.checked_casts import cast_json_number, null_if_nan
from gateway.db.sql.filters import equals_value
from gateway.db.tables.codes import ResourceState

LIMIT_UPPER_BOUND = 10**18
"""Exclusive upper bound of a limit: Waldur stores 18 digits and two decimal places."""
UNLIMITED_QUOTA = -1
"""Limit of a component quota that stands for no limit."""
_quota, _resource = tables.component_quota.c, tables.resource.c
_component = tables.component.c
_role, _role_permission = tables.role.c, tables.role_permission.c
_user, _user_role = tables.user.c, tables.user_role.c
_scopes = (
    func.unnest(
        bindparam("content_type_ids", type_=ARRAY(Integer)),
        bindparam("object_ids", type_=ARRAY(Integer)),
    )
    .table_valued("content_type_id", "object_id", name="scopes")
    .render_derived()
)
_since = bindparam("since", type_=Date)


def _select_authorisation(*conditions: ColumnElement[bool]) -> Statement:
    """Return a statement that selects whether a user is staff, or has a role with conditions."""
    has_role = exists().where(
        _user_role.user_id == _user.id,
        _user_role.is_active,
        _user_role.content_type_id == _scopes.c.content_type_id,
        _user_role.object_id == _scopes.c.object_id,
        *conditions,
    )
    is_user = equals_value(_user.id, "user_id")
    return Statement.from_element(
        select(exists().where(is_user, _user.is_active, or_(_user.is_staff, has_role)))
    )


_names = any_(bindparam("names", type_=ARRAY(Text)))
SELECT_ROLE_EXISTS = _select_authorisation(_user_role.role_id == _role.id, _role.name == _names)
"""Whether the active user `user_id` is staff, or has one of the roles `names` on one of the scopes.

The scopes are pairs of the arrays `content_type_ids` and `object_ids`.
"""
SELECT_PERMISSION_EXISTS = _select_authorisation(
    _user_role.role_id == _role_permission.role_id, _role_permission.permission == _names
)
"""Whether the active user `user_id` has one of the permissions `names` (domain.md §4.2).

The scopes are those of `SELECT_ROLE_EXISTS`.
"""

SELECT_SITE_SETTING = Statement.from_element(
    select(tables.constance.c.value).where(equals_value(tables.constance.c.key, "key"))
)
"""The stored value of the site setting `key`; see `decode_stored_setting`."""

SELECT_LIMIT_SUM = Statement.from_element(
    select(func.coalesce(func.sum(null_if_nan(_quota.limit)), inline_literal(0))).where(
        equals_value(_quota.component_id, "component_id"),
        _quota.limit != inline_literal(UNLIMITED_QUOTA),
        or_(_since.is_(None), _quota.modified >= _since),
    )
)
"""Sum of the limits of the component `component_id` over all resources.

If the date `since` is not null, only quotas that were modified on or after it count. Limits
that are not numbers are left out.
"""

SELECT_LIMIT_PRECISIONS = Statement.from_element(
    select(
        _component.type,
        func.coalesce(literal_column("limit_decimal_places", Integer), inline_literal(0)),
    ).where(equals_value(_component.offering_id, "offering_id"))
)
"""Decimal places of limits, by component type, of the components of the offering `offering_id`.

Only the newest version has the column (`has_limit_precision`). It is not declared in
`gateway.db.tables`, because `gateway init` creates all declared columns, and the version rules
are detected by this one.
"""

_component_limit = _resource.limits.op("->", return_type=JSONB())(
    bindparam("component_type", type_=Text)
)
SELECT_OTHER_LIMITS_SUM = Statement.from_element(
    select(
        func.coalesce(
            func.sum(cast_json_number(_component_limit, LIMIT_UPPER_BOUND)), inline_literal(0)
        )
    ).where(
        equals_value(_resource.offering_id, "offering_id"),
        _resource.id != bindparam("resource_id", type_=Integer),
    )
)
"""Sum of the limits of `component_type` over the other resources of the offering `offering_id`.

Limits that are not numbers, or out of range, are left out.
"""


def _build_answer_check(answers: Column[Any]) -> Statement:
    """Return the statement whether another resource of an offering has the same answer."""
    name = bindparam("name", type_=Text)
    answer = func.btrim(answers.op("->>", return_type=Text())(name))
    conditions = (
        equals_value(_resource.offering_id, "offering_id"),
        _resource.id != bindparam("resource_id", type_=Integer),
        _resource.state != inline_literal(ResourceState.TERMINATED),
        answer == bindparam("value", type_=Text),
    )
    return Statement.from_element(select(exists().where(*conditions)))


SELECT_OPTION_EXISTS = _build_answer_check(_resource.options)
"""Whether a resource of `offering_id` other than `resource_id` has the option `name` = `value`.

Terminated resources don't count.
"""
SELECT_ATTRIBUTE_EXISTS = _build_answer_check(_resource.attributes)
"""The same about an attribute, which answers an option of the order form."""

_own_offering = tables.offering.alias("own_offering")
_offering, _own = tables.offering.c, _own_offering.c
_OFFERINGS_BY_SCOPE: Mapping[str, ColumnElement[bool]] = {
    "offering": _offering.id == _own.id,
    "offering_group": or_(
        _offering.id == _own.id,
        and_(_own.backend_id != inline_literal(""), _offering.backend_id == _own.backend_id),
    ),
    "service_provider": _offering.customer_id == _own.customer_id,
    "service_provider_category": and_(
        _offering.customer_id == _own.customer_id, _offering.category_id == _own.category_id
    ),
}
"""The offerings in which a backend id has to be unique, by the scope of the offering's rule."""
SELECT_BACKEND_ID_USED: Mapping[str, Statement] = {
    scope: Statement.from_element(
        select(
            exists().where(
                equals_value(_own.id, "offering_id"),
                offerings,
                _resource.offering_id == _offering.id,
                equals_value(_resource.backend_id, "backend_id"),
                _resource.id != bindparam("resource_id", type_=Integer),
                or_(
                    bindparam("include_terminated", type_=Boolean),
                    _resource.state != inline_literal(ResourceState.TERMINATED),
                ),
            )
        )
    )
    for scope, offerings in _OFFERINGS_BY_SCOPE.items()
}
"""Whether another resource than `resource_id` has a backend id, by the scope of the rule."""

SELECT_RESOURCE_JSON = Statement.from_element(
    select(func.to_jsonb(literal_column(tables.resource.name)))
    .select_from(tables.resource)
    .where(equals_value(_resource.id, "resource_id"))
)
"""All columns of the resource `resource_id` as one JSON object."""

SELECT_LIVE_RESOURCE_EXISTS = Statement.from_element(
    select(
        exists().where(
            equals_value(_resource.project_id, "project_id"),
            _resource.state.not_in(
                [inline_literal(ResourceState.ERRED), inline_literal(ResourceState.TERMINATED)]
            ),
        )
    )
)
"""Whether the project `project_id` has a resource that is neither erred nor terminated."""
