"""Market: what exists before the first resource."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.demo.marketplace.customers import DemoCustomers
from gateway.demo.marketplace.offerings import DemoOffering
from gateway.demo.marketplace.projects import DemoProject


@dataclass(frozen=True)
class DemoMarket:
    """Organisations, their projects, and the offerings."""

    customers: DemoCustomers
    projects: Sequence[DemoProject]
    offerings: Sequence[DemoOffering]
