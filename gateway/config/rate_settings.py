"""Settings of rate limits."""

from dataclasses import dataclass

from gateway.config.parsers import (
    make_integer_parser,
    make_optional_parser,
    parse_rate_storage,
)
from gateway.config.setting import define_setting

# A budget is larger than the highest price of a document.
_parse_cost = make_optional_parser(make_integer_parser(250_000, 1_000_000_000_000))


@dataclass(frozen=True)
class RateSettings:
    """Settings of rate limits."""

    rate_cost: int | None = define_setting(
        _parse_cost,
        "the maximum cost of a user's operations in a minute; off disables it",
        default=2_000_000,
    )
    rate_anonymous_cost: int | None = define_setting(
        _parse_cost,
        "the maximum cost of the operations of all anonymous clients of one address in a minute;"
        " off disables it",
        default=1_000_000,
    )
    rate_storage: str = define_setting(
        parse_rate_storage,
        "where costs are counted: in the memory of each process, or for all processes in a Redis",
        default="memory",
    )
    failed_tokens: int | None = define_setting(
        make_optional_parser(make_integer_parser(1, 1000)),
        "the number of invalid tokens in a minute after which tokens of an address are no longer"
        " looked up, except those that were valid before; off disables it",
        default=20,
    )
