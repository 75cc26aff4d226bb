"""What `gateway check` tells of a marketplace's database."""

from collections.abc import Iterator

from gateway.config.settings import Settings
from gateway.db.admin.index_advice import advice
from gateway.db.events.source import chosen, told
from gateway.db.events.triggers import look
from gateway.server.factory import connected, installation_of


def report(effective: Settings) -> Iterator[str]:
    """Tell whether it can be served, what it lacks, and which indexes would help.

    NoMarketplaceError if it can't be, SourceError if changes can't be seen as is wanted.
    """
    installation = installation_of(effective)
    assert effective.database_url is not None
    made = "`gateway init`" if installation.own else "Waldur"
    yield f"PostgreSQL {installation.version}, a marketplace made by {made}"
    yield f"Rules of {installation.rules.year}"
    for name in installation.missing():
        yield f"Not in this version, read as null or empty: {name}"
    with connected(effective.database_url) as connection:
        lines = advice(connection)
        yield from told(look(connection), chosen(connection, effective.events))
    if lines:
        yield "Indexes that would help; each line can be run as it is, while the marketplace runs:"
        yield from lines
    yield "The gateway can serve it."
