"""What `gateway check` tells of a marketplace's database."""

from collections.abc import Iterator

from gateway.db.indexes import missing
from gateway.serving import connected, installation_of
from gateway.settings import Settings


def report(effective: Settings) -> Iterator[str]:
    """Tell whether it can be served, what it lacks, and which indexes would help.

    NoMarketplaceError if it can't be.
    """
    installation = installation_of(effective)
    assert effective.database_url is not None
    made = "`gateway init`" if installation.own else "Waldur"
    yield f"PostgreSQL {installation.version}, a marketplace made by {made}"
    yield f"Rules of {installation.rules.year}"
    for name in installation.missing():
        yield f"Not in this version, read as null or empty: {name}"
    with connected(effective.database_url) as connection:
        for statement in missing(connection):
            yield f"Would help: {statement};"
    yield "The gateway can serve it."
