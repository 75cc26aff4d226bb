"""The components of an offering as renewals see them, with their prices under a plan."""

from decimal import Decimal
from functools import lru_cache

import msgspec

from gateway.marketplace.billing.renewal_pricing import Metered
from gateway.marketplace.plugins import plugin


class _Component(msgspec.Struct, array_like=True):
    """A component as `totals.RENEWALS` lists it."""

    type: str
    name: str
    unit: str
    billing: str
    period: str | None
    prepaid: bool | None
    shortest: int | None
    longest: int | None
    step: int | None


_components = msgspec.json.Decoder(list[_Component]).decode
_prices = msgspec.json.Decoder(dict[str, str]).decode


@lru_cache(200)
def metered(components: str, prices: str, offering_type: str) -> tuple[Metered, ...]:
    """Read the components of an offering, and their prices under a plan."""
    price_of, factors = _prices(prices), plugin(offering_type).factors
    return tuple(
        Metered(
            type=each.type,
            name=each.name,
            unit=each.unit,
            billing=each.billing,
            period=each.period,
            prepaid=each.prepaid is True,
            price=Decimal(price_of.get(each.type, "0")),
            factor=factors.get(each.type, 1),
            shortest=each.shortest,
            longest=each.longest,
            step=each.step,
        )
        for each in _components(components)
    )
