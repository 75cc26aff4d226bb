"""Who and what is there before the first resource."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.demo.marketplace.customers import Customers
from gateway.demo.marketplace.offerings import Offering
from gateway.demo.marketplace.projects import Project


@dataclass(frozen=True)
class Market:
    """Organisations, the projects of theirs, and what is offered to them."""

    customers: Customers
    projects: Sequence[Project]
    offerings: Sequence[Offering]
