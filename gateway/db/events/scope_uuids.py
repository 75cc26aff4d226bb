"""Which project, organisation and offering ids stand for: what events are filtered by."""

from collections.abc import Iterable
from itertools import islice

from gateway.db.driver.database import Database
from gateway.db.driver.encoding import array
from gateway.db.driver.statement import Statement

KNOWN = 50_000
"""So many places are remembered; uuids never change, and projects stay with their customers."""
_PROJECTS = """
select p.id, p.uuid, c.uuid from structure_project p
join structure_customer c on c.id = p.customer_id where p.id = any(cast(:ids as integer[]))
"""
_OFFERINGS = """
select id, uuid from marketplace_offering where id = any(cast(:ids as integer[]))
"""


_READ_PROJECTS, _READ_OFFERINGS = Statement.of(_PROJECTS), Statement.of(_OFFERINGS)


def _renewed(known: dict[int, frozenset[str]], id_: int) -> bool:
    """Say whether a place is known, and keep it longer if so."""
    found = known.pop(id_, None)
    if found is not None:
        known[id_] = found
    return found is not None


class Places:
    """Tells the uuids of places; for comparing only, as nobody is shown them from here."""

    def __init__(self, database: Database) -> None:
        """Read them from `database`."""
        self._database = database
        self._projects: dict[int, frozenset[str]] = {}
        self._offerings: dict[int, frozenset[str]] = {}

    async def learn(self, projects: Iterable[int], offerings: Iterable[int]) -> None:
        """Get to know some places; UnavailableError if the database can't be reached."""
        for known, ids, statement in (
            (self._projects, projects, _READ_PROJECTS),
            (self._offerings, offerings, _READ_OFFERINGS),
        ):
            new = [each for each in ids if not _renewed(known, each)]
            if not new:
                continue
            (rows,) = await self._database.run([(statement, (array(new),))])
            for id_, *uuids in rows:
                known[id_] = frozenset(each.replace("-", "") for each in uuids)
            for oldest in [*islice(known, max(0, len(known) - KNOWN))]:
                del known[oldest]

    def project(self, id_: int | None) -> frozenset[str]:
        """Give the uuids of a project and its organisation, as 32 hex digits."""
        return self._projects.get(id_ or 0, frozenset())

    def offering(self, id_: int | None) -> frozenset[str]:
        """Give the uuid of an offering."""
        return self._offerings.get(id_ or 0, frozenset())
