"""The GraphQL schema: its root types, node types, scalars and description."""

from typing import Any

from strawberry.schema.config import StrawberryConfig

from gateway.db.sql.row_types import Row
from gateway.resolvers.mutation import Mutation
from gateway.resolvers.query import NODE_TYPES, Query
from gateway.resolvers.subscription import Subscription
from gateway.schema.framework.described_schema import DescribedSchema
from gateway.schema.framework.scalars import SCALARS

SCHEMA_DESCRIPTION = """\
A GraphQL API over a Waldur marketplace: its offerings, resources and orders, and the projects and
organisations that they belong to. Queries read them, mutations change resources and orders, and
subscriptions send the changes of resources and of orders.

**Authentication.** Send the token of a Waldur user in the header `Authorization: Token <token>`. A
request without the header is anonymous: it reads what the installation makes public, usually the
catalogue (categories, and active and paused public offerings with their components and plans), and
can execute no mutations. An invalid or expired token is an error with the code `UNAUTHENTICATED`.
Staff can send requests as another user, by the header `X-Impersonated-User-Uuid: <uuid>`; from all
others, it is an error with the code `FORBIDDEN`.
The *viewer* is the user of the token, or the anonymous client.

**Terms.**

* *organisation*: a customer of the marketplace, such as a university; the type is named `Customer`.
* *project*: a group of users of one organisation, which owns resources.
* *provider*: the organisation that publishes an offering; also its users.
* *consumer*: the project that orders resources and its organisation; also their users.
* *offering*: a product in the catalogue, such as a cloud or an HPC cluster.
* *component*: a quantity of an offering that is measured and billed, such as CPU hours.
* *plan*: a price list of an offering; the *plan period* is its billing period, `Plan.unit`.
* *resource*: an instance of an offering in a project, such as a virtual machine.
* *order*: a request to create, change or terminate a resource, which the consumer and the provider
  may have to approve.
* *backend*: the provider's system that runs resources, such as OpenStack or SLURM.
* *plugin*: the part of Waldur that connects a type of offering (`Offering.type`) with its backend.
* *offering user*: a user's account in an offering.

**Money.** All prices and costs are in the single currency of the installation, which this API does
not name.

**Null.** The description of a nullable field says what null means. An object that a visible object
refers to, but that the viewer may not see, is a *reference*: it has the few fields that the
description of its type names, and all its other fields are null.

**Versions.** *Older versions of Waldur* are those that do not store a value yet; the oldest that
this API supports is of October 2024.

**Filters.** All conditions must hold, and null conditions are ignored; an operand of `or` or `not`
must have one that is not null. A list matches if one of its elements does; an empty list matches
nothing. The description of a Boolean condition is a statement: the condition selects the objects
for which the statement has the given value.

**JSON.** JSON values come from the marketplace as they are: keys that the REST API defines are in
snake_case, such as `runtime_state`. Numbers have all their digits, in inputs, too; clients whose
numbers are floats lose some. Variables may occur in the JSON of a document: one without a value
leaves out its key, and is null in a list.

**Subscriptions** use the same path as queries: a WebSocket with the subprotocol
`graphql-transport-ws` (the token is sent as `Authorization` in the payload of `connection_init`), a
`POST` with `Accept: text/event-stream` (Server-Sent Events), or one with
`Accept: multipart/mixed;subscriptionSpec=1.0`. Events are stored for 7 days, unless the operator
configured another retention: within it a client continues without gaps by sending its last cursor
in `after`.\
"""
"""What every client has to know."""
CONNECTION_DESCRIPTIONS = {
    "ResourceConnection": "A page of resources.",
    "OfferingConnection": "A page of offerings.",
    "OrderConnection": "A page of orders.",
    "ProjectConnection": "A page of projects.",
    "CustomerConnection": "A page of organisations.",
    "HistoryEntryConnection": "A page of versions of a resource.",
}
"""Descriptions of the types that strawberry makes of the generic `Page`."""


def resolve_plain_field(source: Any, field_name: str) -> Any:
    """Return the value of a field without resolver; None if the viewer can't see it."""
    return source.get_field(field_name) if isinstance(source, Row) else getattr(source, field_name)


schema = DescribedSchema(
    description=SCHEMA_DESCRIPTION,
    type_descriptions=CONNECTION_DESCRIPTIONS,
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=NODE_TYPES,
    config=StrawberryConfig(scalar_map=SCALARS, default_resolver=resolve_plain_field),
)
