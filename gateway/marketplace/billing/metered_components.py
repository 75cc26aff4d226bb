"""Decoder of an offering's components with their prices under a plan."""

from decimal import Decimal
from functools import lru_cache

import msgspec

from gateway.marketplace.billing.renewal_pricing import PricedComponent
from gateway.marketplace.plugins import get_plugin


class _ComponentRecord(msgspec.Struct, array_like=True):
    """Component as an array in the aggregate `RENEWAL_COMPONENTS_BY_OFFERING`."""

    type: str
    name: str
    measured_unit: str
    billing_type: str
    period: str | None
    prepaid: bool | None
    min_months: int | None
    max_months: int | None
    month_step: int | None


_decode_components = msgspec.json.Decoder(list[_ComponentRecord]).decode
_decode_prices = msgspec.json.Decoder(dict[str, str]).decode


@lru_cache(200)
def decode_priced_components(
    components_json: str, prices_json: str, offering_type: str
) -> tuple[PricedComponent, ...]:
    """Return the components of an offering with their prices under a plan; 0 without a price."""
    price_by_type = _decode_prices(prices_json)
    backend_factors = get_plugin(offering_type).backend_factors
    return tuple(
        PricedComponent(
            type=component.type,
            name=component.name,
            measured_unit=component.measured_unit,
            billing_type=component.billing_type,
            period=component.period,
            prepaid=component.prepaid is True,
            price=Decimal(price_by_type.get(component.type, "0")),
            backend_factor=backend_factors.get(component.type, 1),
            min_months=component.min_months,
            max_months=component.max_months,
            month_step=component.month_step,
            is_priced=component.type in price_by_type,
        )
        for component in _decode_components(components_json)
    )
